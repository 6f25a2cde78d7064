//! Activity records of what concerns an instance as a whole.

use std::collections::BTreeMap;

use jiff::Timestamp;
use leasehold_domain::{Activity, ActivityKind, IdSource};

use crate::state::State;

/// A record without a device, a feature or counts.
pub(crate) fn record(
    state: &State,
    at: Timestamp,
    kind: ActivityKind,
    detail: &str,
    actor: &str,
) -> Activity {
    Activity {
        id: state.ids().uuid(),
        at,
        kind,
        hostid: None,
        place: String::new(),
        feature: String::new(),
        grant: None,
        deltas: BTreeMap::new(),
        detail: detail.to_owned(),
        request: None,
        actor: actor.to_owned(),
    }
}
