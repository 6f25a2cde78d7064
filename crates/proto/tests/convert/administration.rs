//! What administrators see, as messages.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::holder::Place;
use leasehold_domain::{
    Activity, ActivityKind, Cell, Device, DeviceType, EntryId, FencingToken, Grant, GrantId, Holder,
    LeaseToken, Mode, Overdraft, Part, RequestId, Source, feature,
};
use leasehold_proto::convert::device::{Holding, device};
use leasehold_proto::convert::grant::{PartFacts, feature_holder, grant};
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;
use uuid::Uuid;

use crate::samples::{self, NOW, line_item, line_item_id, version};

/// Ten owned and two more on overdraft. Nine are out of the default pool's seven, one of three reserved.
fn line_item_state() -> LineItemState {
    let mut item = line_item("li-1", "f1", 10);
    item.overdraft = Overdraft::Count(2);
    item.expires_at = Some(NOW);
    let reservation = Source::Reservation(EntryId(Uuid::from_u128(5)));
    let cells = BTreeMap::from([
        (reservation, Cell { allocated: 3, used: 1 }),
        (Source::Default, Cell { allocated: 7, used: 9 }),
    ]);
    LineItemState { item, cells }
}

fn sample_grant() -> Grant {
    let part = |item, count, ends_at| Part {
        line_item: line_item_id(item),
        source: Source::Default,
        count,
        ends_at,
    };
    Grant {
        id: GrantId(Uuid::from_u128(9)),
        holder: Holder { device: samples::device("D1"), place: Place::Slot("s1".to_owned()) },
        feature: samples::feature("f1"),
        mode: Mode::Borrow,
        fencing_token: FencingToken(4),
        lease_token: Some(LeaseToken([7; 16])),
        lease_ttl: None,
        parts: vec![part("li-1", 2, NOW), part("li-2", 3, Timestamp::MAX)],
        granted_at: NOW - SignedDuration::from_secs(60),
        changed_at: NOW,
        floor_deadline: None,
    }
}

fn sample_device() -> Device {
    Device {
        hostid: samples::device("D1"),
        alias: "drawing office".to_owned(),
        device_type: DeviceType::Virtual,
        first_seen: Timestamp::UNIX_EPOCH,
        last_seen: NOW,
        blocked: true,
    }
}

#[test]
fn a_feature_is_summed() {
    let summary = feature::summarize([&line_item_state()]).remove(0);
    let message = pb::FeatureSummary::from(&summary);
    assert_eq!((message.name.as_str(), message.version.as_str()), ("f1", "2.0"));
    assert_eq!((message.total, message.used, message.available), (Some(10), 10, Some(0)));
    assert_eq!((message.reserved, message.reserved_idle), (3, 2));
    assert_eq!((message.overdraft, message.overdraft_used, message.overage), (Some(2), 2, 0));
    assert_eq!(
        (message.first_expiration, message.last_expiration),
        (Some(timestamp(NOW)), Some(timestamp(NOW)))
    );
    assert!(message.counted && !message.metered);

    let mut uncounted = line_item_state();
    uncounted.item.count = None;
    uncounted.item.overdraft = Overdraft::Unlimited;
    let message = pb::FeatureSummary::from(&feature::summarize([&uncounted]).remove(0));
    assert_eq!((message.total, message.available, message.counted), (None, None, false));
}

#[test]
fn a_line_item_shows_its_cells_default_first() {
    let message = pb::LineItemStatus::from(&line_item_state());
    assert_eq!(message.line_item.as_ref().unwrap().line_item_id, "li-1");
    assert_eq!((message.used, message.overdraft_used, message.overage), (10, 2, 0));
    assert_eq!((message.reserved, message.reserved_idle), (3, 2));
    let cells: Vec<_> = message
        .cells
        .iter()
        .map(|cell| (Source::try_from(cell.source.as_ref().unwrap()).unwrap(), cell.allocated, cell.used))
        .collect();
    let reservation = Source::Reservation(EntryId(Uuid::from_u128(5)));
    assert_eq!(cells, [(Source::Default, 7, 9), (reservation, 3, 1)]);
}

#[test]
fn a_grant_shows_its_parts() {
    let ends = NOW + SignedDuration::from_secs(5);
    let facts = |id: &leasehold_domain::LineItemId| {
        (id.as_str() == "li-1").then(|| PartFacts { version: version("2.0"), in_grace: true })
    };
    let message = grant(&sample_grant(), ends, facts);
    assert_eq!(message.grant_id, Uuid::from_u128(9).to_string());
    assert_eq!(message.hostid, Some(samples::hostid("D1")));
    assert_eq!((message.holder.as_str(), message.feature.as_str(), message.count), ("slot:s1", "f1", 5));
    assert_eq!((message.mode(), message.fencing_token), (pb::GrantMode::Borrow, 4));
    assert_eq!((message.changed_at, message.expires_at), (Some(timestamp(NOW)), Some(timestamp(ends))));
    let parts: Vec<_> = message
        .parts
        .iter()
        .map(|p| (p.line_item_id.as_str(), p.version.as_str(), p.count, p.in_grace))
        .collect();
    assert_eq!(parts, [("li-1", "2.0", 2, true), ("li-2", "", 3, false)]);
}

#[test]
fn a_device_shows_what_it_holds() {
    let holding = Holding { grants: 2, counts: 5, expires_at: Some(NOW) };
    let message = device(&sample_device(), holding);
    assert_eq!(message.hostid, Some(samples::hostid("D1")));
    assert_eq!(
        (message.alias.as_str(), message.device_type()),
        ("drawing office", types::DeviceType::Virtual)
    );
    assert_eq!(
        (message.first_seen, message.last_seen),
        (Some(timestamp(Timestamp::UNIX_EPOCH)), Some(timestamp(NOW)))
    );
    assert_eq!((message.blocked, message.grants, message.counts), (true, 2, 5));
    assert_eq!(message.expires_at, Some(timestamp(NOW)));
    assert_eq!(device(&sample_device(), Holding::default()).expires_at, None);
}

#[test]
fn a_holder_of_a_feature_shows_its_device() {
    let row = feature_holder(&sample_grant(), NOW, Some(&sample_device()));
    assert_eq!((row.alias.as_str(), row.device_type()), ("drawing office", types::DeviceType::Virtual));
    assert_eq!((row.holder.as_str(), row.count, row.expires_at), ("slot:s1", 5, Some(timestamp(NOW))));
    let row = feature_holder(&sample_grant(), NOW, None);
    assert_eq!((row.alias.as_str(), row.device_type()), ("", types::DeviceType::Unknown));
    assert_eq!(row.hostid, Some(samples::hostid("D1")));
}

#[test]
fn activity_shows_its_deltas_under_the_contracts_name() {
    let activity = Activity {
        id: Uuid::from_u128(1),
        at: NOW,
        kind: ActivityKind::Returned,
        hostid: Some(samples::device("D1")),
        place: "slot:s1".to_owned(),
        feature: "f1".to_owned(),
        grant: Some(GrantId(Uuid::from_u128(2))),
        deltas: [(line_item_id("li-1"), -2), (line_item_id("li-2"), 3)].into(),
        detail: "why".to_owned(),
        request: Some(RequestId(Uuid::from_u128(3))),
        actor: "kim".to_owned(),
    };
    let message = pb::Activity::from(&activity);
    assert_eq!(message.activity_id, Uuid::from_u128(1).to_string());
    assert_eq!((message.at, message.kind()), (Some(timestamp(NOW)), pb::ActivityKind::Returned));
    assert_eq!(message.grant_id, Uuid::from_u128(2).to_string());
    assert_eq!(message.request_id, Uuid::from_u128(3).to_string());
    let deltas: Vec<_> = message.deltas.iter().map(|d| (d.line_item_id.as_str(), d.delta)).collect();
    assert_eq!(deltas, [("li-1", -2), ("li-2", 3)]);
    assert_eq!(message.hostid, Some(samples::hostid("D1")));
    assert_eq!((message.holder.as_str(), message.feature.as_str()), ("slot:s1", "f1"));
    assert_eq!((message.detail.as_str(), message.actor.as_str()), ("why", "kim"));

    let bare = Activity { hostid: None, grant: None, request: None, ..activity };
    let message = pb::Activity::from(&bare);
    assert_eq!((message.hostid, message.grant_id.as_str(), message.request_id.as_str()), (None, "", ""));
    for kind in ActivityKind::ALL {
        let name = pb::ActivityKind::from(kind).as_str_name();
        assert_eq!(name.strip_prefix("ACTIVITY_KIND_"), Some(kind.name()));
    }
}
