//! From an assignment to a file in place, in the order that lets nothing through that is not the vendor's.

use jiff::{SignedDuration, Timestamp};
use leasehold_artifacts::{Blobs, Digest, Kind, Release, Target};
use leasehold_proto::updates::v1::UpdateState;

use super::assignment::Assignment;
use super::error::UpdateError;
use super::events::News;
use super::fetch::{Download, Metadata, Stopped};
use super::installed::{Installed, Set};
use super::{Follow, Updater};

/// A download that nobody went on with for so long is deleted.
const ABANDONED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Most files that are looked at when old ones are deleted.
const TIDIED: usize = 1_000;

/// What came of an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is in place now; what was before is kept.
    Installed(Installed),
    /// It was in place already.
    AlreadyThere,
    /// It failed here before, and is not tried again.
    TurnedDown,
}

impl Updater {
    /// Puts an assignment of the last check-in in place. On an error what was in place stays.
    pub async fn apply(&mut self, assignment: &Assignment) -> Result<Applied, UpdateError> {
        // One time for everything: metadata that ends meanwhile has not ended for this.
        let now = self.now();
        let follow = self.followed(&assignment.product).filter(|follow| follow.channel == assignment.channel);
        let Some(follow) = follow.cloned() else {
            return Err(UpdateError::NotFollowed {
                product: assignment.product.clone(),
                channel: assignment.channel.clone(),
            });
        };
        let product = self.disk.kept().products.get(&assignment.product).cloned().unwrap_or_default();
        if product.has_turned_down(assignment.sha256) {
            return Ok(Applied::TurnedDown);
        }
        let current = product.current.filter(|current| *current == Set::from(assignment));
        if current.is_some() && self.blobs.verify(assignment.sha256).await.unwrap_or(false) {
            return Ok(Applied::AlreadyThere);
        }
        match self.bring(assignment, &follow, now).await {
            Ok(installed) => Ok(Applied::Installed(installed)),
            Err(error) => {
                self.failed(assignment, &error).await?;
                Err(error)
            }
        }
    }

    async fn bring(
        &mut self,
        assignment: &Assignment,
        follow: &Follow,
        now: Timestamp,
    ) -> Result<Installed, UpdateError> {
        let ticket = self.ticket.clone().ok_or(UpdateError::NotCheckedIn)?;
        let target = self.agreed(assignment, follow, &ticket, now).await?;
        self.tell(assignment, UpdateState::Accepted, 0).await?;
        self.tell(assignment, UpdateState::Downloading, 0).await?;
        let download = Download::new(self.calls.clone(), ticket, target.wanted(), self.limits);
        self.fetch(&download, assignment).await?;
        self.tell(assignment, UpdateState::Downloaded, download.fetched()).await?;
        if !self.blobs.verify(target.sha256).await? {
            // It was damaged where it lay: the whole of it once more, and no third time.
            self.blobs.remove(target.sha256).await?;
            self.fetch(&download, assignment).await?;
        }
        self.tell(assignment, UpdateState::Verified, download.fetched()).await?;
        self.tell(assignment, UpdateState::Installing, download.fetched()).await?;
        let path = self.blobs.path(target.sha256);
        self.steps.at("load", &path);
        follow
            .load_test
            .run(&path)
            .await
            .map_err(|problem| UpdateError::LoadFailed { target: assignment.target.clone(), problem })?;
        self.put_in_place(assignment, download.fetched()).await
    }

    /// What the vendor's metadata says of the target, where it says the same as the assignment.
    async fn agreed(
        &mut self,
        assignment: &Assignment,
        follow: &Follow,
        ticket: &[u8],
        now: Timestamp,
    ) -> Result<Target, UpdateError> {
        let source = Metadata { calls: self.calls.clone(), ticket: ticket.to_vec() };
        self.trusted.refresh(&source, now).await?;
        let target = self.trusted.target(&source, &assignment.target, now).await?;
        let target = target.ok_or_else(|| UpdateError::NotNamed { target: assignment.target.clone() })?;
        agree(assignment, follow, &target)?;
        Ok(target)
    }

    async fn fetch(&self, download: &Download, assignment: &Assignment) -> Result<(), UpdateError> {
        download.run(&self.blobs).await.map_err(|stopped| match stopped {
            Stopped::TooSlow => UpdateError::TooSlow { target: assignment.target.clone() },
            Stopped::Failed(error) => error.into(),
        })
    }

    /// The swap, with its event, in one step.
    async fn put_in_place(
        &mut self,
        assignment: &Assignment,
        fetched: u64,
    ) -> Result<Installed, UpdateError> {
        let (now, news) = (self.now(), news(assignment, UpdateState::Installed, "", fetched));
        let swap = |kept: &mut super::disk::Kept| {
            kept.products.entry(assignment.product.clone()).or_default().put(assignment.into());
            kept.tell(&news, now);
        };
        self.disk.change(swap).await?;
        self.tidy(now).await;
        let installed = self.installed(&assignment.product);
        Ok(installed.expect("it was put in place just now, and nobody else has the directory"))
    }

    async fn tell(
        &mut self,
        assignment: &Assignment,
        state: UpdateState,
        fetched: u64,
    ) -> Result<(), UpdateError> {
        let now = self.now();
        self.disk.change(|kept| kept.tell(&news(assignment, state, "", fetched), now)).await
    }

    /// What may pass has not failed yet; what the program cannot load is not tried again.
    async fn failed(&mut self, assignment: &Assignment, error: &UpdateError) -> Result<(), UpdateError> {
        tracing::warn!(
            update.product = assignment.product,
            update.version = assignment.version,
            error.reason = error.reason(),
            %error,
            "an update is not put in place"
        );
        if error.may_pass() {
            return Ok(());
        }
        let (now, message) = (self.now(), format!("{}: {error}", error.reason()));
        let news = news(assignment, UpdateState::Failed, &message, 0);
        let change = |kept: &mut super::disk::Kept| {
            if matches!(error, UpdateError::LoadFailed { .. }) {
                kept.products.entry(assignment.product.clone()).or_default().turn_down(assignment.sha256);
            }
            kept.tell(&news, now);
        };
        self.disk.change(change).await
    }

    /// Deletes what is neither in place nor was before. What cannot be deleted now, as on a system that does not delete
    /// open files, is deleted the next time.
    async fn tidy(&self, now: Timestamp) {
        let kept = self.disk.kept().files();
        let there = self.blobs.list(None, TIDIED).await.unwrap_or_default();
        for gone in there.into_iter().filter(|there| !kept.contains(&there.sha256)) {
            let _ = self.blobs.remove(gone.sha256).await;
        }
        if let Ok(since) = now.checked_sub(ABANDONED) {
            let _ = self.blobs.sweep(since).await;
        }
    }
}

/// The server and the vendor say the same, and it is for this system.
fn agree(assignment: &Assignment, follow: &Follow, target: &Target) -> Result<(), UpdateError> {
    let path = || assignment.target.clone();
    let differs = |what| Err(UpdateError::Disagrees { target: path(), what });
    let same_content: (Digest, u64) = (assignment.sha256, assignment.length);
    if same_content.0 != target.sha256 {
        return differs("SHA-256");
    }
    if same_content.1 != target.length {
        return differs("length");
    }
    let Some(release) = target.release() else { return Err(UpdateError::NotADefinition { target: path() }) };
    if release.kind != Kind::Definition {
        return Err(UpdateError::NotADefinition { target: path() });
    }
    match release {
        Release { product, .. } if product != assignment.product => differs("product"),
        Release { version, .. } if version != assignment.version => differs("version"),
        Release { channel, .. } if channel != assignment.channel => differs("channel"),
        Release { os: Some(os), .. } if os != follow.os => differs("operating system"),
        Release { arch: Some(arch), .. } if arch != follow.arch => differs("architecture"),
        _ => Ok(()),
    }
}

fn news<'a>(
    assignment: &'a Assignment,
    state: UpdateState,
    message: &'a str,
    fetched_bytes: u64,
) -> News<'a> {
    News {
        assignment_id: &assignment.id,
        product: &assignment.product,
        version: &assignment.version,
        state,
        message,
        fetched_bytes,
    }
}
