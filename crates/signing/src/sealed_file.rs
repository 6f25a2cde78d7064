//! Files that only the owner of a key can read, in the age format, version 1, for one X25519 recipient.
//!
//! Responsible for sealing and opening them, in both forms, and for finding the armoured form in what mail has
//! made of it. Not responsible for who sealed a file, which it does not say: what lies in it is signed, see
//! [`crate::file`]. Unlike the rest of this crate it draws randomness from the system itself: the library takes
//! no generator for a file's key, and so nobody can hand it one that repeats.
//! Sources: <https://c2sp.org/age>; reference: signing, "Sealed files".
//!
//! ```
//! # use leasehold_signing::*;
//! # use leasehold_signing::sealed_file::{self, Form, Identity};
//! # use rand::SeedableRng;
//! # let mut rng = rand::rngs::StdRng::seed_from_u64(1); // The system's generator, outside of examples.
//! let identity = Identity::generate(&mut rng);
//! let file = sealed_file::seal(b"for one reader", identity.recipient(), Form::Armored)?;
//!
//! let mail = [b"Dear vendor,\r\n\r\n".as_slice(), &file, b"Yours\r\n"].concat();
//! assert_eq!(sealed_file::open(&mail, &identity)?.expose_secret(), b"for one reader");
//! # Ok::<(), sealed_file::SealedFileError>(())
//! ```

mod armor;
mod error;
mod identity;
mod recipient;

pub use error::{RecipientError, SealedFileError};
pub use identity::Identity;
pub use recipient::Recipient;

use std::io::{self, Read, Write};
use std::iter;

use age::armor::{ArmoredWriter, Format};
use age::{DecryptError, Decryptor, Encryptor};
use secrecy::ExposeSecretMut;

use crate::Secret;

/// Largest file in bytes, in either form, and with it the largest content.
pub const MAX_FILE: usize = 32 * 1024 * 1024;

/// How a file in the binary form begins, whatever its version.
const MAGIC: &[u8] = b"age-encryption.org/";
/// Its first line.
const FIRST_LINE: &[u8] = b"age-encryption.org/v1\n";
/// Bytes of a file in which its recipients have to fit. One takes some hundred.
const MAX_HEADER: usize = 4 * 1024;
/// What stands before the last field of the header, and nowhere else in it.
const HEADER_END: &[u8] = b"\n---";
/// Armoured files of one text that are tried: an answer by mail may quote the question.
const MAX_ARMORED: usize = 8;

/// What a file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Bytes: smaller.
    Binary,
    /// Text between a BEGIN and an END line, which survives mail.
    Armored,
}

/// The content, sealed so that only this recipient's identity opens it.
pub fn seal(content: &[u8], recipient: &Recipient, form: Form) -> Result<Vec<u8>, SealedFileError> {
    // Nothing else can fail: there is one recipient, and the bytes stay in memory.
    let file = written(content, recipient, form).map_err(|_| SealedFileError::TooLarge)?;
    Ok(file.0)
}

fn written(content: &[u8], recipient: &Recipient, form: Form) -> io::Result<Room> {
    let format = match form {
        Form::Binary => Format::Binary,
        Form::Armored => Format::AsciiArmor,
    };
    let sealing = Encryptor::with_recipients(iter::once(recipient.as_age())).map_err(io::Error::other)?;
    let mut writer = sealing.wrap_output(ArmoredWriter::wrap_output(Room(Vec::new()), format)?)?;
    writer.write_all(content)?;
    writer.finish()?.finish()
}

/// Takes the bytes of a file, and not one more than it may have.
struct Room(Vec<u8>);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > MAX_FILE - self.0.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was sealed for this identity, out of a file in either form.
///
/// The armoured form may stand in the text of a mail: with lines before and after it, quoted with `>`, with other
/// line ends, its lines wrapped anew. Where the text holds several, the first that is for this identity counts.
pub fn open(file: &[u8], identity: &Identity) -> Result<Secret, SealedFileError> {
    if file.len() > MAX_FILE {
        return Err(SealedFileError::TooLarge);
    }
    if file.starts_with(MAGIC) {
        return open_binary(file, identity);
    }
    let mut refused = None;
    for armored in armor::find(file).take(MAX_ARMORED) {
        match armored.and_then(|binary| open_binary(&binary, identity)) {
            Ok(content) => return Ok(content),
            // What is wrong with a file that may be ours says more than that another is for somebody else.
            Err(error) if matches!(refused, None | Some(SealedFileError::ForAnother)) => {
                refused = Some(error);
            }
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or_else(|| unknown(file)))
}

/// There is no file in it, or so little of one that it does not show.
fn unknown(file: &[u8]) -> SealedFileError {
    if FIRST_LINE.starts_with(file) || armor::BEGIN.starts_with(file) {
        return SealedFileError::Truncated;
    }
    SealedFileError::Unknown
}

fn open_binary(file: &[u8], identity: &Identity) -> Result<Secret, SealedFileError> {
    if !file.starts_with(FIRST_LINE) && file.starts_with(MAGIC) {
        return Err(unknown(file));
    }
    check_header(file)?;
    let opening = Decryptor::new_buffered(file).map_err(|error| refusal(&error))?;
    let mut reader = opening.decrypt(iter::once(identity.as_age())).map_err(|error| refusal(&error))?;
    // The content is shorter than its file, so that this is all the memory it takes, and nothing is left behind
    // where a vector has grown out of its place.
    let mut content = Secret::new(Box::new(Vec::with_capacity(file.len())));
    reader.read_to_end(content.expose_secret_mut()).map_err(|error| refusal(&error.into()))?;
    Ok(content)
}

fn refusal(error: &DecryptError) -> SealedFileError {
    match error {
        DecryptError::NoMatchingKeys => SealedFileError::ForAnother,
        DecryptError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => SealedFileError::Truncated,
        _ => SealedFileError::Damaged,
    }
}

/// The library reads a header from its beginning again for every line.
fn check_header(file: &[u8]) -> Result<(), SealedFileError> {
    let Some(header) = file.get(..MAX_HEADER) else { return Ok(()) };
    match header.windows(HEADER_END.len()).any(|window| window == HEADER_END) {
        true => Ok(()),
        // It is text up to its end, and what follows is not.
        false if header.is_ascii() => Err(SealedFileError::TooLarge),
        false => Err(SealedFileError::Damaged),
    }
}

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;
