//! Publishing updates, and serving what was published.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::office::INIT;
use crate::support::{Ended, Place, Server, exists};

fn updates(place: &Place, args: &[&str]) -> Ended {
    let known: Vec<&str> =
        ["vendor", "updates"].into_iter().chain(args.iter().copied()).chain(["--dir", "office"]).collect();
    place.leasehold(known)
}

/// The rows that a command prints as JSON.
fn rows(place: &Place, name: &str, args: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
    updates(place, &args).expect(0).json()[name].as_array().unwrap().clone()
}

fn add(place: &Place, version: &str, extra: &[&str]) -> Ended {
    let args = ["add", "rules.db", "--product", "scanner", "--version", version, "--kind", "definition"];
    let args: Vec<&str> = args.into_iter().chain(extra.iter().copied()).collect();
    updates(place, &args)
}

#[test]
fn a_file_goes_from_staged_to_taken_back() {
    let place = Place::new();
    let made = rows(&place, "repositories", &["init", "--address", "https://updates.example"]);
    assert_eq!(made[0]["address"], "https://updates.example");
    assert!(exists(&place.path(made[0]["root"].as_str().unwrap())));
    let access = fs::metadata(place.path("office/updates/keys")).unwrap().permissions().mode() & 0o777;
    assert_eq!(access, 0o700);
    assert!(updates(&place, &["list"]).expect(0).stderr.contains("updates add"));

    place.write("rules.db", "definitions");
    let told = ["--feature", "VR mode", "--feature", "Printing", "--emergency", "--notes", "urgent"];
    let staged = add(&place, "1.0", &told).expect(0);
    assert!(staged.stderr.contains("Nobody sees it") && staged.stdout.contains("scanner/1.0/rules.db"));
    assert_eq!(rows(&place, "updates", &["list"])[0]["state"], "staged");
    let published = rows(&place, "publications", &["publish"]);
    assert_eq!(published[0]["added"], serde_json::json!(["scanner/1.0/rules.db"]));
    let listed = rows(&place, "updates", &["list"])[0].clone();
    for (field, wanted) in [("state", "published"), ("kind", "definition"), ("criticality", "emergency")] {
        assert_eq!(listed[field], wanted);
    }
    assert_eq!((&listed["length"], &listed["features"][1]), (&11.into(), &"Printing".into()));

    let path = "scanner/1.0/rules.db";
    updates(&place, &["withdraw", path, "--reason", "it finds too much"]).expect(0);
    assert_eq!(rows(&place, "updates", &["list"])[0]["state"], "withdrawing");
    assert_eq!(rows(&place, "publications", &["publish"])[0]["withdrawn"][0], path);
    let listed = updates(&place, &["list"]).expect(0).stdout;
    assert!(listed.contains("withdrawn") && listed.contains("it finds too much"), "{listed}");

    let rotated = rows(&place, "rotations", &["rotate"])[0].clone();
    assert_eq!((&rotated["root_version"], &rotated["roles"][1]), (&2.into(), &"snapshot".into()));
    assert_eq!(rows(&place, "rotations", &["rotate", "root", "scanner"])[0]["root_version"], 3);
    add(&place, "2.0", &[]).expect(0);
    updates(&place, &["publish"]).expect(0);
}

#[test]
fn what_is_wrong_has_its_exit_code() {
    let place = Place::new();
    place.write("rules.db", "definitions");
    add(&place, "1.0", &[]).expect_error(1, &["office/updates", "leasehold vendor updates init"]);
    updates(&place, &["init", "--address", "example"]).expect_error(2, &["address: give `http://"]);
    assert!(!exists(&place.path("office")));
    updates(&place, &["init"]).expect(0);
    updates(&place, &["init"]).expect_error(6, &["already", "nothing was changed"]);
    updates(&place, &["init", "--keep"]).expect(0);
    add(&place, "1.0-beta", &[]).expect_error(2, &["version", "character 4"]);
    add(&place, "1.0", &["--channel", "a/b"]).expect_error(2, &["channel: \"a/b\" cannot be used"]);
    updates(&place, &["add", "rules.db", "--product", "scanner", "--version", "1"])
        .expect_error(2, &["--kind"]);
    updates(&place, &["add", "none.db", "--product", "x", "--version", "1", "--kind", "software"])
        .expect_error(1, &["none.db"]);
    add(&place, "1.0", &[]).expect(0);
    updates(&place, &["publish"]).expect(0);
    add(&place, "1.0", &[]).expect_error(6, &["is published already", "another version"]);
    updates(&place, &["withdraw", "scanner/9/x", "--reason", "x"]).expect_error(3, &["scanner/9/x", "list"]);
    updates(&place, &["rotate", "scaner"]).expect_error(3, &["scaner", "a product: scanner"]);
    fs::remove_dir_all(place.path("office/updates/keys")).unwrap();
    updates(&place, &["publish"]).expect_error(1, &["the key of snapshot is not in office/updates/keys"]);
}

#[test]
fn a_vendor_is_set_up_beside_a_repository() {
    let place = Place::new();
    updates(&place, &["init"]).expect(0);
    place.leasehold(INIT.into_iter().chain(["Example Ltd"])).expect(0);
}

/// An answer: its status, its headers in lower case, and its body.
fn get(address: &str, path: &str, headers: &str) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head, answer[end + 4..].to_vec())
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

#[test]
fn what_is_published_is_served_at_once() {
    let place = Place::new();
    place.leasehold(INIT.into_iter().chain(["Example Ltd"])).expect(0);
    updates(&place, &["init"]).expect(0);
    let mut command = place.command(["vendor", "serve", "--dir", "office", "--listen", "127.0.0.1:0"]);
    command.env("LEASEHOLD__BACKOFFICE__REPOSITORY_LISTEN", "127.0.0.1:0");
    let server = Server::start_until(command, "repository is ready");
    let address = &server.address;

    let (status, head, before) = get(address, "/metadata/timestamp.json", "");
    assert_eq!((status, header(&head, "cache-control")), (200, "no-cache"));
    assert_eq!(header(&head, "content-type"), "application/json");
    let known = format!("If-None-Match: {}\r\n", header(&head, "etag"));
    assert_eq!(get(address, "/metadata/timestamp.json", &known).0, 304);
    place.write("rules.db", "definitions");
    add(&place, "1.0", &[]).expect(0);
    assert_eq!(get(address, "/metadata/timestamp.json", &known).0, 304, "staged is not published");
    updates(&place, &["publish"]).expect(0);
    let (status, _, after) = get(address, "/metadata/timestamp.json", &known);
    assert!(status == 200 && after != before);
    assert_eq!(after, fs::read(place.path("office/updates/repository/metadata/timestamp.json")).unwrap());

    let hash = rows(&place, "updates", &["list"])[0]["sha256"].as_str().unwrap().to_owned();
    let file = format!("/targets/scanner/1.0/{hash}.rules.db");
    let (status, head, body) = get(address, &file, "");
    assert_eq!((status, body.as_slice()), (200, &b"definitions"[..]));
    assert!(header(&head, "cache-control").contains("immutable"));
    let (status, head, body) = get(address, &file, "Range: bytes=3-6\r\n");
    assert_eq!((status, body.as_slice()), (206, &b"init"[..]));
    assert_eq!((header(&head, "content-range"), header(&head, "content-length")), ("bytes 3-6/11", "4"));
    assert_eq!(get(address, &file, "Range: bytes=11-\r\n").0, 416);
    let other = "Range: bytes=3-6\r\nIf-Range: \"other\"\r\n";
    assert_eq!(get(address, &file, other).0, 200, "a part of another file is no use");

    for path in [
        "/metadata/9.root.json",
        "/metadata/..%2f..%2fkeys",
        "/metadata/%2e%2e%2f%2e%2e%2frepository.json",
        "/targets/scanner/1.0/rules.db",
        "/targets/../../staged.json",
        "/staged.json",
        "/nothing",
    ] {
        let (status, _, body) = get(address, path, "");
        assert_eq!(status, 404, "{path}");
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["type"], "about:blank", "{path}");
        assert!(!problem["detail"].as_str().unwrap().contains("/api/docs"), "{path}: {problem}");
    }
    let (status, head, front) = get(address, "/", "");
    assert_eq!((status, header(&head, "content-type")), (200, "text/plain; charset=utf-8"));
    assert!(String::from_utf8(front).unwrap().contains("/metadata/timestamp.json"));
}
