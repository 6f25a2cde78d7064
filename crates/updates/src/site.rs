//! One instance's mirror as this process has it: the folder, what is shown of it, and what is known of its releases.
//!
//! ```text
//! instances/INSTANCE/name        what the instance is called, so that its mirror can be served before licensing answers
//! instances/INSTANCE/root.json   the pinned root that the mirror was begun with
//! instances/INSTANCE/tuf/…       the mirror; `tuf-2` and so on, where processes share the directory
//! blobs/…                        the files of every instance, by their hashes
//! ```
//!
//! Not responsible for bringing anything: that is `mirror`'s.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use leasehold_answer_keys::Keyring;
use leasehold_artifacts::{Blobs, Digest, Limits, Mirror, TrustError};
use leasehold_domain::InstanceId;
use leasehold_domain::updates::{Release, ReleaseState};
use leasehold_store::UpdateStore;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Error;
use crate::error::Failed;

/// Processes that can share a directory.
const MAX_SHARING: u32 = 64;
/// How long what is known of the releases is taken for new.
const FRESH: Duration = Duration::from_secs(1);

/// One logical licence server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
}

/// One instance, as this process has it.
pub(crate) struct Site {
    pub(crate) instance: Instance,
    /// The keys that its assignments are signed with.
    pub(crate) keyring: Keyring,
    /// Whoever makes a key has it.
    pub(crate) making_key: tokio::sync::Mutex<()>,
    /// Whoever mirrors has it.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// Somebody wants the repository mirrored without waiting for its time.
    pub(crate) wanted: Notify,
    dir: PathBuf,
    blobs: Arc<dyn Blobs>,
    mirror: RwLock<Option<Opened>>,
    known: RwLock<Option<Known>>,
    /// Where the repository was when it was asked last.
    address: Mutex<Option<String>>,
}

#[derive(Clone)]
struct Opened {
    mirror: Arc<Mirror>,
    root: Arc<[u8]>,
}

/// The releases, as this process can give them out.
#[derive(Clone)]
pub(crate) struct Known {
    /// Moves on with every change.
    pub(crate) revision: u64,
    /// Every release, by target.
    pub(crate) releases: Arc<[Release]>,
    /// Those whose bytes are here.
    pub(crate) held: Arc<HashSet<Digest>>,
    at: Instant,
}

impl Known {
    /// Whether a release's bytes are here.
    pub(crate) fn holds(&self, release: &Release) -> bool {
        self.held.contains(&Digest::from_bytes(release.sha256))
    }

    /// The releases as clients can be given them: what is not here is not approved yet.
    pub(crate) fn to_give(&self) -> Vec<Release> {
        to_give(&self.releases, |release| self.holds(release))
    }
}

/// Releases as clients can be given them.
pub(crate) fn to_give(releases: &[Release], holds: impl Fn(&Release) -> bool) -> Vec<Release> {
    let masked = |release: &Release| match release.state {
        ReleaseState::Approved if !holds(release) => {
            Release { state: ReleaseState::Known, ..release.clone() }
        }
        _ => release.clone(),
    };
    releases.iter().map(masked).collect()
}

impl Site {
    /// The folder of an instance, with what was mirrored there before.
    pub(crate) async fn open(
        directory: &Path,
        instance: Instance,
        blobs: Arc<dyn Blobs>,
    ) -> Result<Self, Error> {
        let dir = folder(directory).join(instance.id.to_string());
        let (made, name) = (dir.clone(), instance.name.clone());
        blocking(&dir, move || {
            std::fs::create_dir_all(&made)?;
            let file = made.join("name");
            let known = std::fs::read_to_string(&file).is_ok_and(|before| before == name);
            if known { Ok(()) } else { std::fs::write(file, name) }
        })
        .await?;
        let site = Self {
            instance,
            keyring: Keyring::default(),
            making_key: tokio::sync::Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            wanted: Notify::new(),
            dir,
            blobs,
            mirror: RwLock::default(),
            known: RwLock::default(),
            address: Mutex::default(),
        };
        let pinned = site.dir.join("root.json");
        let path = pinned.clone();
        let root = blocking(&pinned, move || match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        });
        if let Some(root) = root.await?
            && let Err(failed) = site.with_root(&root).await
        {
            let (name, error) = (&site.instance.name, failed.message);
            tracing::error!(instance.name = name, error, "what was mirrored before cannot be opened");
        }
        Ok(site)
    }

    /// The mirror, for this root: what was opened with another one is let go of.
    pub(crate) async fn with_root(&self, root: &[u8]) -> Result<Arc<Mirror>, Failed> {
        if let Some(opened) = self.opened().filter(|opened| *opened.root == *root) {
            return Ok(opened.mirror);
        }
        // The folder is locked by whoever has it open.
        *self.mirror.write().unwrap_or_else(PoisonError::into_inner) = None;
        let mirror = self.open_mirror(root).await?;
        let (pinned, content) = (self.dir.join("root.json"), root.to_vec());
        let file = pinned.clone();
        let kept = blocking(&pinned, move || {
            let part = file.with_extension("json.part");
            std::fs::write(&part, content)?;
            std::fs::rename(part, file)
        });
        // It is there to serve from before the vendor says it again; without it that waits for the next run.
        if let Err(error) = kept.await {
            tracing::warn!(%error, "the root of the mirror was not kept for the next start");
        }
        let mirror = Arc::new(mirror);
        let opened = Opened { mirror: Arc::clone(&mirror), root: root.into() };
        *self.mirror.write().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        Ok(mirror)
    }

    /// The first folder that no other process has: replicas that share a directory have one each.
    async fn open_mirror(&self, root: &[u8]) -> Result<Mirror, TrustError> {
        let mut number = 1;
        loop {
            let name = if number == 1 { "tuf".to_owned() } else { format!("tuf-{number}") };
            let blobs = Arc::clone(&self.blobs);
            match Mirror::open(&self.dir.join(name), root, blobs, Limits::default()).await {
                Err(TrustError::Locked { .. }) if number < MAX_SHARING => number += 1,
                opened => return opened,
            }
        }
    }

    /// The mirror, where something was ever mirrored.
    pub(crate) fn mirror(&self) -> Option<Arc<Mirror>> {
        self.opened().map(|opened| opened.mirror)
    }

    fn opened(&self) -> Option<Opened> {
        self.mirror.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The releases, as they were at most a second ago.
    pub(crate) async fn known(&self, store: &dyn UpdateStore) -> Result<Known, Error> {
        let before = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = before.as_ref().filter(|known| known.at.elapsed() < FRESH) {
            return Ok(known.clone());
        }
        if let Some(mut known) = before
            && store.revision(self.instance.id).await? == known.revision
        {
            known.at = Instant::now();
            *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
            return Ok(known);
        }
        let catalogue = store.catalogue(self.instance.id).await?;
        let held = held(&*self.blobs, &catalogue.releases).await?;
        let known = Known {
            revision: catalogue.revision,
            releases: catalogue.releases.into(),
            held: Arc::new(held),
            at: Instant::now(),
        };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }

    /// What is known is to be read anew.
    pub(crate) fn forget_known(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Where the repository was when it was asked last.
    pub(crate) fn last_address(&self) -> Option<String> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers where the repository is.
    pub(crate) fn remember_address(&self, address: &str) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.to_owned());
    }
}

/// The instances that have a folder, by what they are called.
pub(crate) async fn found(directory: &Path) -> Result<Vec<Instance>, Error> {
    let dir = folder(directory);
    blocking(&dir.clone(), move || {
        std::fs::create_dir_all(&dir)?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            let id = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| uuid::Uuid::parse_str(name).ok());
            if let Some(id) = id
                && let Ok(name) = std::fs::read_to_string(path.join("name"))
            {
                found.push(Instance { id: InstanceId(id), name });
            }
        }
        Ok(found)
    })
    .await
}

/// The files of these releases that are here.
pub(crate) async fn held(blobs: &dyn Blobs, releases: &[Release]) -> Result<HashSet<Digest>, Error> {
    let mut held = HashSet::new();
    for release in releases {
        let sha256 = Digest::from_bytes(release.sha256);
        let length = blobs.length(sha256).await.map_err(Failed::from)?;
        if length == Some(release.length) {
            held.insert(sha256);
        }
    }
    Ok(held)
}

fn folder(directory: &Path) -> PathBuf {
    directory.join("instances")
}

/// Does work that waits for a disk, in a thread that may wait.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let done =
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    done.map_err(Error::file(path))
}
