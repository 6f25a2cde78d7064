//! Release files and what makes them genuine: blobs by hash, and the vendor's TUF repository, written, mirrored and
//! verified.
//!
//! Responsible for keeping blobs, for publishing a repository, for mirroring one byte for byte, and for telling whether
//! metadata is the vendor's. Not responsible for who gets what and when, for any protocol (metadata and content come in
//! through [`MetadataSource`], [`Upstream`] and [`Source`]), or for reading a clock: times are arguments.
//! Reference: `docs/reference/updates.md`. Source: The Update Framework, specification 1.0.x.
//!
//! A vendor publishes, a server mirrors, and a client that has pinned the vendor's root looks a file up:
//!
//! ```
//! # use std::sync::Arc;
//! # use leasehold_artifacts::*;
//! # use rand::SeedableRng;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let at = |name: &str| folder.path().join(name);
//! # let now = jiff::Timestamp::from_second(1_800_000_000)?;
//! # let mut rng = rand::rngs::StdRng::seed_from_u64(1); // The system's generator, outside of examples.
//! # std::fs::write(at("rules.db"), b"definitions")?;
//! let mut vendor = Publisher::create(&at("updates"), "", now, &mut rng)?;
//! let release = Release::new("scanner", "2.0", Kind::Definition);
//! let path = vendor.add(&at("rules.db"), release, now)?.path;
//! vendor.publish(now, &mut rng)?;
//! let pinned = std::fs::read(vendor.repository().join("metadata/1.root.json"))?;
//! let upstream = FolderUpstream::new(vendor.repository());
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let blobs = Arc::new(FolderBlobs::open(&at("artifacts"))?);
//! let mirror = Mirror::open(&at("mirror"), &pinned, blobs, Limits::default()).await?;
//! mirror.refresh(&upstream, now).await?;
//! mirror.fetch(&upstream, &path).await?;
//!
//! let mut client = Trusted::open(&at("client"), &pinned, Limits::default())?;
//! client.refresh(&mirror, now).await?;
//! let target = client.target(&mirror, &path, now).await?.expect("the vendor names it");
//! assert_eq!(target.sha256, Digest::of(b"definitions"));
//! # Ok(()) })
//! # }
//! ```

pub mod blobs;
pub mod digest;
pub mod durable;
pub mod mirror;
pub mod publish;
pub mod target;
pub mod trust;

pub use blobs::{
    BlobError, Blobs, ByteStream, BytesSource, FileSource, FolderBlobs, Opened, Put, Scrubbed, Source,
    SourceError, SourceErrorKind, Wanted, scrub,
};
pub use digest::{Digest, DigestError};
pub use durable::Steps;
pub use mirror::{FetchError, FolderFile, FolderUpstream, Mirror, Refreshed, Snapshot, Upstream};
pub use publish::{Listed, PublishError, Published, Publisher, State};
pub use target::{Criticality, Kind, Release, Target, Withdrawn};
pub use trust::{Limits, MetadataSource, TrustError, Trusted, Versions};

/// Does work that waits for a disk, in a thread that may wait.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // Nobody cancels it, but for a runtime that ends, and then nobody waits.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
