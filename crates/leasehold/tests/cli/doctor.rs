//! Looking at a machine and an installation: what is told, by which exit code, and that nothing is changed.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::support::{ESTATE, Ended, Place, ended, exists};

/// Runs it where no port can be anybody else's.
fn doctor(place: &Place, args: &[&str], settings: &[(&str, &str)]) -> Ended {
    let mut command = place.command(["doctor"].iter().chain(args));
    for listener in ["LICENSING__LISTEN", "UPDATES__LISTEN", "UPDATES__HTTP_LISTEN", "GATEWAY__LISTEN"] {
        command.env(format!("LEASEHOLD__{listener}"), "127.0.0.1:0");
    }
    ended(command.envs(settings.iter().copied()))
}

/// What was found, as name, result and text.
fn found(document: &Value) -> Vec<(String, String, String)> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| {
        (text(row, "check"), text(row, "result"), format!("{} {}", text(row, "found"), text(row, "remedy")))
    };
    document["checks"].as_array().unwrap().iter().map(row).collect()
}

#[track_caller]
fn has(document: &Value, check: &str, result: &str, text: &str) {
    let found = found(document);
    let is = |row: &&(String, String, String)| row.0 == check && row.1 == result && row.2.contains(text);
    assert!(found.iter().any(|row| is(&row)), "{check} {result} {text:?} is not in {found:#?}");
}

/// Every file below a folder with its content.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            all.extend(
                contents(&entry.path()).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)),
            );
        } else {
            all.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    all
}

#[test]
fn before_init_it_says_so_and_makes_nothing() {
    let place = Place::new();
    let ended = doctor(&place, &["--json"], &[]).expect(1);
    has(&ended.json(), "data_directory", "FAILED", "leasehold init");
    assert!(ended.stderr.contains("1 failed."), "{}", ended.stderr);
    assert!(!exists(&place.path("leasehold-data")));
}

#[test]
fn a_new_installation_passes_and_is_left_as_it_is() {
    let place = Place::initialised();
    let before = contents(&place.path(""));
    let ended = doctor(&place, &["-o", "json"], &[]).expect(0);
    let document = ended.json();
    for (check, text) in [
        ("configuration", "settings are no default"),
        ("data_directory", "no server works in it"),
        ("master_key", "for its owner alone"),
        ("database", "the tables of licensing are up to date"),
        ("certificates", "none"),
    ] {
        has(&document, check, "PASSED", text);
    }
    has(&document, "vendor", "WARNING", "leasehold sync enrol");
    assert_eq!(document["total"], document["checks"].as_array().unwrap().len());
    let after = contents(&place.path(""));
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "nothing is made");
    let changed: Vec<_> =
        after.iter().filter(|(name, bytes)| before[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(changed.is_empty(), "{changed:?}");
    let table = doctor(&place, &[], &[]).expect(0).stdout;
    assert!(table.starts_with("RESULT   CHECK"), "{table}");
    assert!(table.lines().any(|line| line.starts_with("passed   master key")), "{table}");
    let key = fs::read_to_string(place.path("leasehold-data/master.key")).unwrap();
    assert!(!table.contains(key.trim()) && !ended.stdout.contains(key.trim()), "no secret is shown");
}

#[test]
fn each_wrong_setting_is_named_at_once() {
    let place = Place::new();
    place.write(
        "leasehold.toml",
        "[licensing]\nlease_tll = \"1min\"\nmax_batch = 0\n[redis]\nresponse_timeout = \"1h\"\n",
    );
    let ended = doctor(&place, &["--json"], &[("LEASEHOLD__LOGGING__LEVEL", "loud")]).expect(1);
    let document = ended.json();
    for text in ["did you mean `lease_ttl`?", "line 3", "redis.response_timeout", "LEASEHOLD__LOGGING__LEVEL"]
    {
        has(&document, "configuration", "FAILED", text);
    }
    assert_eq!(document["total"], 4);
}

#[test]
fn a_server_that_runs_is_recognised_and_not_disturbed() {
    let place = Place::initialised();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = free.local_addr().unwrap().to_string();
    drop(free);
    let server = place.serve_with(ESTATE, &[("LEASEHOLD__ADMIN__LISTEN", &admin)]);
    let settings =
        [("LEASEHOLD__ADMIN__LISTEN", admin.as_str()), ("LEASEHOLD__LICENSING__LISTEN", &server.address)];
    let document = doctor(&place, &["licensing", "sync", "--json"], &settings).expect(0).json();
    has(&document, "data_directory", "PASSED", &format!("process {} works in it", server.pid()));
    has(&document, "server", "PASSED", "it runs: ready");
    has(&document, "vendor", "PASSED", "by files alone");
    if cfg!(target_os = "linux") {
        has(&document, "ports", "PASSED", &format!("served by leasehold, process {}", server.pid()));
    }
    assert_eq!(server.list(&place, "feature").len(), 2);
    drop(server);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let taken =
        doctor(&place, &["licensing", "--json"], &[("LEASEHOLD__LICENSING__LISTEN", &address)]).expect(1);
    has(&taken.json(), "ports", "FAILED", "stop it, or set `licensing.listen`");
}

#[test]
fn a_database_and_a_redis_that_are_away_are_told_without_their_passwords() {
    let place = Place::new();
    let settings = [
        ("LEASEHOLD__POSTGRES__URL", "postgres://kim:s3cret@127.0.0.1:1/x"),
        ("LEASEHOLD__REDIS__URL", "redis://:s3cret@127.0.0.1:1"),
        ("LEASEHOLD_MASTER_KEY", "short"),
    ];
    let ended = doctor(&place, &["--json"], &settings).expect(1);
    for (check, text) in [
        ("postgres", "check that PostgreSQL runs"),
        ("redis", "does not answer"),
        ("master_key", "cannot be used"),
    ] {
        has(&ended.json(), check, "FAILED", text);
    }
    assert!(!ended.stdout.contains("s3cret") && !ended.stderr.contains("s3cret"), "{}", ended.stdout);
    doctor(&place, &["billing"], &[]).expect_error(2, &["'billing'", "licensing"]);
}
