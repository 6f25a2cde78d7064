//! The key that private keys at rest are sealed with: from the configuration, or from the data directory.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use leasehold_runtime::Config;
use leasehold_signing::{KeyError, MasterKey, ServiceKey, ServiceName};
use secrecy::ExposeSecret as _;

/// The file in a data directory. Backups of the data should leave it out, so that they hold no usable key.
pub(super) const FILE: &str = "master.key";

/// Why the master key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// There is a database and no key for it.
    #[error(
        "security.master_key is not set; with a database it has to be: put 64 hexadecimal digits, as `openssl rand \
         -hex 32` makes them, into a file that only this service reads, and name it in security.master_key_file"
    )]
    NotGiven,
    /// What was given is no key.
    #[error("the master key of {place} cannot be used: {source}")]
    NoKey {
        /// Where it was given.
        place: String,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// The data was sealed with a key that is gone.
    #[error(
        "{} is missing, and there are keys in this directory that it seals; put the file back from where it was \
         saved, or start with a new data directory and ask the vendor to clear the keys of this licence server",
        .path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{} cannot be used: {source}; check its permissions", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The key of the configuration, where it gives one.
pub(super) fn given(config: &Config) -> Result<Option<MasterKey>, MasterKeyError> {
    let Some(text) = config.security.master_key() else { return Ok(None) };
    let place = || "security.master_key or LEASEHOLD_MASTER_KEY".to_owned();
    let key = MasterKey::from_text(text.expose_secret());
    key.map(Some).map_err(|source| MasterKeyError::NoKey { place: place(), source })
}

/// The key in this file. Where there is none it is made, unless `has_secrets` says that something was sealed already.
pub(super) fn in_file(path: &Path, has_secrets: bool) -> Result<MasterKey, MasterKeyError> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let text = zeroize::Zeroizing::new(text);
            let place = path.display().to_string();
            MasterKey::from_text(&text).map_err(|source| MasterKeyError::NoKey { place, source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && has_secrets => {
            Err(MasterKeyError::Missing { path: path.to_owned() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        Err(source) => Err(MasterKeyError::Io { path: path.to_owned(), source }),
    }
}

/// A key that ends with the process: for tests in memory.
pub(super) fn passing() -> MasterKey {
    MasterKey::generate(&mut rand::make_rng::<rand::rngs::StdRng>())
}

/// The key of one service.
pub(super) fn of_service(master: &MasterKey, service: &str) -> ServiceKey {
    master.for_service(&ServiceName::new(service).expect("the names of our services are good"))
}

fn make(path: &Path) -> Result<MasterKey, MasterKeyError> {
    let key = passing();
    let io = |source| MasterKeyError::Io { path: path.to_owned(), source };
    // Whole or not at all: a start that is cut short leaves no half of it.
    let part = path.with_extension("key.part");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part).map_err(io)?;
    file.write_all(key.expose_text().as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(io)?;
    file.sync_all().map_err(io)?;
    std::fs::rename(&part, path).map_err(io)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_never_in_place_of_one_that_was_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let missing = in_file(&path, true).unwrap_err();
        assert!(missing.to_string().contains("put the file back"), "{missing}");
        assert!(!path.exists());
        let made = in_file(&path, false).unwrap();
        for has_secrets in [false, true] {
            let read = in_file(&path, has_secrets).unwrap();
            assert_eq!(*read.expose_text(), *made.expose_text());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&path, "short").unwrap();
        assert!(in_file(&path, false).is_err());
    }
}
