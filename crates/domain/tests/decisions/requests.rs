//! What is refused before anything is decided, and what a request leaves behind.

use jiff::SignedDuration;
use leasehold_domain::capability::{MAX_FEATURES, MAX_HOSTIDS, Outcome, RequestRefusal};
use leasehold_domain::grant::Lost;
use leasehold_domain::holder::Place;
use leasehold_domain::{
    Activity, ActivityKind, CapabilityRequest, DeviceType, FencingToken, GrantId, LeaseToken, LineItem,
    MAX_COUNT, Mode, Rejection, release,
};
use uuid::Uuid;

use crate::fixture::{at, entry, hostid, item, line_item_id, name};
use crate::site::{START, Site, hours};

type Spoil = fn(&mut CapabilityRequest);

#[test]
fn a_malformed_request_names_the_field_and_changes_nothing() {
    let cases: [(&str, Spoil); 13] = [
        ("hostids", |request| request.hostids.clear()),
        ("hostids", |request| request.hostids = vec![hostid("D"); MAX_HOSTIDS + 1]),
        ("request_id", |request| request.id = None),
        ("user", |request| request.user = Some(hostid("kim"))),
        ("features", |request| request.features = vec![request.features[0].clone(); MAX_FEATURES + 1]),
        ("features[1].name", |request| request.features[1].name = name("f")),
        ("features[2].name", |request| request.features.push(request.features[1].clone())),
        ("features[0].count", |request| request.features[0].count = 0),
        ("features[1].count", |request| request.features[1].count = 0),
        ("features[1].count", |request| request.features[1].count = MAX_COUNT + 1),
        ("borrow_interval", |request| request.borrow_interval = Some(SignedDuration::ZERO)),
        ("borrow_interval", |request| request.borrow_interval = Some(-hours(1))),
        ("borrow_interval", |request| request.borrow_interval = Some(SignedDuration::from_millis(999))),
    ];
    for (wrong, spoil) in cases {
        let mut site = Site::of([item("L", "f", "1.0", 5), item("M", "g", "1.0", 5)]);
        let mut request = site.request("D", &[("f", "1.0", 1), ("g", "1.0", 1)]);
        spoil(&mut request);
        match site.decide(&request) {
            Err(Rejection::Field { field, problem }) => {
                assert_eq!(field, wrong);
                assert!(!problem.is_empty());
            }
            other => panic!("{wrong}: {other:?}"),
        }
        assert!(site.estate.into_changes().is_empty(), "{wrong}");
    }
}

#[test]
fn the_largest_counts_are_decided() {
    let mut site = Site::of([item("L", "f", "1.0", MAX_COUNT), item("M", "f", "1.0", MAX_COUNT)]);
    assert_eq!(site.grant("D", "f", MAX_COUNT).count(), MAX_COUNT);
    assert_eq!(site.grant("E", "f", MAX_COUNT).count(), MAX_COUNT);
    assert_eq!(site.ask("F", "f", 1).outcome, Outcome::Refused);
}

#[test]
fn a_preview_answers_the_same_without_an_id_and_stores_nothing() {
    let mut site = Site::of([item("L", "f", "1.0", 5)]);
    let mut request = site.request("D", &[("f", "1.0", 3)]);
    (request.id, request.preview) = (None, true);
    let answer = site.decide(&request).unwrap();
    assert_eq!((answer.outcomes[0].outcome, answer.outcomes[0].count), (Outcome::Granted, 3));
    assert!(site.estate.clone().into_changes().is_empty());
    assert_eq!((site.item("L").out(), site.held("D", "f")), (0, None));
}

#[test]
fn a_grant_to_renew_must_be_current_and_the_callers_own() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    let first = site.grant("D", "f", 2);
    let current = site.grant("D", "f", 2);
    let other = site.grant("E", "f", 2);
    let before = site.estate.clone().into_changes();
    let shown = current.reference();
    for (renews, lost) in [
        (first.reference(), Lost::StaleToken),
        (leasehold_domain::GrantRef { lease_token: Some(LeaseToken([0; 16])), ..shown }, Lost::WrongToken),
        (leasehold_domain::GrantRef { fencing_token: FencingToken(9), ..shown }, Lost::WrongToken),
        (other.reference(), Lost::WrongToken),
        (leasehold_domain::GrantRef { id: GrantId(Uuid::nil()), ..shown }, Lost::UnknownGrant),
    ] {
        let mut request = site.request("D", &[("f", "1.0", 4)]);
        request.renews = vec![shown, renews];
        let rejected = site.decide(&request);
        assert_eq!(rejected, Err(Rejection::Stale { grant: renews.id, lost }));
        assert_eq!(site.estate.clone().into_changes(), before, "nothing changes");
    }
    let renewed = site.ask_with("D", ("f", "1.0", 4), |request| request.renews = vec![shown]).grant.unwrap();
    assert_eq!((renewed.id, renewed.count(), renewed.fencing_token), (current.id, 4, FencingToken(3)));
    assert_ne!(renewed.lease_token, current.lease_token);
}

#[test]
fn nothing_is_added_to_a_grant_in_another_mode() {
    let mut site = Site::of([item("L", "f", "1.0", 9), item("M", "g", "1.0", 9)]);
    let borrow = |request: &mut CapabilityRequest| {
        (request.mode, request.borrow_interval) = (Mode::Borrow, Some(hours(2)));
    };
    site.ask_with("D", ("f", "1.0", 2), borrow);
    let before = site.estate.clone().into_changes();
    let mut online = site.request("D", &[("g", "1.0", 1), ("f", "1.0", 1)]);
    online.incremental = true;
    assert_eq!(site.decide(&online), Err(Rejection::ModeMismatch { feature: name("f") }));
    assert_eq!(site.estate.clone().into_changes(), before, "nothing changes");

    let another = site.ask_with("D", ("g", "1.0", 1), |request| request.incremental = true);
    assert_eq!(another.outcome, Outcome::Granted, "another feature may be held in another mode");
    let same = site.ask_with("D", ("f", "1.0", 1), |request| {
        borrow(request);
        request.incremental = true;
    });
    assert_eq!((same.outcome, same.grant.unwrap().count()), (Outcome::Granted, 3));

    site.pass(hours(2));
    let after = site.decide(&online).unwrap();
    assert_eq!(after.outcomes[1].outcome, Outcome::Granted, "a borrow that has ended is in nobody's way");
    let grant = site.held("D", "f").unwrap();
    assert_eq!((grant.mode, grant.count()), (Mode::Online, 1));
}

#[test]
fn stating_everything_anew_changes_the_mode() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    let online = site.grant("D", "f", 2);
    let borrow = site.ask_with("D", ("f", "1.0", 2), |request| request.mode = Mode::Borrow).grant.unwrap();
    assert_eq!((borrow.id, borrow.mode), (online.id, Mode::Borrow));
    assert_ne!(borrow.lease_token, online.lease_token);
    assert_eq!(borrow.last_end(), at(START) + hours(7 * 24));
    assert!(site.release(&online.reference()).is_err(), "the lease is over");
    let online = site.grant("D", "f", 2);
    assert!(online.lease_token.is_some() && online.floor_deadline.is_some());
}

#[test]
fn a_blocked_device_gets_nothing_and_keeps_what_it_has() {
    let items = [item("L", "f", "1.0", 9)];
    let mut site = Site::reserving(items, [entry(1, "D", "f", "1.0", 3)]);
    let grant = site.grant("D", "f", 2);
    site.reallocate(|_, _| {});
    let block = |site: &mut Site, blocked| {
        release::set_blocked(&mut site.estate, &hostid("D"), blocked, "admin", site.now, &mut site.ids)
    };
    assert!(block(&mut site, true));
    assert!(!block(&mut site, true), "it is blocked already");
    let before = site.estate.clone().into_changes();
    for (incremental, preview, place) in [
        (false, false, Place::Device),
        (true, false, Place::Device),
        (false, true, Place::Device),
        (false, false, Place::Slot("s".to_owned())),
    ] {
        let mut request = site.request("D", &[("f", "1.0", 1)]);
        (request.incremental, request.preview, request.place) = (incremental, preview, place);
        let answer = site.decide(&request).unwrap();
        assert_eq!(answer.refusal, Some(RequestRefusal::DeviceBlocked));
        assert_eq!((answer.outcomes, answer.returned), (vec![], vec![]));
        assert_eq!(site.estate.clone().into_changes(), before, "nothing changes");
    }
    assert_eq!(site.held("D", "f"), Some(&grant));
    assert!(block(&mut site, false));
    assert_eq!(site.ask("D", "f", 1).outcome, Outcome::Granted);
}

#[test]
fn every_change_has_one_record_with_what_it_added() {
    let mut site = Site::of([item("L", "f", "1.0", 3), item("M", "g", "1.0", 3)]);
    let records = |site: &mut Site| {
        let told = |record: Activity| {
            let deltas: Vec<(String, i64)> =
                record.deltas.iter().map(|(id, n)| (id.to_string(), *n)).collect();
            (record.kind, record.feature, deltas, record.detail)
        };
        let changes = site.reallocate(|_, _| {});
        changes.activity.into_iter().map(told).collect::<Vec<_>>()
    };
    let told = |kind, feature: &str, deltas: &[(&str, i64)], detail: &str| {
        let deltas: Vec<(String, i64)> = deltas.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect();
        (kind, feature.to_owned(), deltas, detail.to_owned())
    };
    site.grant("D", "f", 2);
    assert_eq!(records(&mut site), [told(ActivityKind::Granted, "f", &[("L", 2)], "")]);
    site.grant("D", "f", 2);
    assert_eq!(records(&mut site), [told(ActivityKind::Granted, "f", &[], "")], "a renewal adds nothing");
    site.ask("D", "f", 4);
    assert_eq!(records(&mut site), [told(ActivityKind::Refused, "f", &[], "INSUFFICIENT_COUNT")]);
    site.ask_with("D", ("f", "1.0", 4), |request| request.partial = true);
    assert_eq!(records(&mut site), [told(ActivityKind::Granted, "f", &[("L", 1)], "PARTIAL")]);
    site.grant("D", "g", 1);
    let swap = [
        told(ActivityKind::Returned, "f", &[("L", -3)], ""),
        told(ActivityKind::Granted, "g", &[("M", 1)], ""),
    ];
    assert_eq!(records(&mut site), swap);
    site.ask_with("D", ("g", "1.0", 9), |request| request.keep_on_refusal = false);
    let refused = [
        told(ActivityKind::Refused, "g", &[], "INSUFFICIENT_COUNT"),
        told(ActivityKind::Returned, "g", &[("M", -1)], ""),
    ];
    assert_eq!(records(&mut site), refused);
}

#[test]
fn a_device_is_remembered_with_what_it_said_last() {
    let mut site = Site::of([item("L", "f", "1.0", 3)]);
    site.ask_with("D", ("f", "1.0", 1), |request| {
        (request.alias, request.device_type) = ("bench 7".to_owned(), DeviceType::Physical);
    });
    site.pass(hours(1));
    site.ask_with("D", ("f", "1.0", 9), |request| request.device_type = DeviceType::Virtual);
    let device = site.estate.device(&hostid("D")).unwrap();
    assert_eq!((device.alias.as_str(), device.device_type), ("bench 7", DeviceType::Virtual));
    assert_eq!((device.first_seen, device.last_seen), (at(START), at(START) + hours(1)));
}

#[test]
fn an_answer_tells_of_versions_notices_grace_and_renewal() {
    let old = LineItem {
        expires_at: Some(at(START) - hours(1)),
        grace_after_expiry: hours(5),
        notice: "renew soon".to_owned(),
        renew_interval_percent: Some(50),
        lease_ttl: Some(SignedDuration::from_secs(3)),
        ..item("old", "f", "1.0", 1)
    };
    let new = LineItem { notice: "welcome".to_owned(), ..item("new", "f", "2.0", 1) };
    let mut site = Site::of([old, new]);
    let outcome = site.ask("D", "f", 2);
    assert_eq!(outcome.in_grace, [line_item_id("old")].into());
    assert_eq!(outcome.notices, ["renew soon", "welcome"]);
    let versions: Vec<_> =
        outcome.versions.iter().map(|(id, version)| (id.as_str(), version.as_str())).collect();
    assert_eq!(versions, [("new", "2.0"), ("old", "1.0")]);
    assert_eq!(outcome.renew_after, hours(2), "half of the four hours of grace that are left");
    let grant = outcome.grant.unwrap();
    assert_eq!(grant.lease_ttl, Some(SignedDuration::from_secs(10)), "the least, and at least ten seconds");
    assert_eq!(grant.floor_deadline, Some(at(START) + SignedDuration::from_secs(12)));
}

#[test]
fn a_borrow_is_returned_by_its_secret_alone() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    let borrow = site.ask_with("D", ("f", "1.0", 2), |request| request.mode = Mode::Borrow).grant.unwrap();
    let seen_in_a_list = leasehold_domain::GrantRef { lease_token: None, ..borrow.reference() };
    assert_eq!(site.release(&seen_in_a_list), Err(Lost::WrongToken));
    assert_eq!(site.release(&borrow.reference()), Ok(()));
}
