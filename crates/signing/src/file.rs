//! What a file between a server and its vendor holds: a signed envelope, and the certificates of its signer.
//!
//! Responsible for the JSON form of that. Not responsible for believing it: the envelope has still to be opened,
//! and the certificates to be verified as a chain. Not responsible for sealing it either: see
//! [`crate::sealed_file`]. Reference: signing, "Files".

mod error;

pub use error::{FileError, Part};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::envelope::{Envelope, EnvelopeError};
use crate::json;

const VERSION: u64 = 1;
/// Characters of an unknown format that a message repeats.
const SHOWN: usize = 80;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A server asks its vendor.
    Request,
    /// The vendor answers.
    Response,
}

impl FileKind {
    const ALL: [Self; 2] = [Self::Request, Self::Response];

    /// The name in a file's `format`.
    pub fn format(self) -> &'static str {
        match self {
            Self::Request => "leasehold-sync-request",
            Self::Response => "leasehold-sync-response",
        }
    }
}

/// A signed envelope on its way as a file. Having one says nothing about who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFile {
    /// What it is for.
    pub kind: FileKind,
    /// What was signed.
    pub envelope: Envelope,
    /// The chain of the key that signed, the certificate that the root signed first. Empty for a request, whose key
    /// stands in itself.
    pub certificates: Vec<Envelope>,
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow)]
    format: Option<&'a RawValue>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    envelope: Option<&'a RawValue>,
    #[serde(borrow)]
    certificates: Option<&'a RawValue>,
}

impl SignedFile {
    /// Most certificates.
    pub const MAX_CERTIFICATES: usize = 8;

    /// The JSON form, which is what is sealed.
    pub fn to_json(&self) -> String {
        let format = self.kind.format();
        let envelope = self.envelope.to_json();
        let certificates: Vec<String> = self.certificates.iter().map(Envelope::to_json).collect();
        let certificates = certificates.join(",");
        format!(
            r#"{{"format":"{format}","version":{VERSION},"envelope":{envelope},"certificates":[{certificates}]}}"#
        )
    }

    /// Reads the JSON form of this kind of file. Nothing is verified by that.
    pub fn from_json(json: &[u8], wanted: FileKind) -> Result<Self, FileError> {
        let text: Text<'_> = match json::object(json) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(FileError::Malformed("it is not an object".to_owned())),
            Err(error) if error.is_eof() => return Err(FileError::Truncated),
            Err(error) => return Err(FileError::Malformed(error.to_string())),
        };
        check_format(text.format, wanted)?;
        check_version(text.version)?;
        let envelope = needed(text.envelope, Part::Envelope)?;
        let certificates = needed(text.certificates, Part::Certificates)?;
        let certificates = json::list::<{ Self::MAX_CERTIFICATES }>(certificates)
            .ok_or(FileError::WrongKind { part: Part::Certificates, expected: "a list" })?;
        if certificates.len() > Self::MAX_CERTIFICATES {
            return Err(FileError::TooManyCertificates);
        }
        let certificate = |(index, one)| read(one, Part::Certificate(index));
        Ok(Self {
            kind: wanted,
            envelope: read(envelope, Part::Envelope)?,
            certificates: certificates.into_iter().enumerate().map(certificate).collect::<Result<_, _>>()?,
        })
    }
}

/// The format before everything else: what is of another may have another form altogether.
fn check_format(part: Option<&RawValue>, wanted: FileKind) -> Result<(), FileError> {
    let part = needed(part, Part::Format)?;
    let format =
        json::string(part).ok_or(FileError::WrongKind { part: Part::Format, expected: "a string" })?;
    let Some(found) = FileKind::ALL.into_iter().find(|kind| kind.format() == format) else {
        return Err(FileError::Format(format.chars().take(SHOWN).collect()));
    };
    if found == wanted { Ok(()) } else { Err(FileError::OtherKind { wanted, found }) }
}

fn check_version(part: Option<&RawValue>) -> Result<(), FileError> {
    let part = needed(part, Part::Version)?;
    let version =
        json::number(part).ok_or(FileError::WrongKind { part: Part::Version, expected: "a whole number" })?;
    if version == VERSION { Ok(()) } else { Err(FileError::Version(version)) }
}

fn needed(value: Option<&RawValue>, part: Part) -> Result<&RawValue, FileError> {
    value.ok_or(FileError::Missing(part))
}

fn read(json: &RawValue, part: Part) -> Result<Envelope, FileError> {
    Envelope::from_json(json.get().as_bytes())
        .map_err(|source: EnvelopeError| FileError::Envelope { part, source })
}

#[cfg(test)]
mod tests;
