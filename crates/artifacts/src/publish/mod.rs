//! A vendor's TUF repository: static files that any TUF client reads.
//!
//! ```text
//! lock                 held by the process that works here
//! repository.json      its address, and how long roles are good for
//! keys/                the private keys, one file each
//! staged.json          what the next publication changes
//! repository/          what is served
//!   metadata/          timestamp.json, and N.ROLE.json
//!   targets/           PRODUCT/VERSION/HASH.FILE
//! ```
//!
//! Responsible for writing it so that whoever reads sees one whole set, whenever the process ends. Not responsible for
//! serving it, or for reading a clock. Files are small and the disk is near: everything here waits for it.
//! Reference: updates, "Publishing". Source: The Update Framework, specification 1.0.x, sections 4 and 6.

mod add;
mod create;
mod error;
mod in_force;
mod keys;
mod lifetimes;
mod list;
mod release;
mod roles;
mod rotate;
mod staged;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable::{self, Access, Steps};
use crate::trust::Versions;
pub use error::PublishError;
use in_force::{InForce, Signers, Writer};
use keys::Keys;
use lifetimes::Lifetimes;
pub use list::{Listed, State};
use staged::Staged;

/// How often, and how long apart, a folder is tried that another process works in: it does not for long.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// A repository that this process has locked, as long as this value lives.
pub struct Publisher {
    dir: PathBuf,
    steps: Steps,
    settings: Settings,
    /// The lock ends when the file is closed, however the process ends.
    _lock: File,
}

/// What `repository.json` says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    address: String,
    days: Lifetimes,
}

/// What is published now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The versions of the roles.
    pub versions: Versions,
    /// Paths that were added.
    pub added: Vec<String>,
    /// Paths that were taken back.
    pub withdrawn: Vec<String>,
    /// When the timestamp ends, which has to be signed anew before.
    pub expires: Timestamp,
}

impl Publisher {
    /// Whether there is a repository in this folder.
    pub fn is_in(dir: &Path) -> bool {
        dir.join("repository/metadata/timestamp.json").exists()
    }

    /// Opens a repository. Waits up to two seconds for another process that works in it.
    pub fn open(dir: &Path) -> Result<Self, PublishError> {
        Self::open_with(dir, Steps::default())
    }

    /// The same, observed.
    pub fn open_with(dir: &Path, steps: Steps) -> Result<Self, PublishError> {
        // Before the lock is made: looking changes nothing.
        if !Self::is_in(dir) {
            return Err(PublishError::NotThere { path: dir.to_owned() });
        }
        let lock = lock(dir)?;
        let path = dir.join("repository.json");
        let settings = match durable::read(&path).map_err(PublishError::io(&path))? {
            Some(text) => {
                serde_json::from_slice(&text).map_err(|error| PublishError::damaged(&path, &error))?
            }
            None => Settings::default(),
        };
        Ok(Self { dir: dir.to_owned(), steps, settings, _lock: lock })
    }

    /// The folder to serve.
    pub fn repository(&self) -> PathBuf {
        self.dir.join("repository")
    }

    /// Where it is served, as it was told when it was made; empty: nobody said.
    pub fn address(&self) -> &str {
        &self.settings.address
    }

    /// The newest root: what mirrors and clients pin.
    pub fn root(&self) -> Result<PathBuf, PublishError> {
        let version = self.in_force()?.root.head.version;
        Ok(self.metadata().join(format!("{version}.root.json")))
    }

    fn metadata(&self) -> PathBuf {
        self.dir.join("repository/metadata")
    }

    fn in_force(&self) -> Result<InForce, PublishError> {
        InForce::read(&self.metadata())?.ok_or_else(|| PublishError::NotThere { path: self.dir.clone() })
    }

    fn keys(&self) -> Result<Keys, PublishError> {
        Keys::open(&self.dir.join("keys"), &self.steps)
    }

    fn staged(&self) -> Result<Staged, PublishError> {
        Staged::read(&self.dir.join("staged.json"))
    }

    fn stage(&self, staged: &Staged) -> Result<(), PublishError> {
        staged.write(&self.steps, &self.dir.join("staged.json"))
    }

    fn writer(&self, now: Timestamp) -> Writer<'_> {
        Writer { metadata: self.metadata(), steps: &self.steps, lifetimes: &self.settings.days, now }
    }

    fn write_settings(&self) -> Result<(), PublishError> {
        let path = self.dir.join("repository.json");
        let text = serde_json::to_vec_pretty(&self.settings).expect("it has only text keys");
        durable::write(&self.steps, &path, &text, Access::Shared).map_err(PublishError::io(&path))
    }
}

/// The keys that sign a set by the root in force; the targets' only where they are needed.
fn signers(in_force: &InForce, keys: &Keys, targets: bool) -> Result<Signers, PublishError> {
    let of = |role: &str| keys.signers(role, in_force.root.ids(role));
    let targets = if targets { of("targets")? } else { Vec::new() };
    Ok(Signers { targets, snapshot: of("snapshot")?, timestamp: of("timestamp")? })
}

fn versions(in_force: &InForce) -> Versions {
    Versions {
        root: in_force.root.head.version,
        timestamp: in_force.timestamp.head.version,
        snapshot: in_force.snapshot.head.version,
        targets: in_force.targets.head.version,
    }
}

fn lock(dir: &Path) -> Result<File, PublishError> {
    let path = dir.join("lock");
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(BETWEEN_TRIES);
        }
        if let Some(lock) = durable::lock(&path).map_err(PublishError::io(&path))? {
            return Ok(lock);
        }
    }
    Err(PublishError::Locked { path: dir.to_owned() })
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Publisher({})", self.dir.display())
    }
}
