//! Short texts with rules: feature names and the like. What they mean is decided elsewhere.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Why a short text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It has no characters.
    #[error("is empty; give 1 to {max} bytes")]
    Empty {
        /// Bytes allowed.
        max: usize,
    },
    /// It is too long.
    #[error("has {len} bytes; at most {max} are allowed")]
    TooLong {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// It holds a control character.
    #[error("has a control character at character {position}; leave it out")]
    Control {
        /// From 1.
        position: usize,
    },
}

/// Checks a short text: 1 to `max` bytes, no control characters.
pub fn check(text: &str, max: usize) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty { max });
    }
    check_optional(text, max)
}

/// Checks a short text that may be empty: at most `max` bytes, no control characters.
pub fn check_optional(text: &str, max: usize) -> Result<(), TextError> {
    if text.len() > max {
        return Err(TextError::TooLong { len: text.len(), max });
    }
    match text.chars().position(char::is_control) {
        Some(index) => Err(TextError::Control { position: index + 1 }),
        None => Ok(()),
    }
}

/// A feature's name: 1 to 255 bytes, no control characters, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureName(Arc<str>);

impl FeatureName {
    /// Longest name in bytes.
    pub const MAX: usize = 255;

    /// The name, if it keeps the rules.
    pub fn new(text: &str) -> Result<Self, TextError> {
        check(text, Self::MAX)?;
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FeatureName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Borrow<str> for FeatureName {
    fn borrow(&self) -> &str {
        &self.0
    }
}
