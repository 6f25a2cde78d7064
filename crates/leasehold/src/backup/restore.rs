//! Puts a backup into a data directory, whole or not at all.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use leasehold_signing::MasterKey;
use leasehold_signing::sealed_file::{Identity, open};
use leasehold_store_sqlite::{DataDirError, Unfinished, directory};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::error::io_error;
use super::index::copy_hashed;
use super::read::{read, verify};
use super::{BackupError, Index, SEALED_KEY};
use crate::app::migrate;

/// Stands in a directory while a backup is put into it.
const MARK: &str = "restoring";
/// The master key, as the server looks for it.
const MASTER_KEY: &str = "master.key";

/// What to put back, and where.
pub struct Options<'a> {
    /// The backup.
    pub backup: &'a Path,
    /// The data directory: a new one, or an empty one, or one with nothing but its master key.
    pub directory: &'a Path,
    /// Who opens the master key in the backup; without one it is left out.
    pub identity: Option<&'a Identity>,
}

/// What was put back.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The backup's index.
    pub index: Index,
    /// Whether the directory has a master key now.
    pub has_master_key: bool,
}

/// Checks every byte of a backup, then puts it into a data directory. The next server that starts there knows that it
/// was restored. On an error the directory is as it was; where the process is ended meanwhile, no server starts there,
/// and another call completes it.
pub async fn restore(options: &Options<'_>) -> Result<Restored, BackupError> {
    let index = verify(options.backup)?;
    refuse_newer(options.backup, &index)?;
    let key = options.identity.map(|identity| master_key(options, &index, identity)).transpose()?.flatten();
    let was_there = options.directory.exists();
    let begun = begin(options.directory, &index)?;
    if let Err(error) = fill(options, &index, key.as_ref(), &begun).await {
        clear(begun.path(), &index, key.is_some());
        drop(begun);
        if !was_there {
            let _ = fs::remove_file(options.directory.join("lock"));
            // Only where nothing else came into it.
            let _ = fs::remove_dir(options.directory);
        }
        return Err(error);
    }
    let has_master_key = begun.path().join(MASTER_KEY).exists();
    begun.mark_restored()?;
    let finished = begun.finish()?;
    let mark = finished.path().join(MARK);
    fs::remove_file(&mark).map_err(io_error(&mark))?;
    directory::sync(finished.path()).map_err(io_error(finished.path()))?;
    Ok(Restored { index, has_master_key })
}

/// Fails where a database of the backup is one that this release does not understand.
fn refuse_newer(backup: &Path, index: &Index) -> Result<(), BackupError> {
    let newer =
        |what| BackupError::Newer { path: backup.to_owned(), release: index.software_version.clone(), what };
    for (service, found) in &index.schemas {
        match migrate::known(service) {
            None => return Err(newer(format!("this release has no service {service}"))),
            Some(known) if *found > known => {
                return Err(newer(format!(
                    "the schema of {service} is version {found}, this release knows versions up to {known}"
                )));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The master key out of the backup, as the text of its file, unless that is there already.
fn master_key(
    options: &Options<'_>,
    index: &Index,
    identity: &Identity,
) -> Result<Option<Zeroizing<String>>, BackupError> {
    let file = options.directory.join(MASTER_KEY);
    if !index.has_master_key() {
        return Err(BackupError::NoMasterKey { path: options.backup.to_owned(), key: file });
    }
    let mut sealed = Vec::new();
    read(options.backup, |entry, content| {
        if entry.name == SEALED_KEY {
            return copy_hashed(content, &mut sealed).map_err(io_error(options.backup));
        }
        copy_hashed(content, io::sink()).map_err(io_error(options.backup))
    })?;
    let secret = open(&sealed, identity)?;
    let text = Zeroizing::new(String::from_utf8_lossy(secret.expose_secret()).into_owned());
    let key = MasterKey::from_text(&text).map_err(BackupError::MasterKey)?;
    if let Ok(there) = fs::read_to_string(&file) {
        let there = MasterKey::from_text(&Zeroizing::new(there));
        return match there {
            Ok(there) if *there.expose_text() == *key.expose_text() => Ok(None),
            _ => Err(BackupError::OtherMasterKey(file)),
        };
    }
    Ok(Some(key.expose_text()))
}

/// Locks the directory, and marks it as one that a backup is put into.
fn begin(path: &Path, index: &Index) -> Result<Unfinished, BackupError> {
    let again = path.join(MARK).exists();
    let expected = |name: &OsStr| {
        let Some(name) = name.to_str() else { return false };
        // What an earlier call that was cut short has left, it would have written once more.
        let ours = || index.files.iter().any(|entry| entry.name.split('/').next() == Some(name));
        name == MASTER_KEY || (again && (name == MARK || name == "restored" || ours()))
    };
    let begun = Unfinished::begin(path, expected).map_err(|error| match error {
        DataDirError::Exists { path } | DataDirError::NotEmpty { path } => BackupError::NotEmpty(path),
        other => other.into(),
    })?;
    let mark = path.join(MARK);
    File::create(&mark).and_then(|file| file.sync_all()).map_err(io_error(&mark))?;
    directory::sync(path).map_err(io_error(path))?;
    Ok(begun)
}

/// Writes every file, and looks at the databases.
async fn fill(
    options: &Options<'_>,
    index: &Index,
    key: Option<&Zeroizing<String>>,
    begun: &Unfinished,
) -> Result<(), BackupError> {
    let mut folders = vec![begun.path().to_owned()];
    let again = read(options.backup, |entry, content| {
        if entry.name == SEALED_KEY {
            return copy_hashed(content, io::sink()).map_err(io_error(options.backup));
        }
        let path = begun.path().join(&entry.name);
        let folder = path.parent().expect("it is below the directory").to_owned();
        fs::create_dir_all(&folder).map_err(io_error(&folder))?;
        let copied = {
            let mut file = new_file(&path).map_err(io_error(&path))?;
            let copied = copy_hashed(content, &mut file).map_err(io_error(&path))?;
            file.sync_all().map_err(io_error(&path))?;
            copied
        };
        folders.push(folder);
        Ok(copied)
    })?;
    if again != *index {
        let problem = "it changed while it was read".to_owned();
        return Err(BackupError::Damaged { path: options.backup.to_owned(), problem });
    }
    if let Some(text) = key {
        let path = begun.path().join(MASTER_KEY);
        let written = new_file(&path).and_then(|mut file| writeln!(file, "{}", **text).and(file.sync_all()));
        written.map_err(io_error(&path))?;
    }
    folders.sort();
    folders.dedup();
    for folder in folders {
        directory::sync(&folder).map_err(io_error(&folder))?;
    }
    migrate::look_at_files(begun.path()).await?;
    Ok(())
}

/// A file for its owner alone; one that an earlier call left is replaced.
fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes away what was written, as far as it goes; the error that led here counts.
fn clear(path: &Path, index: &Index, key_was_written: bool) {
    for entry in &index.files {
        let _ = fs::remove_file(path.join(&entry.name));
        // Folders that hold nothing any more.
        let mut folder: Option<PathBuf> = path.join(&entry.name).parent().map(Path::to_owned);
        while let Some(empty) = folder.filter(|folder| folder != path && fs::remove_dir(folder).is_ok()) {
            folder = empty.parent().map(Path::to_owned);
        }
    }
    if key_was_written {
        let _ = fs::remove_file(path.join(MASTER_KEY));
    }
    let _ = fs::remove_file(path.join(MARK));
}
