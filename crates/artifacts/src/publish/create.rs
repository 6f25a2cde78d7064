//! Making a repository: keys, a root, and an empty set.

use std::path::Path;

use jiff::Timestamp;
use leasehold_signing::CryptoRng;

use super::in_force::{Changes, InForce};
use super::roles::{Head, Listing, Root, Targets};
use super::{PublishError, Publisher, Settings, lock, signers};
use crate::durable::{self, Steps};

/// The roles of the top level.
pub(super) const TOP: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

impl Publisher {
    /// Makes a repository in a folder that holds none. One that was begun before and broke off is made anew.
    ///
    /// `address` is where it will be served, to be told to others; it may be empty.
    pub fn create(
        dir: &Path,
        address: &str,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, PublishError> {
        Self::create_with(dir, address, now, rng, Steps::default())
    }

    /// The same, observed.
    pub fn create_with(
        dir: &Path,
        address: &str,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
        steps: Steps,
    ) -> Result<Self, PublishError> {
        check_address(address)?;
        for folder in ["repository/metadata", "repository/targets"] {
            let folder = dir.join(folder);
            durable::make_folder(&steps, &folder).map_err(PublishError::io(&folder))?;
        }
        let lock = lock(dir)?;
        if Self::is_in(dir) {
            return Err(PublishError::There { path: dir.to_owned() });
        }
        let settings = Settings { address: address.to_owned(), ..Settings::default() };
        let publisher = Self { dir: dir.to_owned(), steps, settings, _lock: lock };
        publisher.write_settings()?;
        publisher.begin(now, rng)?;
        Ok(publisher)
    }

    fn begin(&self, now: Timestamp, rng: &mut (impl CryptoRng + ?Sized)) -> Result<(), PublishError> {
        let mut keys = self.keys()?;
        // What an earlier try left signs nothing that anybody has seen.
        keys.keep_only(&[])?;
        let head = Head::new("root");
        let (table, roles) = Default::default();
        let mut root = Root { head, consistent_snapshot: true, keys: table, roles };
        for role in TOP {
            root.set(role, keys.make(role, rng)?.verifying_key());
        }
        let listing = |kind| Listing { head: Head::new(kind), meta: std::collections::BTreeMap::new() };
        let (timestamp, snapshot) = (listing("timestamp"), listing("snapshot"));
        let (targets, products) = (Targets::new(), std::collections::BTreeMap::new());
        let mut in_force = InForce { root, timestamp, snapshot, targets, products };
        let (writer, signing) = (self.writer(now), keys.signers("root", in_force.root.ids("root"))?);
        writer.root(&mut in_force.root, &signing)?;
        let signers = signers(&in_force, &keys, true)?;
        let changes = Changes { products: Vec::new(), targets: Some(Targets::new()) };
        writer.publish(&mut in_force, changes, &signers)
    }
}

fn check_address(address: &str) -> Result<(), PublishError> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let good = address.is_empty()
        || rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace));
    if good {
        Ok(())
    } else {
        Err(PublishError::invalid("address", "give `http://HOST[:PORT][/PATH]` or `https://…`"))
    }
}
