//! Updates on a device: its programs hear of one on a heartbeat, bring it, have it checked, and report.
//!
//! All of that is the SDK's; this says when, and where it is kept. Not responsible for what is in place in the end: that is
//! looked at past the SDK.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use leasehold_client::updates::{FetchLimits, Follow, LoadTest, UpdateError, Updater, UpdaterOptions};
use leasehold_client::{Client, ServerAddress};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::demo::counts::{Counts, Event};
use crate::demo::repository::PRODUCT;

/// How long after a failure it is tried again, while the program runs.
const AGAIN: Duration = Duration::from_secs(1);
/// No program waits longer at its end for an update that is under way.
const TIME: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(5);

/// Where updates come from, and whose count.
#[derive(Clone, Debug)]
pub(in crate::demo) struct Source {
    /// The server's service for updates.
    pub(in crate::demo) server: ServerAddress,
    /// The root of the vendor's repository.
    pub(in crate::demo) root: Vec<u8>,
}

/// The definitions of one device, in a directory of their own.
#[derive(Debug)]
pub(super) struct Definitions {
    dir: PathBuf,
    source: Source,
    counts: Arc<Counts>,
    /// The version that there is nothing left to do about.
    settled: Option<String>,
    /// The version that was heard of last.
    heard: Option<String>,
}

impl Definitions {
    /// Those in this directory.
    pub(super) fn new(dir: PathBuf, source: Source, counts: Arc<Counts>) -> Self {
        Self { dir, source, counts, settled: None, heard: None }
    }

    /// Brings what the heartbeats of this client tell of, until the program has ended. What is under way then is finished.
    pub(super) async fn follow(&mut self, client: &Client, ended: &CancellationToken) {
        let mut notices = client.notices();
        while let Some(notice) = ended.run_until_cancelled(notices.next()).await.flatten() {
            let Some(update) = notice.update.filter(|update| update.product == PRODUCT) else { continue };
            if self.settled.as_ref() == Some(&update.version) {
                continue;
            }
            if self.heard.as_ref() != Some(&update.version) {
                self.counts.add(Event::HeardOfUpdate(update.version.clone()));
                self.heard = Some(update.version.clone());
            }
            while !self.bring(client).await {
                if ended.run_until_cancelled(sleep(AGAIN)).await.is_none() {
                    return;
                }
            }
            self.settled = Some(update.version);
        }
    }

    /// Checks in, and puts in place what is assigned; whether nothing is left to be done.
    async fn bring(&self, client: &Client) -> bool {
        match self.update(client).await {
            Ok(done) => done,
            Err(error) => self.failed(&error),
        }
    }

    async fn update(&self, client: &Client) -> Result<bool, UpdateError> {
        let mut updater = Updater::open(client, self.options()).await?;
        let mut done = true;
        for outcome in updater.update().await?.outcomes {
            match outcome.result {
                Ok(_) => self.counts.add(Event::Updated),
                Err(error) => done &= self.failed(&error),
            }
        }
        Ok(done)
    }

    /// Whether it is over with it: what may pass is tried again, what a server in a hurry has refused too.
    fn failed(&self, error: &UpdateError) -> bool {
        if error.may_pass() || matches!(error, UpdateError::Call(_)) {
            return false;
        }
        self.counts.add(Event::UpdateFailed(error.reason().to_owned()));
        true
    }

    fn options(&self) -> UpdaterOptions {
        let mut limits = FetchLimits::default();
        (limits.time, limits.silence) = (TIME, SILENCE);
        UpdaterOptions::new(&self.dir, self.source.root.clone())
            .follow(Follow::new(PRODUCT).load_test(LoadTest::function(loads)))
            .server(self.source.server.clone())
            .limits(limits)
    }
}

/// The load test of the firm's programs: text, and not nothing.
fn loads(file: &Path) -> Result<(), String> {
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim().is_empty() => Err("there is no material in it".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
