//! Makes a backup of a data directory, whether a server works in it or not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use leasehold_signing::sealed_file::{Form, Recipient, seal};
use leasehold_store_sqlite::{DataDir, copy, directory};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};
use tempfile::{NamedTempFile, TempDir};

use super::error::io_error;
use super::index::copy_hashed;
use super::{ARTIFACTS, BackupError, Entry, FORMAT, INDEX, INDEX_SUM, Index, PARTS, SEALED_KEY};
use crate::app::{existing_master_key, migrate};
use crate::config::Config;

/// What to back up, and where to.
pub struct Options<'a> {
    /// The configuration, whose data directory it is.
    pub config: &'a Config,
    /// The file to write.
    pub out: &'a Path,
    /// Whether a file that is there is replaced.
    pub force: bool,
    /// Whether files that are no databases go in too.
    pub artifacts: bool,
    /// Whom the master key is sealed for; without one it stays out.
    pub recipient: Option<Recipient>,
    /// The time.
    pub now: Timestamp,
}

/// A file of a backup before it is in it.
struct Piece {
    entry: Entry,
    content: PathBuf,
}

/// Makes a backup and gives its index. `told` hears of each file when it was read. On an error nothing is left.
///
/// Each database is as it was at one moment. Licensing's moment is the last: what another service knows of it has
/// happened in it.
pub async fn create(options: &Options<'_>, mut told: impl FnMut(&Entry)) -> Result<Index, BackupError> {
    let directory = &options.config.runtime.data_dir;
    DataDir::check(directory)?;
    if !options.force && options.out.exists() {
        return Err(BackupError::Exists(options.out.to_owned()));
    }
    let folder = folder_of(options.out);
    let room = tempfile::Builder::new().prefix(".leasehold-backup-").tempdir_in(folder);
    let room = room.map_err(io_error(folder))?;
    let (mut pieces, mut schemas) = (Vec::new(), BTreeMap::new());
    let mut add = |pieces: &mut Vec<Piece>, name: &str, content: PathBuf| {
        let piece = Piece::read(name, content)?;
        told(&piece.entry);
        pieces.push(piece);
        Ok::<_, BackupError>(())
    };
    if let Some(recipient) = &options.recipient {
        add(&mut pieces, SEALED_KEY, sealed_key(options.config, recipient, &room)?)?;
    }
    // Licensing is the first of them.
    for service in migrate::services_of_server().into_iter().rev() {
        let name = format!("{service}.db");
        if !directory.join(&name).exists() {
            continue;
        }
        let content = room.path().join(&name);
        copy(&directory.join(&name), &content).await?;
        add(&mut pieces, &name, content)?;
    }
    for schema in migrate::look_at_files(room.path()).await? {
        if schema.version.found > 0 {
            schemas.insert(schema.service.to_owned(), schema.version.found);
        }
    }
    if options.artifacts {
        for name in artifacts(directory)? {
            add(&mut pieces, &name, directory.join(&name))?;
        }
    }
    let index = Index {
        format: FORMAT,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: options.now,
        schemas,
        files: pieces.iter().map(|piece| piece.entry.clone()).collect(),
    };
    let out = NamedTempFile::new_in(folder).map_err(io_error(folder))?;
    write(&index, &pieces, out.as_file(), options)?;
    keep(out, options)?;
    Ok(index)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Piece {
    /// Reads a file to know its length and its sum.
    fn read(name: &str, content: PathBuf) -> Result<Self, BackupError> {
        let file = File::open(&content).map_err(io_error(&content))?;
        let (size, sha256) = copy_hashed(file, io::sink()).map_err(io_error(&content))?;
        Ok(Self { entry: Entry { name: name.to_owned(), size, sha256 }, content })
    }
}

/// The master key in a file that only this recipient opens.
fn sealed_key(config: &Config, recipient: &Recipient, room: &TempDir) -> Result<PathBuf, BackupError> {
    let key = existing_master_key(config).map_err(crate::app::StartError::from)?;
    let sealed = seal(key.expose_text().as_bytes(), recipient, Form::Armored)?;
    let path = room.path().join(SEALED_KEY);
    fs::write(&path, sealed).map_err(io_error(&path))?;
    Ok(path)
}

/// The files below the folder of artifacts, in order, without those that are being fetched.
fn artifacts(directory: &Path) -> Result<Vec<String>, BackupError> {
    let (mut found, mut folders) = (Vec::new(), vec![ARTIFACTS.to_owned()]);
    while let Some(folder) = folders.pop() {
        let path = directory.join(&folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(io_error(&path)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(io_error(&path))?;
            let Some(name) = entry.file_name().to_str().map(|name| format!("{folder}/{name}")) else {
                continue;
            };
            let kind = entry.file_type().map_err(io_error(&path))?;
            if kind.is_dir() && name != PARTS {
                folders.push(name);
            } else if kind.is_file() {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn write(index: &Index, pieces: &[Piece], file: &File, options: &Options<'_>) -> Result<(), BackupError> {
    let out = io_error(options.out);
    let text = serde_json::to_string_pretty(index).expect("an index has no keys but texts") + "\n";
    let sum = HEXLOWER.encode(&Sha256::digest(&text)) + "\n";
    let written = || -> io::Result<Option<String>> {
        let mut tar = Builder::new(BufWriter::with_capacity(1 << 20, file));
        let at = u64::try_from(options.now.as_second()).unwrap_or(0);
        append(&mut tar, INDEX, text.len() as u64, at, text.as_bytes())?;
        append(&mut tar, INDEX_SUM, sum.len() as u64, at, sum.as_bytes())?;
        for Piece { entry, content } in pieces {
            let mut read = Summed { from: BufReader::new(File::open(content)?), digest: Sha256::new() };
            append(&mut tar, &entry.name, entry.size, at, (&mut read).take(entry.size))?;
            if HEXLOWER.encode(&read.digest.finalize()) != entry.sha256 {
                return Ok(Some(entry.name.clone()));
            }
        }
        tar.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(None)
    };
    match written() {
        Ok(None) => Ok(()),
        Ok(Some(name)) => Err(BackupError::Changed { name }),
        Err(error) => Err(out(error)),
    }
}

fn append(
    tar: &mut Builder<impl Write>,
    name: &str,
    size: u64,
    at: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(at);
    tar.append_data(&mut header, name, content)
}

/// Sums what is read.
struct Summed<R> {
    from: R,
    digest: Sha256,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(room)?;
        self.digest.update(&room[..read]);
        Ok(read)
    }
}

/// Gives the file its name: it is there whole or not at all.
fn keep(file: NamedTempFile, options: &Options<'_>) -> Result<(), BackupError> {
    let out = options.out;
    let kept = if options.force { file.persist(out) } else { file.persist_noclobber(out) };
    kept.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(out.to_owned()),
        _ => io_error(out)(error.error),
    })?;
    directory::sync(folder_of(out)).map_err(io_error(out))
}
