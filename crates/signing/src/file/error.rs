//! Why something is not a file of ours. Reference: signing, "Errors".

use std::fmt;

use super::{FileKind, SignedFile};
use crate::envelope::EnvelopeError;

/// A part of a file, named as in its JSON form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `format`
    Format,
    /// `version`
    Version,
    /// `envelope`
    Envelope,
    /// `certificates`
    Certificates,
    /// `certificates[N]`
    Certificate(usize),
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => formatter.write_str("format"),
            Self::Version => formatter.write_str("version"),
            Self::Envelope => formatter.write_str("envelope"),
            Self::Certificates => formatter.write_str("certificates"),
            Self::Certificate(index) => write!(formatter, "certificates[{index}]"),
        }
    }
}

/// Why something is not a file of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It ends too early.
    #[error("what the file holds is cut short: its JSON ends too early; ask for the file again")]
    Truncated,
    /// It does not have the form at all.
    #[error("what the file holds cannot be read ({0}); give the file as it was made")]
    Malformed(String),
    /// A part is not there.
    #[error("what the file holds has no `{0}`; give the file as it was made")]
    Missing(Part),
    /// A part is of another kind than it has to be.
    #[error("`{part}` of what the file holds is not {expected}; give the file as it was made")]
    WrongKind {
        /// Which part.
        part: Part,
        /// What it has to be.
        expected: &'static str,
    },
    /// A format that is none of ours, cut to 80 characters.
    #[error(
        "`format` of what the file holds is {0:?}, which is unknown; give another file, or update the receiver"
    )]
    Format(String),
    /// The other kind.
    #[error(
        "the file is a `{}`, and a `{}` is wanted here; give the other file", found.format(), wanted.format()
    )]
    OtherKind {
        /// What was asked for.
        wanted: FileKind,
        /// What it says it is.
        found: FileKind,
    },
    /// A version that is not known.
    #[error("`version` of what the file holds is {0}, and only 1 is known; update the receiver")]
    Version(u64),
    /// More certificates than any file has.
    #[error("`certificates` of what the file holds has more than {max} entries", max = SignedFile::MAX_CERTIFICATES)]
    TooManyCertificates,
    /// The envelope or a certificate cannot be read.
    #[error("`{part}` of what the file holds cannot be read: {source}")]
    Envelope {
        /// Which part.
        part: Part,
        /// What is wrong with it.
        source: EnvelopeError,
    },
}

impl FileError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Truncated => "FILE_TRUNCATED",
            Self::Malformed(_) => "FILE_MALFORMED",
            Self::Missing(_) => "FILE_FIELD_MISSING",
            Self::WrongKind { .. } => "FILE_FIELD_KIND",
            Self::Format(_) => "FILE_FORMAT_UNKNOWN",
            Self::OtherKind { .. } => "FILE_KIND",
            Self::Version(_) => "FILE_VERSION",
            Self::TooManyCertificates => "FILE_CERTIFICATES_MANY",
            Self::Envelope { .. } => "FILE_ENVELOPE",
        }
    }
}
