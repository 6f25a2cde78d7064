//! `Heartbeat`: keeps leases alive. The leases answer; what they do not know, and everything while they are away, is
//! asked of the store.

use std::time::Duration;

use leasehold_domain::grant::Lost;
use leasehold_domain::{GrantRef, InstanceId, Rejection, lease};
use leasehold_leases::Heard;
use leasehold_proto::convert::grant_ref::read_grant_refs;
use leasehold_proto::convert::lease as convert;
use leasehold_proto::convert::time::{duration, timestamp};
use leasehold_proto::licensing::v1 as pb;

use crate::Error;
use crate::metrics::Beat;
use crate::notices::check_features;
use crate::state::State;

pub(crate) async fn heartbeat(
    state: &State,
    message: pb::HeartbeatRequest,
) -> Result<pb::HeartbeatResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let shown = read_grant_refs("leases", &message.leases).map_err(Rejection::from)?;
    check_features(&message.features)?;
    let mut response = hear(state, instance, &shown).await?;
    let now = state.clock(instance).now();
    state.board(instance).shown().tell(&mut response, &message.features, message.notices_tag, now);
    Ok(response)
}

/// Hears leases and says how each stands, in order.
pub(crate) async fn hear(
    state: &State,
    instance: InstanceId,
    shown: &[GrantRef],
) -> Result<pb::HeartbeatResponse, Error> {
    let now = state.own_clock.monotonic();
    let (heard, degraded) = match state.leases.heartbeat(instance, shown, now).await {
        Ok(heard) => (ask_for_unknown(state, instance, shown, heard, now).await?, false),
        Err(away) => {
            tracing::debug!(error.detail = %away, "the store is asked about all leases");
            (state.hearing(instance).hear(shown.to_vec(), now).await?, true)
        }
    };
    count(state, &heard, degraded);
    let alive =
        heard.iter().filter_map(|heard| if let Heard::Ok { ttl } = heard { Some(*ttl) } else { None });
    let shortest = alive.min().unwrap_or(state.policies().lease_ttl);
    let result = |(shown, heard): (&GrantRef, &Heard)| match heard {
        Heard::Ok { ttl } if degraded => convert::alive_degraded(shown.id.to_string(), *ttl),
        Heard::Ok { ttl } => convert::alive(shown.id.to_string(), *ttl),
        Heard::Lost(lost) => convert::lost(shown.id.to_string(), *lost),
        Heard::Unknown => convert::lost(shown.id.to_string(), Lost::UnknownGrant),
    };
    Ok(pb::HeartbeatResponse {
        server_time: Some(timestamp(state.clock(instance).now())),
        results: shown.iter().zip(&heard).map(result).collect(),
        next_heartbeat_after: Some(duration(lease::heartbeat_interval(shortest))),
        notices: Vec::new(),
        notices_tag: 0,
    })
}

fn count(state: &State, heard: &[Heard], degraded: bool) {
    let alive = heard.iter().filter(|heard| matches!(heard, Heard::Ok { .. })).count();
    state.metrics.heartbeats(if degraded { Beat::Degraded } else { Beat::Ok }, alive);
    state.metrics.heartbeats(Beat::Lost, heard.len() - alive);
}

async fn ask_for_unknown(
    state: &State,
    instance: InstanceId,
    shown: &[GrantRef],
    mut heard: Vec<Heard>,
    now: Duration,
) -> Result<Vec<Heard>, Error> {
    let unknown: Vec<usize> = (0..shown.len()).filter(|index| heard[*index] == Heard::Unknown).collect();
    if unknown.is_empty() {
        return Ok(heard);
    }
    let asked = unknown.iter().map(|index| shown[*index]).collect();
    let answers = state.hearing(instance).hear(asked, now).await?;
    for (index, answer) in unknown.into_iter().zip(answers) {
        heard[index] = answer;
    }
    Ok(heard)
}
