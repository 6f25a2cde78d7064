//! What the server and the vendor do not say together is not put in place.

use jiff::SignedDuration;
use leasehold_artifacts::{Kind, Release};
use leasehold_client::updates::Applied;
use leasehold_proto::updates::v1::{self as pb, UpdateState};

use crate::place::{Place, copy, first, in_place, update};

#[tokio::test]
async fn a_target_that_only_the_server_names_is_refused() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    let named = place.serve("scanner", "2.0", "scanner/2.0/rules.db", b"from nobody");
    place.fake.state().plan = vec![named];
    let error = update(&mut updater).await.unwrap_err();
    assert_eq!(error.reason(), "NOT_NAMED");
    assert_eq!(in_place(&updater), first());
    assert!(place.fake.state().fetches.is_empty(), "nothing of it was fetched");
    let last = place.fake.state().events.last().unwrap().clone();
    assert_eq!(last.state(), UpdateState::Failed);
    assert!(last.message.starts_with("NOT_NAMED: "), "{}", last.message);
    // Asked again, it fails again, and that is no news.
    let told = place.fake.state().events.len();
    assert!(update(&mut updater).await.is_err());
    assert_eq!(place.fake.state().events.len(), told);
}

#[tokio::test]
async fn a_server_that_says_something_else_of_a_target_is_refused() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    let honest = place.release("2.0", b"second");
    let other = place.serve("scanner", "2.0", &honest.target, b"third!");
    let lies: [(&str, pb::Assignment); 4] = [
        ("DISAGREES", other),
        ("DISAGREES", pb::Assignment { length: 7, ..honest.clone() }),
        ("DISAGREES", pb::Assignment { version: "9.0".to_owned(), ..honest.clone() }),
        ("NOT_FOLLOWED", pb::Assignment { product: "other".to_owned(), ..honest.clone() }),
    ];
    for (reason, lie) in lies {
        place.fake.state().plan = vec![lie];
        assert_eq!(update(&mut updater).await.unwrap_err().reason(), reason);
        assert_eq!(in_place(&updater), first());
    }
    assert!(place.fake.state().fetches.is_empty());
    place.fake.state().plan = vec![honest];
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
}

#[tokio::test]
async fn a_program_and_what_is_for_another_system_are_refused() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    place.release_as(Release::new("scanner", "2.0", Kind::Software), b"program");
    assert_eq!(update(&mut updater).await.unwrap_err().reason(), "NOT_A_DEFINITION");
    let elsewhere =
        Release { os: Some("plan9".to_owned()), ..Release::new("scanner", "3.0", Kind::Definition) };
    place.release_as(elsewhere, b"rules");
    assert_eq!(update(&mut updater).await.unwrap_err().reason(), "DISAGREES");
    assert_eq!(in_place(&updater), first());
}

#[tokio::test]
async fn old_metadata_is_refused_and_what_is_in_place_stays() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    copy(&place.path("vendor/repository/metadata"), &place.path("old"));
    place.release("2.0", b"second");
    assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
    let back = place.serve("scanner", "1.0", "scanner/1.0/rules.db", b"first");
    place.fake.state().plan = vec![back];
    place.fake.state().metadata = place.path("old");
    drop(updater);
    let mut updater = place.updater().await;
    assert_eq!(update(&mut updater).await.unwrap_err().reason(), "TUF_ROLLBACK");
    assert_eq!(in_place(&updater), ("2.0".to_owned(), b"second".to_vec()));
}

#[tokio::test]
async fn metadata_that_is_withheld_until_it_ends_is_refused() {
    let place = Place::new().await;
    let mut updater = place.with_first().await;
    place.release("2.0", b"second");
    place.clock.step(SignedDuration::from_hours(24 * 400));
    // The server's certificates are new; the vendor's metadata is not.
    let vendor = crate::vendor::Vendor::serving("updates", 1, 7, place.clock.now());
    place.fake.state().vendor = vendor;
    assert_eq!(update(&mut updater).await.unwrap_err().reason(), "TUF_EXPIRED");
    assert_eq!(in_place(&updater), first());
}
