//! Whom a file is sealed for.

use std::fmt;
use std::str::FromStr;

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;

use super::{RecipientError, identity};

/// How the text of every recipient begins.
const BEGINNING: &str = "age1";

/// A public key that files are sealed for. Text form: `age1…`, 62 characters, in lower case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Recipient(age::x25519::Recipient);

impl Recipient {
    /// The public half of an identity, which is never weak.
    pub(super) fn of(identity: &age::x25519::Identity) -> Self {
        Self(identity.to_public())
    }

    pub(super) fn as_age(&self) -> &dyn age::Recipient {
        &self.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Recipient({self})")
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if identity::begins(text) {
            return Err(RecipientError::Private);
        }
        if !text.starts_with(BEGINNING) {
            return Err(RecipientError::Text);
        }
        let parts = CheckedHrpstring::new::<Bech32>(text).map_err(|_| RecipientError::Mistyped)?;
        // Others of the format are longer, and some need a program of their own.
        let point: Vec<u8> = parts.byte_iter().collect();
        let point: [u8; 32] = point.try_into().map_err(|_| RecipientError::Text)?;
        if is_weak(point) {
            return Err(RecipientError::Weak);
        }
        let recipient = Self(text.parse().map_err(|_| RecipientError::Text)?);
        // One recipient has one text.
        if recipient.to_string() == text { Ok(recipient) } else { Err(RecipientError::Mistyped) }
    }
}

/// Whether everybody shares the same secret with this point: private keys are multiples of the small orders. The
/// library would panic where it meets one.
fn is_weak(point: [u8; 32]) -> bool {
    x25519_dalek::x25519([1; 32], point) == [0; 32]
}
