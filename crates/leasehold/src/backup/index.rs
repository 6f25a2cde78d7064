//! What a backup says of itself.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Component;
use std::path::Path;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ARTIFACTS, SEALED_KEY};

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The form of the backup.
    pub format: u32,
    /// The release that made it.
    pub software_version: String,
    /// When its making began.
    pub created_at: Timestamp,
    /// Each service whose database is in it, with the version of its tables.
    pub schemas: BTreeMap<String, i64>,
    /// Its files, in the order in which they follow.
    pub files: Vec<Entry>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it belongs in the data directory, with `/` between folders.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Its SHA-256, 64 hexadecimal digits.
    pub sha256: String,
}

impl Index {
    /// Whether the master key is in it, sealed.
    pub fn has_master_key(&self) -> bool {
        self.files.iter().any(|entry| entry.name == SEALED_KEY)
    }

    /// The first file that has no place in a data directory.
    pub(super) fn misplaced(&self) -> Option<&Entry> {
        let database = |name: &str| self.schemas.keys().any(|service| name == format!("{service}.db"));
        let good = |name: &str| database(name) || name == SEALED_KEY || is_artifact(name);
        self.files.iter().find(|entry| !good(&entry.name))
    }
}

/// Whether it is the name of a file below the folder of artifacts, and of none outside.
fn is_artifact(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let normal = |part| matches!(part, Component::Normal(_));
    name.starts_with("updates/")
        && !name.contains(['\\', '\0'])
        && !name.split('/').any(|part| matches!(part, "" | "." | ".."))
        && parts.next() == Some(Component::Normal(ARTIFACTS.as_ref()))
        && parts.clone().count() > 0
        && parts.all(normal)
}

/// Copies everything, and gives its length and SHA-256.
pub(super) fn copy_hashed(mut from: impl Read, mut to: impl Write) -> io::Result<(u64, String)> {
    let (mut digest, mut size) = (Sha256::new(), 0);
    let mut room = vec![0; 256 * 1024];
    loop {
        let read = match from.read(&mut room) {
            Ok(0) => return Ok((size, HEXLOWER.encode(&digest.finalize()))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digest.update(&room[..read]);
        to.write_all(&room[..read])?;
        size += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_into_a_data_directory_is_taken() {
        for (name, good) in [
            ("licensing.db", true),
            ("master.key.age", true),
            ("updates/sha256/ab/abcd", true),
            ("other.db", false),
            ("licensing.db-wal", false),
            ("master.key", false),
            ("format", false),
            ("updates", false),
            ("updates/", false),
            ("updates/../lock", false),
            ("updates//lock", false),
            ("updates/./lock", false),
            ("updates\\..\\lock", false),
            ("/updates/x", false),
            ("../licensing.db", false),
        ] {
            let index = Index {
                format: 1,
                software_version: String::new(),
                created_at: Timestamp::UNIX_EPOCH,
                schemas: [("licensing".to_owned(), 1)].into(),
                files: vec![Entry { name: name.to_owned(), size: 0, sha256: String::new() }],
            };
            assert_eq!(index.misplaced().is_none(), good, "{name}");
        }
    }
}
