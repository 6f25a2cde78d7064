//! Feature versions: how they are written and ordered. Reference: licensing, "Words".

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// One to four decimal numbers with dots, compared component by component; missing ones are zero.
///
/// Keeps the text that it was made from, so that people see what the vendor wrote; `1` and `1.0` are equal.
#[derive(Clone, Debug)]
pub struct Version {
    components: [u32; 4],
    text: Box<str>,
}

/// Why a text is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "version {text:?}: {problem} at character {position}; write one to four decimal numbers with dots, like 2.0"
)]
pub struct VersionError {
    /// The text that was refused, cut to 64 characters.
    pub text: String,
    /// The first bad character, from 1; one past the end where the text is too short.
    pub position: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

const MAX_DIGITS: usize = 9;

impl Version {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The four components, missing ones zero.
    pub fn components(&self) -> [u32; 4] {
        self.components
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |position: usize, problem| VersionError {
            text: text.chars().take(64).collect(),
            position: position + 1,
            problem,
        };
        let (mut components, mut index, mut digits) = ([0_u32; 4], 0, 0);
        for (position, character) in text.chars().enumerate() {
            match character.to_digit(10) {
                Some(_) if digits == MAX_DIGITS => {
                    return Err(refuse(position, "a number of more than 9 digits"));
                }
                Some(digit) => {
                    components[index] = components[index] * 10 + digit;
                    digits += 1;
                }
                None if character != '.' => return Err(refuse(position, "neither a digit nor a dot")),
                None if digits == 0 => return Err(refuse(position, "a number is missing")),
                None if index == 3 => return Err(refuse(position, "a fifth number")),
                None => (index, digits) = (index + 1, 0),
            }
        }
        if digits == 0 {
            return Err(refuse(text.chars().count(), "a number is missing"));
        }
        Ok(Self { components, text: text.into() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.components == other.components
    }
}

impl Eq for Version {}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.components.hash(state);
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.components.cmp(&other.components)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_is_that_of_the_first_bad_character() {
        for (text, position) in [
            ("", 1),
            ("1.", 3),
            ("v1", 1),
            ("1.2.3.4.5", 8),
            ("1..2", 3),
            ("1.a", 3),
            (" 1.0", 1),
            ("1234567890", 10),
        ] {
            assert_eq!(text.parse::<Version>().unwrap_err().position, position, "{text:?}");
        }
    }
}
