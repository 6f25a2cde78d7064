//! What the next publication changes: files added, files taken back.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::PublishError;
use crate::digest::Digest;
use crate::durable::{self, Access, Steps};
use crate::target::{Release, WithdrawnEntry};

/// What the next publication changes, by path.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Staged {
    pub(super) add: BTreeMap<String, Added>,
    pub(super) withdraw: BTreeMap<String, WithdrawnEntry>,
}

/// A file that is to be published. Its content is in its place already.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Added {
    pub(super) length: u64,
    pub(super) sha256: Digest,
    pub(super) release: Release,
}

impl Staged {
    pub(super) fn read(path: &Path) -> Result<Self, PublishError> {
        let Some(text) = durable::read(path).map_err(PublishError::io(path))? else {
            return Ok(Self::default());
        };
        serde_json::from_slice(&text).map_err(|error| PublishError::damaged(path, &error))
    }

    pub(super) fn write(&self, steps: &Steps, path: &Path) -> Result<(), PublishError> {
        let text = serde_json::to_vec_pretty(self).expect("it has only text keys");
        durable::write(steps, path, &text, Access::Shared).map_err(PublishError::io(path))
    }
}
