//! Which metadata is the vendor's, and what it says.
//!
//! Responsible for the client workflow of TUF from a pinned root, for what it has to remember against old copies, and for
//! looking targets up. What is genuine, the library `sigstore-tuf` decides. Not responsible for carrying files, or for
//! content. Reference: updates, "The mirror". Source: The Update Framework, specification 1.0.x, section 5.

mod chain;
mod delegations;
mod error;
mod shelf;

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::blobs::SourceError;
use crate::blocking;
use crate::durable::Steps;
use crate::target::{Target, WITHDRAWN, Withdrawn, WithdrawnEntry};

pub(crate) use chain::Chain;
use chain::{Brought, TIMESTAMP, fetch};
use delegations::Search;
pub use error::TrustError;
use shelf::Shelf;
pub(crate) use shelf::{Files, KEPT};

/// Where metadata files come from.
#[async_trait]
pub trait MetadataSource: Send + Sync {
    /// A file by name, like `timestamp.json` or `3.root.json`; `None`: it is not there.
    ///
    /// Of more than `max` bytes no more than one too many need be given: the caller counts.
    async fn metadata(&self, name: &str, max: u64) -> Result<Option<Bytes>, SourceError>;
}

/// How much is taken from a repository, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a root.
    pub root: u64,
    /// Bytes of the timestamp.
    pub timestamp: u64,
    /// Bytes of a snapshot.
    pub snapshot: u64,
    /// Bytes of a targets role.
    pub targets: u64,
    /// Roots that are followed in one refresh.
    pub roots: u32,
    /// Roles that are delegated to.
    pub roles: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            root: 512_000,
            timestamp: 16_384,
            snapshot: 2_000_000,
            targets: 5_000_000,
            roots: 256,
            roles: 256,
        }
    }
}

/// Which versions are in force; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Versions {
    /// Of the root.
    pub root: u64,
    /// Of the timestamp.
    pub timestamp: u64,
    /// Of the snapshot.
    pub snapshot: u64,
    /// Of the top-level targets.
    pub targets: u64,
}

/// What a program trusts of a vendor's repository, and remembers in a folder of its own.
///
/// One process works in a folder. Everything that is read from it is verified again.
pub struct Trusted {
    shelf: Shelf,
    limits: Limits,
    /// The pinned root, and its version.
    pinned: (u64, Bytes),
    /// What is in force; the pinned root alone, where nothing is yet.
    chain: Chain,
    /// The files that were in force last, also where they do not verify any more.
    earlier: Files,
}

impl Trusted {
    /// Opens a folder, which is made if it is not there. `pinned` is a root of the vendor, as it was published.
    pub fn open(dir: &Path, pinned: &[u8], limits: Limits) -> Result<Self, TrustError> {
        Self::open_with(dir, pinned, limits, Steps::default())
    }

    /// The same, observed.
    pub fn open_with(dir: &Path, pinned: &[u8], limits: Limits, steps: Steps) -> Result<Self, TrustError> {
        let chain = Chain::begin(pinned).map_err(|error| TrustError::Pin { detail: error.to_string() })?;
        let shelf = Shelf::open(dir, steps)?;
        let version = chain.versions().root;
        match shelf.root(version)? {
            Some(root) if root != pinned => return Err(TrustError::OtherPin { path: dir.to_owned() }),
            Some(_) => {}
            None => shelf.keep_root(version, pinned)?,
        }
        let earlier = shelf.sets()?.pop().unwrap_or_default();
        let pinned = (version, Bytes::copy_from_slice(pinned));
        let mut trusted = Self { shelf, limits, pinned, chain, earlier };
        if let Ok(chain) = trusted.restored(&trusted.earlier) {
            trusted.chain = chain;
        }
        Ok(trusted)
    }

    /// Which versions are in force.
    pub fn versions(&self) -> Versions {
        self.chain.versions()
    }

    /// Brings roots, timestamp, snapshot and top-level targets up to date. On an error what was in force stays so.
    ///
    /// Metadata that has ended at `now` is not taken; for a grace, give an earlier time.
    pub async fn refresh(
        &mut self,
        source: &dyn MetadataSource,
        now: Timestamp,
    ) -> Result<Versions, TrustError> {
        let chain = self.refreshed(source, now).await?;
        self.put_in_force(chain).await?;
        Ok(self.versions())
    }

    /// Looks a path up; `None`: the vendor does not name it. Roles on the way that are not there yet are fetched.
    pub async fn target(
        &mut self,
        source: &dyn MetadataSource,
        path: &str,
        now: Timestamp,
    ) -> Result<Option<Target>, TrustError> {
        self.check_in_force(now)?;
        loop {
            let edge = match delegations::search(&self.chain, path, now, self.limits.roles)? {
                Search::Found(target) => return Ok(Some(*target)),
                Search::Absent => return Ok(None),
                Search::Wants(edge) => edge,
            };
            let from = Brought { earlier: &self.earlier, source, limits: &self.limits };
            if let Some((name, content)) = self.chain.bring_delegated(&edge, &from, now).await? {
                self.earlier.insert(name.clone(), content.clone());
                let kept = self.shelf.clone();
                blocking(move || kept.add(&name, &content)).await?;
            }
        }
    }

    /// The next set, verified; not in force yet.
    pub(crate) async fn refreshed(
        &self,
        source: &dyn MetadataSource,
        now: Timestamp,
    ) -> Result<Chain, TrustError> {
        let mut chain = self.chain.clone();
        self.follow_roots(&mut chain, source).await?;
        chain.set().check_root_expired(now).map_err(|error| TrustError::of("root.json", error))?;
        chain.seed(&self.earlier, self.shelf.seen()?.as_deref());
        let timestamp = fetch(source, TIMESTAMP, self.limits.timestamp).await?;
        let timestamp = timestamp.ok_or_else(|| TrustError::Missing { name: TIMESTAMP.to_owned() })?;
        if chain.take_timestamp(&timestamp, now)? {
            let kept = self.shelf.clone();
            blocking(move || kept.keep_seen(&timestamp)).await?;
        }
        let from = Brought { earlier: &self.earlier, source, limits: &self.limits };
        chain.bring_snapshot(&from, now).await?;
        chain.bring_targets(&from, now).await?;
        // Those that are still as they were need not be asked for again.
        chain.reuse(&self.earlier, now);
        Ok(chain)
    }

    /// Brings every role that is delegated to.
    pub(crate) async fn bring_roles(
        &self,
        chain: &mut Chain,
        source: &dyn MetadataSource,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        let from = Brought { earlier: &self.earlier, source, limits: &self.limits };
        while let Some(edge) = delegations::unverified(chain, |_| true) {
            if chain.edges().len() >= self.limits.roles as usize {
                return Err(TrustError::TooMany { what: "delegations", max: self.limits.roles });
            }
            chain.bring_delegated(&edge, &from, now).await?;
        }
        Ok(())
    }

    /// Flips to a set, unless it is the one in force; whether it was another one.
    pub(crate) async fn put_in_force(&mut self, chain: Chain) -> Result<bool, TrustError> {
        let changed = chain.files() != self.chain.files();
        if changed {
            let (kept, files) = (self.shelf.clone(), chain.files().clone());
            blocking(move || kept.flip(&files)).await?;
            self.earlier.clone_from(chain.files());
            self.chain = chain;
        }
        Ok(changed)
    }

    /// The sets that are kept and still verify, the one in force last.
    pub(crate) fn kept(&self) -> Result<Vec<Chain>, TrustError> {
        let sets = self.shelf.sets()?;
        Ok(sets.iter().filter_map(|files| self.restored(files).ok()).collect())
    }

    /// The roots from the pinned one to this version.
    pub(crate) fn roots(&self, last: u64) -> Result<BTreeMap<u64, Bytes>, TrustError> {
        let mut roots = BTreeMap::new();
        for version in self.pinned.0..=last {
            roots.extend(self.shelf.root(version)?.map(|root| (version, Bytes::from(root))));
        }
        Ok(roots)
    }

    /// A set as it was when it was in force: from the pinned root through the roots up to its own.
    fn restored(&self, files: &Files) -> Result<Chain, TrustError> {
        let root = files.get(shelf::ROOT).ok_or(TrustError::Nothing)?;
        let pin = |error: sigstore_tuf::Error| TrustError::Pin { detail: error.to_string() };
        let mut chain = Chain::begin(&self.pinned.1).map_err(pin)?;
        while chain.files().get(shelf::ROOT) != Some(root) {
            let version = chain.versions().root + 1;
            let next = self.shelf.root(version)?.ok_or(TrustError::Nothing)?;
            chain.advance(&next).map_err(|error| TrustError::of("root.json", error))?;
        }
        chain.restore(files)?;
        Ok(chain)
    }

    /// Goes from root to root, as long as there is a next one: from those verified before, then from the source.
    async fn follow_roots(&self, chain: &mut Chain, source: &dyn MetadataSource) -> Result<(), TrustError> {
        for _ in 0..=self.limits.roots {
            let version = chain.versions().root + 1;
            let name = format!("{version}.root.json");
            if let Some(known) = self.shelf.root(version)?
                && chain.advance(&known).is_ok()
            {
                continue;
            }
            let Some(root) = fetch(source, &name, self.limits.root).await? else { return Ok(()) };
            chain.advance(&root).map_err(|error| TrustError::of(&name, error))?;
            let kept = self.shelf.clone();
            blocking(move || kept.keep_root(version, &root)).await?;
        }
        Err(TrustError::TooMany { what: "new roots", max: self.limits.roots })
    }

    fn check_in_force(&self, now: Timestamp) -> Result<(), TrustError> {
        let set = self.chain.set();
        if set.targets_role("targets").is_none() {
            return Err(TrustError::Nothing);
        }
        let checks =
            [set.check_root_expired(now), set.check_timestamp_expired(now), set.check_snapshot_expired(now)];
        checks.into_iter().collect::<Result<(), _>>().map_err(|error| TrustError::of("metadata", error))
    }
}

impl Chain {
    /// Every target that can be found, by path. A role that says of a path what cannot be used is passed by.
    pub(crate) fn targets(&self, max: u32) -> BTreeMap<String, Target> {
        let paths = delegations::roles(self).flat_map(|(_, role)| role.targets.keys());
        let found = paths.filter_map(|path| match delegations::search(self, path, Timestamp::MIN, max) {
            Ok(Search::Found(target)) => Some((path.clone(), *target)),
            _ => None,
        });
        found.collect()
    }

    /// Every path that was taken back.
    pub(crate) fn withdrawn(&self) -> BTreeMap<String, Withdrawn> {
        let entries = delegations::roles(self).filter_map(|(name, role)| {
            let entries = role.extra.get(WITHDRAWN)?.clone();
            Some(taken_back(name, serde_json::from_value(entries).ok()?))
        });
        entries.flatten().collect()
    }
}

/// What a role takes back: nobody takes back the release of another product.
fn taken_back(
    role: &str,
    entries: BTreeMap<String, WithdrawnEntry>,
) -> impl Iterator<Item = (String, Withdrawn)> {
    let is_its_own = move |path: &str| {
        role == "targets" || path.split_once('/').is_some_and(|(product, _)| product == role)
    };
    entries
        .into_iter()
        .filter(move |(path, _)| is_its_own(path))
        .map(|(path, entry)| (path.clone(), Withdrawn { path, reason: entry.reason, at: entry.at }))
}

impl std::fmt::Debug for Trusted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Trusted({}, {:?})", self.shelf.dir().display(), self.versions())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_back_the_release_of_another_product() {
        let paths = |role: &str| -> Vec<String> {
            let entry = || WithdrawnEntry { reason: "wrong".to_owned(), at: Timestamp::UNIX_EPOCH };
            let named = ["cad/1.0/cad.db", "cad2/1.0/x.db", "cad", "scanner/1.0/rules.db"];
            taken_back(role, named.map(|path| (path.to_owned(), entry())).into())
                .map(|(path, _)| path)
                .collect()
        };
        assert_eq!(paths("cad"), ["cad/1.0/cad.db"]);
        assert_eq!(paths("targets").len(), 4);
        assert!(paths("").is_empty());
    }
}
