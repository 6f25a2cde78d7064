use super::*;

fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 86_400 * day).unwrap()
}

/// A definition of `product` that came out on a day, whose hash is that day.
fn release(version: &str, day: u8) -> Release {
    Release {
        product: "scan".to_owned(),
        version: version.to_owned(),
        kind: ReleaseKind::Definition,
        channel: STABLE.to_owned(),
        os: None,
        arch: None,
        minimum_version: None,
        target: format!("scan/{version}/daily.cvd"),
        length: 1,
        sha256: [day; 32],
        state: ReleaseState::Approved,
        emergency: false,
        notes: String::new(),
        withdrawn_reason: String::new(),
        features: Vec::new(),
        released_at: Some(at(day.into())),
        seen_at: at(100),
    }
}

fn follows(version: &str, sha256: Option<u8>) -> Followed {
    Followed {
        product: "scan".to_owned(),
        channel: STABLE.to_owned(),
        os: "linux".to_owned(),
        arch: "x86_64".to_owned(),
        version: version.to_owned(),
        sha256: sha256.map(|byte| [byte; 32]),
    }
}

fn chosen(releases: &[Release], followed: &Followed) -> Option<String> {
    choose(releases, followed).map(|release| release.version.clone())
}

#[test]
fn versions_compare_by_their_numbers() {
    for (lower, higher) in [
        ("1.9", "1.10"),
        ("26999", "27000"),
        ("2026.11.3", "2026.11.29"),
        ("1", "1.0"),
        ("", "0"),
        ("1.0", "1.0-b"),
        ("1.a2", "1.a10"),
        ("99999999999999999999", "100000000000000000000"),
    ] {
        assert_eq!(compare_versions(lower, higher), Ordering::Less, "{lower} {higher}");
        assert_eq!(compare_versions(higher, lower), Ordering::Greater, "{higher} {lower}");
    }
    assert_eq!(compare_versions("1.2", "1.2"), Ordering::Equal);
    assert_ne!(compare_versions("1.02", "1.2"), Ordering::Equal, "two texts are never the same version");
}

#[test]
fn the_newest_that_fits_is_given_once() {
    let two = [release("2", 2), release("10", 3), release("1", 1)];
    for (followed, version) in [
        (follows("", None), Some("10")),
        (follows("1", Some(1)), Some("10")),
        (follows("10", Some(3)), None),
        // The same version, and other bytes.
        (follows("10", Some(77)), Some("10")),
        // From elsewhere, and newer than anything here.
        (follows("11", Some(77)), None),
        (follows("9", Some(77)), Some("10")),
        (Followed { channel: "beta".to_owned(), ..follows("", None) }, None),
        (Followed { product: "other".to_owned(), ..follows("", None) }, None),
    ] {
        assert_eq!(chosen(&two, &followed).as_deref(), version, "{followed:?}");
    }
}

#[test]
fn what_is_not_approved_or_for_another_machine_is_not_given() {
    let known = Release { state: ReleaseState::Known, ..release("3", 3) };
    let mac = Release { os: Some("macos".to_owned()), ..release("4", 4) };
    let arm = Release { arch: Some("aarch64".to_owned()), ..release("5", 5) };
    let linux = Release { os: Some("linux".to_owned()), target: "scan/1/l".to_owned(), ..release("1", 1) };
    let top = Release { minimum_version: Some("0.9".to_owned()), ..release("6", 6) };
    let all = [known, mac, arm, linux, release("1", 1), top];
    assert_eq!(choose(&all, &follows("0.8", Some(200))).map(|it| it.target.as_str()), Some("scan/1/l"));
    assert_eq!(chosen(&all, &follows("0.10", Some(200))).as_deref(), Some("6"));
    assert_eq!(chosen(&all, &follows("", None)).as_deref(), Some("6"));
    assert_eq!(newest(&all, "scan", STABLE).map(|it| it.version.as_str()), Some("6"));
}

#[test]
fn nobody_is_given_something_older_unless_it_was_taken_back() {
    let mut both = [release("1", 1), Release { state: ReleaseState::Known, ..release("2", 2) }];
    assert_eq!(chosen(&both, &follows("2", Some(2))), None);
    both[1].state = ReleaseState::Withdrawn;
    assert_eq!(chosen(&both, &follows("2", Some(2))).as_deref(), Some("1"));
}

#[test]
fn definitions_are_approved_on_arrival_and_what_is_withdrawn_is_not() {
    use ReleaseKind::{Definition, Software};
    use ReleaseState::{Approved, Known, Withdrawn};
    for (kind, withdrawn, before, state) in [
        (Definition, false, None, Approved),
        (Definition, true, None, Withdrawn),
        (Definition, true, Some(Approved), Withdrawn),
        (Definition, false, Some(Withdrawn), Approved),
        (Software, false, None, Known),
        (Software, false, Some(Known), Known),
        (Software, false, Some(Approved), Approved),
        (Software, false, Some(Withdrawn), Known),
        (Software, true, Some(Approved), Withdrawn),
    ] {
        assert_eq!(ReleaseState::arriving(kind, withdrawn, before), state, "{kind:?} {withdrawn} {before:?}");
    }
}
