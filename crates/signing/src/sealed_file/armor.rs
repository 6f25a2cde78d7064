//! The armoured form, found in whatever text it has come with.
//!
//! The library's own reader takes the form as it was written and nothing else. This one forgives what mail does to
//! it, and still takes only base64 in its one canonical spelling. Reference: signing, "Armour".

use data_encoding::BASE64;

use super::SealedFileError;

/// The first line.
pub(super) const BEGIN_LINE: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
pub(super) const BEGIN: &[u8] = BEGIN_LINE.as_bytes();
const END: &[u8] = b"-----END AGE ENCRYPTED FILE-----";

/// Each a sign of quoting, or space that is not seen: with a blank that does not break, and a byte order mark.
const BEFORE: [&[u8]; 5] = [b">", b" ", b"\t", "\u{a0}".as_bytes(), "\u{feff}".as_bytes()];
const AFTER: [&[u8]; 4] = [b" ", b"\t", b"\r", "\u{a0}".as_bytes()];

/// The binary form of each armoured file in a text, in its order.
pub(super) fn find(text: &[u8]) -> impl Iterator<Item = Result<Vec<u8>, SealedFileError>> {
    let mut lines = text.split(|byte| *byte == b'\n').map(bare);
    let mut begun = false;
    std::iter::from_fn(move || {
        while !begun {
            begun = lines.next()? == BEGIN;
        }
        let mut base64 = Vec::new();
        for line in lines.by_ref() {
            if line == BEGIN {
                // The one before has no end; this line begins the next.
                return Some(Err(SealedFileError::Truncated));
            }
            if line == END {
                begun = false;
                return Some(BASE64.decode(&base64).map_err(|_| SealedFileError::Damaged));
            }
            base64.extend(line.iter().filter(|byte| !matches!(byte, b' ' | b'\t')));
        }
        begun = false;
        Some(Err(SealedFileError::Truncated))
    })
}

/// The line without what mail and editors put around it.
fn bare(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = BEFORE.iter().find_map(|sign| line.strip_prefix(*sign)) {
        line = rest;
    }
    while let Some(rest) = AFTER.iter().find_map(|sign| line.strip_suffix(*sign)) {
        line = rest;
    }
    line
}
