//! Names that certificates and sealed keys carry. Reference: signing, "Keys and their certificates".

use std::fmt;
use std::sync::Arc;

use leasehold_domain::text::{self, TextError};

/// Why something is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A vendor's id that breaks the rules of short texts.
    #[error("the vendor's id {0}")]
    Vendor(#[from] TextError),
    /// A service's name of the wrong form.
    #[error("{0:?} is not a service's name; give 1 to 63 of a-z, 0-9 and `-`, beginning with a letter")]
    Service(String),
}

impl NameError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Vendor(_) => "VENDOR_ID",
            Self::Service(_) => "SERVICE_NAME",
        }
    }
}

/// Who sells: 1 to 255 bytes, no control characters, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VendorId(Arc<str>);

impl VendorId {
    /// Longest id in bytes.
    pub const MAX: usize = 255;

    /// The id, if it keeps the rules.
    pub fn new(text: &str) -> Result<Self, NameError> {
        text::check(text, Self::MAX)?;
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VendorId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A service of this system, such as `licensing`: 1 to 63 of a-z, 0-9 and `-`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// Longest name in bytes.
    pub const MAX: usize = 63;

    /// The name, if it keeps the rules.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let good = text.len() <= Self::MAX
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(allowed);
        if good { Ok(Self(text.into())) } else { Err(NameError::Service(text.chars().take(80).collect())) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_rules() {
        assert!(ServiceName::new("licensing").is_ok() && ServiceName::new("a-1").is_ok());
        for text in ["", "1a", "-a", "Licensing", "a b", "a/b", &"a".repeat(64)] {
            assert!(ServiceName::new(text).is_err(), "{text}");
        }
        assert!(VendorId::new("Example Ltd").is_ok());
        assert!(VendorId::new("").is_err() && VendorId::new("a\nb").is_err());
    }
}
