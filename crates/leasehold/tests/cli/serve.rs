use std::fs;
use std::net::TcpListener;

use rustix::process::Signal;

use crate::support::{ESTATE, Place, Server};

/// An address of this machine where nobody listens: the port was free a moment ago.
fn nobodys_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn without_a_data_directory_it_says_how_to_get_one() {
    let place = Place::new();
    place.leasehold(["serve"]).expect_error(1, &["leasehold-data", "leasehold init"]);
}

#[test]
fn a_wrong_command_line_is_answered_with_the_right_one() {
    let place = Place::new();
    let parts = ["unexpected argument '--listn'", "'--listen'"];
    place.leasehold(["serve", "--listn", "x"]).expect_error(2, &parts);
    place
        .leasehold(["serve", "licencing"])
        .expect_error(2, &["invalid value 'licencing'", "licensing, sync, updates, gateway, all"]);
    place.leasehold(["sreve"]).expect_error(2, &["unrecognized subcommand 'sreve'", "'serve'"]);
    place.leasehold(["serve", "--listen", "here"]).expect_error(1, &["licensing.listen"]);
}

#[test]
fn a_port_in_use_is_told() {
    let place = Place::initialised();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let parts = ["cannot listen on", address.as_str(), "in use", "licensing.listen"];
    place.leasehold(["serve", "--listen", &address]).expect_error(7, &parts);
}

#[test]
fn a_data_directory_that_is_none_is_told_before_a_port_in_use() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = place.leasehold(["serve", "--data-dir", "nope", "--listen", &address]);
    ended.expect_error(1, &["nope", "leasehold init"]);
    let ended = place.leasehold(["vendor", "serve", "--dir", "nope", "--listen", &address]);
    ended.expect_error(1, &["nope", "leasehold vendor init"]);
}

#[test]
fn a_data_directory_is_for_one_process() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let pid = format!("({})", server.pid());
    let parts = ["another process", pid.as_str(), "leasehold-data"];
    place.leasehold(["serve", "--listen", "127.0.0.1:0"]).expect_error(7, &parts);
    assert_eq!(server.list(&place, "feature").len(), 2, "the first is not disturbed");
}

#[test]
fn a_data_directory_of_a_newer_release_is_left_alone() {
    let place = Place::initialised();
    place.write("leasehold-data/format", "99\n");
    let parts = ["newer release", "version 99", "upgrade"];
    place.leasehold(["serve", "--listen", "127.0.0.1:0"]).expect_error(1, &parts);
    assert_eq!(fs::read_to_string(place.path("leasehold-data/format")).unwrap(), "99\n");
}

#[test]
fn a_data_directory_is_for_one_process_with_every_service() {
    let place = Place::initialised();
    for service in ["licensing", "sync", "updates", "gateway"] {
        let parts = ["leasehold serve all", "postgres.url"];
        place.leasehold(["serve", service, "--listen", "127.0.0.1:0"]).expect_error(1, &parts);
    }
    // Nothing of the attempts stands in the way.
    let server = place.serve("{}");
    assert!(server.list(&place, "feature").is_empty());
}

#[test]
fn a_master_key_that_is_lost_or_another_one_is_told() {
    let place = Place::initialised();
    let key = place.path("leasehold-data/master.key");
    place.serve(ESTATE).stop(Signal::TERM);
    let text = fs::read_to_string(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    place.leasehold(serve).expect_error(1, &["master.key is missing", "put the file back"]);
    assert!(!key.exists(), "no new one takes its place");
    fs::write(&key, "0f".repeat(32)).unwrap();
    place.leasehold(serve).expect_error(1, &["sealed with another master key"]);
    fs::write(&key, text).unwrap();
    assert_eq!(Server::start(place.command(serve)).list(&place, "feature").len(), 2);
}

#[test]
fn sigterm_and_ctrl_c_stop_it_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::initialised();
        let (status, log) = place.serve(ESTATE).stop(signal);
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("\"message\":\"stopped\""), "{log}");
        // The lock is gone, and so are the files of open transactions.
        let left: Vec<_> =
            fs::read_dir(place.path("leasehold-data")).unwrap().map(|f| f.unwrap().file_name()).collect();
        // Its version, its lock, the master key, four databases, and the folder of updates.
        assert_eq!(left.len(), 8, "{left:?}");
    }
}

#[test]
fn rights_outlive_the_server() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let features = server.list(&place, "feature");
    assert_eq!((&features[0]["name"], &features[0]["total"]), (&"Export".into(), &2.into()));
    assert_eq!(features.len(), 2, "{features:?}");
    server.stop(Signal::TERM);

    let server = Server::start(place.command(["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(server.list(&place, "feature"), features);
}

#[test]
fn a_redis_that_is_away_is_named_with_the_cause_and_without_its_password() {
    let place = Place::initialised();
    let redis = nobodys_address();
    let url = format!("redis://kim:s3cret@{redis}/2");
    let mut server = place.serve_with(ESTATE, &[("LEASEHOLD__REDIS__URL", &url)]);
    let line = server.line("a dependency is away");
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.contains(&redis) && reason.contains("Connection refused"), "{line}");
    assert_eq!((&line["dependency"], &line["level"]), (&"redis".into(), &"WARN".into()), "{line}");
    assert_eq!(server.list(&place, "feature").len(), 2, "it serves without");
    let (_, log) = server.stop(Signal::TERM);
    assert!(!log.contains("s3cret"), "{log}");
}

#[test]
fn a_start_that_goes_well_has_nothing_to_warn_of() {
    let place = Place::initialised();
    let mut server = Server::start(place.command(["serve", "--listen", "127.0.0.1:0"]));
    server.line("ready");
    let (_, log) = server.stop(Signal::TERM);
    assert!(log.contains("\"level\":\"INFO\"") && !log.contains("\"level\":\"WARN\""), "{log}");
}
