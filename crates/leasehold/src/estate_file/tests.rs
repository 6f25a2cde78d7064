use jiff::SignedDuration;
use leasehold_domain::{HostIdType, Overdraft};
use serde_json::{Value, json};

use super::*;

const FULL: &str = r#"{
  "name": "a workshop",
  "now": "2026-01-01T00:00:00Z",
  "steps": [{"request": {"device": "D1"}}],
  "model_warnings": 0,
  "line_items": [
    {"id": "L1", "feature": "Export", "version": "2.1", "count": 5, "overdraft": "10%",
     "starts_at": "2026-01-01T00:00:00Z", "expires_at": "2027-01-01T00:00:00+01:00",
     "grace_after_expiry": "14d", "borrow_interval": "12h", "renew_interval_percent": 20, "lease_ttl": "90s",
     "allow_virtual": false, "product": "Suite", "vendor_string": "v", "selectors": {"site": "Bern"},
     "notice": "n", "source": "S-1", "advisory": true},
    {"id": "L2", "feature": "Print", "count": null}
  ],
  "reservations": [
    {"group": "g", "hostid": "D1", "entries": [{"feature": "Export", "count": 2}]},
    {"group": "h", "hostid": "00-11-22-33-44-55/ETHERNET",
     "entries": [{"feature": "Export", "version": "2.0", "count": 1}]},
    {"group": "g", "hostid": "kim/USER", "entries": [{"feature": "Print", "count": 1}]}
  ]
}
"#;

fn complaint(text: &str) -> String {
    EstateFile::parse(text, "estate.json").unwrap_err().to_string()
}

/// The complaint about [`FULL`] after one change.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(FULL.matches(from).count(), 1, "{from}");
    complaint(&FULL.replace(from, to))
}

#[test]
fn every_field_of_a_line_item_is_read() {
    let estate = EstateFile::parse(FULL, "estate.json").unwrap();
    assert_eq!(estate.name, "a workshop");
    let [item, plain] = estate.items.as_slice() else { panic!("two line items") };
    assert_eq!((item.id.as_str(), item.feature.as_str(), item.version.as_str()), ("L1", "Export", "2.1"));
    assert_eq!((item.count, item.overdraft), (Some(5), Overdraft::Percent(10)));
    assert_eq!(item.starts_at, Some("2026-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(item.expires_at, Some("2026-12-31T23:00:00Z".parse().unwrap()));
    assert_eq!(item.grace_after_expiry, SignedDuration::from_hours(14 * 24));
    assert_eq!(item.borrow_interval, Some(SignedDuration::from_hours(12)));
    assert_eq!(
        (item.renew_interval_percent, item.lease_ttl),
        (Some(20), Some(SignedDuration::from_secs(90)))
    );
    assert_eq!((item.product.as_str(), item.vendor_string.as_str()), ("Suite", "v"));
    assert_eq!((item.notice.as_str(), item.source.as_str()), ("n", "S-1"));
    assert_eq!(item.selectors.get("site").map(String::as_str), Some("Bern"));
    assert!(item.advisory && !item.allow_virtual);

    assert_eq!((plain.version.as_str(), plain.count), ("1.0", None));
    assert!(plain.allow_virtual && !plain.advisory && plain.expires_at.is_none());
}

#[test]
fn reservations_of_one_name_are_one_group() {
    let groups = EstateFile::parse(FULL, "estate.json").unwrap().groups;
    let names: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.reservations.len())).collect();
    assert_eq!(names, [("g", 2), ("h", 1)]);
    let (first, user) = (&groups[0].reservations[0], &groups[0].reservations[1]);
    assert_eq!((first.hostid.kind(), first.hostid.value()), (HostIdType::String, "D1"));
    assert_eq!((first.entries[0].version.as_str(), first.entries[0].count), ("1.0", 2));
    assert_eq!((user.hostid.kind(), user.hostid.value()), (HostIdType::User, "kim"));
    assert_eq!(groups[1].reservations[0].hostid.value(), "001122334455");
}

#[test]
fn overdraft_has_four_forms() {
    for (text, overdraft) in [
        ("\"none\"", Overdraft::None),
        ("\"0%\"", Overdraft::Percent(0)),
        ("7", Overdraft::Count(7)),
        ("\"unlimited\"", Overdraft::Unlimited),
    ] {
        let estate = EstateFile::parse(&FULL.replace("\"10%\"", text), "estate.json").unwrap();
        assert_eq!(estate.items[0].overdraft, overdraft, "{text}");
    }
    for text in ["\"10\"", "\"-1%\"", "\"1.5%\"", "\"10001%\"", "-1", "1.5", "true"] {
        assert!(changed("\"10%\"", text).contains("a percentage like \"10%\""), "{text}");
    }
}

/// What is changed in [`FULL`], to what, and what is said about it.
const COMPLAINTS: &[(&str, &str, &str)] = &[
    (r#""count": 5"#, r#""cuont": 5"#, "line 7, line_items[0].cuont: unknown key (did you mean `count`?)"),
    (
        r#""count": 5"#,
        r#""count": "5""#,
        r#"line 7, line_items[0].count: must be a whole number from 0 to 1000000000; found "5""#,
    ),
    (
        r#""count": 5"#,
        r#""count": 1000000001"#,
        "must be a whole number from 0 to 1000000000; found 1000000001",
    ),
    (
        r#""2.1""#,
        r#""v2""#,
        r#"line_items[0].version: version "v2": neither a digit nor a dot at character 1"#,
    ),
    (r#""2.1""#, "2.1", r#"line_items[0].version: must be a text in quotes: "2.1""#),
    (r#""feature": "Export", "version": "2.1", "#, "", "line 7, line_items[0].feature: is missing; add it"),
    (r#""L1""#, r#""L2""#, r#"line 12, line_items[1].id: line_items[0] has the id "L2" already"#),
    (
        "2027-01-01T00:00:00+01:00",
        "2027-01-01",
        "line 8, line_items[0].expires_at: must be a time with its zone",
    ),
    ("2027-01-01", "2025-01-01", "line_items[0].expires_at: must be after starts_at (2026-01-01T00:00:00Z)"),
    (r#""90s""#, r#""5s""#, "line 9, line_items[0].lease_ttl: must be from 10s to 24h"),
    (
        r#""renew_interval_percent": 20"#,
        r#""renew_interval_percent": 0"#,
        "must be a whole number from 1 to 100; found 0",
    ),
    (
        r#""site": "Bern""#,
        r#""site": 1"#,
        "line 10, line_items[0].selectors.site: must be a text in quotes; found 1",
    ),
    (
        r#""advisory": true"#,
        r#""advisory": "yes""#,
        r#"line_items[0].advisory: must be true or false; found "yes""#,
    ),
    (
        r#""hostid": "D1""#,
        r#""hostid": "D1/MACHINE""#,
        r#"line 15, reservations[0].hostid: "MACHINE" is not a hostid type"#,
    ),
    ("kim/USER", "D1", "line 18, reservations[2].hostid: reservations[0] is for D1/STRING already"),
    (
        r#""count": 2"#,
        r#""count": 0"#,
        "line 15, reservations[0].entries[0].count: must be a whole number from 1",
    ),
    (
        r#"[{"feature": "Print", "count": 1}]"#,
        "[]",
        "reservations[2].entries: must name at least one feature",
    ),
    (r#""name": "a workshop""#, r#""model": "m""#, "line 2, model: models are not served yet"),
    (r#""name""#, r#""nmae""#, "line 2, nmae: unknown key (did you mean `name`?)"),
    (r#""now": ""#, r#""name": ""#, "line 3, name: the key occurs twice; keep one of them"),
];

#[test]
fn a_complaint_names_file_line_path_and_what_to_do() {
    for (from, to, said) in COMPLAINTS {
        let complaint = changed(from, to);
        assert!(complaint.contains(said), "{to}\n  {complaint}\n  {said}");
        assert!(complaint.starts_with("estate.json, line "), "{complaint}");
    }
}

#[test]
fn what_is_not_json_is_told_with_line_and_column() {
    let said = changed("\"count\": 5,", "\"count\": 5");
    assert_eq!(said, "estate.json, line 7, column 68: not JSON: expected `,` or `}`");
    assert!(complaint("").contains("line 1, column 0: not JSON"));
}

#[test]
fn other_shapes_are_refused() {
    for (value, said) in [
        (json!([]), "must be an object in braces; found a list"),
        (json!({"line_items": {}}), "line_items: must be a list in brackets; found an object"),
        (json!({"line_items": [1]}), "line_items[0]: must be an object in braces; found 1"),
        (json!({"reservations": [{"group": "", "hostid": "a"}]}), "reservations[0].group: is empty"),
    ] {
        let complaint = EstateFile::from_scenario(&value).unwrap_err().to_string();
        assert!(complaint.contains(said), "{complaint}");
    }
}

#[test]
fn one_estate_may_be_wrapped_as_a_scenario() {
    let wrapped = format!("\u{feff}{{\"scenarios\": [{FULL}]}}");
    let bare: Value = serde_json::from_str(FULL).unwrap();
    let estate = EstateFile::parse(&wrapped, "estate.json").unwrap();
    assert_eq!(estate, EstateFile::from_scenario(&bare).unwrap());

    let broken = complaint(&wrapped.replace("\"id\": \"L1\"", "\"id\": \"\""));
    assert!(broken.starts_with("estate.json, line 7, scenarios[0].line_items[0].id: is empty"), "{broken}");
    assert!(complaint(r#"{"scenarios": []}"#).contains("must hold exactly one estate; found 0"));
    assert!(complaint(r#"{"scenarios": [{}, {}]}"#).contains("must hold exactly one estate; found 2"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = EstateFile::read(Path::new("/no/such/estate.json")).unwrap_err();
    assert!(error.to_string().contains("/no/such/estate.json cannot be read"), "{error}");
}

#[test]
fn every_conformance_scenario_without_a_model_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/tests/conformance");
    for (file, least) in [("capability.json", 28), ("estate.json", 1)] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let cases: Value = serde_json::from_str(&text).unwrap();
        let plain: Vec<_> = cases["scenarios"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|case| case.get("model").is_none())
            .collect();
        for case in &plain {
            let estate =
                EstateFile::from_scenario(case).unwrap_or_else(|error| panic!("{}: {error}", case["name"]));
            assert_eq!(estate.items.len(), case["line_items"].as_array().unwrap().len());
        }
        assert!(plain.len() >= least, "{file}: {}", plain.len());
    }
}
