//! What is in place of a product, what was before it, and the way back.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use leasehold_artifacts::{Digest, FolderBlobs};
use leasehold_proto::updates::v1::UpdateState;
use serde::{Deserialize, Serialize};

use super::Updater;
use super::assignment::Assignment;
use super::disk::{self, Kept};
use super::error::UpdateError;
use super::events::{News, Told};

/// So often is a file taken up without proving itself; then it goes back.
const MAX_STARTS: u32 = 3;
/// Files that are remembered as not to be tried again; the oldest are forgotten.
const MAX_TURNED_DOWN: usize = 16;

/// A file that is in place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// The product.
    pub product: String,
    /// The channel.
    pub channel: String,
    /// The version.
    pub version: String,
    /// The path of the target in the vendor's repository; its last part is the file's name.
    pub target: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Bytes.
    pub length: u64,
    /// Where it is. It must not be changed, and stays there until the next but one is in place.
    pub path: PathBuf,
}

/// What is kept of a product.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Product {
    /// What is in place.
    pub(super) current: Option<Set>,
    /// What was before it.
    pub(super) previous: Option<Set>,
    /// What failed here, and is not tried again.
    turned_down: Vec<Digest>,
    /// How often the current one was taken up without proving itself.
    starts: u32,
    pub(super) told: Option<Told>,
}

/// A file, in place or before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Set {
    pub(super) assignment_id: String,
    pub(super) channel: String,
    pub(super) version: String,
    pub(super) target: String,
    pub(super) sha256: Digest,
    pub(super) length: u64,
}

impl From<&Assignment> for Set {
    fn from(assignment: &Assignment) -> Self {
        Self {
            assignment_id: assignment.id.clone(),
            channel: assignment.channel.clone(),
            version: assignment.version.clone(),
            target: assignment.target.clone(),
            sha256: assignment.sha256,
            length: assignment.length,
        }
    }
}

impl Set {
    fn shown(&self, product: &str, path: PathBuf) -> Installed {
        Installed {
            product: product.to_owned(),
            channel: self.channel.clone(),
            version: self.version.clone(),
            target: self.target.clone(),
            sha256: self.sha256,
            length: self.length,
            path,
        }
    }
}

impl Product {
    /// Whether this file failed here.
    pub(super) fn has_turned_down(&self, sha256: Digest) -> bool {
        self.turned_down.contains(&sha256)
    }

    /// This file is not tried again.
    pub(super) fn turn_down(&mut self, sha256: Digest) {
        self.turned_down.retain(|other| *other != sha256);
        if self.turned_down.len() == MAX_TURNED_DOWN {
            self.turned_down.remove(0);
        }
        self.turned_down.push(sha256);
    }

    /// Puts a file in place; what was there is kept.
    pub(super) fn put(&mut self, set: Set) {
        let before = self.current.replace(set);
        // One that is put in place again leaves what was before it.
        if before.as_ref().map(|before| before.sha256) != self.current.as_ref().map(|set| set.sha256) {
            self.previous = before.or(self.previous.take());
        }
        self.starts = 0;
    }
}

impl Kept {
    /// Goes back to what was in place before, and tells it. `false`: there is nothing to go back to.
    fn go_back(&mut self, product: &str, why: &str, at: Timestamp) -> bool {
        let Some(found) = self.products.get_mut(product) else { return false };
        let Some(previous) = found.previous.take() else { return false };
        let Some(gone) = found.current.replace(previous) else { return false };
        found.turn_down(gone.sha256);
        found.starts = 0;
        let news = News {
            assignment_id: &gone.assignment_id,
            product,
            version: &gone.version,
            state: UpdateState::RolledBack,
            message: why,
            fetched_bytes: 0,
        };
        self.tell(&news, at);
        true
    }

    /// Every file that is in place, or was before.
    pub(super) fn files(&self) -> Vec<Digest> {
        let sets = self.products.values().flat_map(|product| [&product.current, &product.previous]);
        sets.flatten().map(|set| set.sha256).collect()
    }
}

impl Updater {
    /// What is in place of a product.
    pub fn installed(&self, product: &str) -> Option<Installed> {
        let set = self.disk.kept().products.get(product)?.current.as_ref()?;
        Some(set.shown(product, self.blobs.path(set.sha256)))
    }

    /// What is in place of a product, to be loaded now. To be called each time before the file is loaded, and
    /// [`Updater::works`] once it has proved itself: a file that was taken up three times and never did, because the
    /// program crashed for instance, makes way for the one before it.
    pub async fn take_up(&mut self, product: &str) -> Result<Option<Installed>, UpdateError> {
        let now = self.now();
        let change = |kept: &mut Kept| {
            let starts = kept.products.get(product).map_or(0, |found| found.starts);
            if starts >= MAX_STARTS {
                let why = format!("it was taken up {starts} times and did not prove itself");
                kept.go_back(product, &why, now);
            }
            if let Some(found) = kept.products.get_mut(product).filter(|found| found.current.is_some()) {
                // Where there is nothing to go back to, counting on serves nobody.
                found.starts = (found.starts + 1).min(MAX_STARTS);
            }
        };
        self.disk.change(change).await?;
        Ok(self.installed(product))
    }

    /// The file that was taken up last works.
    pub async fn works(&mut self, product: &str) -> Result<(), UpdateError> {
        let change = |kept: &mut Kept| {
            if let Some(found) = kept.products.get_mut(product) {
                found.starts = 0;
            }
        };
        self.disk.change(change).await
    }

    /// Goes back to what was in place before. What is in place now is not tried again, and the server is told why.
    pub async fn roll_back(&mut self, product: &str, why: &str) -> Result<Installed, UpdateError> {
        let now = self.now();
        let went = self.disk.change(|kept| kept.go_back(product, why, now)).await?;
        let installed = self.installed(product).filter(|_| went);
        installed.ok_or_else(|| UpdateError::NoPrevious { product: product.to_owned() })
    }
}

/// What is in place of a product in an updater's directory, for processes that do not have it. Blocking.
pub fn installed(dir: &Path, product: &str) -> Result<Option<Installed>, UpdateError> {
    let Some(kept) = disk::read(dir)? else { return Ok(None) };
    let Some(set) = kept.products.get(product).and_then(|found| found.current.clone()) else {
        return Ok(None);
    };
    let blobs = FolderBlobs::open(dir)?;
    Ok(Some(set.shown(product, blobs.path(set.sha256))))
}
