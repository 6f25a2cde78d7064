use std::fs;
use std::process::Command;
use std::sync::Arc;

use leasehold::SystemClock;
use leasehold::estate_file::EstateFile;
use leasehold::vendor::{Site, Supplied, Vendor};
use rustix::process::Signal;

use crate::support::{ESTATE, Ended, Going, Place, Server, ended, exists, send, until};

/// Public key of the first test of RFC 8032, section 7.1: the root of a vendor who has nothing to do with the server.
const ROOT: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const ID: &str = "b08dfa60-83e7-567a-1921-a715000001fb";

/// A server, the root key of its vendor, and the id that the vendor gave to it.
fn supplied(place: &Place) -> (Server, String, String) {
    let mut server = place.serve_alone(&[]);
    let estate = EstateFile::parse(ESTATE, "estate.json").unwrap();
    let sync = server.line("sync is ready")["address"].as_str().unwrap().parse().unwrap();
    let site_at = server.address.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (root, Supplied { license_server_id, .. }) = runtime.block_on(async {
        let mut vendor = Vendor::open(Arc::new(SystemClock::new())).await.unwrap();
        let site = Site::at(site_at, sync);
        (vendor.root().to_owned(), vendor.supply(&site, &estate).await.unwrap())
    });
    (server, root, license_server_id)
}

/// `leasehold run` with these pins, an answer that is kept, and a program of the shell.
fn run(place: &Place, server: &str, pins: [&str; 2], script: &str) -> Command {
    let mut command = place.command(["run", "Export", "--server", server, "--timeout", "2"]);
    command.args(["--answers", "answers", "--", "sh", "-c", script]);
    command.env("LEASEHOLD_VENDOR_ROOT", pins[0]).env("LEASEHOLD_LICENSE_SERVER_ID", pins[1]);
    command
}

#[test]
fn the_connection_file_says_whose_answers_count() {
    let place = Place::new();
    let pinned = ["client-config", "--vendor-root", ROOT, "--license-server-id", ID];
    let file = place.leasehold(pinned).expect(0).json();
    assert_eq!((&file["vendor_root"], &file["license_server_id"]), (&ROOT.into(), &ID.into()));
    let file = place.leasehold(["client-config"]).expect(0).json();
    assert!(file.get("vendor_root").is_none() && file.get("license_server_id").is_none());
    for (flags, part) in [
        (["--vendor-root", "7f7f"].as_slice(), "a key has 32 bytes"),
        (&["--vendor-root", "the root"], "as it was printed"),
        (&["--license-server-id", ID], "--vendor-root"),
        (&["--vendor-root", ROOT, "--license-server-id", "7"], "--license-server-id"),
    ] {
        ended(place.command(["client-config"]).args(flags)).expect_error(2, &[part]);
    }
}

#[test]
fn what_cannot_be_pinned_is_told() {
    let place = Place::new();
    let told = |command: &mut Command, parts: &[&str]| ended(command).expect_error(2, parts);
    told(&mut run(&place, "localhost:1", ["7f", ""], "true"), &["LEASEHOLD_VENDOR_ROOT = \"7f\""]);
    told(&mut run(&place, "localhost:1", [ROOT, "7"], "true"), &["LEASEHOLD_LICENSE_SERVER_ID = \"7\""]);
    told(&mut run(&place, "localhost:1", ["", ID], "true"), &["give the root key too"]);
    told(&mut run(&place, "localhost:1", ["", ""], "true"), &["--answers", "no vendor's root key"]);
}

#[test]
fn a_server_without_a_vendor_starts_no_program_that_has_pinned_one() {
    let place = Place::initialised();
    let server = place.serve_alone(&[]);
    ended(&mut run(&place, &server.address, [ROOT, ""], "echo it runs"))
        .expect_error(5, &["does not count: it refuses everything", "enrol the licence server"]);
}

#[test]
fn the_pinned_vendor_and_server_start_it_and_no_other() {
    let place = Place::initialised();
    let (server, root, id) = supplied(&place);
    let runs = |pins: [&str; 2]| ended(&mut run(&place, &server.address, pins, "echo it runs"));
    for pins in [[root.as_str(), ""], [&root, &id]] {
        let Ended { stdout, stderr, .. } = runs(pins).expect(0);
        assert_eq!((stdout.as_str(), stderr.as_str()), ("it runs\n", ""));
    }
    runs([ROOT, ""]).expect_error(5, &["no certificate of the vendor's root key"]);
    runs([&root, ID]).expect_error(5, &[&format!("it is from {id}, and only {ID} is to be believed")]);
}

#[test]
fn a_program_that_was_killed_starts_offline_and_is_whole_again_when_the_server_is_back() {
    let place = Place::initialised();
    let (server, root, id) = supplied(&place);
    let (pins, address) = ([root.as_str(), id.as_str()], server.address.clone());
    let script = "echo $$ > pid.new; mv pid.new pid; exec sleep 300";
    let begun = |file: &str| {
        let _ = fs::remove_file(place.path("pid"));
        let told = fs::File::create(place.path(file)).unwrap();
        let going = Going::start(run(&place, &address, pins, script).stderr(told));
        until("the program runs", || exists(&place.path("pid")).then_some(()));
        going
    };
    let program = || fs::read_to_string(place.path("pid")).unwrap().trim().parse().unwrap();
    let mut first = begun("first");
    first.send(Signal::KILL);
    send(Signal::KILL, program());
    first.wait();
    drop(server);
    let mut second = begun("second");
    let told = || fs::read_to_string(place.path("second")).unwrap();
    assert!(
        told().starts_with("leasehold: Export: offline: the licence server is out of reach; by its last")
    );
    let server = Server::start(place.command(["serve", "--listen", &address]));
    until("it is valid again", || told().ends_with("leasehold: Export: valid\n").then_some(()));
    second.send(Signal::TERM);
    assert_eq!(second.wait().0, Some(128 + 15));
    assert_eq!(server.list(&place, "feature")[0]["used"], 0, "returned");
    // And what was returned starts nothing.
    drop(server);
    ended(&mut run(&place, &address, pins, "echo it runs"))
        .expect_error(7, &["cannot reach the licence server"]);
}
