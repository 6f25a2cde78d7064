//! A folder with a vendor, mirrors and clients in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use leasehold_artifacts::{
    FolderBlobs, FolderUpstream, Kind, Limits, Mirror, PublishError, Published, Publisher, Release,
    TrustError, Trusted,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

/// When the tests happen.
pub(crate) const NOW: i64 = 1_800_000_000;

/// The time, so many days later.
pub(crate) fn day(days: i64) -> Timestamp {
    Timestamp::from_second(NOW).unwrap().checked_add(SignedDuration::from_hours(24 * days)).unwrap()
}

/// A generator: another one for each seed.
pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A runtime for one test.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A folder that is gone when the test ends.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// A repository in the folder `updates`.
    pub(crate) fn publisher(&self) -> Publisher {
        Publisher::create(&self.path("updates"), "", day(0), &mut rng(1)).unwrap()
    }

    /// The first root of that repository.
    pub(crate) fn pinned(&self) -> Vec<u8> {
        std::fs::read(self.path("updates/repository/metadata/1.root.json")).unwrap()
    }

    /// That repository, to be read.
    pub(crate) fn upstream(&self) -> FolderUpstream {
        FolderUpstream::new(self.path("updates/repository"))
    }

    /// A mirror in a folder of this name.
    pub(crate) async fn mirror(&self, name: &str, pinned: &[u8]) -> Result<Mirror, TrustError> {
        let blobs = FolderBlobs::open(&self.path(name).join("blobs")).unwrap();
        Mirror::open(&self.path(name), pinned, Arc::new(blobs), Limits::default()).await
    }

    /// A client in a folder of this name.
    pub(crate) fn client(&self, name: &str, pinned: &[u8]) -> Result<Trusted, TrustError> {
        Trusted::open(&self.path(name), pinned, Limits::default())
    }
}

/// Adds a definition file with this content, and publishes it.
pub(crate) fn release(
    publisher: &mut Publisher,
    place: &Place,
    product: &str,
    version: &str,
    content: &[u8],
) -> Result<Published, PublishError> {
    let file = place.write("rules.db", content);
    publisher.add(&file, Release::new(product, version, Kind::Definition), day(0))?;
    publisher.publish(day(0), &mut rng(version.len() as u64 + 10))
}

/// Names the Python to use.
const PYTHON: &str = "LEASEHOLD_TEST_PYTHON";

/// A script, with a Python that has python-tuf; one that is named has to have it.
pub(crate) fn python(script: &str) -> Option<Command> {
    let advice = "run `python3 -m venv DIR && DIR/bin/pip install tuf 'securesystemslib[crypto]'`";
    let Some(program) = std::env::var_os(PYTHON) else {
        eprintln!("SKIPPED: {advice} and set {PYTHON}");
        return None;
    };
    let mut probe = Command::new(&program);
    let has_it = probe.args(["-c", "import cryptography, tuf.ngclient"]).output().unwrap().status.success();
    assert!(has_it, "{} has no python-tuf; {advice}", program.display());
    let mut command = Command::new(program);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script));
    Some(command)
}
