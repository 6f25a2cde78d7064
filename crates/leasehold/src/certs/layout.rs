//! Where certificates and keys lie in a directory, and how they get there.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{CertsError, Pair};

/// The name of the CA among the certificates.
pub const CA: &str = "ca";

/// How the files of a directory are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All side by side: `NAME.pem` and `NAME-key.pem`.
    Files,
    /// A folder for each, with the files of Kubernetes' TLS secrets: `NAME/tls.crt`, `NAME/tls.key` and, beside
    /// those of anybody but the CA itself, `NAME/ca.crt`. So whoever gets one folder sees no other key.
    Folders,
}

impl Layout {
    /// Where the certificate of this name is.
    pub fn certificate(self, directory: &Path, name: &str) -> PathBuf {
        match self {
            Self::Files => directory.join(format!("{name}.pem")),
            Self::Folders => directory.join(name).join("tls.crt"),
        }
    }

    /// Where its key is.
    pub fn key(self, directory: &Path, name: &str) -> PathBuf {
        match self {
            Self::Files => directory.join(format!("{name}-key.pem")),
            Self::Folders => directory.join(name).join("tls.key"),
        }
    }

    /// Where its owner finds the CA's certificate.
    pub fn ca(self, directory: &Path, name: &str) -> PathBuf {
        match self {
            Self::Folders if name != CA => directory.join(name).join("ca.crt"),
            _ => self.certificate(directory, CA),
        }
    }

    /// Writes a certificate and its key, which only their owner can read. Overwrites nothing.
    pub fn write(self, directory: &Path, name: &str, pair: &Pair) -> Result<(), CertsError> {
        write_new(&self.key(directory, name), &pair.key, KEY)?;
        write_new(&self.certificate(directory, name), &pair.certificate, CERTIFICATE)
    }

    /// Writes them in place of what is there. Each file is the old one or the new one at any moment.
    pub fn replace(self, directory: &Path, name: &str, pair: &Pair) -> Result<(), CertsError> {
        replace(&self.key(directory, name), &pair.key, KEY)?;
        replace(&self.certificate(directory, name), &pair.certificate, CERTIFICATE)
    }

    /// Puts the CA's certificate where the owner of this name finds it, unless the same is there.
    pub fn show_ca(self, directory: &Path, name: &str, certificate: &str) -> Result<(), CertsError> {
        let path = self.ca(directory, name);
        match fs::read_to_string(&path) {
            Ok(there) if there == certificate => Ok(()),
            _ => replace(&path, certificate, CERTIFICATE),
        }
    }
}

const KEY: u32 = 0o600;
const CERTIFICATE: u32 = 0o644;

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    write(path, &mut options, text, mode)
}

fn replace(path: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    // One that an interrupted run has left may have another mode.
    let _ = fs::remove_file(&part);
    write_new(&part, text, mode)?;
    fs::rename(&part, path).map_err(|source| CertsError::Write { path: path.to_owned(), source })
}

fn write(path: &Path, options: &mut OpenOptions, text: &str, mode: u32) -> Result<(), CertsError> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CertsError::Exists(path.to_owned()),
        _ => CertsError::Write { path: path.to_owned(), source },
    })?;
    file.write_all(text.as_bytes()).map_err(|source| CertsError::Write { path: path.to_owned(), source })
}
