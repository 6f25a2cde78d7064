//! The vendor's directory: its keys, its database, and that only one process works in it.
//!
//! ```text
//! lock               held by the process that works here; holds its id
//! vendor-root.key    the seed of the root key, 64 hexadecimal digits
//! master.key         the key that the keys in the database are sealed with
//! updates/           the update repository, which has a lock of its own
//! backoffice.db      the database, with its -wal and -shm files
//! ```
//!
//! Not responsible for what is in the database.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use leasehold_signing::{KeyError, MasterKey, SigningKey};
use leasehold_store_sqlite::directory::{self, LockError};
use rand::rngs::StdRng;
use zeroize::Zeroizing;

use super::master_key::{self, MasterKeyError};

/// The root key's file.
const ROOT: &str = "vendor-root.key";
const DATABASE: &str = "backoffice.db";
const LOCK: &str = "lock";
/// The update repository's folder, which has a lock of its own.
const UPDATES: &str = "updates";

/// A directory that this process has locked, as long as this value lives.
#[derive(Debug)]
pub struct VendorDir {
    path: PathBuf,
    /// The lock ends when the file is closed, however the process ends.
    _lock: File,
}

/// Why a vendor's directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VendorDirError {
    /// Nobody has made it yet.
    #[error("{} is no vendor's directory yet; run `leasehold vendor init` to make it one", .path.display())]
    NotInitialised {
        /// The directory.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("{} holds other files; choose an empty or new directory", .path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// Another process works in it.
    #[error(
        "another process{who} works in {}; stop it first, or choose another directory", .path.display(),
        who = .pid.map(|pid| format!(" ({pid})")).unwrap_or_default()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The other process, where it can be read.
        pid: Option<u32>,
    },
    /// A file with a key is not there.
    #[error("{} is missing; put it back from where it was saved", .path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no key.
    #[error("{} holds no usable key: {source}; put it back from where it was saved", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// The master key cannot be had.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The system refused.
    #[error("cannot use {}: {source}; check the path and its permissions", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl VendorDir {
    /// Opens and locks a directory that has a database.
    pub fn open(path: &Path) -> Result<Self, VendorDirError> {
        Self::check(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    /// Whether this is a directory that has a database; somebody else may be working in it.
    pub fn check(path: &Path) -> Result<(), VendorDirError> {
        if path.join(DATABASE).exists() {
            return Ok(());
        }
        Err(VendorDirError::NotInitialised { path: path.to_owned() })
    }

    /// Makes a directory with its parents, readable by its owner alone, and locks it. An empty one will do, and so will
    /// one that was made before.
    pub fn create(path: &Path) -> Result<Self, VendorDirError> {
        fs::create_dir_all(path).map_err(io_error(path))?;
        let ours = |name: &str| {
            let whole = name.strip_suffix(".part").unwrap_or(name);
            // File systems of their own come with `lost+found`.
            [LOCK, ROOT, master_key::FILE, UPDATES, "lost+found"].contains(&whole)
                || name.starts_with(DATABASE)
        };
        for entry in fs::read_dir(path).map_err(io_error(path))? {
            let name = entry.map_err(io_error(path))?.file_name();
            if !name.to_str().is_some_and(ours) {
                return Err(VendorDirError::NotEmpty { path: path.to_owned() });
            }
        }
        directory::tighten(path);
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    /// The database; made when it is first opened.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The master key, which has to be there.
    pub fn master_key(&self) -> Result<MasterKey, VendorDirError> {
        let path = self.path.join(master_key::FILE);
        if !path.exists() {
            return Err(VendorDirError::NoKey { path });
        }
        self.make_master_key()
    }

    /// The master key, made where it is missing.
    pub fn make_master_key(&self) -> Result<MasterKey, VendorDirError> {
        Ok(master_key::in_file(&self.path.join(master_key::FILE), false)?)
    }

    /// The root key's file.
    pub fn root_file(&self) -> PathBuf {
        self.path.join(ROOT)
    }

    /// The root key, made where it is missing.
    pub fn make_root_key(&self) -> Result<SigningKey, VendorDirError> {
        let path = self.root_file();
        if path.exists() {
            return read_root_key(&path);
        }
        let key = SigningKey::generate(&mut rand::make_rng::<StdRng>());
        write_secret(&path, &digits(&key))?;
        directory::sync(&self.path).map_err(io_error(&self.path))?;
        Ok(key)
    }
}

/// The root key in this file: 64 hexadecimal digits.
pub fn read_root_key(path: &Path) -> Result<SigningKey, VendorDirError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(VendorDirError::NoKey { path: path.to_owned() });
        }
        Err(source) => return Err(VendorDirError::Io { path: path.to_owned(), source }),
    };
    let none = || VendorDirError::Key {
        path: path.to_owned(),
        source: KeyError::Text("private key of 64 hexadecimal digits"),
    };
    let seed = seed(text.trim()).ok_or_else(none)?;
    Ok(SigningKey::from_seed(&seed))
}

/// The seed as a line of 64 hexadecimal digits.
fn digits(key: &SigningKey) -> Zeroizing<String> {
    // With all its room the text stays in one place, which is overwritten in the end.
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in key.expose_seed().iter() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(nibble.into(), 16).expect("four bits are a digit"));
        }
    }
    text.push('\n');
    text
}

fn seed(digits: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut seed = Zeroizing::new([0; 32]);
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(seed)
}

/// Writes a file that its owner alone can read, whole or not at all.
fn write_secret(path: &Path, text: &str) -> Result<(), VendorDirError> {
    let part = path.with_extension("key.part");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part).map_err(io_error(&part))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io_error(&part))?;
    fs::rename(&part, path).map_err(io_error(path))
}

fn lock(path: &Path) -> Result<File, VendorDirError> {
    directory::lock(path).map_err(|error| match error {
        LockError::Locked { pid } => VendorDirError::Locked { path: path.to_owned(), pid },
        LockError::Io { path, source } => VendorDirError::Io { path, source },
    })
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> VendorDirError {
    let path = path.to_owned();
    move |source| VendorDirError::Io { path, source }
}

#[cfg(test)]
mod tests;
