use std::fs;

use crate::support::{ESTATE, Place, exists};

#[test]
fn it_makes_a_data_directory_and_says_what_comes_next() {
    let place = Place::new();
    let ended = place.leasehold(["init"]).expect(0);
    assert!(ended.stdout.contains("Created the data directory leasehold-data with the default instance"));
    assert!(ended.stdout.contains("Wrote leasehold.toml") && ended.stdout.contains("\n  leasehold serve\n"));
    assert!(exists(&place.path("leasehold-data/licensing.db")));
    let settings = fs::read_to_string(place.path("leasehold.toml")).unwrap();
    assert!(settings.contains("\n#listen = \"127.0.0.1:16770\"\n"), "{settings}");
    place.leasehold(["config", "check"]).expect(0);
}

#[test]
fn a_second_time_nothing_changes() {
    let place = Place::initialised();
    let settings = place.write("leasehold.toml", "[logging]\nlevel = \"warn\"\n");
    let database = place.path("leasehold-data/licensing.db");
    let before = fs::read(&database).unwrap();
    place
        .leasehold(["init"])
        .expect_error(6, &["leasehold-data is there already; nothing was changed", "leasehold serve"]);
    assert_eq!(fs::read(&database).unwrap(), before);
    assert_eq!(fs::read_to_string(settings).unwrap(), "[logging]\nlevel = \"warn\"\n");
}

#[test]
fn while_a_server_runs_it_says_the_same() {
    let place = Place::initialised();
    let _server = place.serve(ESTATE);
    place.leasehold(["init"]).expect_error(6, &["is there already; nothing was changed"]);
}

#[test]
fn a_chosen_directory_is_kept_in_the_settings_it_writes() {
    let place = Place::new();
    let ended = place.leasehold(["init", "--data-dir", "state"]).expect(0);
    assert!(exists(&place.path("state/licensing.db")) && !exists(&place.path("leasehold-data")));
    assert!(ended.stdout.contains("\n  leasehold serve\n"), "{}", ended.stdout);
    let settings = place.leasehold(["config", "check", "-o", "json"]).expect(0).json();
    let found = settings["settings"].as_array().unwrap().iter().find(|row| row["key"] == "runtime.data_dir");
    assert_eq!(found.unwrap()["value"], "state");

    // Where there are settings already the flag is needed again.
    let ended = place.leasehold(["init", "--data-dir", "other"]).expect(0);
    assert!(ended.stdout.contains("leasehold serve --data-dir other\n"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("Wrote"));
}

#[test]
fn one_that_was_interrupted_is_completed() {
    let place = Place::initialised();
    fs::remove_file(place.path("leasehold-data/licensing.db")).unwrap();
    place
        .leasehold(["serve"])
        .expect_error(1, &["leasehold-data is not complete; run `leasehold init` again"]);
    place.leasehold(["init"]).expect(0);
    place.leasehold(["init"]).expect(6);
}

#[test]
fn a_directory_with_other_files_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.path("mine")).unwrap();
    place.write("mine/letter.txt", "dear");
    place.leasehold(["init", "--data-dir", "mine"]).expect_error(1, &["mine holds other files"]);
    assert!(!exists(&place.path("leasehold.toml")));
}
