//! New keys for old.
//!
//! A reader may meet the repository between any two steps. So the set that goes before the new root is signed by the old
//! keys and by the new ones: it is good for those who know the old root and for those who know the new one. The root comes
//! last.

use std::collections::BTreeSet;

use jiff::Timestamp;
use leasehold_signing::{CryptoRng, SigningKey};

use super::create::TOP;
use super::in_force::{Changes, InForce};
use super::{PublishError, Publisher, signers, versions};
use crate::trust::Versions;

impl Publisher {
    /// Gives roles new keys: `root`, `targets`, `snapshot`, `timestamp`, or a product's. The old ones are deleted.
    ///
    /// Those of the top level need the root's key.
    pub fn rotate(
        &mut self,
        roles: &[String],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Versions, PublishError> {
        let mut in_force = self.in_force()?;
        for role in roles {
            check(role, &in_force)?;
        }
        let (mut keys, mut root, mut root_changed) = (self.keys()?, in_force.root.clone(), false);
        let mut changes = Changes::default();
        let mut signers = signers(&in_force, &keys, true)?;
        let mut root_signers: Vec<SigningKey> = Vec::new();
        if roles.iter().any(|role| TOP.contains(&role.as_str())) {
            root_signers = keys.signers("root", in_force.root.ids("root"))?;
        }
        let once: BTreeSet<&String> = roles.iter().collect();
        for role in once {
            let key = keys.make(role, rng)?;
            if TOP.contains(&role.as_str()) {
                root.set(role, key.verifying_key());
                root_changed = true;
            }
            match role.as_str() {
                "root" => root_signers.push(key),
                "snapshot" => signers.snapshot.push(key),
                "timestamp" => signers.timestamp.push(key),
                "targets" => {
                    changes.targets.get_or_insert_with(|| in_force.targets.clone());
                    signers.targets.push(key);
                }
                product => {
                    let targets = changes.targets.get_or_insert_with(|| in_force.targets.clone());
                    targets.delegations.get_or_insert_default().set(product, key.verifying_key());
                    let role = in_force.products[product].clone();
                    changes.products.push((product.to_owned(), role, vec![key]));
                }
            }
        }
        let writer = self.writer(now);
        writer.publish(&mut in_force, changes, &signers)?;
        if root_changed {
            writer.root(&mut root, &root_signers)?;
            in_force.root = root;
        }
        keys.keep_only(&in_force.key_ids())?;
        Ok(versions(&in_force))
    }
}

fn check(role: &str, in_force: &InForce) -> Result<(), PublishError> {
    if TOP.contains(&role) || in_force.products.contains_key(role) {
        return Ok(());
    }
    let products: Vec<&str> = in_force.products.keys().map(String::as_str).collect();
    let products = if products.is_empty() { "there is none yet".to_owned() } else { products.join(", ") };
    Err(PublishError::NoRole { role: role.to_owned(), products })
}
