//! Passwords of people, hashed so that whoever reads the hashes cannot sign in.
//!
//! argon2id, with the parameters that OWASP's password storage cheat sheet names first: 19 MiB, two passes, one lane. A
//! hash carries its parameters, so that older ones go on being understood when these change.
//! Hashing and checking take tens of milliseconds and that much memory on purpose: do not do it on a thread that others
//! wait for, and not many at once.

use std::fmt;

use argon2::password_hash::phc::{ParamsString, PasswordHash as Phc};
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::CryptoRng;
use secrecy::{ExposeSecret as _, SecretString};

/// Memory in KiB.
const MEMORY: u32 = 19 << 10;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Bytes of randomness that make two hashes of one password differ.
const SALT: usize = 16;

/// A hashed password, in the PHC string form.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Text that is no hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no argon2id hash in the PHC form; set the password again")]
pub struct NotAHash;

impl PasswordHash {
    /// Hashes a password. Slow on purpose.
    pub fn of(password: &SecretString, random: &mut impl CryptoRng) -> Self {
        let mut salt = [0; SALT];
        random.fill_bytes(&mut salt);
        let hash = argon2()
            .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
            .expect("the parameters and the salt are of lengths that argon2 takes, and passwords are shorter than 4 GiB");
        Self(hash.to_string())
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn parse(text: &str) -> Result<Self, NotAHash> {
        let hash = Phc::new(text).map_err(|_| NotAHash)?;
        let complete = hash.hash.is_some() && hash.salt.is_some();
        if hash.algorithm.as_str() != Algorithm::Argon2id.as_str() || !complete {
            return Err(NotAHash);
        }
        Ok(Self(text.to_owned()))
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is of this password. Slow on purpose; how long it takes says nothing of the password.
    pub fn matches(&self, password: &SecretString) -> bool {
        Phc::new(&self.0)
            .is_ok_and(|hash| argon2().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
    }

    /// Whether it has the parameters of today. One that has not is made anew when the password is at hand.
    pub fn is_current(&self) -> bool {
        let wanted = ParamsString::try_from(&parameters());
        Phc::new(&self.0).is_ok_and(|hash| Ok(hash.params) == wanted)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters())
}

fn parameters() -> Params {
    Params::new(MEMORY, PASSES, LANES, None).expect("argon2 takes these parameters")
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[test]
    fn a_hash_is_of_its_password_alone() {
        let mut random = StdRng::seed_from_u64(1);
        let hash = PasswordHash::of(&secret("correct horse"), &mut random);
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hash.matches(&secret("correct horse")) && hash.is_current());
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!hash.matches(&secret(wrong)), "{wrong:?}");
        }
        let again = PasswordHash::of(&secret("correct horse"), &mut random);
        assert_ne!(hash, again, "each has a salt of its own");
        assert_eq!(PasswordHash::parse(hash.as_str()), Ok(hash.clone()));
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }

    /// Made by the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1 -e`, from its tests.
    #[test]
    fn hashes_of_other_programs_and_parameters_count() {
        let foreign = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let hash = PasswordHash::parse(foreign).unwrap();
        assert!(hash.matches(&secret("password")) && !hash.matches(&secret("Password")));
        assert!(!hash.is_current());
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for text in [
            "",
            "password",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        ] {
            assert_eq!(PasswordHash::parse(text), Err(NotAHash), "{text}");
        }
    }
}
