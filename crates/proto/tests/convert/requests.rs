//! Reading capability requests and grant references.

use jiff::SignedDuration;
use leasehold_domain::capability::DictionaryValue;
use leasehold_domain::holder::Place;
use leasehold_domain::interval::Granularity;
use leasehold_domain::{CapabilityRequest, DeviceType, GrantRef, Mode, Rejection};
use leasehold_proto::convert::grant_ref::{read_any_grant_refs, read_grant_refs};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;

use crate::samples::{UUID, desired, grant_ref, hostid, keys, list, request, text};

/// A field, what its problem says among other things, and how to break it.
type Case = (&'static str, &'static str, fn(&mut pb::RequestCapabilitiesRequest));

fn check(cases: &[Case]) {
    for (field, says, breaks) in cases {
        let mut message = request();
        breaks(&mut message);
        match CapabilityRequest::try_from(&message) {
            Err(Rejection::Field { field: found, problem }) => {
                assert_eq!(found, *field, "{problem}");
                assert!(problem.contains(says), "{field}: {problem:?} does not say {says:?}");
            }
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn who_asks_is_checked() {
    check(&[
        ("request_id", "UUID", |r| r.request_id = "7".into()),
        ("request_id", "UUID", |r| r.request_id.clear()),
        ("hostids", "1 to 32", |r| r.hostids.clear()),
        ("hostids", "1 to 32", |r| r.hostids = vec![hostid("D"); 33]),
        ("hostids[1].value", "empty", |r| r.hostids[1].value.clear()),
        ("hostids[0].value", "256 bytes", |r| r.hostids[0].value = "x".repeat(256)),
        ("hostids[0].value", "character 2", |r| r.hostids[0].value = "a\tb".into()),
        ("hostids[1].type", "11", |r| r.hostids[1].r#type = 11),
        ("hostids[1].value", "network card", |r| r.hostids[1].r#type = types::HostIdType::Ethernet.into()),
        ("user", "USER", |r| r.user = Some(hostid("kim"))),
        ("user.value", "empty", |r| r.user = Some(hostid(""))),
        ("user.type", "-1", |r| r.user = Some(types::HostId { r#type: -1, value: "kim".into() })),
        ("client_instance_id", "256 bytes", |r| r.client_instance_id = "x".repeat(256)),
        ("slot", "character 1", |r| r.slot = "\u{7}".into()),
        ("alias", "256 bytes", |r| r.alias = "x".repeat(256)),
        ("alias", "control", |r| r.alias = "a\nb".into()),
        ("host_type", "256 bytes", |r| r.host_type = "x".repeat(256)),
        ("device_type", "4", |r| r.device_type = 4),
    ]);
}

#[test]
fn what_is_asked_is_checked() {
    check(&[
        ("features", "1,000", |r| r.features = vec![desired("f", 1); 1_001]),
        ("features[1].name", "empty", |r| r.features[1].name.clear()),
        ("features[1].name", "twice", |r| r.features[1].name = "f1".into()),
        ("features[0].version", "character 3", |r| r.features[0].version = "1.x".into()),
        ("features[0].version", "character 1", |r| r.features[0].version.clear()),
        ("features[1].count", "1 to 1,000,000,000", |r| r.features[1].count = 0),
        ("features[1].count", "1 to 1,000,000,000", |r| r.features[1].count = -1),
        ("features[0].count", "1 to 1,000,000,000", |r| r.features[0].count = 1_000_000_001),
        ("features[0].count", "1 to 1,000,000,000", |r| r.features[0].count = i64::MAX),
        ("mode", "3", |r| r.mode = 3),
        ("borrow_granularity", "5", |r| r.borrow_granularity = 5),
        ("operation", "metered", |r| r.operation = pb::Operation::Report.into()),
        ("operation", "metered", |r| r.operation = pb::Operation::Undo.into()),
        ("operation", "9", |r| r.operation = 9),
        ("borrow_interval", "0 to", |r| {
            r.borrow_interval = Some(prost_types::Duration { seconds: -1, nanos: 0 });
        }),
        ("borrow_interval", "one second", |r| r.borrow_interval = Some(prost_types::Duration::default())),
        ("nonce", "64 bytes", |r| r.nonce = vec![0; 65]),
        ("renews", "1,000", |r| r.renews = vec![grant_ref(); 1_001]),
        ("renews[1].grant_id", "UUID", |r| r.renews = vec![grant_ref(), pb::GrantRef::default()]),
        ("renews[0].lease_token", "16 bytes", |r| {
            r.renews = vec![pb::GrantRef { lease_token: vec![1; 15], ..grant_ref() }];
        }),
    ]);
}

#[test]
fn dictionaries_are_checked() {
    check(&[
        ("dictionary", "100 keys", |r| r.dictionary = keys(101, &text("v"))),
        ("claims", "100 keys", |r| r.claims = keys(101, &text("v"))),
        ("selectors", "100 keys", |r| r.selectors = keys(101, &"v".to_owned())),
        ("dictionary", "a key is empty", |r| r.dictionary = [(String::new(), text("v"))].into()),
        ("claims", "a key has 256 bytes", |r| r.claims = [("k".repeat(256), text("v"))].into()),
        ("selectors", "control", |r| r.selectors = [("a\0".to_owned(), String::new())].into()),
        ("dictionary[\"k\"].value", "missing", |r| {
            r.dictionary = [("k".to_owned(), pb::DictionaryValue::default())].into();
        }),
        ("dictionary[\"k\"].text", "4097 bytes", |r| {
            r.dictionary = [("k".to_owned(), text(&"x".repeat(4_097)))].into();
        }),
        ("selectors[\"k\"]", "4097 bytes", |r| r.selectors = [("k".to_owned(), "x".repeat(4_097))].into()),
        ("claims[\"k\"].list.values", "100 values", |r| {
            r.claims = [("k".to_owned(), list(vec![text("v"); 101]))].into();
        }),
        ("claims[\"k\"].list.values[1].list", "cannot hold a list", |r| {
            r.claims = [("k".to_owned(), list(vec![text("v"), list(vec![])]))].into();
        }),
        ("dictionary[\"k\"].list.values[0].value", "missing", |r| {
            r.dictionary = [("k".to_owned(), list(vec![pb::DictionaryValue::default()]))].into();
        }),
    ]);
}

#[test]
fn what_just_fits_is_taken() {
    let message = pb::RequestCapabilitiesRequest {
        hostids: (0..32).map(|index| hostid(&format!("D{index}"))).collect(),
        alias: "x".repeat(255),
        nonce: vec![0; 64],
        features: (0..1_000).map(|index| desired(&format!("f{index}"), 1_000_000_000)).collect(),
        dictionary: keys(100, &list(vec![text(&"x".repeat(4_096)); 100])),
        selectors: keys(100, &"x".repeat(4_096)),
        renews: vec![grant_ref(); 1_000],
        ..request()
    };
    let request = CapabilityRequest::try_from(&message).unwrap();
    assert_eq!(request.features.len(), 1_000);
    assert_eq!(request.features[999].count, 1_000_000_000);
    assert_eq!(request.renews.len(), 1_000);
}

#[test]
fn what_is_not_given_has_its_default() {
    let read = CapabilityRequest::try_from(&request()).unwrap();
    assert_eq!(read.id.unwrap().to_string(), UUID);
    assert!(read.keep_on_refusal);
    assert!(!read.preview && !read.incremental && !read.partial && !read.explain);
    assert_eq!(read.place, Place::Device);
    assert_eq!(read.device_type, DeviceType::Unknown);
    assert_eq!((read.mode, read.borrow_interval, read.borrow_granularity), (Mode::Online, None, None));
    assert_eq!((read.user, read.renews.len()), (None, 0));
    assert_eq!(read.features[1].name.as_str(), "f2");
    assert_eq!(read.features[1].count, 2);
}

#[test]
fn what_is_given_is_kept() {
    let message = pb::RequestCapabilitiesRequest {
        user: Some(types::HostId { r#type: types::HostIdType::User.into(), value: "kim".to_owned() }),
        client_instance_id: "c1".to_owned(),
        slot: "s1".to_owned(),
        device_type: types::DeviceType::Virtual.into(),
        incremental: true,
        partial: true,
        keep_on_refusal: Some(false),
        mode: pb::GrantMode::Borrow.into(),
        borrow_interval: Some(prost_types::Duration { seconds: 60, nanos: 5 }),
        borrow_granularity: pb::BorrowGranularity::Hour.into(),
        claims: [("k".to_owned(), list(vec![text("v")]))].into(),
        explain: true,
        renews: vec![grant_ref()],
        ..request()
    };
    let read = CapabilityRequest::try_from(&message).unwrap();
    assert_eq!(read.user.unwrap().to_string(), "kim/USER");
    assert_eq!(read.place, Place::Slot("s1".to_owned()));
    assert_eq!(read.device_type, DeviceType::Virtual);
    assert!(read.incremental && read.partial && read.explain && !read.keep_on_refusal);
    assert_eq!((read.mode, read.borrow_granularity), (Mode::Borrow, Some(Granularity::Hour)));
    assert_eq!(read.borrow_interval, Some(SignedDuration::new(60, 5)));
    assert_eq!(read.claims["k"], DictionaryValue::List(vec![DictionaryValue::Text("v".to_owned())]));
    assert_eq!(pb::GrantRef::from(read.renews[0]), grant_ref());
}

#[test]
fn only_a_preview_may_go_without_an_id() {
    let message = pb::RequestCapabilitiesRequest {
        request_id: String::new(),
        operation: pb::Operation::Preview.into(),
        ..request()
    };
    let read = CapabilityRequest::try_from(&message).unwrap();
    assert!(read.preview);
    assert_eq!(read.id, None);
}

#[test]
fn dictionary_values_round_trip() {
    let number = pb::DictionaryValue { value: Some(pb::dictionary_value::Value::Number(i64::MIN)) };
    for message in [text("v"), number.clone(), list(vec![text("a"), number]), list(vec![])] {
        let value = DictionaryValue::try_from(&message).unwrap();
        assert_eq!(pb::DictionaryValue::from(&value), message);
    }
}

#[test]
fn grant_references_are_read_with_their_place_and_round_trip() {
    let borrow = pb::GrantRef { lease_token: Vec::new(), ..grant_ref() };
    let read = read_grant_refs("leases", &[grant_ref(), borrow.clone()]).unwrap();
    assert_eq!(read[1].lease_token, None);
    assert_eq!(read.into_iter().map(pb::GrantRef::from).collect::<Vec<_>>(), [grant_ref(), borrow]);

    let field =
        |result: Result<Vec<GrantRef>, leasehold_proto::convert::FieldError>| result.unwrap_err().field;
    let bad = pb::GrantRef { grant_id: "x".to_owned(), ..grant_ref() };
    assert_eq!(field(read_grant_refs("grants", &[])), "grants");
    assert_eq!(field(read_grant_refs("grants", &vec![grant_ref(); 1_001])), "grants");
    assert_eq!(field(read_any_grant_refs("leases", &vec![grant_ref(); 1_001])), "leases");
    assert_eq!(field(read_grant_refs("leases", &[grant_ref(), bad])), "leases[1].grant_id");
    assert_eq!(read_any_grant_refs("leases", &[]), Ok(Vec::new()));
}

#[test]
fn a_secret_is_never_printed() {
    let message = pb::ReleaseRequest {
        grants: vec![pb::GrantRef { lease_token: b"secret-secret-16".to_vec(), ..grant_ref() }],
        ..Default::default()
    };
    let printed = format!("{message:?}");
    assert!(printed.contains(UUID), "{printed}");
    assert!(!printed.contains("115, 101, 99") && !printed.contains("secret"), "{printed}");
}
