//! The keys of a repository, each in a file that its owner alone can read: `keys/ROLE-ID.key`, 64 hexadecimal digits.
//!
//! Which key signs for which role, the metadata in force says. So a new key can lie there before it counts, and one that
//! counts no more does no harm. A key that is kept elsewhere is missed only when its role is signed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use leasehold_signing::{CryptoRng, KeyError, SigningKey};
use zeroize::Zeroizing;

use super::PublishError;
use crate::durable::{self, Access, Steps};

const ENDING: &str = ".key";

/// The keys that are there.
pub(super) struct Keys {
    dir: PathBuf,
    steps: Steps,
    there: Vec<(PathBuf, SigningKey)>,
}

/// Lets nobody but the owner look into a folder.
fn close_to_others(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

impl Keys {
    /// Reads the folder, which is made if it is not there.
    pub(super) fn open(dir: &Path, steps: &Steps) -> Result<Self, PublishError> {
        durable::make_folder(steps, dir)
            .and_then(|()| close_to_others(dir))
            .map_err(PublishError::io(dir))?;
        let mut there = Vec::new();
        for entry in fs::read_dir(dir).map_err(PublishError::io(dir))? {
            let path = entry.map_err(PublishError::io(dir))?.path();
            if path.to_str().is_some_and(|name| name.ends_with(ENDING)) {
                let key = read(&path)?;
                there.push((path, key));
            }
        }
        there.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Self { dir: dir.to_owned(), steps: steps.clone(), there })
    }

    /// The keys of these ids that are there; at least one has to be.
    pub(super) fn signers(&self, role: &str, ids: &[String]) -> Result<Vec<SigningKey>, PublishError> {
        let keys = self.there.iter().filter(|(_, key)| ids.contains(&key.id().to_string()));
        let keys: Vec<SigningKey> = keys.map(|(_, key)| key.clone()).collect();
        if keys.is_empty() {
            return Err(PublishError::NoKey { role: role.to_owned(), path: self.dir.clone() });
        }
        Ok(keys)
    }

    /// A new key for a role, written before it is used.
    pub(super) fn make(
        &mut self,
        role: &str,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SigningKey, PublishError> {
        let key = SigningKey::generate(rng);
        let path = self.dir.join(format!("{role}-{}{ENDING}", &key.id().to_string()[..16]));
        let text = Zeroizing::new(HEXLOWER.encode(&*key.expose_seed()) + "\n");
        let written = durable::write(&self.steps, &path, text.as_bytes(), Access::Secret);
        written.map_err(PublishError::io(&path))?;
        self.there.push((path, key.clone()));
        Ok(key)
    }

    /// Deletes the keys that no role in force has.
    pub(super) fn keep_only(&mut self, ids: &[String]) -> Result<(), PublishError> {
        for (path, key) in std::mem::take(&mut self.there) {
            if ids.contains(&key.id().to_string()) {
                self.there.push((path, key));
            } else {
                self.steps.at("delete", &path);
                durable::remove(&path).map_err(PublishError::io(&path))?;
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<SigningKey, PublishError> {
    let text = Zeroizing::new(fs::read(path).map_err(PublishError::io(path))?);
    let seed = HEXLOWER.decode(text.trim_ascii()).map(Zeroizing::new);
    let seed = seed.map_err(|_| KeyError::Text("private key of 64 hexadecimal digits"));
    let key = seed.and_then(|seed| SigningKey::from_slice(&seed));
    key.map_err(|source| PublishError::Key { path: path.to_owned(), source })
}
