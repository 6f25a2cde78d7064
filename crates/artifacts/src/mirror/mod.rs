//! A mirror: a vendor's repository, byte for byte.
//!
//! Responsible for bringing a whole set of metadata before anybody sees any of it, for bringing content when it is asked
//! for, and for what readers get. Not responsible for transport, for when it happens, or for which release goes to whom.
//! Reference: updates, "The mirror".

mod snapshot;
mod upstream;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::blobs::{BlobError, Blobs, Put, SourceError};
use crate::durable::Steps;
use crate::target::Target;
use crate::trust::{KEPT, Limits, MetadataSource, TrustError, Trusted, Versions};

pub use snapshot::Snapshot;
use upstream::{File, Metadata};
pub use upstream::{FolderFile, FolderUpstream, Upstream};

/// A mirror in a folder, with blobs beside it.
///
/// Readers see one set until the next one is whole. Only one refresh goes on at a time.
pub struct Mirror {
    trusted: tokio::sync::Mutex<Trusted>,
    shown: RwLock<Shown>,
    blobs: Arc<dyn Blobs>,
    limits: Limits,
}

/// What readers see.
#[derive(Default)]
struct Shown {
    /// The set in force first, then those before it.
    kept: VecDeque<Arc<Snapshot>>,
    /// Up to that of the set in force.
    roots: BTreeMap<u64, Bytes>,
}

/// What a refresh came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// What is in force now.
    pub versions: Versions,
    /// It is another set than before.
    pub changed: bool,
}

/// Why content was not brought.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The set in force does not name it.
    #[error("the vendor's metadata names no {0}; refresh, or look at what it names")]
    NotNamed(String),
    /// The blob cannot be had or kept.
    #[error("{path}: {source}")]
    Blob {
        /// The target.
        path: String,
        /// Why.
        #[source]
        source: BlobError,
    },
}

impl FetchError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotNamed(_) => "TARGET_NOT_NAMED",
            Self::Blob { source, .. } => source.reason(),
        }
    }

    /// Whether the same call can succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Blob { source, .. } if source.may_pass())
    }
}

impl Mirror {
    /// Opens a folder, which is made if it is not there. `pinned` is a root of the vendor, as it was published.
    pub async fn open(
        dir: &Path,
        pinned: &[u8],
        blobs: Arc<dyn Blobs>,
        limits: Limits,
    ) -> Result<Self, TrustError> {
        Self::open_with(dir, pinned, blobs, limits, Steps::default()).await
    }

    /// The same, observed.
    pub async fn open_with(
        dir: &Path,
        pinned: &[u8],
        blobs: Arc<dyn Blobs>,
        limits: Limits,
        steps: Steps,
    ) -> Result<Self, TrustError> {
        let (dir, pinned) = (dir.to_owned(), Bytes::copy_from_slice(pinned));
        let opened = crate::blocking(move || {
            let trusted = Trusted::open_with(&dir, &pinned, limits, steps)?;
            let kept = trusted.kept()?;
            let mut shown = Shown::default();
            for chain in kept.iter().rev() {
                shown.kept.push_back(Arc::new(Snapshot::of(chain, limits.roles)));
            }
            if let Some(first) = shown.kept.front() {
                shown.roots = trusted.roots(first.versions().root)?;
            }
            Ok::<_, TrustError>((trusted, shown))
        });
        let (trusted, shown) = opened.await?;
        Ok(Self { trusted: trusted.into(), shown: RwLock::new(shown), blobs, limits })
    }

    /// Brings all metadata up to date and verifies it, and only then shows it. On an error the old set stays in force.
    ///
    /// Metadata that has ended at `now` is not taken; for a grace, give an earlier time.
    pub async fn refresh(&self, upstream: &dyn Upstream, now: Timestamp) -> Result<Refreshed, TrustError> {
        let mut trusted = self.trusted.lock().await;
        let source = Metadata(upstream);
        let mut chain = trusted.refreshed(&source, now).await?;
        trusted.bring_roles(&mut chain, &source, now).await?;
        let snapshot = Snapshot::of(&chain, self.limits.roles);
        let versions = snapshot.versions();
        let roots = trusted.roots(versions.root)?;
        let changed = trusted.put_in_force(chain).await?;
        if changed {
            let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
            shown.kept.push_front(Arc::new(snapshot));
            shown.kept.truncate(KEPT);
            shown.roots = roots;
        }
        Ok(Refreshed { versions, changed })
    }

    /// Brings the content of a target that the set in force names; goes on where an earlier try ended.
    pub async fn fetch(&self, upstream: &dyn Upstream, path: &str) -> Result<Put, FetchError> {
        let not_named = || FetchError::NotNamed(path.to_owned());
        let snapshot = self.current().ok_or_else(not_named)?;
        let target = snapshot.targets().get(path).ok_or_else(not_named)?;
        let place = snapshot.published(target);
        let file = File { upstream, path: &place, length: target.length };
        let put = self.blobs.put(target.wanted(), &file).await;
        put.map_err(|source| FetchError::Blob { path: path.to_owned(), source })
    }

    /// The set in force; a reader may keep it as long as it likes.
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        self.read(|shown| shown.kept.front().cloned())
    }

    /// A metadata file by the name it was published under: a root, one of the set in force, or a versioned one of the
    /// sets before it, for those who began to read then.
    pub fn metadata(&self, name: &str) -> Option<Bytes> {
        self.read(|shown| {
            let root = || shown.roots.get(&name.strip_suffix(".root.json")?.parse().ok()?).cloned();
            let current = || shown.kept.front()?.metadata(name);
            let versioned = name.starts_with(|first: char| first.is_ascii_digit());
            let earlier = || shown.kept.iter().skip(1).find_map(|kept| kept.metadata(name));
            root().or_else(current).or_else(|| versioned.then(earlier).flatten())
        })
    }

    /// A target by its path, `dir/HASH.name` or `HASH.dir/name`: of the set in force, and with its hash also of the sets
    /// before it.
    pub fn find(&self, path: &str) -> Option<Target> {
        self.read(|shown| {
            let sets = if snapshot::is_hashed(path) { KEPT } else { 1 };
            shown.kept.iter().take(sets).find_map(|kept| kept.find(path)).cloned()
        })
    }

    /// Where content is.
    pub fn blobs(&self) -> &Arc<dyn Blobs> {
        &self.blobs
    }

    fn read<T>(&self, read: impl FnOnce(&Shown) -> T) -> T {
        read(&self.shown.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl MetadataSource for Mirror {
    async fn metadata(&self, name: &str, _max: u64) -> Result<Option<Bytes>, SourceError> {
        Ok(Self::metadata(self, name))
    }
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Mirror({:?})", self.current().map(|snapshot| snapshot.versions()))
    }
}
