//! Backups of a data directory: while a server runs, checked, damaged, put back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{ESTATE, Place, Server, exists};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
/// A key pair of `age-keygen`, of no other use.
const RECIPIENT: &str = "age1eagjrhgweusjw9yd3dacsvxp4q0tkm8ttjvhtfyhtqda9tsfjvnqzvl5m6";
const IDENTITY: &str = "AGE-SECRET-KEY-136H0779466CPQLRGA4N7YFY7JPEZMZ9RACVJCYLT4UU78LNXQZVQ5QCJWJ";

/// The files that a command named, with their sizes.
fn files(rows: &Value) -> Vec<(String, u64)> {
    let row = |row: &Value| (row["name"].as_str().unwrap().to_owned(), row["size"].as_u64().unwrap());
    rows["files"].as_array().unwrap().iter().map(row).collect()
}

/// What is in a folder, sorted, without the lock of whoever looked last.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "lock").collect();
    names.sort();
    names
}

/// A backup of a server with rights, in `backup.tar`; the server is stopped.
fn backed_up() -> Place {
    let place = Place::initialised();
    place.serve(ESTATE).stop(Signal::TERM);
    place.leasehold(["backup", "create", "backup.tar"]).expect(0);
    place
}

fn status(server: &Server, place: &Place) -> String {
    let shown = server.leasehold(place, ["instance", "show", "-o", "json"]).expect(0).json();
    shown["instances"][0]["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_running_server_is_backed_up_and_put_back_as_restored() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    fs::create_dir_all(place.path("leasehold-data/updates/blobs/sha256/ab")).unwrap();
    fs::create_dir_all(place.path("leasehold-data/updates/blobs/part")).unwrap();
    place.write("leasehold-data/updates/blobs/sha256/ab/abcd", "a file of an update");
    place.write("leasehold-data/updates/blobs/part/cdef.part", "half of one");
    let features = server.list(&place, "feature");
    let ended = place.leasehold(["backup", "create", "backup.tar", "-o", "json"]).expect(0);
    assert!(ended.stderr.contains("The master key is not in it"), "{}", ended.stderr);
    let written = files(&ended.json());
    let named: Vec<&str> = written.iter().map(|(name, _)| name.as_str()).collect();
    assert!(named.contains(&"updates/blobs/sha256/ab/abcd"), "{named:?}");
    assert!(!named.iter().any(|name| name.contains("part")), "half of a file is of no use: {named:?}");
    let at = |name| named.iter().position(|found| *found == name).unwrap();
    assert!(at("sync.db") < at("licensing.db"), "what sync knows has happened in licensing: {named:?}");
    assert_eq!(fs::metadata(place.path("backup.tar")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(server.list(&place, "feature"), features, "the server is not disturbed");
    server.stop(Signal::TERM);
    let verified = place.leasehold(["backup", "verify", "backup.tar", "-o", "json"]).expect(0);
    assert_eq!(files(&verified.json()), written);
    assert!(verified.stderr.contains("backup.tar is good"), "{}", verified.stderr);

    let restore = ["backup", "restore", "backup.tar", "--data-dir", "again"];
    let told = place.leasehold(restore).expect(0).stderr;
    assert!(told.contains("again/master.key") && told.contains("confirm-restored"), "{told}");
    assert_eq!(fs::metadata(place.path("again")).unwrap().permissions().mode() & 0o777, 0o700);
    let content = fs::read_to_string(place.path("again/updates/blobs/sha256/ab/abcd")).unwrap();
    assert_eq!(content, "a file of an update");
    let serve = SERVE.into_iter().chain(["--data-dir", "again"]);
    place.leasehold(serve.clone()).expect_error(1, &["master.key is missing"]);
    fs::copy(place.path("leasehold-data/master.key"), place.path("again/master.key")).unwrap();

    let server = Server::start(place.command(serve.clone()));
    assert_eq!(status(&server, &place), "RESTORED", "without being told so");
    assert_eq!(server.list(&place, "feature"), features);
    server.leasehold(&place, ["instance", "confirm-restored"]).expect(0);
    server.stop(Signal::TERM);
    let server = Server::start(place.command(serve));
    assert_ne!(status(&server, &place), "RESTORED", "it is noted once");
}

#[test]
fn the_form_is_a_plain_tar_file_that_other_tools_check() {
    let place = backed_up();
    fs::create_dir(place.path("out")).unwrap();
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).current_dir(place.path("out")).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run("tar", &["xf", "../backup.tar"]);
    let index: Value =
        serde_json::from_str(&fs::read_to_string(place.path("out/index.json")).unwrap()).unwrap();
    assert_eq!(
        (&index["format"], index["files"].as_array().unwrap().len()),
        (&1.into(), names(&place.path("out")).len() - 2)
    );
    let sum =
        |file: &Value| format!("{}  {}", file["sha256"].as_str().unwrap(), file["name"].as_str().unwrap());
    let sums: Vec<String> = index["files"].as_array().unwrap().iter().map(sum).collect();
    place.write("out/sums", &(sums.join("\n") + "\n"));
    assert!(run("sha256sum", &["--check", "sums"]).contains("licensing.db: OK"));
    let sum = fs::read_to_string(place.path("out/index.json.sha256")).unwrap();
    assert!(run("sha256sum", &["index.json"]).starts_with(sum.trim()));
    assert!(!names(&place.path("out")).iter().any(|name| name.contains("master")), "no key is in it");
}

#[test]
fn every_changed_byte_is_found_before_anything_is_touched() {
    let place = backed_up();
    let whole = fs::read(place.path("backup.tar")).unwrap();
    let check = |bytes: &[u8], parts: &[&str]| {
        fs::write(place.path("bad.tar"), bytes).unwrap();
        place.leasehold(["backup", "verify", "bad.tar"]).expect_error(1, parts);
        let restore = ["backup", "restore", "bad.tar", "--data-dir", "again"];
        place.leasehold(restore).expect_error(1, parts);
        assert!(!exists(&place.path("again")), "nothing is made");
    };
    let find = |text: &[u8]| whole.windows(text.len()).position(|window| window == text).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    check(&flipped(find(b"\"format\"") + 12), &["damaged", "index.json is not the one that was written"]);
    check(&flipped(find(b"SQLite format 3") + 5_000), &["damaged", "is not the one that was written"]);
    check(&flipped(find(b"licensing.db\0")), &["damaged"]);
    check(&whole[..whole.len() - 1024], &["damaged"]);
    check(&whole[..whole.len() / 2], &["damaged", "cut short"]);
    check(&[&whole[..], &[0; 512]].concat(), &["damaged", "behind its end"]);
    check(b"no tar file at all", &["is no backup"]);
    check(&whole[1024..], &["is no backup"]);
    place.leasehold(["backup", "verify", "nowhere.tar"]).expect_error(1, &["nowhere.tar"]);
}

#[test]
fn a_backup_of_a_newer_release_is_refused() {
    let place = backed_up();
    let run = |program: &str, args: &[&str]| {
        let status = Command::new(program).args(args).current_dir(place.path("out")).status().unwrap();
        assert!(status.success(), "{program}");
    };
    for (what, newer, told) in [("sync", 99, "version 99"), ("format", 2, "version 2")] {
        fs::create_dir_all(place.path("out")).unwrap();
        run("tar", &["xf", "../backup.tar"]);
        let text = fs::read_to_string(place.path("out/index.json")).unwrap();
        let index: Value = serde_json::from_str(&text).unwrap();
        let known = index["schemas"].get(what).unwrap_or(&index["format"]);
        let (what, newer) = (format!("\"{what}\": {known}"), format!("\"{what}\": {newer}"));
        assert!(text.contains(&what), "{text}");
        place.write("out/index.json", &text.replace(&what, &newer));
        run("sh", &["-c", "sha256sum index.json | cut -d' ' -f1 > index.json.sha256"]);
        let order = "tar --blocking-factor=1 --format=ustar -cf ../newer.tar index.json index.json.sha256 $(sed -n 's/.*\"name\": \"\\(.*\\)\",/\\1/p' index.json)";
        run("sh", &["-c", order]);
        let restore = ["backup", "restore", "newer.tar", "--data-dir", "again"];
        place.leasehold(restore).expect_error(1, &["newer release", told, "upgrade Leasehold"]);
        assert!(!exists(&place.path("again")));
    }
}

#[test]
fn nothing_is_overwritten() {
    let place = backed_up();
    let before = fs::read(place.path("backup.tar")).unwrap();
    place.leasehold(["backup", "create", "backup.tar"]).expect_error(6, &["backup.tar is there already"]);
    assert_eq!(fs::read(place.path("backup.tar")).unwrap(), before);
    place.leasehold(["backup", "create", "backup.tar", "--force"]).expect(0);
    place.leasehold(["backup", "verify", "backup.tar"]).expect(0);
    assert!(!names(&place.path(".")).iter().any(|name| name.starts_with('.')), "nothing is left beside it");

    let data = names(&place.path("leasehold-data"));
    place.leasehold(["backup", "restore", "backup.tar"]).expect_error(6, &["leasehold-data is not empty"]);
    assert_eq!(names(&place.path("leasehold-data")), data);
    fs::create_dir(place.path("mine")).unwrap();
    place.write("mine/letter.txt", "dear");
    let into = |folder: &'static str| ["backup", "restore", "backup.tar", "--data-dir", folder];
    place.leasehold(into("mine")).expect_error(6, &["mine is not empty", "nothing was changed"]);
    assert_eq!(names(&place.path("mine")), ["letter.txt"]);
    place.leasehold(["backup", "create", "nowhere/backup.tar"]).expect_error(1, &["no folder nowhere"]);
    place.leasehold(["backup", "create", "x.tar", "--data-dir", "none"]).expect_error(1, &["leasehold init"]);
    assert!(!exists(&place.path("x.tar")));
}

#[test]
fn one_that_was_cut_short_starts_no_server_and_is_completed() {
    let place = backed_up();
    let into = ["backup", "restore", "backup.tar", "--data-dir", "again"];
    place.leasehold(into).expect(0);
    // As a process that was killed would have left it.
    fs::remove_file(place.path("again/format")).unwrap();
    fs::write(place.path("again/licensing.db"), "half").unwrap();
    place.write("again/restoring", "");
    let serve = SERVE.into_iter().chain(["--data-dir", "again"]);
    place.leasehold(serve.clone()).expect_error(1, &["is no data directory yet"]);
    place.leasehold(into).expect(0);
    assert!(!exists(&place.path("again/restoring")));
    fs::copy(place.path("leasehold-data/master.key"), place.path("again/master.key")).unwrap();
    let server = Server::start(place.command(serve));
    assert_eq!(status(&server, &place), "RESTORED");
    assert_eq!(server.list(&place, "feature").len(), 2);
}

#[test]
fn the_master_key_goes_in_only_for_its_recipient() {
    let place = Place::initialised();
    let key = fs::read_to_string(place.path("leasehold-data/master.key")).unwrap();
    let create =
        |flags: &[&'static str]| place.leasehold(["backup", "create", "backup.tar"].iter().chain(flags));
    create(&["--with-master-key"]).expect_error(2, &["--recipient"]);
    create(&["--recipient", RECIPIENT]).expect_error(2, &["--with-master-key"]);
    create(&["--with-master-key", "--recipient", IDENTITY]).expect_error(2, &["is a private key"]);
    assert!(!exists(&place.path("backup.tar")));
    create(&["--with-master-key", "--recipient", RECIPIENT]).expect(0);
    let bytes = fs::read(place.path("backup.tar")).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(key.trim()) && holds("-----BEGIN AGE ENCRYPTED FILE-----"));

    place.write(
        "age.txt",
        &format!("# created: 2026-01-01T00:00:00Z\n# public key: {RECIPIENT}\n{IDENTITY}\n"),
    );
    place.write("wrong.txt", "no key");
    let restore = |folder: &'static str, identity: &'static str| {
        place.leasehold(["backup", "restore", "backup.tar", "--data-dir", folder, "--identity", identity])
    };
    restore("again", "wrong.txt").expect_error(1, &["wrong.txt", "AGE-SECRET-KEY-1"]);
    assert!(!exists(&place.path("again")));
    let told = restore("again", "age.txt").expect(0).stderr;
    assert!(!told.contains("Put its master key back"), "{told}");
    assert_eq!(fs::read_to_string(place.path("again/master.key")).unwrap(), key);
    assert_eq!(fs::metadata(place.path("again/master.key")).unwrap().permissions().mode() & 0o777, 0o600);
    drop(Server::start(place.command(SERVE.into_iter().chain(["--data-dir", "again"]))));

    fs::create_dir(place.path("other")).unwrap();
    place.write("other/master.key", &"0f".repeat(32));
    restore("other", "age.txt").expect_error(6, &["other/master.key is there already", "another one"]);
    assert_eq!(names(&place.path("other")), ["master.key"]);
    place.leasehold(["backup", "create", "plain.tar"]).expect(0);
    let plain = ["backup", "restore", "plain.tar", "--data-dir", "third", "--identity", "age.txt"];
    place.leasehold(plain).expect_error(1, &["holds no master key", "third/master.key"]);
}

#[test]
fn a_database_on_a_server_has_tools_of_its_own() {
    let place = Place::new();
    place.write("leasehold.toml", "[postgres]\nurl = \"postgres://leasehold@db/leasehold\"\n");
    for (verb, tool) in [("create", "pg_dump --format=custom --file=b.dump"), ("restore", "pg_restore")] {
        place.leasehold(["backup", verb, "b.dump"]).expect_error(2, &[tool, "leasehold serve --restored"]);
    }
    assert!(!exists(&place.path("b.dump")));
}
