//! The load test, and the way back.

use leasehold_client::updates::{Applied, LoadTest};
use leasehold_proto::updates::v1::UpdateState;

use crate::place::{Place, first, in_place, update};

#[tokio::test]
async fn what_the_program_cannot_load_is_not_put_in_place_nor_tried_again() {
    let mut place = Place::new().await;
    place.load_test = LoadTest::function(|file| match std::fs::read(file) {
        Ok(content) if content != b"second" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let mut updater = place.with_first().await;
    place.release("2.0", b"second");
    assert_eq!(update(&mut updater).await.unwrap_err().reason(), "LOAD_FAILED");
    assert_eq!(in_place(&updater), first());
    let last = place.fake.state().events.last().unwrap().clone();
    assert_eq!(last.state(), UpdateState::Failed);
    let told = place.fake.state().events.len();
    drop(updater);
    let mut updater = place.updater().await;
    assert_eq!(update(&mut updater).await.unwrap(), Applied::TurnedDown);
    let (fetches, events) = {
        let state = place.fake.state();
        (state.fetches.len(), state.events.len())
    };
    assert_eq!((fetches, events), (1, told));
    place.release("3.0", b"third");
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
}

#[tokio::test]
async fn a_program_can_go_back_once_and_is_not_sent_forward_again() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    place.release("2.0", b"second");
    update(&mut updater).await.unwrap();
    let back = updater.roll_back("scanner", "it finds nothing").await.unwrap();
    assert_eq!(back.version, "1.0");
    assert_eq!(in_place(&updater), first());
    assert_eq!(updater.roll_back("scanner", "again").await.unwrap_err().reason(), "NO_PREVIOUS");
    assert_eq!(update(&mut updater).await.unwrap(), Applied::TurnedDown);
    let last = place.fake.state().events.last().unwrap().clone();
    assert_eq!((last.state(), last.version.as_str()), (UpdateState::RolledBack, "2.0"));
    assert_eq!(last.message, "it finds nothing");
}

#[tokio::test]
async fn a_file_that_the_program_crashes_on_again_and_again_makes_way() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    updater.take_up("scanner").await.unwrap();
    updater.works("scanner").await.unwrap();
    place.release("2.0", b"second");
    update(&mut updater).await.unwrap();
    let mut taken = Vec::new();
    for _ in 0..6 {
        // The program crashes each time, and starts anew.
        drop(updater);
        updater = place.updater().await;
        taken.push(updater.take_up("scanner").await.unwrap().unwrap().version);
    }
    assert_eq!(taken, ["2.0", "2.0", "2.0", "1.0", "1.0", "1.0"]);
    assert!(
        matches!(updater.take_up("scanner").await, Ok(Some(it)) if it.version == "1.0"),
        "the last there is"
    );
    assert_eq!(updater.take_up("other").await.unwrap(), None);
}

#[tokio::test]
async fn what_works_is_never_given_up() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    place.release("2.0", b"second");
    update(&mut updater).await.unwrap();
    for _ in 0..6 {
        assert_eq!(updater.take_up("scanner").await.unwrap().unwrap().version, "2.0");
        updater.works("scanner").await.unwrap();
    }
}

#[tokio::test]
async fn the_previous_file_stays_and_those_before_it_go() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    let mut paths = vec![updater.installed("scanner").unwrap().path];
    for version in ["2.0", "3.0"] {
        place.release(version, version.as_bytes());
        update(&mut updater).await.unwrap();
        paths.push(updater.installed("scanner").unwrap().path);
    }
    let there: Vec<bool> = paths.iter().map(|path| path.exists()).collect();
    assert_eq!(there, [false, true, true]);
}
