//! Which answers are kept, for what, and where.

use jiff::SignedDuration;
use leasehold_client::{Checkout, CheckoutError, Client, Guard, KeptError, LostReason, Options, State};
use leasehold_proto::licensing::v1 as pb;
use tonic::Status;

use crate::fake::{Act, Vendor};
use crate::machine::{Folder, Machine, SECOND, borrow, leave, problem, until};

#[tokio::test(start_paused = true)]
async fn what_was_returned_or_refused_is_not_kept() {
    let machine = Machine::new();
    let client = machine.starts().await;
    let gone = async |client: &Client, checkout: Checkout| {
        assert!(machine.kept().is_empty());
        machine.link.cut();
        let error = client.checkout(checkout).await.unwrap_err();
        assert!(matches!(error, CheckoutError::Unreachable { .. }), "{error:?}");
        machine.link.mend();
    };
    client.checkout(borrow()).await.unwrap().release().await.unwrap();
    gone(&client, borrow()).await;
    client.checkout(Checkout::new("solver")).await.unwrap().release().await.unwrap();
    gone(&client, Checkout::new("solver")).await;
    leave(client.checkout(borrow()).await.unwrap()).await;
    assert_eq!(machine.kept().len(), 1);
    machine.fake.next([Act::Say(pb::Outcome::Refused, pb::Refusal::default())]);
    client.checkout(borrow()).await.unwrap_err();
    gone(&client, borrow()).await;
    // A release that nobody hears: the program has given it up all the same.
    let guard = client.checkout(borrow()).await.unwrap();
    machine.link.cut();
    guard.release().await.unwrap_err();
    machine.link.mend();
    gone(&client, borrow()).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_is_not_passed_over() {
    let machine = Machine::new();
    let client = machine.starts().await;
    leave(client.checkout(borrow()).await.unwrap()).await;
    machine.fake.next([Act::Fail(Status::not_found("no instance has the id 7"))]);
    let error = client.checkout(borrow()).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Server { .. }), "{error:?}");
    machine.fake.next([Act::forge(|response| response.signed = None)]);
    let error = client.checkout(borrow()).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Unverified { .. }), "{error:?}");
    machine.fake.next([Act::RefuseAll(pb::RequestRefusal::ServerSuspended)]);
    let error = client.checkout(borrow()).await.unwrap_err();
    assert!(matches!(error, CheckoutError::WholeRequestRefused { .. }), "{error:?}");
    // One that cannot decide now is none.
    machine.fake.next((0..100).map(|_| Act::Fail(Status::unavailable("the store does not answer"))));
    let guard = client.checkout(borrow()).await.unwrap();
    assert!(matches!(guard.state(), State::Offline { .. }), "{}", guard.state());
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_in_the_place_of_the_last_is_not_taken() {
    let machine = Machine::new();
    let client = machine.starts().await;
    let guard = client.checkout(borrow()).await.unwrap();
    let [file] = machine.kept().try_into().unwrap();
    let older = std::fs::read(&file).unwrap();
    machine.fake.until(|calls| calls.requests.len() >= 2).await;
    tokio::time::sleep(SECOND).await;
    let newer = std::fs::read(&file).unwrap();
    assert_ne!(newer, older, "the renewal's answer took its place");
    drop(guard);
    machine.link.cut();
    let client = machine.restarts(client).await;
    std::fs::write(&file, older).unwrap();
    let kept = problem(&client, borrow()).await;
    assert!(matches!(kept, KeptError::Older { .. }), "{kept}");
    std::fs::write(&file, &newer).unwrap();
    leave(client.checkout(borrow()).await.unwrap()).await;
    // Nor one that was changed, or is none.
    let mut changed = newer.clone();
    changed[60] ^= 1;
    std::fs::write(&file, changed).unwrap();
    assert_eq!(problem(&client, borrow()).await.reason(), "FORGED");
    std::fs::write(&file, [0xff; 9]).unwrap();
    assert_eq!(problem(&client, borrow()).await.reason(), "KEPT_UNREADABLE");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(problem(&client, borrow()).await.reason(), "KEPT_UNREADABLE");
}

#[tokio::test(start_paused = true)]
async fn the_newest_time_seen_outlives_the_program() {
    let machine = Machine::new();
    let client = machine.starts().await;
    drop(client.checkout(borrow()).await.unwrap());
    let client = machine.restarts(client).await;
    let clock = machine.fake.state().clock.clone().unwrap();
    clock.step(SignedDuration::from_mins(-5));
    let error = client.checkout(borrow()).await.unwrap_err();
    assert!(
        matches!(&error, CheckoutError::Unverified { problem, .. } if problem.reason() == "STALE"),
        "{error:?}"
    );
    clock.step(SignedDuration::from_mins(5));
    drop(client.checkout(borrow()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_what_it_grants_alone() {
    let machine = Machine::new();
    let client = machine.starts().await;
    drop(client.checkout(borrow().count(2).version("1.5")).await.unwrap());
    machine.link.cut();
    let client = machine.restarts(client).await;
    for wish in [borrow().count(3), borrow().version("2.1"), Checkout::new("solver")] {
        assert_eq!(problem(&client, wish).await, KeptError::Other);
    }
    for wish in [Checkout::new("mesher").borrow(), borrow().selector("site", "a"), borrow().slot("s")] {
        let error = client.checkout(wish).await.unwrap_err();
        assert!(matches!(error, CheckoutError::Unreachable { .. }), "{error:?}");
    }
    for wish in [borrow(), borrow().count(2).version("2.0"), borrow().count(9).partial(true)] {
        let guard = client.checkout(wish).await.unwrap();
        assert_eq!(guard.count(), 2);
        leave(guard).await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_device_root_or_server_takes_nothing_up() {
    let machine = Machine::new();
    let client = machine.starts().await;
    drop(client.checkout(borrow()).await.unwrap());
    let (machine, _cut) = machine.crashes();
    machine.link.cut();
    let start = async |change: fn(&mut Options)| {
        let fresh = Folder::copied(machine.answers.path());
        let mut options = machine.options();
        options.answers = Some(fresh.path().to_owned());
        change(&mut options);
        let client = Client::over(machine.link.channel(), options).await.unwrap();
        client.checkout(borrow()).await
    };
    assert!(start(|_| {}).await.is_ok());
    let rival =
        start(|options| options.vendor_root = Some(Vendor::new(2, 7, options.wall_clock.now()).root())).await;
    let Err(CheckoutError::OutOfReach { kept, .. }) = rival else { panic!("{rival:?}") };
    assert_eq!(kept.reason(), "FOREIGN");
    for other in [
        start(|options| options.hostids = vec!["D2".parse().unwrap()]).await,
        start(|options| options.vendor_root = None).await,
        start(|options| options.server = "others".parse().unwrap()).await,
        start(|options| options.user = Some("kim".to_owned())).await,
        start(|options| options.instance = "plant".to_owned()).await,
    ] {
        assert!(matches!(other, Err(CheckoutError::Unreachable { .. })), "{other:?}");
    }
    // A device that the index was made to name.
    let index = machine.answers.path().join("index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, text.replace("D1/STRING", "D2/STRING")).unwrap();
    let moved = start(|options| options.hostids = vec!["D2".parse().unwrap()]).await;
    let Err(CheckoutError::OutOfReach { kept, .. }) = moved else { panic!("{moved:?}") };
    assert_eq!(kept.reason(), "FOREIGN");
}

#[tokio::test(start_paused = true)]
async fn programs_side_by_side_do_not_take_up_the_same() {
    let machine = Machine::new();
    let one = machine.starts().await;
    let guard = one.checkout(Checkout::new("solver").slot("s")).await.unwrap();
    let two = machine.starts().await;
    machine.link.cut();
    let error = two.checkout(Checkout::new("solver").slot("s")).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Unreachable { .. }), "{error:?}");
    drop(guard);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_program_finds_its_grants_in_whatever_order_it_asks() {
    let machine = Machine::new();
    let client = machine.starts().await;
    let names = ["solver", "mesher", "viewer"];
    let wish = |name: &str| Checkout::new(name).borrow();
    let slot = || Checkout::new("solver").borrow().slot("s");
    let mut held = Vec::new();
    for name in names {
        held.push(client.checkout(wish(name)).await.unwrap());
    }
    let at_slot = client.checkout(slot()).await.unwrap().grant_id();
    let grants: Vec<_> = held.iter().map(Guard::grant_id).collect();
    drop(held);
    machine.link.cut();
    let client = machine.restarts(client).await;
    let at_slot_again = client.checkout(slot()).await.unwrap();
    assert_eq!(at_slot_again.grant_id(), at_slot);
    let mut again = Vec::new();
    for name in names.into_iter().rev() {
        again.push(client.checkout(wish(name)).await.unwrap());
    }
    let found: Vec<_> = again.iter().rev().map(Guard::grant_id).collect();
    assert_eq!(found, grants);
}

#[tokio::test(start_paused = true)]
async fn one_slot_that_a_newer_guard_has_stays_kept() {
    let machine = Machine::new();
    let client = machine.starts().await;
    let older = client.checkout(Checkout::new("solver").slot("s")).await.unwrap();
    let newer = client.checkout(Checkout::new("solver").slot("s")).await.unwrap();
    until(&older, |state| !state.may_work()).await;
    assert_eq!(older.state(), State::Lost(LostReason::TakenOver));
    tokio::time::sleep(SECOND).await;
    assert_eq!(machine.kept().len(), 1, "the newer guard's");
    drop(newer);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn what_is_kept_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    let directory = machine.answers.path().join("made/here");
    let mut options = machine.options();
    options.answers = Some(directory.clone());
    let client = Client::over(machine.link.channel(), options).await.unwrap();
    let guard = client.checkout(borrow()).await.unwrap();
    assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for file in std::fs::read_dir(&directory).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if name != "client-instance-id" {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
        names.push(name.rsplit('.').next().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["answer", "client-instance-id", "json", "lock"], "and nothing half-written");
    drop(guard);
}
