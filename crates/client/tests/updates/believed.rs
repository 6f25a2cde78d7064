//! Which assignments count.

use jiff::SignedDuration;
use leasehold_client::updates::UpdateError;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::updates::v1 as pb;

use crate::place::{Place, first, in_place};
use crate::vendor::Vendor;

/// Changes what is signed.
type Change = fn(&mut pb::UpdateAssignment);

/// Why the next check-in does not count; nothing else has changed.
async fn refused(place: &Place, updater: &mut leasehold_client::updates::Updater) -> &'static str {
    let error = updater.check_in().await.unwrap_err();
    assert!(matches!(error, UpdateError::Unverified { .. }), "{error}");
    assert_eq!(in_place(updater), first());
    assert!(place.fake.state().fetches.is_empty());
    error.reason()
}

#[tokio::test]
async fn an_assignment_for_somebody_else_is_refused() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    let forges: [(&str, Change); 4] = [
        ("FOREIGN", |said| said.client_id = "another".to_owned()),
        ("FOREIGN", |said| said.hostid = Some((&"D2".parse::<leasehold_client::HostId>().unwrap()).into())),
        ("REPLAYED", |said| said.nonce = vec![1; 32]),
        ("FORGED", |said| said.made_at = None),
    ];
    for (reason, forge) in forges {
        place.fake.forge(forge);
        assert_eq!(refused(&place, &mut updater).await, reason);
    }
}

#[tokio::test]
async fn an_assignment_that_nobody_the_vendor_trusts_has_signed_is_refused() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    place.fake.state().unsigned = true;
    assert_eq!(refused(&place, &mut updater).await, "NOT_SIGNED");
    place.fake.state().unsigned = false;
    for (vendor, reason) in [
        (Vendor::serving("updates", 2, 7, place.clock.now()), "FOREIGN"),
        // A key of the same server that may sign other answers.
        (Vendor::serving("licensing", 1, 7, place.clock.now()), "FORGED"),
    ] {
        place.fake.state().vendor = vendor;
        assert_eq!(refused(&place, &mut updater).await, reason);
    }
}

#[tokio::test]
async fn an_old_assignment_is_refused_also_by_the_next_process() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    let old = place.fake.state().answers[0].clone();
    place.fake.state().replay = Some(old);
    assert_eq!(refused(&place, &mut updater).await, "REPLAYED");
    place.fake.state().replay = None;
    let earlier = timestamp(place.clock.now() - SignedDuration::from_secs(2));
    place.fake.forge(move |said| said.made_at = Some(earlier));
    assert_eq!(refused(&place, &mut updater).await, "STALE");
    drop(updater);
    let mut updater = place.updater().await;
    assert_eq!(refused(&place, &mut updater).await, "STALE");
    let far = timestamp(place.clock.now() + SignedDuration::from_hours(25));
    place.fake.forge(move |said| said.made_at = Some(far));
    assert_eq!(refused(&place, &mut updater).await, "STALE");
}

#[tokio::test]
async fn a_check_in_says_what_is_there() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    updater.check_in().await.unwrap();
    let asked = place.fake.state().check_ins.clone();
    let (before, after) = (&asked[0], &asked[1]);
    assert_eq!((before.products[0].version.as_str(), after.products[0].version.as_str()), ("", "1.0"));
    assert_eq!(after.products[0].sha256.len(), 32);
    assert_eq!((before.seen.unwrap().timestamp, after.seen.unwrap().timestamp), (0, 2));
    assert_eq!(before.client_id, after.client_id);
    assert_ne!(before.nonce, after.nonce);
    drop(updater);
    assert_eq!(place.updater().await.client_id(), after.client_id, "it stays with the directory");
}

#[tokio::test]
async fn a_client_that_has_pinned_no_key_has_no_updater() {
    let place = Place::new().await;
    let mut options = leasehold_client::Options::new("licences".parse().unwrap());
    options.hostids = vec!["D1".parse().unwrap()];
    let plain = leasehold_client::Client::over(place.client.channel(), options).await.unwrap();
    let error = leasehold_client::updates::Updater::open(&plain, place.options()).await.unwrap_err();
    assert_eq!(error.reason(), "NO_VENDOR_ROOT");
    let _updater = place.updater().await;
    let error = leasehold_client::updates::Updater::open(&place.client, place.options()).await.unwrap_err();
    assert_eq!(error.reason(), "TUF_STATE", "one process has the directory");
}
