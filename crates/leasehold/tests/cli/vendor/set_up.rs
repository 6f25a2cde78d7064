//! Setting a vendor up, its directory and its keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::office::{INIT, Office};
use crate::support::{Place, exists};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Every file of a directory with its content.
fn content(path: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        files.map(|file| (file.display().to_string(), fs::read(&file).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn a_vendor_is_set_up_once() {
    let place = Place::new();
    let ended = place.leasehold(INIT.into_iter().chain(["Example Ltd", "-o", "json"])).expect(0);
    let root = fs::read_to_string(place.path("office/vendor-root.key")).unwrap();
    assert!(root.len() == 65 && !ended.stdout.contains(root.trim()) && !ended.stderr.contains(root.trim()));
    let row = ended.json()["vendors"][0].clone();
    assert_eq!(
        (row["root_key"].as_str().unwrap().len(), row["fingerprint"].as_str().unwrap().len()),
        (64, 39)
    );
    for (name, wanted) in [("office", 0o700), ("office/vendor-root.key", 0o600), ("office/master.key", 0o600)]
    {
        assert_eq!(mode(&place.path(name)), wanted, "{name}");
    }
    let before = content(&place.path("office"));
    place
        .leasehold(INIT.into_iter().chain(["Another"]))
        .expect_error(6, &["\"example\"", "already", "nothing was changed", "leasehold vendor serve"]);
    let after = content(&place.path("office"));
    let but_the_lock = |files: Vec<(String, Vec<u8>)>| {
        files.into_iter().filter(|(name, _)| !name.ends_with("lock")).collect::<Vec<_>>()
    };
    assert_eq!(but_the_lock(after), but_the_lock(before));
}

#[test]
fn what_is_wrong_is_told_before_anything_is_made() {
    let place = Place::new();
    let with = |extra: &[&str]| {
        place.leasehold(INIT.into_iter().chain(["Example Ltd"]).chain(extra.iter().copied()))
    };
    with(&["--address", "example.com"]).expect_error(2, &["address: give `https://HOST[:PORT]`"]);
    assert!(!exists(&place.path("office")));
    fs::create_dir(place.path("office")).unwrap();
    place.write("office/letter.txt", "dear");
    with(&[]).expect_error(1, &["office holds other files"]);
    with(&["--database-url", "postgres://127.0.0.1:1/x"])
        .expect_error(1, &["security.master_key is not set"]);
    place.leasehold(["vendor", "serve", "--dir", "elsewhere"]).expect_error(1, &["leasehold vendor init"]);
    place.leasehold(["vendor", "serve"]).expect_error(2, &["--dir DIR", "--database-url"]);
    place
        .leasehold(["vendor", "customer", "create", "x", "--server", "127.0.0.1:1"])
        .expect_error(7, &["cannot reach the back office at 127.0.0.1:1", "LEASEHOLD_VENDOR_SERVER"]);
}

#[test]
fn next_steps_are_shown_with_the_fingerprint() {
    let place = Place::new();
    let text = place.leasehold(INIT.into_iter().chain(["Example Ltd"])).expect(0).stdout;
    for part in
        ["Fingerprint: ", "office/vendor-root.key", "leasehold vendor serve --dir office", "server create"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn a_directory_is_for_one_process() {
    let place = Place::new();
    let office = Office::open(&place);
    let pid = format!("({})", office.child.id());
    let serve = ["vendor", "serve", "--dir", "office", "--listen", "127.0.0.1:0"];
    place.leasehold(serve).expect_error(7, &["another process", &pid, "office"]);
    place.leasehold(["vendor", "certify", "--dir", "office"]).expect_error(7, &["another process"]);
    place
        .leasehold(INIT.into_iter().chain(["x"]))
        .expect_error(6, &["a vendor's already", "nothing was changed"]);
    assert_eq!(office.row(&place, "vendors", &["show"])["vendor_id"], "example");
    assert_eq!(office.stop(), Some(0));
    // Nothing stands in the way of the next one.
    assert_eq!(Office::start(place.command(serve)).stop(), Some(0));
}

#[test]
fn the_online_key_is_renewed_by_the_root_alone() {
    let place = Place::new();
    let office = Office::open(&place);
    let before = office.row(&place, "vendors", &["show"]);
    office.stop();
    place.write("other.key", &format!("{}\n", "ab".repeat(32)));
    place
        .leasehold(["vendor", "certify", "--dir", "office", "--root", "other.key"])
        .expect_error(5, &["not the root key"]);
    fs::rename(place.path("office/vendor-root.key"), place.path("safe.key")).unwrap();
    place
        .leasehold(["vendor", "certify", "--dir", "office"])
        .expect_error(1, &["vendor-root.key is missing"]);
    let certify = ["vendor", "certify", "--dir", "office", "--root", "safe.key", "-o", "json"];
    let renewed = place.leasehold(certify).expect(0).json()["online_keys"][0].clone();

    // It goes on without the root key.
    let office =
        Office::start(place.command(["vendor", "serve", "--dir", "office", "--listen", "127.0.0.1:0"]));
    let after = office.row(&place, "vendors", &["show"]);
    assert_ne!(after["online_key_id"], before["online_key_id"]);
    assert_eq!(after["online_not_after"], renewed["online_not_after"]);
    assert_eq!(after["root_key"], before["root_key"]);
}

#[test]
fn without_its_master_key_it_does_not_start() {
    let place = Place::new();
    place.leasehold(INIT.into_iter().chain(["Example Ltd"])).expect(0);
    let key = place.path("office/master.key");
    let kept = fs::read(&key).unwrap();
    let serve = ["vendor", "serve", "--dir", "office", "--listen", "127.0.0.1:0"];
    fs::write(&key, format!("{}\n", "ab".repeat(32))).unwrap();
    place.leasehold(serve).expect_error(1, &["another master key"]);
    fs::remove_file(&key).unwrap();
    place.leasehold(serve).expect_error(1, &["master.key is missing"]);
    assert!(!exists(&key), "none is made in its place");
    fs::write(&key, kept).unwrap();
    assert_eq!(Office::start(place.command(serve)).stop(), Some(0));
}
