//! Reading and writing reservation groups.

use leasehold_domain::reservation::Status;
use leasehold_domain::{EntryId, GroupId};
use leasehold_proto::convert::reservation::{etag, group, read_changed_group, read_etag, read_new_group};
use leasehold_proto::licensing::v1 as pb;
use uuid::Uuid;

use crate::samples::{Counting, UUID, hostid};

fn entry(feature: &str) -> pb::ReservationEntry {
    pb::ReservationEntry {
        feature: feature.to_owned(),
        version: "1.5".to_owned(),
        count: 3,
        ..Default::default()
    }
}

/// Two reservations, of two entries and of one.
fn new_group() -> pb::ReservationGroup {
    pb::ReservationGroup {
        name: "plant".to_owned(),
        reservations: vec![
            pb::Reservation { hostid: Some(hostid("D1")), entries: vec![entry("f1"), entry("f2")] },
            pb::Reservation { hostid: Some(hostid("D2")), entries: vec![entry("f1")] },
        ],
        ..Default::default()
    }
}

fn changed_group() -> pb::ReservationGroup {
    let mut group = pb::ReservationGroup { group_id: UUID.to_owned(), etag: etag(4), ..new_group() };
    group.reservations[0].entries[1].entry_id = UUID.into();
    group
}

#[test]
fn a_new_group_gets_ids_and_orders() {
    let read = read_new_group(Some(&new_group()), &mut Counting::default(), 10).unwrap();
    assert_eq!((read.id, read.name.as_str(), read.revision), (GroupId(Uuid::from_u128(1)), "plant", 1));
    let entries: Vec<_> = read.reservations.iter().flat_map(|reservation| &reservation.entries).collect();
    let placed: Vec<_> = entries.iter().map(|entry| (entry.id, entry.order, entry.hostid.value())).collect();
    assert_eq!(
        placed,
        [
            (EntryId(Uuid::from_u128(2)), 10, "D1"),
            (EntryId(Uuid::from_u128(3)), 11, "D1"),
            (EntryId(Uuid::from_u128(4)), 12, "D2"),
        ]
    );
    assert_eq!(
        (entries[1].feature.as_str(), entries[1].version.as_str(), entries[1].count),
        ("f2", "1.5", 3)
    );
}

#[test]
fn a_changed_group_keeps_the_ids_that_are_given() {
    let read = read_changed_group(Some(&changed_group()), &mut Counting::default(), 10).unwrap();
    assert_eq!((read.id.to_string().as_str(), read.revision), (UUID, 4));
    let entries: Vec<_> = read.reservations.iter().flat_map(|reservation| &reservation.entries).collect();
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.to_string()).collect();
    assert_eq!(ids, [Uuid::from_u128(1).to_string(), UUID.to_owned(), Uuid::from_u128(2).to_string()]);
}

type Case = (&'static str, fn(&mut pb::ReservationGroup));

#[test]
fn bad_fields_of_a_new_group_are_named() {
    let cases: [Case; 11] = [
        ("group.group_id", |g| g.group_id = UUID.into()),
        ("group.etag", |g| g.etag = "1".into()),
        ("group.name", |g| g.name.clear()),
        ("group.name", |g| g.name = "x".repeat(256)),
        ("group.reservations[1].hostid", |g| g.reservations[1].hostid = None),
        ("group.reservations[1].hostid.value", |g| g.reservations[1].hostid = Some(hostid(""))),
        ("group.reservations[0].entries[1].entry_id", |g| {
            g.reservations[0].entries[1].entry_id = UUID.into();
        }),
        ("group.reservations[0].entries[1].feature", |g| g.reservations[0].entries[1].feature.clear()),
        ("group.reservations[0].entries[1].version", |g| g.reservations[0].entries[1].version = "v1".into()),
        ("group.reservations[1].entries[0].count", |g| g.reservations[1].entries[0].count = 0),
        ("group.reservations[1].entries[0].count", |g| g.reservations[1].entries[0].count = 1_000_000_001),
    ];
    for (field, breaks) in cases {
        let mut message = new_group();
        breaks(&mut message);
        let read = read_new_group(Some(&message), &mut Counting::default(), 0);
        assert_eq!(read.map_err(|error| error.field), Err(field.to_owned()));
    }
    assert_eq!(read_new_group(None, &mut Counting::default(), 0).unwrap_err().field, "group");
}

#[test]
fn bad_fields_of_a_changed_group_are_named() {
    let cases: [Case; 5] = [
        ("group.group_id", |g| g.group_id.clear()),
        ("group.etag", |g| g.etag.clear()),
        ("group.etag", |g| g.etag = "x".into()),
        ("group.reservations[0].entries[0].entry_id", |g| g.reservations[0].entries[0].entry_id = "x".into()),
        ("group.reservations[1].entries[0].entry_id", |g| {
            g.reservations[1].entries[0].entry_id = UUID.into();
        }),
    ];
    for (field, breaks) in cases {
        let mut message = changed_group();
        breaks(&mut message);
        let read = read_changed_group(Some(&message), &mut Counting::default(), 0);
        assert_eq!(read.map_err(|error| error.field), Err(field.to_owned()));
    }
    assert_eq!(read_changed_group(None, &mut Counting::default(), 0).unwrap_err().field, "group");
}

#[test]
fn a_written_group_can_be_changed_and_shows_its_status() {
    let stored = read_new_group(Some(&new_group()), &mut Counting::default(), 0).unwrap();
    let status = |entry: &leasehold_domain::Entry| match entry.order {
        0 => (Status::Satisfied, 3),
        1 => (Status::Waiting(2), 1),
        _ => (Status::Unsatisfied(1), 0),
    };
    let message = group(&stored, status);
    let shown: Vec<_> = message
        .reservations
        .iter()
        .flat_map(|reservation| &reservation.entries)
        .filter_map(|entry| entry.status)
        .map(|status| (status.state(), status.missing, status.used))
        .collect();
    assert_eq!(
        shown,
        [
            (pb::ReservationState::Satisfied, 0, 3),
            (pb::ReservationState::Waiting, 2, 1),
            (pb::ReservationState::Unsatisfied, 1, 0),
        ]
    );
    assert_eq!(read_changed_group(Some(&message), &mut Counting::default(), 0), Ok(stored));
}

#[test]
fn an_etag_stands_for_a_revision() {
    assert_eq!(read_etag("etag", &etag(u64::MAX)), Ok(Some(u64::MAX)));
    assert_eq!(read_etag("etag", ""), Ok(None));
    assert_eq!(read_etag("etag", "-1").unwrap_err().field, "etag");
}
