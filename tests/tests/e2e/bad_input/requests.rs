//! Capability requests with one mistake each.

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::RequestCapabilitiesRequest as Request;
use leasehold_proto::licensing::v1::dictionary_value::Value;
use leasehold_proto::types::v1 as types;

use crate::calls::{feature, fresh_id, hostid, request};

/// What is wrong, the field's path, what the message must say of it, and the request.
pub(super) type Case = (&'static str, &'static str, &'static str, Request);

/// Every mistake.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = features();
    cases.extend(hosts());
    cases.extend(texts_and_numbers());
    cases.extend(dictionaries());
    cases.extend(renewals());
    cases
}

fn case(
    what: &'static str,
    field: &'static str,
    said: &'static str,
    change: impl FnOnce(&mut Request),
) -> Case {
    let mut bad = request("B1", &[("cad", 1), ("sim", 2)]);
    change(&mut bad);
    (what, field, said, bad)
}

fn features() -> Vec<Case> {
    let count = |what, count| {
        case(what, "features[1].count", "1 to 1,000,000,000", |it| it.features[1].count = count)
    };
    let version = |text: &'static str, said| {
        case(text, "features[0].version", said, |it| it.features[0].version = text.into())
    };
    let name =
        |what, said, name: &str| case(what, "features[1].name", said, |it| it.features[1].name = name.into());
    vec![
        count("no count", 0),
        count("a negative count", -1),
        count("the smallest number", i64::MIN),
        count("one count too many", 1_000_000_001),
        count("the largest number", i64::MAX),
        version("", "at character 1"),
        version("v1", "at character 1"),
        version("1.", "at character 3"),
        version("1..2", "at character 3"),
        version("1.2.x", "at character 5"),
        version("1.2.3.4.5", "at character 8"),
        version("1234567890", "at character 10"),
        version("1.0 ", "at character 4"),
        version("١", "at character 1"),
        name("no name", "is empty", ""),
        name("a long name", "256 bytes", &"x".repeat(256)),
        name("a control character", "character 2", "x\ny"),
        name("the same feature twice", "twice", "cad"),
        case("too many features", "features", "1,000", |it| {
            it.features = (0..1_001).map(|n| feature(&format!("f{n}"), 1)).collect();
        }),
    ]
}

fn hosts() -> Vec<Case> {
    let of =
        |kind: types::HostIdType, value: &str| types::HostId { r#type: kind.into(), value: value.into() };
    let second = |what, field, said, hostid| case(what, field, said, |it| it.hostids.push(hostid));
    let ethernet =
        |what, value| second(what, "hostids[1].value", "hexadecimal", of(types::HostIdType::Ethernet, value));
    let mut cases = vec![
        case("no hostids", "hostids", "1 to 32", |it| it.hostids.clear()),
        case("too many hostids", "hostids", "1 to 32", |it| {
            it.hostids = (0..33).map(|n| hostid(&format!("B{n}"))).collect();
        }),
        case("a hostid of no known type", "hostids[0].type", "99", |it| it.hostids[0].r#type = 99),
        case("a hostid of a negative type", "hostids[0].type", "-1", |it| it.hostids[0].r#type = -1),
        ethernet("a short card address", "00:11:22:33:44"),
        ethernet("a long card address", "00:11:22:33:44:55:66"),
        ethernet("a card address of other letters", "00-11-22-33-44-5g"),
        case("a user that is none", "user", "USER", |it| it.user = Some(hostid("kim"))),
        case("a user without a name", "user.value", "is empty", |it| {
            it.user = Some(of(types::HostIdType::User, ""));
        }),
        case("a user of no known type", "user.type", "77", |it| {
            it.user = Some(types::HostId { r#type: 77, value: "kim".into() });
        }),
    ];
    for kind in 1..=10 {
        let kind = types::HostIdType::try_from(kind).expect("there are ten");
        cases.push(second("an empty hostid", "hostids[1].value", "is empty", of(kind, "")));
        cases.push(second("a long hostid", "hostids[1].value", "256 bytes", of(kind, &"x".repeat(256))));
        cases.push(second("a hostid with a tab", "hostids[1].value", "character 2", of(kind, "a\tb")));
    }
    cases
}

fn texts_and_numbers() -> Vec<Case> {
    let interval = |what, seconds, nanos| {
        case(what, "borrow_interval", "", |it| {
            it.borrow_interval = Some(prost_types::Duration { seconds, nanos });
        })
    };
    vec![
        case("no request id", "request_id", "UUID", |it| it.request_id.clear()),
        case("a request id that is none", "request_id", "UUID", |it| it.request_id = "7".into()),
        case("a request id with a letter more", "request_id", "UUID", |it| it.request_id.push('0')),
        case("a long nonce", "nonce", "64", |it| it.nonce = vec![0; 65]),
        case("a long alias", "alias", "256 bytes", |it| it.alias = "x".repeat(256)),
        case("an alias with a bell", "alias", "character 1", |it| it.alias = "\u{7}".into()),
        case("a long slot", "slot", "256 bytes", |it| it.slot = "x".repeat(256)),
        case("a slot of two lines", "slot", "character 2", |it| it.slot = "a\nb".into()),
        case("a long client", "client_instance_id", "256 bytes", |it| {
            it.client_instance_id = "x".repeat(256);
        }),
        case("a long host type", "host_type", "256 bytes", |it| it.host_type = "x".repeat(256)),
        case("an unknown device type", "device_type", "99", |it| it.device_type = 99),
        case("an unknown mode", "mode", "99", |it| it.mode = 99),
        case("an unknown granularity", "borrow_granularity", "99", |it| it.borrow_granularity = 99),
        case("an unknown operation", "operation", "99", |it| it.operation = 99),
        case("a report of use", "operation", "metered", |it| it.operation = pb::Operation::Report.into()),
        case("an undone report", "operation", "metered", |it| it.operation = pb::Operation::Undo.into()),
        interval("no interval", 0, 0),
        interval("a negative interval", -1, 0),
        interval("an interval below a second", 0, 999_999_999),
        interval("a second of too many parts", 1, 1_000_000_000),
        interval("an interval of two signs", 1, -1),
        interval("an interval beyond all time", i64::MAX, 999_999_999),
    ]
}

fn dictionaries() -> Vec<Case> {
    let text = |text: &str| pb::DictionaryValue { value: Some(Value::Text(text.into())) };
    let list = |values| pb::DictionaryValue { value: Some(Value::List(pb::DictionaryList { values })) };
    let entry = |what, field, said, value| {
        case(what, field, said, |it| {
            it.dictionary.insert("k".into(), value);
        })
    };
    vec![
        entry(
            "a list in a list",
            "dictionary[\"k\"].list.values[1].list",
            "cannot hold",
            list(vec![text("a"), list(vec![])]),
        ),
        entry("a list of too many", "dictionary[\"k\"].list.values", "100", list(vec![text("a"); 101])),
        entry(
            "an entry without a value",
            "dictionary[\"k\"].value",
            "missing",
            pb::DictionaryValue::default(),
        ),
        entry("a long text", "dictionary[\"k\"].text", "4097 bytes", text(&"x".repeat(4_097))),
        case("a claim that nests", "claims[\"k\"].list.values[0].list", "cannot hold", |it| {
            it.claims.insert("k".into(), list(vec![list(vec![])]));
        }),
        case("an empty key", "dictionary", "is empty", |it| {
            it.dictionary.insert(String::new(), text("a"));
        }),
        case("too many keys", "claims", "100", |it| {
            it.claims = (0..101).map(|n| (n.to_string(), text("a"))).collect();
        }),
        case("a long selector", "selectors[\"k\"]", "4097 bytes", |it| {
            it.selectors.insert("k".into(), "x".repeat(4_097));
        }),
        case("too many selectors", "selectors", "100", |it| {
            it.selectors = (0..101).map(|n| (n.to_string(), String::new())).collect();
        }),
    ]
}

fn renewals() -> Vec<Case> {
    let good = || pb::GrantRef { grant_id: fresh_id(), fencing_token: 1, lease_token: vec![0; 16] };
    vec![
        case("a renewal of no UUID", "renews[1].grant_id", "UUID", |it| {
            it.renews = vec![good(), pb::GrantRef { grant_id: "x".into(), ..good() }];
        }),
        case("a renewal with a long token", "renews[0].lease_token", "16 bytes", |it| {
            it.renews = vec![pb::GrantRef { lease_token: vec![0; 17], ..good() }];
        }),
        case("too many renewals", "renews", "1,000", |it| it.renews = vec![good(); 1_001]),
    ]
}
