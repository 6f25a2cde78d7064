//! Notices for clients, as they stand.

use jiff::Timestamp;

/// A notice for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Names it within its instance, 1 to 255 bytes.
    pub key: String,
    /// Greater than that of every notice before.
    pub number: u64,
    /// It is over then.
    pub until: Timestamp,
    /// What it says and to whom, as the service encodes it.
    pub content: Vec<u8>,
}

/// The notices of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// The greatest number that a notice of the instance has had; 0 where there was none.
    pub last_number: u64,
    /// Those that are kept, by number, whether they are over or not.
    pub kept: Vec<Notice>,
}
