//! The vendor's update repository, and the definition file that it publishes while the firm works.
//!
//! Responsible for the vendor's half, with the library behind `leasehold vendor updates`, and for telling the licence server
//! to mirror. Not responsible for serving the repository: the back office does. Nor for the devices.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use leasehold_artifacts::{Digest, Kind, Listed, PublishError, Publisher, Release, State};
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::upstream_service_client::UpstreamServiceClient;
use leasehold_runtime::Clock;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::Error;
use super::estate::{EXPORT, RENDERING};
use crate::app::backoffice::updates_dir;
use crate::vendor::answered;

/// What is published: the materials that the programs of the firm render with.
pub(super) const PRODUCT: &str = "materials";
const FILE: &str = "materials.txt";
/// Lines of the file, so that it comes in several pieces.
const MATERIALS: u32 = 12_000;
const CONNECT: Duration = Duration::from_secs(5);
/// How long the server may take to mirror.
const PATIENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(200);

/// A file of the repository, as the vendor's own metadata has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    /// Its path.
    pub(super) path: String,
    /// The version.
    pub(super) version: String,
    /// Bytes.
    pub(super) length: u64,
    /// Its hash.
    pub(super) sha256: Digest,
    /// When: what was published later is newer.
    pub(super) at: Timestamp,
}

/// Makes the repository of a vendor's directory where there is none, to be served at this address; gives the root that
/// mirrors and clients pin.
pub(super) async fn open(vendor: &Path, address: String, now: Timestamp) -> Result<Vec<u8>, Error> {
    in_files(vendor, move |updates| {
        let mut rng: StdRng = rand::make_rng();
        let publisher = match Publisher::create(updates, &address, now, &mut rng) {
            Err(PublishError::There { .. }) => Publisher::open(updates)?,
            made => made?,
        };
        let path = publisher.root()?;
        std::fs::read(&path).map_err(|source| PublishError::Io { path, source })
    })
    .await
}

/// Publishes the next version, and has the licence server with its updates here mirror it.
pub(super) async fn go_out(vendor: &Path, updates: SocketAddr, clock: Arc<dyn Clock>) -> Result<(), Error> {
    in_files(vendor, move |updates| publish(updates, clock.now())).await?;
    mirror(updates).await
}

/// Every definition file that the vendor stands behind, the newest last.
pub(super) async fn published(vendor: &Path) -> Result<Vec<Published>, Error> {
    let listed = in_files(vendor, |updates| Publisher::open(updates)?.list()).await?;
    let of_product = |file: Listed| {
        let release = file.release.filter(|_| file.state == State::Published)?;
        let at = release.released_at.unwrap_or_default();
        let (path, version) = (file.path, release.version);
        let published = Published { path, version, length: file.length, sha256: file.sha256, at };
        (release.product == PRODUCT).then_some(published)
    };
    let mut published: Vec<Published> = listed.into_iter().filter_map(of_product).collect();
    published.sort_by_key(|file| file.at);
    Ok(published)
}

/// A way to the licence server's updates.
pub(super) fn channel(updates: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{updates}")).expect("an address makes a URI");
    endpoint.connect_timeout(CONNECT).connect_lazy()
}

fn publish(updates: &Path, now: Timestamp) -> Result<(), PublishError> {
    let mut publisher = Publisher::open(updates)?;
    let prefix = format!("{PRODUCT}/");
    let before = publisher.list()?.iter().filter(|file| file.path.starts_with(&prefix)).count();
    // A path never changes what it stands for, so each start has a version of its own.
    let version = format!("1.{before}");
    let folder = tempfile::tempdir().map_err(io_error(&std::env::temp_dir()))?;
    let file = folder.path().join(FILE);
    std::fs::write(&file, content(&version)).map_err(io_error(&file))?;
    let release = Release {
        features: vec![RENDERING.to_owned(), EXPORT.to_owned()],
        notes: Some("Materials for rendering, as of today.".to_owned()),
        ..Release::new(PRODUCT, &version, Kind::Definition)
    };
    publisher.add(&file, release, now)?;
    let mut rng: StdRng = rand::make_rng();
    publisher.publish(now, &mut rng).map(drop)
}

fn content(version: &str) -> String {
    let mut text = format!("{PRODUCT} {version}\n");
    for number in 0..MATERIALS {
        let hue = number.wrapping_mul(2_654_435_761) >> 8;
        writeln!(text, "material {number:05} #{hue:06x}").expect("memory takes text");
    }
    text
}

/// Tells the server to mirror, as an administrator does who does not want to wait.
async fn mirror(updates: SocketAddr) -> Result<(), Error> {
    const WHAT: &str = "mirroring the update";
    let (mut upstream, start) = (UpstreamServiceClient::new(channel(updates)), Instant::now());
    loop {
        let answer = timeout(PATIENCE, upstream.sync_now(pb::SyncNowRequest::default())).await;
        let answer = answer.unwrap_or_else(|_| Err(tonic::Status::deadline_exceeded("it took too long")));
        match answer {
            // It is at it by itself, and perhaps began before there was something new.
            Err(status) if status.code() == Code::Aborted && start.elapsed() < PATIENCE => sleep(AGAIN).await,
            answer => {
                let run = answered(WHAT, answer)?.run.unwrap_or_default();
                let done = run.failure_reason.is_empty() && run.missing_files == 0;
                return if done { Ok(()) } else { Err(Error::Mirror { message: run.message }) };
            }
        }
    }
}

/// Does work that waits for a disk, in the folder of the repository.
async fn in_files<T: Send + 'static>(
    vendor: &Path,
    work: impl FnOnce(&Path) -> Result<T, PublishError> + Send + 'static,
) -> Result<T, Error> {
    let updates = updates_dir(vendor);
    let worked = tokio::task::spawn_blocking(move || work(&updates)).await;
    Ok(worked.map_err(|error| Error::Client(error.to_string()))??)
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> PublishError {
    let path = path.to_owned();
    move |source| PublishError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_publication_is_another_version_and_genuine() {
        let vendor = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-30T10:00:00Z".parse().unwrap();
        let root = open(vendor.path(), "http://127.0.0.1:1".to_owned(), now).await.unwrap();
        assert_eq!(open(vendor.path(), String::new(), now).await.unwrap(), root, "one repository is enough");
        let updates = updates_dir(vendor.path());
        assert!(published(vendor.path()).await.unwrap().is_empty());
        let later = now + jiff::SignedDuration::from_hours(1);
        publish(&updates, later).unwrap();
        publish(&updates, now).unwrap();
        let published = published(vendor.path()).await.unwrap();
        let paths: Vec<&str> = published.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["materials/1.1/materials.txt", "materials/1.0/materials.txt"], "the newest last");
        assert_eq!((published[1].at, published[1].version.as_str()), (later, "1.0"));
        assert_eq!(published[1].sha256, Digest::of(content("1.0").as_bytes()));
        let length = published[1].length;
        assert!(length > 256 * 1024, "it comes in several pieces: {length}");
    }
}
