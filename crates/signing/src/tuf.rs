//! Signatures of TUF metadata (The Update Framework, specification 1.0.x, section 4.2).
//!
//! TUF signs the canonical JSON of a role as it is, with nothing before it. What tells such a message from every other
//! that a key signs is how it begins: with the role's type. An envelope's begins otherwise (DSSE, `DSSEv1`). Not
//! responsible for the roles, or for making JSON canonical.

use crate::key::SigningKey;

/// How the canonical JSON of every role begins: no other name sorts before this one.
const BEGINNING: &[u8] = br#"{"_type":""#;

/// A message that is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the canonical JSON of a TUF role, which begins with its _type; sign other things in an envelope"
)]
pub struct NotARole;

/// Signs the canonical JSON of a role: 64 bytes (RFC 8032, section 5.1.6).
pub fn sign_role(key: &SigningKey, canonical: &[u8]) -> Result<[u8; 64], NotARole> {
    if canonical.starts_with(BEGINNING) { Ok(key.sign(canonical)) } else { Err(NotARole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roles_are_signed() {
        let key = SigningKey::from_seed(&[1; 32]);
        let role = br#"{"_type":"timestamp"}"#;
        let signature = sign_role(&key, role).unwrap();
        assert!(key.verifying_key().verifies(role, &signature));
        for other in [&b""[..], b"DSSEv1 1 a 1 b", br#"{"version":1}"#, br#" {"_type":"root"}"#] {
            assert_eq!(sign_role(&key, other), Err(NotARole));
        }
    }
}
