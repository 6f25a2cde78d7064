//! How grants end other than by a request: returned, taken back, run out, dropped.
//! Reference: licensing, "Leases".

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::activity::{Activity, ActivityKind};
use crate::estate::{Cause, Estate};
use crate::grant::{GrantRef, Lost, Mode, Part};
use crate::holder::Device;
use crate::hostid::HostId;
use crate::ids::{FencingToken, GrantId, IdSource};
use crate::line_item::Serving;

/// Returns a grant for its holder. Shown an old token, it changes nothing and says why.
pub fn release(
    estate: &mut Estate,
    shown: &GrantRef,
    cause: &Cause,
    now: Timestamp,
    ids: &mut dyn IdSource,
) -> Result<(), Lost> {
    estate.grant(shown.id).ok_or(Lost::UnknownGrant)?.check(shown)?;
    end(estate, shown.id, Lost::Returned, cause, now, ids);
    Ok(())
}

/// A grant as it was when its holder's silence was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundSilent {
    /// The grant.
    pub grant: GrantId,
    /// Its token.
    pub fencing_token: FencingToken,
    /// Its floor deadline: another one since then means that the holder was heard.
    pub floor: Timestamp,
}

/// Takes back a grant whose holder has gone silent.
///
/// Changes nothing, and says so with `false`, where the grant was changed or its holder was heard since it was
/// found silent, where it has no lease, or has not passed its floor deadline, and while the instance is restored.
pub fn take_back(estate: &mut Estate, found: &FoundSilent, now: Timestamp, ids: &mut dyn IdSource) -> bool {
    let silent = estate.grant(found.grant).is_some_and(|grant| {
        !estate.restored
            && grant.mode == Mode::Online
            && grant.fencing_token == found.fencing_token
            && grant.floor_deadline == Some(found.floor)
            && found.floor <= now
    });
    if silent {
        end(estate, found.grant, Lost::Expired, &Cause::by("server"), now, ids);
    }
    silent
}

/// Ends the parts of a grant whose time has come, by [`Estate::ending_time`]; without any left, the grant.
///
/// While the instance is restored a part ends only with its line item: its holder may have renewed it since the
/// backup. The fencing token stays: the holder did nothing, and what it still holds is its own.
pub fn end_overdue(estate: &mut Estate, id: GrantId, now: Timestamp, ids: &mut dyn IdSource) -> bool {
    end_parts(estate, id, estate.restored, now, ids)
}

/// The same for a holder that asks anew, and so has not renewed it.
pub(crate) fn end_over(estate: &mut Estate, id: GrantId, now: Timestamp, ids: &mut dyn IdSource) -> bool {
    end_parts(estate, id, false, now, ids)
}

fn end_parts(
    estate: &mut Estate,
    id: GrantId,
    only_with_item: bool,
    now: Timestamp,
    ids: &mut dyn IdSource,
) -> bool {
    let over_by = estate.ending_time(now);
    let Some(grant) = estate.grant(id) else { return false };
    let has_expired = |part: &Part| {
        estate.item(&part.line_item).is_none_or(|state| state.item.serving(over_by) == Serving::Expired)
    };
    let is_over = |part: &Part| part.ends_at <= over_by && (!only_with_item || has_expired(part));
    let (over, left): (Vec<Part>, Vec<Part>) = grant.parts.iter().cloned().partition(is_over);
    if over.is_empty() {
        return false;
    }
    if left.is_empty() {
        end(estate, id, Lost::Ended, &Cause::by("server"), now, ids);
        return true;
    }
    let mut grant = grant.clone();
    let before = std::mem::replace(&mut grant.parts, left);
    grant.changed_at = now;
    estate.discharge(&over);
    estate.record(ActivityKind::Ended, &grant, &before, &grant.parts.clone(), &Cause::by("server"), now, ids);
    estate.put_grant(grant);
    true
}

/// Ends a grant whatever its state; `false` where there is none.
pub fn end(
    estate: &mut Estate,
    id: GrantId,
    lost: Lost,
    cause: &Cause,
    now: Timestamp,
    ids: &mut dyn IdSource,
) -> bool {
    let Some(grant) = estate.grant(id).cloned() else { return false };
    let kind = match lost {
        Lost::Expired => ActivityKind::Expired,
        Lost::Ended => ActivityKind::Ended,
        Lost::Dropped => ActivityKind::Dropped,
        _ => ActivityKind::Returned,
    };
    estate.discharge(&grant.parts);
    estate.record(kind, &grant, &grant.parts, &[], cause, now, ids);
    estate.remove_grant(id, lost);
    true
}

/// Blocks a device or lifts the block; what it holds stays. `false` where nothing changes.
pub fn set_blocked(
    estate: &mut Estate,
    device: &HostId,
    blocked: bool,
    actor: &str,
    now: Timestamp,
    ids: &mut dyn IdSource,
) -> bool {
    let Some(device) = estate.device(device).filter(|device| device.blocked != blocked).cloned() else {
        return false;
    };
    estate.record_other(Activity {
        id: ids.uuid(),
        at: now,
        kind: ActivityKind::DeviceChanged,
        hostid: Some(device.hostid.clone()),
        place: String::new(),
        feature: String::new(),
        grant: None,
        deltas: BTreeMap::new(),
        detail: if blocked { "blocked" } else { "unblocked" }.to_owned(),
        request: None,
        actor: actor.to_owned(),
    });
    estate.put_device(Device { blocked, ..device });
    true
}
