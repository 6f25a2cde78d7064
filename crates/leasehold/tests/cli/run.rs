use std::fs;

use rustix::process::Signal;

use crate::support::{DROP_ALLOWED, ESTATE, Going, Place, Server, ended, exists, send, until};

/// `leasehold run` with a program of the shell that stays until it is told to go; says when it has begun.
fn start(place: &Place, server: &Server, options: &[&str], script: &str) -> Going {
    let script = format!("echo $$ > pid.new; mv pid.new pid; {script}");
    let mut command = place.command(["run", "Export", "--server", &server.address]);
    let going = Going::start(command.args(options).args(["--", "sh", "-c", &script]));
    until("the program runs", || exists(&place.path("pid")).then_some(()));
    going
}

fn program(place: &Place) -> u32 {
    fs::read_to_string(place.path("pid")).unwrap().trim().parse().unwrap()
}

fn used(place: &Place, server: &Server) -> i64 {
    server.list(place, "feature")[0]["used"].as_i64().unwrap()
}

#[test]
fn the_program_runs_with_the_grant_and_its_exit_code_comes_back() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let lists = r#""$LEASEHOLD" grant list -o json > during.json; echo "$LEASEHOLD_FEATURE/$LEASEHOLD_GRANT_ID"; exit 42"#;
    let mut command =
        place.command(["run", "Export", "--version", "2.0", "--count", "2", "--", "sh", "-c", lists]);
    let ran = ended(
        command.env("LEASEHOLD_SERVER", &server.address).env("LEASEHOLD", env!("CARGO_BIN_EXE_leasehold")),
    );
    let ran = ran.expect(42);
    let during: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("during.json")).unwrap()).unwrap();
    let grant = &during["grants"][0];
    assert_eq!((&during["total"], &grant["count"]), (&1.into(), &2.into()));
    assert_eq!(ran.stdout.trim(), format!("Export/{}", grant["grant_id"].as_str().unwrap()));
    assert_eq!(ran.stderr, "");
    assert_eq!(used(&place, &server), 0, "returned");
}

#[test]
fn programs_side_by_side_hold_their_own() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let mut one = start(&place, &server, &[], "exec sleep 300");
    fs::remove_file(place.path("pid")).unwrap();
    let mut two = start(&place, &server, &[], "exec sleep 300");
    assert_eq!(used(&place, &server), 2);
    for going in [&mut one, &mut two] {
        going.send(Signal::TERM);
        assert_eq!(going.wait().0, Some(128 + 15));
    }
    assert_eq!(used(&place, &server), 0);
}

#[test]
fn a_program_that_is_killed_returns_its_grant() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let mut run = start(&place, &server, &[], "exec sleep 300");
    assert_eq!(used(&place, &server), 1);
    send(Signal::KILL, program(&place));
    assert_eq!(run.wait().0, Some(128 + 9));
    assert_eq!(used(&place, &server), 0);
}

#[test]
fn signals_are_passed_on() {
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::INT, "INT"), (Signal::HUP, "HUP")] {
        let place = Place::initialised();
        let server = place.serve(ESTATE);
        let script = format!("trap 'echo told; exit 33' {name}; touch ready; while :; do sleep 0.05; done");
        let mut run = start(&place, &server, &[], &script);
        until("the trap is set", || exists(&place.path("ready")).then_some(()));
        assert_eq!(used(&place, &server), 1);
        run.send(signal);
        assert_eq!(run.wait(), (Some(33), "told\n".to_owned()), "{name}, once");
        assert_eq!(used(&place, &server), 0);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_comes_twice_does_not_keep_the_grant() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let mut command = place.command(["run", "Export", "--server", &server.address, "--", "sleep", "300"]);
    let mut run = Going::start(command.stderr(fs::File::create(place.path("told")).unwrap()));
    until("the grant is there", || server.list(&place, "grant").pop());
    // The server stands still, so that the second signal comes while the grant is being returned.
    send(Signal::STOP, server.pid());
    run.send(Signal::TERM);
    let children = format!("/proc/{0}/task/{0}/children", run.pid());
    until("the program is gone", || fs::read_to_string(&children).unwrap().is_empty().then_some(()));
    run.send(Signal::TERM);
    std::thread::sleep(std::time::Duration::from_millis(50));
    send(Signal::CONT, server.pid());
    assert_eq!(run.wait().0, Some(128 + 15));
    assert_eq!(fs::read_to_string(place.path("told")).unwrap(), "");
    assert_eq!(used(&place, &server), 0);
}

#[test]
fn a_lost_licence_is_told_and_the_program_runs_on() {
    let place = Place::initialised();
    let server = place.serve_with(ESTATE, DROP_ALLOWED);
    let waits = "while ! [ -e enough ]; do sleep 0.05; done; exit 12";
    let mut command = place.command(["run", "Export", "--server", &server.address, "--", "sh", "-c", waits]);
    let mut run = Going::start(command.stderr(fs::File::create(place.path("told")).unwrap()));
    let grant = until("the grant is there", || server.list(&place, "grant").pop());
    server.leasehold(&place, ["grant", "release", grant["grant_id"].as_str().unwrap()]).expect(0);
    until("it is told", || {
        let told = fs::read_to_string(place.path("told")).unwrap();
        told.contains("leasehold: Export: lost: an administrator ended it").then_some(())
    });
    place.write("enough", "");
    assert_eq!(run.wait().0, Some(12));
}

#[test]
fn a_refusal_is_told_with_its_numbers_and_nothing_runs() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    // One of two is set aside, and one may be overdrawn.
    let too_many = ["run", "Export", "--count", "3", "--", "touch", "ran"];
    server.leasehold(&place, too_many).expect_error(5, &["Export", "3 of", "2 free for you"]);
    server
        .leasehold(&place, ["run", "Nothing", "--", "touch", "ran"])
        .expect_error(5, &["Nothing", "no line item"]);
    server
        .leasehold(&place, ["run", "Export", "--version", "3", "--", "touch", "ran"])
        .expect_error(5, &["lower versions"]);
    assert!(!exists(&place.path("ran")));
    assert_eq!(used(&place, &server), 0);
}

#[test]
fn a_reservation_is_had_with_its_hostid() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let args = ["run", "Export", "--count", "3", "--hostid", "render-01", "--", "true"];
    server.leasehold(&place, args).expect(0);
}

#[test]
fn what_cannot_be_asked_or_started_is_told() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    server.leasehold(&place, ["run", "Export"]).expect_error(2, &["PROGRAM"]);
    server
        .leasehold(&place, ["run", "Export", "--version", "two", "--", "true"])
        .expect_error(2, &["version"]);
    server
        .leasehold(&place, ["run", "Export", "--hostid", "x/ETHERNET", "--", "true"])
        .expect_error(2, &["network card"]);
    server
        .leasehold(&place, ["run", "Export", "--", "no-such-program"])
        .expect_error(127, &["no program no-such-program"]);
    let text = place.write("text", "not a program");
    let args = ["run", "Export", "--", text.to_str().unwrap()];
    server.leasehold(&place, args).expect_error(126, &["cannot be started"]);
    assert_eq!(used(&place, &server), 0, "returned");
}

#[test]
fn a_grant_that_the_server_does_not_know_is_told_in_one_sentence() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let address = server.address.clone();
    let mut command = place.command(["run", "Export", "--server", &address, "--", "sleep", "300"]);
    let mut run = Going::start(command.stderr(fs::File::create(place.path("told")).unwrap()));
    until("the grant is there", || server.list(&place, "grant").pop());
    server.stop(Signal::TERM);
    // What an older backup is to this grant.
    fs::remove_dir_all(place.path("leasehold-data")).unwrap();
    place.leasehold(["init"]).expect(0);
    // The grant has to be given back before a heartbeat finds that it is gone and has another one.
    run.send(Signal::TERM);
    let _server = Server::start(place.command(["serve", "--listen", &address]));
    assert_eq!(run.wait().0, Some(128 + 15));
    let told = fs::read_to_string(place.path("told")).unwrap();
    let told: Vec<&str> = told.lines().filter(|line| !line.contains("in jeopardy")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("nothing was returned, because nothing was held any more"), "{told:?}");
    assert!(!told[0].contains("takes it back"), "{told:?}");
}
