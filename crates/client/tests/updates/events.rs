//! What the client did reaches the server once each, in order.

use leasehold_client::updates::Applied;

use crate::place::{Place, update};

#[tokio::test]
async fn what_happened_offline_is_reported_later_by_another_process() {
    let place = Place::new().await;
    place.fake.state().away = true;
    place.release("1.0", b"first");
    let mut updater = place.updater().await;
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
    assert!(updater.report().await.is_err());
    assert!(place.fake.state().events.is_empty());
    drop(updater);
    place.fake.state().away = false;
    let mut updater = place.updater().await;
    assert_eq!(updater.report().await.unwrap_err().reason(), "NOT_CHECKED_IN");
    updater.check_in().await.unwrap();
    assert_eq!(updater.report().await.unwrap(), 6);
    let sequences: Vec<u64> = place.fake.state().reported.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
    assert_eq!(updater.report().await.unwrap(), 0);
}

#[tokio::test]
async fn a_report_whose_answer_is_lost_is_repeated_as_it_was() {
    let place = Place::new().await;
    place.release("1.0", b"first");
    place.fake.state().silent = true;
    let mut updater = place.updater().await;
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
    place.fake.state().silent = false;
    let kept = place.fake.state().events.clone();
    assert_eq!(updater.report().await.unwrap(), 6);
    assert_eq!(place.fake.state().events, kept);
    let reported = place.fake.state().reported.clone();
    assert!(reported.iter().all(|event| kept.contains(event)), "a number never stands for two events");
}
