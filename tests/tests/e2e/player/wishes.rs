//! What players fight over, and what they ask for.

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Player;
use crate::calls::hostid;

/// What players ask for. Nobody has the last one.
const FEATURES: [&str; 6] = ["hot", "hot", "cad", "plot", "sim", "nothing"];
/// The device that has several slots, and a reservation.
pub(super) const SHARED: &str = "SHARED";

/// An estate that players fight over: a hot feature with overdraft, one of two versions, one that is in part
/// set aside for a device, and one without a count.
pub(crate) fn estate() -> Value {
    json!({
        "line_items": [
            {"id": "L-HOT", "feature": "hot", "version": "1.0", "count": 20, "overdraft": "10%"},
            {"id": "L-CAD-1", "feature": "cad", "version": "1.0", "count": 15},
            {"id": "L-CAD-2", "feature": "cad", "version": "2.0", "count": 10, "overdraft": 2},
            {"id": "L-PLOT", "feature": "plot", "version": "1.0", "count": 30},
            {"id": "L-SIM", "feature": "sim", "version": "1.0", "count": null},
        ],
        "reservations": [
            {"group": "kept", "hostid": SHARED, "entries": [{"feature": "plot", "version": "1.0", "count": 6}]},
        ],
    })
}

/// Settings under which no grant ends by itself.
pub(crate) const SETTINGS: &[(&str, &str)] =
    &[("licensing.lease_ttl", "24h"), ("licensing.response_lifetime", "30d"), ("logging.level", "warn")];

impl Player {
    /// A request of any kind.
    pub(super) fn any_request(&mut self) -> pb::RequestCapabilitiesRequest {
        let rng = &mut self.rng;
        let mut names = FEATURES.to_vec();
        names.shuffle(rng);
        names.truncate(rng.random_range(1..=3));
        names.sort_unstable();
        names.dedup();
        if self.device == SHARED && rng.random_bool(0.3) {
            names.clear();
        }
        let feature = |name: &&str| pb::DesiredFeature {
            name: (*name).to_owned(),
            version: (*["1.0", "1", "2.0"].choose(rng).expect("there are some")).to_owned(),
            count: rng.random_range(1..=3),
        };
        let features = names.iter().map(feature).collect();
        let rng = &mut self.rng;
        let current = self.holdings.shown();
        let renews = if rng.random_bool(0.4) { current } else { Vec::new() };
        // A request that is rejected for its mode leaves its id free. Sent to several replicas, an earlier sending of
        // it may come to a decision later than that, and be granted.
        let other_mode = self.channels.len() == 1 && rng.random_bool(0.06);
        let borrows = self.borrower != other_mode;
        pb::RequestCapabilitiesRequest {
            request_id: Uuid::from_u128(rng.random()).to_string(),
            hostids: vec![hostid(&self.device)],
            slot: self.slot.clone(),
            client_instance_id: self.client_instance.clone(),
            device_type: types::DeviceType::Physical.into(),
            features,
            incremental: rng.random_bool(0.3),
            partial: rng.random_bool(0.3),
            keep_on_refusal: rng.random_bool(0.3).then_some(rng.random_bool(0.5)),
            mode: if borrows { pb::GrantMode::Borrow } else { pb::GrantMode::Online }.into(),
            nonce: rng.random::<[u8; 8]>().to_vec(),
            explain: rng.random_bool(0.1),
            operation: if rng.random_bool(0.08) { pb::Operation::Preview } else { pb::Operation::Request }
                .into(),
            renews,
            ..Default::default()
        }
    }
}
