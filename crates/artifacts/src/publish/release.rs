//! Publishing what is staged, and signing anew what is about to end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use leasehold_signing::CryptoRng;

use super::in_force::{Changes, InForce};
use super::keys::Keys;
use super::lifetimes::is_due;
use super::roles::{Delegations, File, Targets};
use super::staged::Staged;
use super::{PublishError, Published, Publisher, signers, versions};

impl Publisher {
    /// Publishes what is staged. What is about to end is signed anew, also where nothing is staged.
    pub fn publish(
        &mut self,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Published, PublishError> {
        let (mut in_force, mut keys, staged) = (self.in_force()?, self.keys()?, self.staged()?);
        self.renew_root(&mut in_force, &keys, now)?;
        let (mut changes, added, withdrawn) = Self::changes(&in_force, &mut keys, &staged, rng)?;
        self.add_due(&in_force, &keys, &mut changes, now)?;
        let signers = signers(&in_force, &keys, changes.targets.is_some())?;
        self.writer(now).publish(&mut in_force, changes, &signers)?;
        self.stage(&Staged::default())?;
        let expires = in_force.timestamp.head.expires;
        Ok(Published { versions: versions(&in_force), added, withdrawn, expires })
    }

    /// Signs anew what has less than half of its days left; whether that was anything. What is staged stays so.
    ///
    /// A key that is not there is missed only if its role is due; the root is left to [`publish`](Self::publish).
    pub fn renew(&mut self, now: Timestamp) -> Result<bool, PublishError> {
        let (mut in_force, keys, days) = (self.in_force()?, self.keys()?, self.settings.days);
        let mut changes = Changes::default();
        self.add_due(&in_force, &keys, &mut changes, now)?;
        let listings = [(&in_force.timestamp, days.timestamp), (&in_force.snapshot, days.snapshot)];
        let due = listings.iter().any(|(listing, days)| is_due(listing.head.expires, *days, now));
        if !due && changes.products.is_empty() && changes.targets.is_none() {
            return Ok(false);
        }
        let signers = signers(&in_force, &keys, changes.targets.is_some())?;
        self.writer(now).publish(&mut in_force, changes, &signers)?;
        Ok(true)
    }

    /// Turns what is staged into roles. What is in force already, since a publication broke off at its end, is passed by.
    fn changes(
        in_force: &InForce,
        keys: &mut Keys,
        staged: &Staged,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Changes, Vec<String>, Vec<String>), PublishError> {
        let mut products: BTreeMap<String, Targets> = BTreeMap::new();
        let old = |product: &str| in_force.products.get(product).cloned().unwrap_or_else(Targets::new);
        let (mut added, mut withdrawn) = (Vec::new(), Vec::new());
        for (path, file) in &staged.add {
            let custom = serde_json::to_value(&file.release).expect("it has only text keys");
            let named = File::new(file.length, file.sha256, custom);
            let product = &file.release.product;
            if old(product).targets.get(path) != Some(&named) {
                let role = products.entry(product.clone()).or_insert_with(|| old(product));
                role.targets.insert(path.clone(), named);
                added.push(path.clone());
            }
        }
        for (path, entry) in &staged.withdraw {
            let product = path.split('/').next().unwrap_or_default();
            if old(product).targets.contains_key(path) {
                let role = products.entry(product.to_owned()).or_insert_with(|| old(product));
                role.targets.remove(path);
                role.withdrawn.insert(path.clone(), entry.clone());
                withdrawn.push(path.clone());
            }
        }
        let mut changes = Changes::default();
        for (product, role) in products {
            let signing = if in_force.products.contains_key(&product) {
                keys.signers(&product, in_force.product_ids(&product))?
            } else {
                let key = keys.make(&product, rng)?;
                let targets = changes.targets.get_or_insert_with(|| in_force.targets.clone());
                targets
                    .delegations
                    .get_or_insert_with(Delegations::default)
                    .set(&product, key.verifying_key());
                vec![key]
            };
            changes.products.push((product, role, signing));
        }
        Ok((changes, added, withdrawn))
    }

    /// Adds the roles that are about to end.
    fn add_due(
        &self,
        in_force: &InForce,
        keys: &Keys,
        changes: &mut Changes,
        now: Timestamp,
    ) -> Result<(), PublishError> {
        let days = self.settings.days;
        for (product, role) in &in_force.products {
            let renewed = changes.products.iter().any(|(changed, ..)| changed == product);
            if !renewed && is_due(role.head.expires, days.product, now) {
                let signing = keys.signers(product, in_force.product_ids(product))?;
                changes.products.push((product.clone(), role.clone(), signing));
            }
        }
        if is_due(in_force.targets.head.expires, days.targets, now) {
            changes.targets.get_or_insert_with(|| in_force.targets.clone());
        }
        Ok(())
    }

    /// Signs the root anew, where it is about to end. Its keys stay, so it fits what is in force before and after.
    fn renew_root(&self, in_force: &mut InForce, keys: &Keys, now: Timestamp) -> Result<(), PublishError> {
        if !is_due(in_force.root.head.expires, self.settings.days.root, now) {
            return Ok(());
        }
        let signing = match keys.signers("root", in_force.root.ids("root")) {
            Ok(signing) => signing,
            // It is kept elsewhere, and there is time: half of its days.
            Err(PublishError::NoKey { .. }) if in_force.root.head.expires > now => return Ok(()),
            Err(error) => return Err(error),
        };
        self.writer(now).root(&mut in_force.root, &signing)
    }
}
