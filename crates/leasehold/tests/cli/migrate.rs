//! Bringing a data directory up to date without serving. On a server: `tests/`.

use std::fs;

use crate::support::{ESTATE, Place, exists};

#[test]
fn what_is_up_to_date_is_told_and_left_alone() {
    let place = Place::initialised();
    for check in [&["migrate"][..], &["migrate", "--check"]] {
        let table = place.leasehold(check).expect(0).stdout;
        assert!(
            table.starts_with("SERVICE ") && table.contains("licensing") && table.contains("up to date"),
            "{table}"
        );
    }
    let rows = place.leasehold(["migrate", "--check", "-o", "json"]).expect(0).json();
    let rows = rows["schemas"].as_array().unwrap();
    assert!(
        ["licensing", "sync"].iter().all(|service| rows.iter().any(|row| row["service"] == *service)),
        "{rows:?}"
    );
    for row in rows {
        assert_eq!(row["state"], "UP_TO_DATE", "{row}");
        assert!(row["version"].as_i64().unwrap() > 0 && row["version"] == row["newest"], "{row}");
    }
}

#[test]
fn what_is_pending_is_told_by_the_exit_code_and_made_when_asked() {
    let place = Place::initialised();
    let database = place.path("leasehold-data/sync.db");
    fs::remove_file(&database).unwrap();
    let check = place.leasehold(["migrate", "--check", "-o", "json"]);
    let schemas = check.json();
    let row = schemas["schemas"].as_array().unwrap().iter().find(|row| row["service"] == "sync").unwrap();
    assert_eq!((&row["version"], &row["state"]), (&0.into(), &"PENDING".into()));
    check.expect_error(6, &["migrations are pending: sync", "leasehold migrate"]);
    assert!(!exists(&database), "looking makes nothing");
    place.leasehold(["migrate", "licensing", "--check"]).expect(0);
    let table = place.leasehold(["migrate"]).expect(0).stdout;
    assert!(table.contains("made") && exists(&database), "{table}");
    place.leasehold(["migrate", "--check"]).expect(0);
}

#[test]
fn a_data_directory_in_use_can_be_looked_at_alone() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    place.leasehold(["migrate", "licensing", "sync", "--check"]).expect(0);
    let pid = format!("({})", server.pid());
    place.leasehold(["migrate"]).expect_error(7, &["another process", &pid, "stop it first"]);
    assert_eq!(server.list(&place, "feature").len(), 2, "it is not disturbed");
}

#[test]
fn what_cannot_be_is_answered_with_what_can() {
    let place = Place::new();
    for check in [&["migrate"][..], &["migrate", "--check"]] {
        place.leasehold(check).expect_error(1, &["leasehold-data", "leasehold init"]);
    }
    place
        .leasehold(["migrate", "billing"])
        .expect_error(2, &["'billing'", "licensing", "sync", "backoffice"]);
    place.leasehold(["migrate", "backoffice"]).expect_error(2, &["--database-url", "leasehold vendor serve"]);
    let nowhere = ["migrate", "--database-url", "mysql://here"];
    place.leasehold(nowhere).expect_error(1, &["postgres://user@host:5432/database"]);
    assert!(!exists(&place.path("leasehold-data")));
}
