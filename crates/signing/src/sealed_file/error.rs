//! Why a sealed file does not open, and why a text is no recipient. Reference: signing, "Errors".

/// Why a file cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedFileError {
    /// Something else, or of a later version.
    #[error(
        "this is no sealed file of a version that is known: it does not begin like one, and has no line \
         `{}`; give the file, or the whole text of the mail, as it came",
        super::armor::BEGIN_LINE
    )]
    Unknown,
    /// It ends too early.
    #[error(
        "the sealed file is cut short: its end is missing; fetch it again, or copy the whole text of the mail"
    )]
    Truncated,
    /// Changed on the way; or cut short where that cannot be told.
    #[error("the sealed file is damaged: it was changed or cut on the way; fetch it again")]
    Damaged,
    /// No recipient of it is this identity.
    #[error(
        "the sealed file is for somebody else, or its beginning is damaged; give the file that was made for this \
         receiver, and if it is, ask for it again: the receiver's key may have been replaced since"
    )]
    ForAnother,
    /// Larger than any that we make.
    #[error(
        "the sealed file is too large: it may have {} bytes, and {} of them for its receivers; seal less in one, for \
         one receiver",
        super::MAX_FILE,
        super::MAX_HEADER
    )]
    TooLarge,
}

impl SealedFileError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "SEALED_FILE_UNKNOWN",
            Self::Truncated => "SEALED_FILE_TRUNCATED",
            Self::Damaged => "SEALED_FILE_DAMAGED",
            Self::ForAnother => "SEALED_FILE_FOR_ANOTHER",
            Self::TooLarge => "SEALED_FILE_TOO_LARGE",
        }
    }
}

/// Why a text is no recipient. It is not repeated: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// Something else.
    #[error(
        "the text is no recipient of sealed files; give the one that begins with `age1`, as it was printed"
    )]
    Text,
    /// The other half.
    #[error(
        "the text is a private key, which opens files; give its recipient, which begins with `age1`, and if others \
         have seen this text, make a new key"
    )]
    Private,
    /// Its check characters do not fit.
    #[error("the recipient was changed or cut when it was copied; copy it again, from `age1` to its end")]
    Mistyped,
    /// A point of small order, for which anybody could open the files.
    #[error("the recipient is weak: no honest program makes it; ask its owner for another")]
    Weak,
}

impl RecipientError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Text => "RECIPIENT_TEXT",
            Self::Private => "RECIPIENT_PRIVATE",
            Self::Mistyped => "RECIPIENT_MISTYPED",
            Self::Weak => "RECIPIENT_WEAK",
        }
    }
}
