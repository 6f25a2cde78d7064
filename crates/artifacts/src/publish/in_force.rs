//! What is published now, and how the next set takes its place.
//!
//! Responsible for the order in which a set is written: every file but the timestamp has a name of its own, which nobody
//! asks for before the timestamp leads there; the timestamp comes last, and takes the place of the old one in one step.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp as Time};
use leasehold_signing::SigningKey;
use serde::de::DeserializeOwned;

use super::PublishError;
use super::lifetimes::Lifetimes;
use super::roles::{Head, Listing, Meta, Root, Targets, read, signed};
use crate::durable::{self, Access, Steps};

/// What is published.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) root: Root,
    pub(super) timestamp: Listing,
    pub(super) snapshot: Listing,
    pub(super) targets: Targets,
    pub(super) products: BTreeMap<String, Targets>,
}

impl InForce {
    /// Reads it; `None`: nothing was ever published.
    pub(super) fn read(metadata: &Path) -> Result<Option<Self>, PublishError> {
        let Some(timestamp) = file::<Listing>(&metadata.join("timestamp.json"))? else { return Ok(None) };
        let wanted = |listing: &Listing, name: &str| -> Result<u64, PublishError> {
            let missing = || PublishError::damaged(metadata, &format!("nothing names {name}"));
            listing.meta.get(name).map(|meta| meta.version).ok_or_else(missing)
        };
        let version = wanted(&timestamp, "snapshot.json")?;
        let snapshot: Listing = needed(&metadata.join(format!("{version}.snapshot.json")))?;
        let role = |role: &str| -> Result<Targets, PublishError> {
            let version = wanted(&snapshot, &format!("{role}.json"))?;
            needed(&metadata.join(format!("{version}.{role}.json")))
        };
        let targets = role("targets")?;
        let delegated = targets.delegations.iter().flat_map(|delegations| &delegations.roles);
        let products = delegated
            .map(|product| Ok((product.name.clone(), role(&product.name)?)))
            .collect::<Result<_, _>>()?;
        Ok(Some(Self { root: newest_root(metadata)?, timestamp, snapshot, targets, products }))
    }

    /// The ids of a product's keys.
    pub(super) fn product_ids(&self, product: &str) -> &[String] {
        let mut roles = self.targets.delegations.iter().flat_map(|delegations| &delegations.roles);
        roles.find(|role| role.name == product).map_or(&[], |role| &role.keys.keyids)
    }

    /// The ids of every key that counts.
    pub(super) fn key_ids(&self) -> Vec<String> {
        let delegations = self.targets.delegations.iter().flat_map(|delegations| delegations.keys.keys());
        self.root.keys.keys().chain(delegations).cloned().collect()
    }
}

/// Where sets are written, and when.
pub(super) struct Writer<'a> {
    pub(super) metadata: PathBuf,
    pub(super) steps: &'a Steps,
    pub(super) lifetimes: &'a Lifetimes,
    pub(super) now: Time,
}

/// Who signs a set.
pub(super) struct Signers {
    pub(super) targets: Vec<SigningKey>,
    pub(super) snapshot: Vec<SigningKey>,
    pub(super) timestamp: Vec<SigningKey>,
}

/// What changes from one set to the next, and who signs the products.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) products: Vec<(String, Targets, Vec<SigningKey>)>,
    pub(super) targets: Option<Targets>,
}

impl Writer<'_> {
    /// Writes the next set, and flips to it.
    pub(super) fn publish(
        &self,
        in_force: &mut InForce,
        changes: Changes,
        signers: &Signers,
    ) -> Result<(), PublishError> {
        let (mut listed, days) = (in_force.snapshot.meta.clone(), self.lifetimes);
        for (product, mut role, keys) in changes.products {
            self.advance(&mut role.head, days.product);
            let meta =
                self.write(&format!("{}.{product}.json", role.head.version), &role.head, &role, &keys)?;
            listed.insert(format!("{product}.json"), meta);
            in_force.products.insert(product, role);
        }
        if let Some(mut role) = changes.targets {
            self.advance(&mut role.head, days.targets);
            let name = format!("{}.targets.json", role.head.version);
            listed.insert("targets.json".to_owned(), self.write(&name, &role.head, &role, &signers.targets)?);
            in_force.targets = role;
        }
        let snapshot = &mut in_force.snapshot;
        snapshot.meta = listed;
        self.advance(&mut snapshot.head, days.snapshot);
        let name = format!("{}.snapshot.json", snapshot.head.version);
        let meta = self.write(&name, &snapshot.head, snapshot, &signers.snapshot)?;
        let timestamp = &mut in_force.timestamp;
        timestamp.meta = BTreeMap::from([("snapshot.json".to_owned(), meta)]);
        self.advance(&mut timestamp.head, days.timestamp);
        self.write("timestamp.json", &timestamp.head, timestamp, &signers.timestamp)?;
        Ok(())
    }

    /// Writes the next root. It counts at once.
    pub(super) fn root(&self, root: &mut Root, signers: &[SigningKey]) -> Result<(), PublishError> {
        self.advance(&mut root.head, self.lifetimes.root);
        self.write(&format!("{}.root.json", root.head.version), &root.head, root, signers)?;
        Ok(())
    }

    fn advance(&self, head: &mut Head, days: u32) {
        head.version += 1;
        // Whole seconds: that is what the specification has.
        let now = Time::from_second(self.now.as_second()).unwrap_or(self.now);
        head.expires =
            now.saturating_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Time::MAX);
    }

    fn write(
        &self,
        name: &str,
        head: &Head,
        role: &impl serde::Serialize,
        keys: &[SigningKey],
    ) -> Result<Meta, PublishError> {
        let (content, path) = (signed(role, keys), self.metadata.join(name));
        durable::write(self.steps, &path, &content, Access::Shared).map_err(PublishError::io(&path))?;
        Ok(Meta::of(head.version, &content))
    }
}

fn newest_root(metadata: &Path) -> Result<Root, PublishError> {
    let mut newest = None;
    for entry in fs::read_dir(metadata).map_err(PublishError::io(metadata))? {
        let name = entry.map_err(PublishError::io(metadata))?.file_name();
        let version = name.to_str().and_then(|name| name.strip_suffix(".root.json")?.parse::<u64>().ok());
        newest = newest.max(version);
    }
    let missing = || PublishError::damaged(metadata, &"there is no root");
    needed(&metadata.join(format!("{}.root.json", newest.ok_or_else(missing)?)))
}

fn needed<T: DeserializeOwned>(path: &Path) -> Result<T, PublishError> {
    file(path)?.ok_or_else(|| PublishError::damaged(path, &"it is missing"))
}

fn file<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, PublishError> {
    let Some(content) = durable::read(path).map_err(PublishError::io(path))? else { return Ok(None) };
    read(&content).map(Some).map_err(|error| PublishError::damaged(path, &error))
}
