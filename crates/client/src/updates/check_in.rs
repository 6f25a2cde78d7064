//! Checking in, reporting, and the two together with what comes of them.

use std::time::Duration;

use leasehold_proto::updates::v1 as pb;
use tokio::sync::oneshot;

use super::apply::Applied;
use super::assignment::{self, Asked, Assignment, CheckedIn};
use super::error::UpdateError;
use super::{Follow, Updater};
use crate::error::CallError;
use crate::failure::Failure;
use crate::identity::random_nonce;
use crate::keeper::Command;
use crate::options::Retry;
use crate::retry::delay;
use crate::verify::{Today, Unverified};

/// Most grants that are shown.
const MAX_LEASES: usize = 1_000;
/// Most events in one report.
const MAX_EVENTS: usize = 1_000;
/// Where the server does not say when to check in again.
const CHECK_IN: Duration = Duration::from_hours(1);
/// No server makes a client check in more often, or never again.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_hours(7 * 24);
/// How long to wait after check-ins that failed.
const AGAIN: Retry = Retry {
    max_attempts: u32::MAX,
    attempt_timeout: Duration::ZERO,
    first_delay: Duration::from_mins(1),
    max_delay: Duration::from_hours(1),
};

/// What [`Updater::update`] found and did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Updated {
    /// What the check-in found.
    pub checked_in: CheckedIn,
    /// What came of each assignment, in order.
    pub outcomes: Vec<Outcome>,
}

/// What came of one assignment.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Which.
    pub assignment: Assignment,
    /// What came of it; on an error what was in place stays.
    pub result: Result<Applied, UpdateError>,
}

impl Updater {
    /// Asks the server what to have. What it says counts only where it is signed by a key behind which the vendor stands,
    /// for this client, and newer than everything that was seen before.
    pub async fn check_in(&mut self) -> Result<CheckedIn, UpdateError> {
        match self.try_check_in().await {
            Ok(checked_in) => {
                self.failures = 0;
                let wished = checked_in.next_check_in_after.unwrap_or(CHECK_IN);
                self.due_in(wished.clamp(SOONEST, LATEST));
                Ok(checked_in)
            }
            Err((error, wished)) => {
                self.failures = self.failures.saturating_add(1);
                self.due_in(delay(&AGAIN, self.failures, wished, rand::random()));
                Err(error)
            }
        }
    }

    /// Checks in, reports, applies every assignment, and reports again. What cannot be reported now stays queued.
    pub async fn update(&mut self) -> Result<Updated, UpdateError> {
        let checked_in = self.check_in().await?;
        self.report_or_log().await;
        let mut outcomes = Vec::new();
        for assignment in checked_in.assignments.clone() {
            let result = self.apply(&assignment).await;
            outcomes.push(Outcome { assignment, result });
        }
        self.report_or_log().await;
        let again = outcomes.iter().any(|outcome| outcome.result.as_ref().is_err_and(UpdateError::may_pass));
        self.unfinished = if again { self.unfinished.saturating_add(1) } else { 0 };
        if again {
            let due = self.due;
            self.due_in(delay(&AGAIN, self.unfinished, None, rand::random()));
            self.due = self.due.min(due);
        }
        Ok(Updated { checked_in, outcomes })
    }

    /// Reports what is queued, in order and each once; how many events that were.
    pub async fn report(&mut self) -> Result<usize, UpdateError> {
        let mut reported = 0;
        while !self.disk.kept().events.is_empty() {
            let ticket = self.ticket.clone().ok_or(UpdateError::NotCheckedIn)?;
            let events: Vec<_> = self.disk.kept().events.iter().take(MAX_EVENTS).map(Into::into).collect();
            let answer = self.calls.report(&ticket, events).await;
            let answer = answer.map_err(|failure| UpdateError::call(&self.calls.server, failure))?;
            let taken = self.disk.change(|kept| kept.acknowledge(answer.acknowledged)).await?;
            if taken == 0 {
                return Err(CallError::not_understood("it keeps none of the events").into());
            }
            reported += taken;
        }
        Ok(reported)
    }

    async fn report_or_log(&mut self) {
        if let Err(error) = self.report().await {
            tracing::debug!(client.server = %self.calls.server, %error, "events stay queued");
        }
    }

    async fn try_check_in(&mut self) -> Result<CheckedIn, (UpdateError, Option<Duration>)> {
        let nonce = random_nonce();
        let message = self.check_in_request(nonce.clone()).await;
        let answer = self.calls.check_in(message).await;
        let answer = answer.map_err(|failure: Failure| {
            let wished = failure.retry_after;
            (UpdateError::call(&self.calls.server, failure), wished)
        })?;
        let asked = Asked {
            client_id: &self.disk.kept().client_id,
            device: &self.client.hostids()[0],
            nonce: &nonce,
            today: Today { now: self.now(), skew: self.skew() },
        };
        let newest = |server: leasehold_domain::InstanceId| {
            self.disk.kept().newest.get(&server.0.to_string()).copied()
        };
        let said = assignment::verify(answer.assignment.as_ref(), &asked, newest, &mut self.chains);
        let said = said.map_err(|problem| (self.unverified(problem), None))?;
        let seen = |kept: &mut super::disk::Kept| {
            let newest = kept.newest.entry(said.server.0.to_string()).or_insert(said.made_at);
            *newest = said.made_at.max(*newest);
        };
        self.disk.change(seen).await.map_err(|error| (error, None))?;
        self.ticket = Some(answer.ticket);
        Ok(said.checked_in)
    }

    fn unverified(&self, problem: Unverified) -> UpdateError {
        let server = self.calls.server.clone();
        tracing::warn!(
            client.server = %server,
            error.reason = problem.reason(),
            error = %problem,
            "an assignment does not count"
        );
        UpdateError::Unverified { server, problem }
    }

    async fn check_in_request(&self, nonce: Vec<u8>) -> pb::CheckInRequest {
        let seen = self.trusted.versions();
        let (reply, leases) = oneshot::channel();
        let _ = self.client.inner.commands.send(Command::Show(reply));
        // Without a keeper the runtime is ending.
        let mut leases = leases.await.unwrap_or_default();
        leases.truncate(MAX_LEASES);
        pb::CheckInRequest {
            instance: String::new(),
            client_id: self.client_id().to_owned(),
            hostid: self.client.hostids().first().map(Into::into),
            alias: self.client.inner.alias.clone(),
            leases,
            products: self.follow.iter().map(|follow| self.product(follow)).collect(),
            seen: Some(pb::TufVersions {
                root: seen.root,
                timestamp: seen.timestamp,
                snapshot: seen.snapshot,
                targets: seen.targets,
            }),
            time_zone: self.time_zone.clone(),
            free_bytes: 0,
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
            nonce,
        }
    }

    fn product(&self, follow: &Follow) -> pb::InstalledProduct {
        let installed = self.installed(&follow.product);
        pb::InstalledProduct {
            product: follow.product.clone(),
            channel: follow.channel.clone(),
            version: installed.as_ref().map(|it| it.version.clone()).unwrap_or_default(),
            sha256: installed.map(|it| it.sha256.as_bytes().to_vec()).unwrap_or_default(),
            os: follow.os.clone(),
            arch: follow.arch.clone(),
        }
    }
}
