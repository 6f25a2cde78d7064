//! `Heartbeat`: keeps leases alive. The leases answer; only for those that they do not know is the store
//! asked, after a restart for instance.

use std::collections::HashMap;

use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::{Grant, GrantId, GrantRef, InstanceId, Rejection, lease};
use leasehold_leases::{Heard, Lease};
use leasehold_proto::convert::grant_ref::read_grant_refs;
use leasehold_proto::convert::lease as convert;
use leasehold_proto::convert::time::{duration, timestamp};
use leasehold_proto::licensing::v1 as pb;

use crate::Error;
use crate::state::{State, lease_of};

pub(crate) async fn heartbeat(
    state: &State,
    message: pb::HeartbeatRequest,
) -> Result<pb::HeartbeatResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let shown = read_grant_refs("leases", &message.leases).map_err(Rejection::from)?;
    hear(state, instance, &shown).await
}

/// Hears leases and says how each stands, in order.
pub(crate) async fn hear(
    state: &State,
    instance: InstanceId,
    shown: &[GrantRef],
) -> Result<pb::HeartbeatResponse, Error> {
    let mut heard = state.leases.heartbeat(instance, shown, state.clock.monotonic()).await?;
    if heard.contains(&Heard::Unknown) {
        ask_the_store(state, instance, shown, &mut heard).await?;
    }
    let alive =
        heard.iter().filter_map(|heard| if let Heard::Ok { ttl } = heard { Some(*ttl) } else { None });
    let shortest = alive.min().unwrap_or(state.policies().lease_ttl);
    let result = |(shown, heard): (&GrantRef, &Heard)| match heard {
        Heard::Ok { ttl } => convert::alive(shown.id.to_string(), *ttl),
        Heard::Lost(lost) => convert::lost(shown.id.to_string(), *lost),
        Heard::Unknown => convert::lost(shown.id.to_string(), Lost::UnknownGrant),
    };
    Ok(pb::HeartbeatResponse {
        server_time: Some(timestamp(state.clock.now())),
        results: shown.iter().zip(&heard).map(result).collect(),
        next_heartbeat_after: Some(duration(lease::heartbeat_interval(shortest))),
        notices: Vec::new(),
    })
}

async fn ask_the_store(
    state: &State,
    instance: InstanceId,
    shown: &[GrantRef],
    heard: &mut [Heard],
) -> Result<(), Error> {
    let unknown: Vec<usize> = (0..shown.len()).filter(|index| heard[*index] == Heard::Unknown).collect();
    let ids: Vec<GrantId> = unknown.iter().map(|index| shown[*index].id).collect();
    let grants = grants(state, instance, &ids).await?;
    let mut standing = Vec::new();
    for index in unknown {
        match current(&grants, &shown[index]) {
            Err(lost) => heard[index] = Heard::Lost(lost),
            Ok(grant) => match lease_of(grant) {
                Some(lease) => standing.push((index, lease)),
                None => heard[index] = Heard::Ok { ttl: until_end(state, grant) },
            },
        }
    }
    let leases: Vec<_> = standing.iter().map(|(_, lease)| *lease).collect();
    state.leases.register(instance, &leases, state.clock.monotonic()).await?;
    withdraw_changed(state, instance, &leases).await?;
    let again: Vec<GrantRef> = standing.iter().map(|(index, _)| shown[*index]).collect();
    let answers = state.leases.heartbeat(instance, &again, state.clock.monotonic()).await?;
    for ((index, _), answer) in standing.iter().zip(answers) {
        heard[*index] = if answer == Heard::Unknown { Heard::Lost(Lost::StaleToken) } else { answer };
    }
    Ok(())
}

/// A batch may have changed a grant between the look into the store and the registration, and told the
/// leases before they knew of it; what was registered is therefore looked at once more.
async fn withdraw_changed(state: &State, instance: InstanceId, leases: &[Lease]) -> Result<(), Error> {
    if leases.is_empty() {
        return Ok(());
    }
    let ids: Vec<GrantId> = leases.iter().map(|lease| lease.grant).collect();
    let grants = grants(state, instance, &ids).await?;
    let differs = |lease: &&Lease| grants.get(&lease.grant).and_then(lease_of).as_ref() != Some(*lease);
    let changed: Vec<GrantId> = leases.iter().filter(differs).map(|lease| lease.grant).collect();
    Ok(state.leases.withdraw(instance, &changed).await?)
}

async fn grants(
    state: &State,
    instance: InstanceId,
    ids: &[GrantId],
) -> Result<HashMap<GrantId, Grant>, Error> {
    let grants = state.store.grants_by_id(instance, ids).await?;
    Ok(grants.into_iter().map(|grant| (grant.id, grant)).collect())
}

fn current<'a>(grants: &'a HashMap<GrantId, Grant>, shown: &GrantRef) -> Result<&'a Grant, Lost> {
    let grant = grants.get(&shown.id).ok_or(Lost::UnknownGrant)?;
    grant.check(shown).map(|()| grant)
}

/// A borrow needs no heartbeats: it lives until it ends.
fn until_end(state: &State, grant: &Grant) -> SignedDuration {
    grant.last_end().duration_since(state.clock.now()).max(SignedDuration::ZERO)
}
