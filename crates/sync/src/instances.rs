//! What instances are called: licensing knows them, and they are remembered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use leasehold_domain::InstanceId;
use uuid::Uuid;

use crate::Error;
use crate::state::State;

/// One logical licence server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
}

/// The instances that were asked for, by what they were called. There are few, and each has three names.
#[derive(Default)]
pub(crate) struct Instances(Mutex<HashMap<String, Instance>>);

impl Instances {
    fn known(&self, name: &str) -> Option<Instance> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn remember(&self, name: String, instance: Instance) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, instance);
    }
}

impl State {
    /// The instance of this id or name; empty and `~` mean the default one.
    pub(crate) async fn instance(&self, name: &str) -> Result<Instance, Error> {
        let name = match (name, Uuid::parse_str(name)) {
            ("~", _) => String::new(),
            // An id has one spelling here, so that each takes one place.
            (_, Ok(id)) => id.to_string(),
            (name, Err(_)) => name.to_owned(),
        };
        if let Some(known) = self.instances.known(&name) {
            return Ok(known);
        }
        let found = self.licensing.instance(&name).await?;
        self.instances.remember(name, found.clone());
        Ok(found)
    }

    /// What to call an instance in the log; its id where licensing does not say it.
    pub(crate) async fn name_of(&self, instance: InstanceId) -> String {
        let id = instance.to_string();
        self.instance(&id).await.map_or(id, |found| found.name)
    }
}
