//! The directory of a demonstration: a temporary one, or one that is used again.
//!
//! ```text
//! demo.json    what the next start has to know
//! server/      the licence server's data directory
//! vendor/      the vendor's directory
//! devices/     what each device has of updates
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::Error;

const NOTES: &str = "demo.json";
/// What file systems of their own come with.
const LOST_AND_FOUND: &str = "lost+found";

/// A directory that only demonstrations use. A temporary one is gone with this value.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    notes: Notes,
    temporary: Option<TempDir>,
}

/// What one demonstration leaves to the next one in the same directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notes {
    /// Where the vendor is: the licence server has been told.
    pub(super) vendor_port: Option<u16>,
    /// Where its update repository is.
    pub(super) repository_port: Option<u16>,
    /// The licence server at the vendor.
    pub(super) license_server_id: Option<String>,
    /// What it was sold.
    pub(super) entitlement_id: Option<String>,
}

impl Place {
    /// This directory, made where it is missing; without one, a temporary one.
    pub(super) fn open(directory: Option<&Path>) -> Result<Self, Error> {
        let Some(root) = directory else {
            let temporary = tempfile::Builder::new().prefix("leasehold-demo-").tempdir();
            let temporary = temporary.map_err(io_error(&std::env::temp_dir()))?;
            let root = temporary.path().to_owned();
            return Ok(Self { root, notes: Notes::default(), temporary: Some(temporary) });
        };
        fs::create_dir_all(root).map_err(io_error(root))?;
        let file = root.join(NOTES);
        let notes = match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|error| Error::Notes { path: file, problem: error.to_string() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                refuse_others(root)?;
                Notes::default()
            }
            Err(source) => return Err(Error::Io { path: file, source }),
        };
        let mut place = Self { root: root.to_owned(), notes, temporary: None };
        // From now on it is a demonstration's, whatever becomes of this one.
        place.note(|_| {})?;
        Ok(place)
    }

    /// Where the licence server keeps its data.
    pub(super) fn server(&self) -> PathBuf {
        self.root.join("server")
    }

    /// Where the vendor keeps its data.
    pub(super) fn vendor(&self) -> PathBuf {
        self.root.join("vendor")
    }

    /// Where the devices keep their updates, each in a directory of its own.
    pub(super) fn devices(&self) -> PathBuf {
        self.root.join("devices")
    }

    /// The directory, where somebody named it.
    pub(super) fn kept(&self) -> Option<&Path> {
        self.temporary.is_none().then_some(self.root.as_path())
    }

    /// What is known from earlier.
    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Notes something for the next start.
    pub(super) fn note(&mut self, change: impl FnOnce(&mut Notes)) -> Result<(), Error> {
        change(&mut self.notes);
        let (file, part) = (self.root.join(NOTES), self.root.join("demo.json.part"));
        let text = serde_json::to_string_pretty(&self.notes).expect("notes are plain values");
        fs::write(&part, text + "\n").map_err(io_error(&part))?;
        fs::rename(&part, &file).map_err(io_error(&file))
    }
}

fn refuse_others(root: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(root).map_err(io_error(root))? {
        let name = entry.map_err(io_error(root))?.file_name();
        if name != LOST_AND_FOUND && name != "demo.json.part" {
            return Err(Error::NotOurDirectory { path: root.to_owned() });
        }
    }
    Ok(())
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_directory_is_gone_with_the_demonstration() {
        let place = Place::open(None).unwrap();
        let root = place.root.clone();
        assert!(root.is_dir() && place.kept().is_none());
        drop(place);
        assert!(!root.exists());
    }

    #[test]
    fn a_directory_is_used_again_with_what_was_noted() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("made/here");
        Place::open(Some(&root)).unwrap().note(|notes| notes.vendor_port = Some(7)).unwrap();
        let again = Place::open(Some(&root)).unwrap();
        assert_eq!((again.notes().vendor_port, again.kept()), (Some(7), Some(root.as_path())));
        drop(again);
        assert!(root.exists(), "it is kept");
    }

    #[test]
    fn somebody_elses_directory_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("licensing.db"), "data").unwrap();
        let error = Place::open(Some(folder.path())).unwrap_err();
        assert!(matches!(error, Error::NotOurDirectory { .. }) && error.is_foreign(), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(folder.path().join(NOTES), "{\"what\": 1}").unwrap();
        assert!(matches!(Place::open(Some(folder.path())), Err(Error::Notes { .. })));
    }
}
