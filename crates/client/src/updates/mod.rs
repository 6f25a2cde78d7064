//! Updates of definitions: files that change often, from the vendor by way of the licence server to the program.
//!
//! Responsible for everything between the two: what the server says is to be had, whether the vendor stands behind it,
//! the download, the load test, the swap, the way back, and what is told about it. Not responsible for when a program
//! loads what is in place, nor for software, whose installers it does not run. Reference: `docs/reference/client.md`,
//! "Updates".
//!
//! Invariants: what is put in place is named by a signed assignment *and* by the vendor's metadata, with one hash and
//! one length; what was in place stays until the next one has passed its load test; every change of what is kept is one
//! file that is replaced whole, so a process that is killed leaves the old or the new.
//!
//! ```no_run
//! # async fn example(client: leasehold_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use leasehold_client::updates::{Follow, LoadTest, Updater, UpdaterOptions};
//!
//! let root = std::fs::read("1.root.json")?; // Shipped with the program.
//! let scanner = Follow::new("scanner").load_test(LoadTest::child("scanner").arg("--check"));
//! let mut updater = Updater::open(&client, UpdaterOptions::new("/var/lib/scanner/updates", root).follow(scanner)).await?;
//! let mut notices = client.notices();
//! loop {
//!     updater.due(&mut notices).await;
//!     match updater.update().await {
//!         Ok(_) => {
//!             if let Some(rules) = updater.take_up("scanner").await? {
//!                 // Load the file at `rules.path`; once it has proved itself:
//!                 updater.works("scanner").await?;
//!             }
//!         }
//!         Err(error) => eprintln!("{error}"), // It is due again by itself.
//!     }
//! }
//! # }
//! ```

mod apply;
mod assignment;
mod calls;
mod check_in;
mod disk;
mod error;
mod events;
mod fetch;
mod installed;
mod load_test;
mod options;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_artifacts::{FolderBlobs, Limits, Steps, Trusted};
use tokio::time::Instant;

pub use self::apply::Applied;
pub use self::assignment::{Assignment, CheckedIn, Withdrawn};
pub use self::check_in::{Outcome, Updated};
pub use self::error::UpdateError;
pub use self::installed::{Installed, installed};
pub use self::load_test::LoadTest;
pub use self::options::{FetchLimits, Follow, UpdaterOptions};
pub use leasehold_artifacts::{BlobError, Digest, SourceError, TrustError};

use self::calls::Calls;
use self::disk::Disk;
use crate::channel;
use crate::client::Client;
use crate::notices::Notices;
use crate::verify::{Chains, Pin};

/// The service whose assignments count.
const SERVICE: &str = "updates";

/// Keeps definitions up to date in a directory. One process has it at a time.
pub struct Updater {
    client: Client,
    dir: PathBuf,
    follow: Vec<Follow>,
    time_zone: String,
    limits: FetchLimits,
    steps: Steps,
    calls: Calls,
    disk: Disk,
    trusted: Trusted,
    blobs: Arc<FolderBlobs>,
    chains: Chains,
    /// Opens further calls; `None` until a check-in.
    ticket: Option<Vec<u8>>,
    /// When the next check-in is due.
    due: Instant,
    /// Check-ins that have failed in a row.
    failures: u32,
    /// Updates in a row that left something to be tried again.
    unfinished: u32,
}

impl Updater {
    /// Opens the directory, which is made if it is not there. The client has to have pinned its vendor's root key.
    pub async fn open(client: &Client, options: UpdaterOptions) -> Result<Self, UpdateError> {
        let UpdaterOptions { dir, root, follow, server, time_zone, limits, steps } = options;
        let own = &client.inner.options;
        let Some(vendor) = own.vendor_root else { return Err(UpdateError::NoVendorRoot) };
        let channel = match &server {
            None => client.channel(),
            Some(server) => {
                let elsewhere =
                    crate::Options { server: server.clone(), more_servers: Vec::new(), ..(**own).clone() };
                let problem = |error: tonic::transport::Error| error.to_string();
                channel::lazy(&elsewhere, Arc::default()).map_err(|error| UpdateError::Address {
                    server: server.clone(),
                    problem: problem(error),
                })?
            }
        };
        let calls = Calls::new(channel, server.as_ref().unwrap_or(client.server()), own);
        let (at, observed) = (dir.clone(), steps.clone());
        let opened = disk::blocking(move || {
            let trusted = Trusted::open_with(&at.join("trust"), &root, Limits::default(), observed.clone())?;
            // From here on nobody else works in the directory.
            let blobs = FolderBlobs::open_with(&at, observed.clone())?;
            Ok::<_, UpdateError>((trusted, blobs, Disk::open(&at, observed)?))
        });
        let (trusted, blobs, disk) = opened.await?;
        Ok(Self {
            client: client.clone(),
            dir,
            follow,
            time_zone,
            limits,
            steps,
            calls,
            disk,
            trusted,
            blobs: Arc::new(blobs),
            chains: Chains::new(Pin { root: vendor, server: own.license_server_id }, SERVICE),
            ticket: None,
            due: Instant::now(),
            failures: 0,
            unfinished: 0,
        })
    }

    /// This client's id: by it the server knows it again. It stays with the directory.
    pub fn client_id(&self) -> &str {
        &self.disk.kept().client_id
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Waits until it is time for [`Updater::update`]: now, where there was no check-in yet; else when the server wished,
    /// or a while after a failure, or with a notice of an update that is followed. Nothing is lost where the caller stops
    /// waiting.
    pub async fn due(&mut self, notices: &mut Notices) {
        let followed = |product: &str, channel: &str| {
            self.follow.iter().any(|follow| follow.product == product && follow.channel == channel)
        };
        let mut heard = true;
        loop {
            let news = tokio::select! {
                () = tokio::time::sleep_until(self.due) => return,
                news = notices.next(), if heard => news,
            };
            match news.map(|news| news.update) {
                Some(Some(update)) if followed(&update.product, options::channel(&update.channel)) => return,
                Some(_) => {}
                None => heard = false,
            }
        }
    }

    /// What is due next, spread by chance so that not all clients come at once.
    fn due_in(&mut self, length: Duration) {
        self.due = crate::state::later(Instant::now(), length.mul_f64(0.9 + rand::random::<f64>() / 5.0));
    }

    /// The followed product of this name.
    fn followed(&self, product: &str) -> Option<&Follow> {
        self.follow.iter().find(|follow| follow.product == product)
    }

    /// How far the server's clock may be from this machine's.
    fn skew(&self) -> SignedDuration {
        SignedDuration::try_from(self.client.inner.options.max_clock_skew).unwrap_or(SignedDuration::MAX)
    }

    /// This machine's time of day.
    fn now(&self) -> jiff::Timestamp {
        self.client.inner.options.wall_clock.now()
    }
}

impl std::fmt::Debug for Updater {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Updater({})", self.dir.display())
    }
}
