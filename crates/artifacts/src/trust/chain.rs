//! One set of metadata that is trusted, and the way to the next one.
//!
//! Responsible for the order of the client workflow (TUF specification, section 5): which file is asked for next, how
//! large it may be, and that a file that is there is not fetched again. What is genuine, `sigstore-tuf` decides. Not
//! responsible for what is kept on disk.

use std::collections::BTreeSet;

use bytes::Bytes;
use jiff::Timestamp;
use sigstore_tuf::metadata::{MetaFile, Role};
use sigstore_tuf::{Error, TrustedMetadataSet};

use super::shelf::{Files, ROOT};
use super::{Limits, MetadataSource, TrustError, Versions, delegations};

/// The one file whose name never has a version.
pub(super) const TIMESTAMP: &str = "timestamp.json";

/// Before everything: nothing has ended.
const BEFORE_ALL: Timestamp = Timestamp::MIN;

/// A delegation: the role that is delegated to, and the one that delegates.
pub(super) type Edge = (String, String);

/// What is trusted, and the files that say it.
#[derive(Clone)]
pub(crate) struct Chain {
    set: TrustedMetadataSet,
    /// By the names they were fetched under; the root as `root.json`.
    files: Files,
    /// Delegations whose signatures were verified.
    edges: BTreeSet<Edge>,
}

impl Chain {
    /// Begins with a root that is trusted because it is given.
    pub(super) fn begin(root: &[u8]) -> Result<Self, Error> {
        let set = TrustedMetadataSet::from_root(root)?;
        let files = Files::from([(ROOT.to_owned(), Bytes::copy_from_slice(root))]);
        Ok(Self { set, files, edges: BTreeSet::new() })
    }

    /// The files, by the names they were fetched under.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// What was verified.
    pub(super) fn set(&self) -> &TrustedMetadataSet {
        &self.set
    }

    /// The delegations whose signatures were verified.
    pub(super) fn edges(&self) -> &BTreeSet<Edge> {
        &self.edges
    }

    /// The versions of what is trusted; 0 is none.
    pub(crate) fn versions(&self) -> Versions {
        Versions {
            root: self.set.root().version,
            timestamp: self.set.timestamp().map_or(0, |role| role.version),
            snapshot: self.set.snapshot().map_or(0, |role| role.version),
            targets: self.set.targets_role("targets").map_or(0, |role| role.version),
        }
    }

    /// Goes on to the next root.
    pub(super) fn advance(&mut self, root: &[u8]) -> Result<(), Error> {
        self.set.update_root(root)?;
        self.files = Files::from([(ROOT.to_owned(), Bytes::copy_from_slice(root))]);
        self.edges.clear();
        Ok(())
    }

    /// Takes what was trusted before as the least that is taken now, also what has ended. What the root's keys have not
    /// signed counts for nothing: so a vendor recovers from stolen keys (section 5.3.11).
    pub(super) fn seed(&mut self, earlier: &Files, seen: Option<&[u8]>) {
        let Some(timestamp) = earlier.get(TIMESTAMP) else { return self.seed_seen(seen) };
        if self.set.update_timestamp(timestamp, BEFORE_ALL).is_ok() {
            self.files.insert(TIMESTAMP.to_owned(), timestamp.clone());
            if let Some((name, _)) = self.snapshot_wanted()
                && let Some(snapshot) = earlier.get(&name)
                && self.set.update_snapshot(snapshot, BEFORE_ALL).is_ok()
            {
                self.files.insert(name, snapshot.clone());
            }
        }
        self.seed_seen(seen);
    }

    fn seed_seen(&mut self, seen: Option<&[u8]>) {
        if let Some(seen) = seen
            && self.set.update_timestamp(seen, BEFORE_ALL).is_ok()
        {
            self.files.insert(TIMESTAMP.to_owned(), Bytes::copy_from_slice(seen));
        }
    }

    /// Takes a whole set that was verified before, whether or not it has ended.
    pub(super) fn restore(&mut self, files: &Files) -> Result<(), TrustError> {
        self.seed(files, None);
        let (name, _) = self.role_wanted("targets")?.ok_or(TrustError::Nothing)?;
        let content = files.get(&name).ok_or_else(|| TrustError::Missing { name: name.clone() })?;
        self.take_targets(&name, content, BEFORE_ALL)?;
        self.reuse(files, BEFORE_ALL);
        Ok(())
    }

    /// Takes delegated roles of an earlier set, as far as they still fit.
    pub(super) fn reuse(&mut self, earlier: &Files, now: Timestamp) {
        let mut unfit = BTreeSet::new();
        while let Some(edge) = delegations::unverified(self, |edge| !unfit.contains(edge)) {
            let name = self.name_of(&edge.0);
            let there = self.set.targets_role(&edge.0).is_some();
            let content = earlier.get(&name).filter(|_| !there);
            let fits =
                (there || content.is_some()) && self.take_delegated(&edge, &name, content, now).is_ok();
            if !fits {
                unfit.insert(edge);
            }
        }
    }

    /// Whether the timestamp is taken: `false` where it has the version that is there already.
    pub(super) fn take_timestamp(&mut self, content: &Bytes, now: Timestamp) -> Result<bool, TrustError> {
        let name = TIMESTAMP;
        match self.set.update_timestamp(content, now) {
            Ok(()) => {
                self.files.insert(name.to_owned(), content.clone());
                Ok(true)
            }
            Err(Error::EqualVersion { .. }) => {
                self.set.check_timestamp_expired(now).map_err(|error| TrustError::of(name, error))?;
                Ok(false)
            }
            Err(error) => Err(TrustError::of(name, error)),
        }
    }

    /// Brings the snapshot, from what is there or from the source.
    pub(super) async fn bring_snapshot(
        &mut self,
        from: &Brought<'_>,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        let malformed = || TrustError::Malformed {
            name: TIMESTAMP.to_owned(),
            detail: "it names no snapshot.json".to_owned(),
        };
        let (name, pin) = self.snapshot_wanted().ok_or_else(malformed)?;
        let local = from.earlier.get(&name).cloned();
        let local = local.filter(|local| self.set.update_snapshot(local, now).is_ok());
        let taken = match local {
            Some(local) => local,
            None => {
                let content = from.fetch(&name, pin.length, from.limits.snapshot).await?;
                self.set.update_snapshot(&content, now).map_err(|error| TrustError::of(&name, error))?;
                content
            }
        };
        // The set has forgotten the roles below.
        self.edges.clear();
        self.files.retain(|name, _| name == ROOT || name == TIMESTAMP);
        self.files.insert(name, taken);
        Ok(())
    }

    /// Brings the top-level targets, from what is there or from the source.
    pub(super) async fn bring_targets(
        &mut self,
        from: &Brought<'_>,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        let Some((name, pin)) = self.role_wanted("targets")? else {
            let detail = "it names no targets.json".to_owned();
            return Err(TrustError::Malformed { name: "snapshot.json".to_owned(), detail });
        };
        if let Some(local) = from.earlier.get(&name)
            && self.take_targets(&name, local, now).is_ok()
        {
            return Ok(());
        }
        let content = from.fetch(&name, pin.length, from.limits.targets).await?;
        self.take_targets(&name, &content, now)
    }

    /// Brings a delegated role, from what is there or from the source. What was fetched, with its name.
    pub(super) async fn bring_delegated(
        &mut self,
        edge: &Edge,
        from: &Brought<'_>,
        now: Timestamp,
    ) -> Result<Option<(String, Bytes)>, TrustError> {
        let name = self.name_of(&edge.0);
        if self.set.targets_role(&edge.0).is_some() {
            return self.take_delegated(edge, &name, None, now).map(|()| None);
        }
        if let Some(local) = from.earlier.get(&name)
            && self.take_delegated(edge, &name, Some(local), now).is_ok()
        {
            return Ok(None);
        }
        let pin = self.role_wanted(&edge.0)?.and_then(|(_, pin)| pin.length);
        let content = from.fetch(&name, pin, from.limits.targets).await?;
        self.take_delegated(edge, &name, Some(&content), now)?;
        Ok(Some((name, content)))
    }

    fn take_targets(&mut self, name: &str, content: &Bytes, now: Timestamp) -> Result<(), TrustError> {
        self.set.update_targets(content, now).map_err(|error| TrustError::of(name, error))?;
        self.files.insert(name.to_owned(), content.clone());
        Ok(())
    }

    /// Takes a delegated role; without content, the one that another role has delegated to already.
    fn take_delegated(
        &mut self,
        (role, delegator): &Edge,
        name: &str,
        content: Option<&Bytes>,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        let taken = match content {
            Some(content) => self.set.update_delegated_targets(content, role, delegator, now),
            None => self.set.verify_delegated_targets(role, delegator, now),
        };
        taken.map_err(|error| TrustError::of(name, error))?;
        self.files.extend(content.map(|content| (name.to_owned(), content.clone())));
        self.edges.insert((role.clone(), delegator.clone()));
        Ok(())
    }

    /// The name of the snapshot that the timestamp wants, and what it has to be.
    fn snapshot_wanted(&self) -> Option<(String, MetaFile)> {
        let pin = self.set.timestamp()?.snapshot_meta()?.clone();
        Some((self.versioned(pin.version, "snapshot"), pin))
    }

    /// The name of a role's file, and what it has to be; `None`: the snapshot does not name it.
    fn role_wanted(&self, role: &str) -> Result<Option<(String, MetaFile)>, TrustError> {
        let snapshot = self.set.snapshot().ok_or(TrustError::Nothing)?;
        let pin = snapshot.meta.get(&format!("{role}.json")).cloned();
        Ok(pin.map(|pin| (self.versioned(pin.version, &quoted(role)), pin)))
    }

    /// The name of a role's file; one that is not named has a name that no file has.
    fn name_of(&self, role: &str) -> String {
        self.role_wanted(role).ok().flatten().map(|(name, _)| name).unwrap_or_default()
    }

    fn versioned(&self, version: u64, stem: &str) -> String {
        if self.is_consistent() { format!("{version}.{stem}.json") } else { format!("{stem}.json") }
    }

    /// Whether names of files have their versions and hashes in them.
    pub(crate) fn is_consistent(&self) -> bool {
        self.set.root().consistent_snapshot
    }

    /// When the first of what is there ends: the four roles of the top level, and those delegated to.
    pub(crate) fn expires(&self) -> Timestamp {
        let set = &self.set;
        let top = [set.timestamp().map(Role::expires), set.snapshot().map(Role::expires)];
        let roles = delegations::roles(self).map(|(_, role)| role.expires());
        top.into_iter().flatten().chain(roles).fold(set.root().expires, Timestamp::min)
    }
}

/// Where files come from: from an earlier set, where they still fit, else from the source.
pub(super) struct Brought<'a> {
    pub(super) earlier: &'a Files,
    pub(super) source: &'a dyn MetadataSource,
    pub(super) limits: &'a Limits,
}

impl Brought<'_> {
    /// A file that has to be there. `pinned` is its length, where that is known.
    async fn fetch(&self, name: &str, pinned: Option<u64>, max: u64) -> Result<Bytes, TrustError> {
        if pinned.is_some_and(|pinned| pinned > max) {
            return Err(TrustError::TooLong { name: name.to_owned(), max });
        }
        let content = fetch(self.source, name, pinned.unwrap_or(max)).await?;
        content.ok_or_else(|| TrustError::Missing { name: name.to_owned() })
    }
}

/// A file, if it is there, of at most so many bytes.
pub(super) async fn fetch(
    source: &dyn MetadataSource,
    name: &str,
    max: u64,
) -> Result<Option<Bytes>, TrustError> {
    let content = source.metadata(name, max).await;
    let content = content.map_err(|source| TrustError::Source { name: name.to_owned(), source })?;
    match content {
        Some(content) if content.len() as u64 > max => {
            Err(TrustError::TooLong { name: name.to_owned(), max })
        }
        content => Ok(content),
    }
}

/// A role's name as it stands in a file's name: everything but RFC 3986's unreserved characters is escaped.
fn quoted(role: &str) -> String {
    use std::fmt::Write as _;

    role.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(byte.into()),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}
