//! Who opens files.

use std::fmt;

use bech32::{Bech32, Hrp};
use rand_core::CryptoRng;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::Recipient;
use crate::key::KeyError;

/// What the text of an identity has before its data; in upper case, as every letter of it.
const KIND: Hrp = Hrp::parse_unchecked("AGE-SECRET-KEY-");
/// Characters of the text.
const TEXT_LEN: usize = 74;

/// A private key that opens files: X25519. Its memory is overwritten when it is dropped.
#[derive(Clone)]
pub struct Identity {
    secret: age::x25519::Identity,
    public: Recipient,
}

impl Identity {
    /// A new identity.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *secret);
        // The library makes one out of its own randomness or out of a text. With all its room the text stays in
        // one place.
        let mut text = Zeroizing::new(String::with_capacity(TEXT_LEN));
        bech32::encode_upper_to_fmt::<Bech32, _>(&mut *text, KIND, &*secret)
            .expect("a String takes 74 characters");
        Self::from_text(&text).expect("it was made as an identity is")
    }

    /// The identity of this text, as [`expose_text`](Self::expose_text) gave it. An error does not repeat it.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let secret: age::x25519::Identity =
            text.parse().map_err(|_| KeyError::Text("private key of sealed files (`AGE-SECRET-KEY-1…`)"))?;
        Ok(Self { public: Recipient::of(&secret), secret })
    }

    /// The private key as text, `AGE-SECRET-KEY-1…`, to be sealed at rest with a [`ServiceKey`](crate::ServiceKey).
    /// Whoever has it can open the files.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.secret.to_string().expose_secret().to_owned())
    }

    /// Whom files are sealed for that this opens.
    pub fn recipient(&self) -> &Recipient {
        &self.public
    }

    pub(super) fn as_age(&self) -> &dyn age::Identity {
        &self.secret
    }
}

/// Whether the text is one of an identity, perhaps a broken one.
pub(super) fn begins(text: &str) -> bool {
    text.get(..KIND.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(KIND.as_str()))
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity(of {}, …)", self.public)
    }
}
