//! Between messages and what is kept.

use std::time::Duration;

use jiff::Timestamp;
use leasehold_domain::updates::{Release, ReleaseKind, ReleaseState, UpdateState};
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::types::v1 as types;
use leasehold_proto::updates::v1 as pb;
use leasehold_store::updates::{Client, Event, Installed, KeptEvent, Run, Versions};

use crate::Error;
use crate::site::Known;

/// A count as messages have it.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn kind(kind: ReleaseKind) -> pb::ReleaseKind {
    match kind {
        ReleaseKind::Definition => pb::ReleaseKind::Definition,
        ReleaseKind::Software => pb::ReleaseKind::Software,
    }
}

fn release_state(state: ReleaseState) -> pb::ReleaseState {
    match state {
        ReleaseState::Known => pb::ReleaseState::Known,
        ReleaseState::Approved => pb::ReleaseState::Approved,
        ReleaseState::Withdrawn => pb::ReleaseState::Withdrawn,
    }
}

pub(crate) fn update_state(state: UpdateState) -> pb::UpdateState {
    match state {
        UpdateState::Accepted => pb::UpdateState::Accepted,
        UpdateState::Downloading => pb::UpdateState::Downloading,
        UpdateState::Downloaded => pb::UpdateState::Downloaded,
        UpdateState::Verified => pb::UpdateState::Verified,
        UpdateState::WaitingWindow => pb::UpdateState::WaitingWindow,
        UpdateState::Installing => pb::UpdateState::Installing,
        UpdateState::Installed => pb::UpdateState::Installed,
        UpdateState::RolledBack => pb::UpdateState::RolledBack,
        UpdateState::Failed => pb::UpdateState::Failed,
        UpdateState::Canceled => pb::UpdateState::Canceled,
        UpdateState::CancelRejected => pb::UpdateState::CancelRejected,
        UpdateState::Deferred => pb::UpdateState::Deferred,
    }
}

/// The state that must be in `field`.
pub(crate) fn read_update_state(field: &str, state: i32) -> Result<UpdateState, Error> {
    let wanted = pb::UpdateState::try_from(state).ok();
    let found = UpdateState::ALL.into_iter().find(|state| Some(update_state(*state)) == wanted);
    found.ok_or_else(|| Error::field(field, "is missing or unknown; give a state of the contract"))
}

pub(crate) fn release(release: &Release, held: bool) -> pb::Release {
    pb::Release {
        product: release.product.clone(),
        version: release.version.clone(),
        kind: kind(release.kind).into(),
        channel: release.channel.clone(),
        os: release.os.clone().unwrap_or_default(),
        arch: release.arch.clone().unwrap_or_default(),
        target: release.target.clone(),
        length: release.length,
        sha256: leasehold_artifacts::Digest::from_bytes(release.sha256).to_string(),
        state: release_state(release.state).into(),
        held,
        emergency: release.emergency,
        notes: release.notes.clone(),
        withdrawn_reason: release.withdrawn_reason.clone(),
        features: release.features.clone(),
        released_at: release.released_at.map(timestamp),
        seen_at: Some(timestamp(release.seen_at)),
    }
}

pub(crate) fn client(client: &Client, known: &Known) -> pb::UpdateClient {
    pb::UpdateClient {
        client_id: client.id.to_string(),
        hostid: Some(types::HostId::from(&client.hostid)),
        alias: client.alias.clone(),
        client_version: client.client_version.clone(),
        time_zone: client.time_zone.clone(),
        free_bytes: client.free_bytes,
        first_seen_at: Some(timestamp(client.first_seen_at)),
        seen_at: Some(timestamp(client.seen_at)),
        products: client.products.iter().map(|installed| client_product(installed, known)).collect(),
    }
}

fn client_product(installed: &Installed, known: &Known) -> pb::ClientProduct {
    let assigned = installed.assigned.as_ref();
    pb::ClientProduct {
        product: installed.product.clone(),
        channel: installed.channel.clone(),
        version: installed.version.clone(),
        assigned_version: assigned.map(|assigned| assigned.version.clone()).unwrap_or_default(),
        state: installed.state.map_or(pb::UpdateState::Unspecified, |(state, _)| update_state(state)).into(),
        state_at: installed.state.map(|(_, at)| timestamp(at)),
        message: installed.message.clone(),
        released_at: released_at(installed, known).map(timestamp),
    }
}

/// When the vendor released what is installed: by its bytes, and where the client says none, by its version.
fn released_at(installed: &Installed, known: &Known) -> Option<Timestamp> {
    let of_it = |release: &&Release| release.product == installed.product;
    let is_it = |release: &&Release| match installed.sha256 {
        Some(sha256) => release.sha256 == sha256,
        None => !installed.version.is_empty() && release.version == installed.version,
    };
    known.releases.iter().filter(of_it).find(is_it).map(Release::out_since)
}

pub(crate) fn kept_event(kept: &KeptEvent) -> pb::KeptEvent {
    let Event { sequence, at, assignment, product, version, state, message, fetched_bytes } = &kept.event;
    let event = pb::UpdateEvent {
        sequence: *sequence,
        at: Some(timestamp(*at)),
        assignment_id: assignment.clone(),
        product: product.clone(),
        version: version.clone(),
        state: update_state(*state).into(),
        message: message.clone(),
        fetched_bytes: *fetched_bytes,
    };
    pb::KeptEvent { event: Some(event), received_at: Some(timestamp(kept.received_at)) }
}

pub(crate) fn run(run: &Run) -> pb::SyncRun {
    let failure = run.failure.clone();
    let (failure_reason, message) =
        failure.map(|failure| (failure.reason, failure.message)).unwrap_or_default();
    pb::SyncRun {
        started_at: Some(timestamp(run.started_at)),
        ended_at: run.ended_at.map(timestamp),
        changed: run.changed,
        fetched_files: count(run.fetched_files),
        fetched_bytes: count(run.fetched_bytes),
        missing_files: count(run.missing_files),
        failure_reason,
        message,
        actor: run.actor.clone(),
    }
}

pub(crate) fn versions(versions: Versions) -> pb::TufVersions {
    let Versions { root, timestamp, snapshot, targets } = versions;
    pb::TufVersions { root, timestamp, snapshot, targets }
}

/// How long something took.
pub(crate) fn took(took: Duration) -> Option<prost_types::Duration> {
    // Longer than any patience is no time that was measured.
    prost_types::Duration::try_from(took).ok()
}
