//! What is kept on disk, in one file that is replaced whole.
//!
//! ```text
//! state.json                 who this client is, what is in place of each product, and what is still to be reported
//! trust/                     the vendor's metadata, and the lock
//! sha256/ab/abcd…            files by their hash
//! part/abcd….part            one that is being fetched
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use leasehold_artifacts::Steps;
use leasehold_artifacts::durable::{self, Access};
use serde::{Deserialize, Serialize};

use super::error::UpdateError;
use super::events::Event;
use super::installed::Product;

/// The file.
const STATE: &str = "state.json";

/// Everything that outlives the process, but for metadata and content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// By which the server knows the client again.
    pub(super) client_id: String,
    /// When the newest assignment was made, by the id of the licence server.
    pub(super) newest: BTreeMap<String, Timestamp>,
    /// The sequence of the last event.
    pub(super) last_sequence: u64,
    /// What is still to be reported, in order.
    pub(super) events: Vec<Event>,
    /// What is in place, by product.
    pub(super) products: BTreeMap<String, Product>,
}

/// The file and what it holds.
pub(super) struct Disk {
    path: PathBuf,
    steps: Steps,
    kept: Kept,
}

impl Disk {
    /// Reads what is there, or begins. Blocking.
    pub(super) fn open(dir: &Path, steps: Steps) -> Result<Self, UpdateError> {
        let path = dir.join(STATE);
        if let Some(kept) = read(dir)? {
            return Ok(Self { path, steps, kept });
        }
        let kept = Kept {
            client_id: crate::identity::random_uuid(),
            newest: BTreeMap::new(),
            last_sequence: 0,
            events: Vec::new(),
            products: BTreeMap::new(),
        };
        write(&path, &steps, &kept)?;
        Ok(Self { path, steps, kept })
    }

    /// What is kept.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Changes what is kept, on disk first. Where that fails nothing has changed.
    pub(super) async fn change<T>(&mut self, change: impl FnOnce(&mut Kept) -> T) -> Result<T, UpdateError> {
        let mut next = self.kept.clone();
        let answer = change(&mut next);
        if next != self.kept {
            let (path, steps) = (self.path.clone(), self.steps.clone());
            self.kept = blocking(move || write(&path, &steps, &next).map(|()| next)).await?;
        }
        Ok(answer)
    }
}

/// What is kept in a directory; `None`: nothing yet. Blocking.
pub(super) fn read(dir: &Path) -> Result<Option<Kept>, UpdateError> {
    let path = dir.join(STATE);
    let problem = |problem: String| UpdateError::State { path: path.clone(), problem };
    let bytes = durable::read(&path).map_err(|error| problem(error.to_string()))?;
    let read = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
    read.map_err(|error| problem(error.to_string()))
}

fn write(path: &Path, steps: &Steps, kept: &Kept) -> Result<(), UpdateError> {
    let bytes = serde_json::to_vec_pretty(kept).expect("every key in it is a text");
    durable::write(steps, path, &bytes, Access::Secret)
        .map_err(|error| UpdateError::State { path: path.to_owned(), problem: error.to_string() })
}

/// Does work that waits for a disk, on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // Nobody cancels it, but for a runtime that ends, and then nobody waits.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
