//! One consistent set of metadata, as readers see it.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

use crate::digest::Digest;
use crate::target::{Target, Withdrawn};
use crate::trust::{Chain, Files, Versions};

/// One consistent set of metadata. It never changes.
#[derive(Debug)]
pub struct Snapshot {
    versions: Versions,
    expires: Timestamp,
    /// Names of files have their versions and hashes in them.
    consistent: bool,
    files: Files,
    targets: BTreeMap<String, Target>,
    withdrawn: BTreeMap<String, Withdrawn>,
}

impl Snapshot {
    pub(super) fn of(chain: &Chain, roles: u32) -> Self {
        Self {
            versions: chain.versions(),
            expires: chain.expires(),
            consistent: chain.is_consistent(),
            files: chain.files().clone(),
            targets: chain.targets(roles),
            withdrawn: chain.withdrawn(),
        }
    }

    /// The versions of its roles.
    pub fn versions(&self) -> Versions {
        self.versions
    }

    /// When the first of its roles ends.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// What it names, by path.
    pub fn targets(&self) -> &BTreeMap<String, Target> {
        &self.targets
    }

    /// What the vendor took back, by path.
    pub fn withdrawn(&self) -> &BTreeMap<String, Withdrawn> {
        &self.withdrawn
    }

    /// A metadata file by the name it was published under, but for the roots.
    pub fn metadata(&self, name: &str) -> Option<Bytes> {
        (name != "root.json").then(|| self.files.get(name).cloned()).flatten()
    }

    /// Where the repository has a target, below its address.
    pub(super) fn published(&self, target: &Target) -> String {
        let path = &target.path;
        if !self.consistent {
            return format!("targets/{path}");
        }
        match path.rsplit_once('/') {
            Some((dir, name)) => format!("targets/{dir}/{}.{name}", target.sha256),
            None => format!("targets/{}.{path}", target.sha256),
        }
    }

    /// A target by its path, or by one of the two forms with its hash: `dir/HASH.name` and `HASH.dir/name`.
    pub(super) fn find(&self, path: &str) -> Option<&Target> {
        let hashed = || {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            let inner = split_hash(name).map(|(hash, name)| (hash, join(dir, name)));
            let outer = || split_hash(path).map(|(hash, path)| (hash, path.to_owned()));
            let (hash, plain) = inner.or_else(outer)?;
            self.targets.get(&plain).filter(|target| target.sha256 == hash)
        };
        self.targets.get(path).or_else(hashed)
    }
}

/// Whether a path names a hash, in either form.
pub(super) fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    split_hash(name).is_some() || split_hash(path).is_some()
}

fn split_hash(text: &str) -> Option<(Digest, &str)> {
    let (hash, rest) = text.split_once('.')?;
    Some((hash.parse().ok()?, rest))
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}
