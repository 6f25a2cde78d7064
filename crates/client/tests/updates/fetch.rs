//! Downloads: what breaks off goes on, and what is wrong is thrown away.

use leasehold_artifacts::Digest;
use leasehold_client::updates::Applied;
use leasehold_proto::updates::v1::{self as pb, UpdateState};
use tonic::Status;

use crate::fake::PIECE;
use crate::place::{Place, first, in_place, update};

/// Twelve pieces, each different.
fn large() -> Vec<u8> {
    (0..12 * PIECE).map(|index| u8::try_from((index / PIECE + index) % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_definition_is_fetched_checked_and_put_in_place() {
    use UpdateState::{Accepted, Downloaded, Downloading, Installed, Installing, Verified};
    let place = Place::new().await;
    place.release("1.0", &large());
    let mut updater = place.updater().await;
    let Ok(Applied::Installed(installed)) = update(&mut updater).await else { panic!() };
    assert_eq!(installed.sha256, Digest::of(&std::fs::read(&installed.path).unwrap()));
    assert_eq!(leasehold_client::updates::installed(updater.dir(), "scanner").unwrap(), Some(installed));
    let events = place.fake.state().events.clone();
    let states: Vec<_> = events.iter().map(pb::UpdateEvent::state).collect();
    assert_eq!(states, [Accepted, Downloading, Downloaded, Verified, Installing, Installed]);
    assert_eq!(events[5].fetched_bytes, large().len() as u64);
    assert!(matches!(update(&mut updater).await, Ok(Applied::AlreadyThere)));
    assert_eq!(place.fake.state().fetches, [0]);
}

#[tokio::test]
async fn a_download_that_breaks_off_fetches_only_the_rest() {
    let place = Place::new().await;
    place.release("1.0", &large());
    place.fake.state().cuts.extend([6 * PIECE, PIECE]);
    let mut updater = place.updater().await;
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
    assert_eq!(place.fake.state().fetches, [0, 6 * PIECE as u64, 7 * PIECE as u64]);
    assert_eq!(in_place(&updater).1, large());
    assert_eq!(place.fake.state().events.last().unwrap().fetched_bytes, large().len() as u64);
}

#[tokio::test]
async fn the_next_process_goes_on_where_the_last_one_gave_up() {
    let mut place = Place::new().await;
    place.limits.attempts = 1;
    place.release("1.0", &large());
    place.fake.state().cuts.extend([6 * PIECE]);
    let mut updater = place.updater().await;
    let error = update(&mut updater).await.unwrap_err();
    assert!(error.may_pass(), "{error}");
    assert_eq!(place.fake.state().events.last().unwrap().state(), UpdateState::Downloading, "nothing failed");
    drop(updater);
    let mut updater = place.updater().await;
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
    assert_eq!(place.fake.state().fetches, [0, 6 * PIECE as u64]);
}

#[tokio::test]
async fn wrong_bytes_are_refused_and_thrown_away() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    let assignment = place.release("2.0", b"second");
    for wrong in [&b"sec0nd"[..], b"second and more", b"seco"] {
        place.fake.state().content.insert(assignment.sha256.clone(), wrong.to_vec());
        let error = update(&mut updater).await.unwrap_err();
        let expected = if wrong.len() == 6 { "BLOB_WRONG_HASH" } else { "BLOB_SOURCE" };
        assert_eq!(error.reason(), expected, "{error}");
        assert_eq!(in_place(&updater), first());
    }
    assert_eq!(place.fake.state().fetches, [0, 0, 0], "not in a loop");
    assert_eq!(place.fake.state().events.last().unwrap().state(), UpdateState::Failed);
    place.fake.state().content.insert(assignment.sha256.clone(), b"second".to_vec());
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
}

#[tokio::test]
async fn a_wrong_beginning_costs_the_whole_file_once() {
    let mut place = Place::new().await;
    place.limits.attempts = 1;
    let assignment = place.release("1.0", &large());
    let mut wrong = large();
    wrong[5] ^= 1;
    place.fake.state().content.insert(assignment.sha256.clone(), wrong);
    place.fake.state().cuts.extend([6 * PIECE]);
    let mut updater = place.updater().await;
    assert!(update(&mut updater).await.is_err());
    place.fake.state().content.insert(assignment.sha256, large());
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
    assert_eq!(place.fake.state().fetches, [0, 6 * PIECE as u64, 0]);
    assert_eq!(in_place(&updater).1, large());
}

#[tokio::test]
async fn a_no_is_final_and_not_now_is_tried_so_often() {
    let mut place = Place::new().await;
    place.limits.attempts = 3;
    let mut updater = place.with_first().await;
    place.release("2.0", b"second");
    place.fake.state().refusal = Some(Status::permission_denied("not licensed"));
    let error = update(&mut updater).await.unwrap_err();
    assert!(!error.may_pass() && error.to_string().contains("not licensed"), "{error}");
    assert_eq!(place.fake.state().fetches.len(), 1);
    assert_eq!(place.fake.state().events.last().unwrap().state(), UpdateState::Failed);
    drop(updater);
    let mut updater = place.updater().await;
    place.fake.state().refusal = Some(Status::unavailable("not now"));
    let error = update(&mut updater).await.unwrap_err();
    assert!(error.may_pass(), "{error}");
    assert_eq!(place.fake.state().fetches.len(), 1 + 3);
    assert_eq!(in_place(&updater), first());
}

#[tokio::test]
async fn a_server_that_breaks_off_again_and_again_is_not_paid_without_end() {
    let mut place = Place::new().await;
    (place.limits.attempts, place.limits.times) = (1_000, 1);
    let content = large();
    let assignment = place.release("1.0", &content);
    // It begins anew each time, whatever it is asked for: every piece is one too early.
    place.fake.state().cuts.extend(std::iter::repeat_n(PIECE, 1_000));
    let mut wrong = content.clone();
    wrong[0] ^= 1;
    place.fake.state().content.insert(assignment.sha256, wrong);
    let mut updater = place.updater().await;
    let error = update(&mut updater).await.unwrap_err();
    assert!(matches!(error.reason(), "BLOB_WRONG_HASH" | "BLOB_SOURCE"), "{error}");
    let fetched = place.fake.state().fetches.len() * PIECE;
    assert!(fetched <= content.len() + (1 << 20) + PIECE, "{fetched}");
}

#[tokio::test]
async fn what_is_damaged_where_it_lies_is_mended() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    std::fs::write(updater.installed("scanner").unwrap().path, b"f1rst").unwrap();
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
    assert_eq!(in_place(&updater), first());
    assert_eq!(place.fake.state().fetches, [0]);
    assert!(updater.roll_back("scanner", "it was never another").await.is_err());
}
