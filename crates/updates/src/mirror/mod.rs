//! One run of the mirror: metadata first, then the releases that it names, then their files.
//!
//! Each step can be the last one of a process: the metadata in force is a whole set, the releases are written in one
//! transaction, a file is there whole or not at all, and the next run does what is left. Not responsible for when it
//! happens.

mod catalogue;
mod payload;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use leasehold_artifacts::{Mirror, Refreshed, TrustError};
use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::error::reason_name;
use leasehold_store::updates::{Run, RunFailure, Upstream, Versions};
use rand::RngExt as _;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::Error;
use crate::error::{Failed, log};
use crate::schedule::{self, Ended};
use crate::site::Site;
use crate::state::{Shared, State};
use crate::upstream::HttpUpstream;
use crate::vendor::Repository;

pub(crate) use catalogue::rewrite;

/// Who asks where nobody does.
pub(crate) const SCHEDULE: &str = "schedule";
/// How long a run may take.
const LONGEST: Duration = Duration::from_hours(24);
/// How long after a repository that was changing just now it is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Mirrors the repository of an instance. It goes on when the caller stops waiting, and ends with the service.
pub(crate) async fn run(state: &Shared, site: &Arc<Site>, actor: &str) -> Result<Run, Error> {
    let (sender, done) = oneshot::channel();
    let (working, site, actor) = (Arc::clone(state), Arc::clone(site), actor.to_owned());
    state.background.spawn("updates.mirror", async move {
        let ran = working.stopping.run_until_cancelled(alone(&working, &site, &actor)).await;
        // Whoever asked may be gone.
        let _ = sender.send(ran.unwrap_or(Err(Error::ShuttingDown)));
    });
    done.await.unwrap_or(Err(Error::ShuttingDown))
}

async fn alone(state: &State, site: &Site, actor: &str) -> Result<Run, Error> {
    let _turn = site.turn.try_lock().map_err(|_| Error::InProgress)?;
    let instance = site.instance.id;
    let mut run = Run {
        started_at: state.now(),
        ended_at: None,
        changed: false,
        fetched_files: 0,
        fetched_bytes: 0,
        missing_files: 0,
        failure: None,
        actor: actor.to_owned(),
    };
    let before = state.store.upstream(instance).await?.unwrap_or_default();
    let begun = Upstream { last: Some(run.clone()), ..before };
    state.store.save_upstream(instance, &begun).await?;
    let late =
        |_| Err(Failed::unreachable("it took longer than a day; the next run goes on from there").into());
    let outcome = timeout(LONGEST, attempt(state, site, &mut run)).await.unwrap_or_else(late);
    let ended = finish(state, site, begun, run, outcome.as_ref().err()).await?;
    outcome.map(|()| ended)
}

/// What is kept of a run, and when the next one is.
async fn finish(
    state: &State,
    site: &Site,
    before: Upstream,
    mut run: Run,
    error: Option<&Error>,
) -> Result<Run, Error> {
    let now = state.now();
    run.ended_at = Some(now);
    if let Some(error) = error {
        run.failure =
            Some(RunFailure { reason: reason_name(error.reason()).to_owned(), message: error.to_string() });
        tell(site, error);
    }
    let failed = run.failure.is_some();
    let failures = match error {
        None => 0,
        // It may be known any moment, and asking for it costs the vendor nothing.
        Some(error) if is_ours(error) => 1,
        Some(_) => before.failures.saturating_add(1),
    };
    let retry_after = match error {
        Some(Error::Failed(failed)) => failed.retry_after,
        _ => None,
    };
    let jitter = state.random().random_range(-1.0..=1.0);
    let mut upstream = Upstream {
        last: Some(run.clone()),
        succeeded_at: if failed { before.succeeded_at } else { Some(now) },
        next_at: schedule::next(state.config.interval, now, Ended { failures, retry_after }, jitter),
        failures,
        ..before
    };
    if let Some((versions, expires)) = in_force(site) {
        // What the vendor has just said counts; without that, another replica may be ahead.
        if !failed || versions.timestamp >= upstream.versions.timestamp {
            (upstream.versions, upstream.expires_at) = (versions, Some(expires));
        }
    }
    state.store.save_upstream(site.instance.id, &upstream).await?;
    let reason = run.failure.as_ref().map_or("DONE", |failure| failure.reason.as_str());
    state.metrics.run(reason, run.fetched_bytes);
    Ok(run)
}

/// Whether nobody outside was asked.
fn is_ours(error: &Error) -> bool {
    error.reason() == ErrorReason::NoUpdateRepository || matches!(error, Error::Away { .. })
}

fn tell(site: &Site, error: &Error) {
    if error.reason() == ErrorReason::NoUpdateRepository {
        // A vendor without updates has none.
        tracing::debug!(instance.name = site.instance.name, error = %error, "there is no update repository to mirror");
    } else {
        let what = "the vendor's repository was not mirrored; what was mirrored before stays in force";
        log(&site.instance.name, error, what);
    }
}

/// The versions of the metadata in force here, and when the first of it ends.
pub(crate) fn in_force(site: &Site) -> Option<(Versions, Timestamp)> {
    let snapshot = site.mirror()?.current()?;
    let leasehold_artifacts::Versions { root, timestamp, snapshot: of_snapshot, targets } =
        snapshot.versions();
    Some((Versions { root, timestamp, snapshot: of_snapshot, targets }, snapshot.expires()))
}

async fn attempt(state: &State, site: &Site, run: &mut Run) -> Result<(), Error> {
    let Repository { address, root } = state.vendor.repository(site.instance.id, &state.config).await?;
    site.remember_address(&address);
    let upstream = HttpUpstream::new(state.way.clone(), &address, Arc::clone(&state.clock));
    let upstream = upstream.map_err(Failed::no_repository)?;
    let mirror = site.with_root(&root).await?;
    let refreshed = refresh(&mirror, &upstream, state.now()).await.map_err(Failed::from)?;
    run.changed = refreshed.changed;
    let releases = rewrite(state, site, &mirror).await?;
    let fetched = payload::fetch(state, &mirror, &upstream, &releases).await;
    (run.fetched_files, run.fetched_bytes) = (fetched.files, fetched.bytes);
    run.missing_files = fetched.missing;
    if fetched.files > 0 {
        // Only now can they be given out, and clients be told of them.
        rewrite(state, site, &mirror).await?;
    }
    state.owing.notify_one();
    fetched.failed.map_or(Ok(()), |failed| Err(failed.into()))
}

/// Brings the metadata up to date. Between two requests the repository may have changed: then once more.
async fn refresh(mirror: &Mirror, upstream: &HttpUpstream, now: Timestamp) -> Result<Refreshed, TrustError> {
    match mirror.refresh(upstream, now).await {
        Err(TrustError::Integrity { .. } | TrustError::Missing { .. }) => {
            sleep(AGAIN).await;
            mirror.refresh(upstream, now).await
        }
        refreshed => refreshed,
    }
}

/// Whether this replica's metadata is older than another's.
pub(crate) fn is_behind(site: &Site, upstream: &Upstream) -> bool {
    let here = in_force(site).map_or(0, |(versions, _)| versions.timestamp);
    here < upstream.versions.timestamp
}

/// Where the repository is, and who says so.
pub(crate) async fn address(state: &State, site: &Site) -> Option<(String, &'static str)> {
    if let Some(address) = &state.config.upstream {
        return Some((address.clone(), "configuration"));
    }
    let said = state.vendor.repository(site.instance.id, &state.config).await;
    let address = match said {
        Ok(repository) => Some(repository.address),
        Err(Error::Away { .. }) => site.last_address(),
        Err(_) => None,
    };
    address.map(|address| (address, "vendor"))
}
