//! Enrolling, again and elsewhere.

use leasehold_proto::sync::v1 as pb;
use leasehold_runtime::Background;
use leasehold_signing::VerifyingKey;
use leasehold_signing::sealed_file::Form;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::vendor::Vendor;
use crate::world::{World, refused, service_key};
use leasehold_testkit::Fuse;

#[tokio::test]
async fn before_it_is_enrolled_an_instance_is_nobody() {
    let world = World::new().await;
    let process = world.start().await;
    let identity = process.identity().await;
    assert_eq!(identity.status(), pb::SyncStatus::Unenrolled);
    assert_eq!((identity.enrolment, identity.hostids.len()), (None, 1));
    let parts = ["leasehold sync enrol"];
    let code = Code::FailedPrecondition;
    refused(process.synchronize().await, code, "NOT_ENROLLED", &parts);
    refused(process.export(false).await, code, "NOT_ENROLLED", &parts);
    refused(process.import(b"x".to_vec()).await, code, "NOT_ENROLLED", &parts);
    refused(process.test().await, code, "NOT_ENROLLED", &parts);
    assert!(process.history().await.is_empty());
}

#[tokio::test]
async fn enrolling_makes_keys_and_pins_the_root_in_licensing() {
    let world = World::new().await;
    let process = world.start().await;
    let enrolled = process.enrol(world.vendor.enrolment()).await.unwrap();
    assert!(!enrolled.was_enrolled);
    let identity = process.identity().await;
    assert_eq!(identity.status(), pb::SyncStatus::NeverSynchronized);
    assert_eq!(identity.enrolment, Some(world.vendor.enrolment()));
    assert_eq!(
        (&identity.signing_key_id, &identity.fingerprint),
        (&enrolled.signing_key_id, &enrolled.fingerprint)
    );
    assert!(identity.recipient.starts_with("age1") && identity.fingerprint.split('-').count() == 8);
    let pinned = world.licensing.enrolled.lock().unwrap().clone().unwrap();
    let sent = world.vendor.enrolment();
    assert_eq!((pinned.vendor_id, pinned.license_server_id), (sent.vendor_id, sent.license_server_id));
    let root: VerifyingKey = sent.vendor_root.parse().unwrap();
    assert_eq!(pinned.root_key, root.as_bytes());
}

#[tokio::test]
async fn enrolling_again_with_the_same_changes_nothing_and_tells_licensing_again() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let before = process.identity().await;
    *world.licensing.enrolled.lock().unwrap() = None;
    for _ in 0..2 {
        let again = process.enrol(world.vendor.enrolment()).await.unwrap();
        assert!(again.was_enrolled && again.signing_key_id == before.signing_key_id);
    }
    assert!(world.licensing.enrolled.lock().unwrap().is_some());
    process.synchronize().await.unwrap();
    assert!(process.enrol(world.vendor.enrolment()).await.unwrap().was_enrolled);
}

#[tokio::test]
async fn before_the_first_bundle_it_can_be_enrolled_elsewhere_with_fresh_keys() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let before = process.identity().await;
    let file = process.export(false).await.unwrap();
    let other =
        pb::Enrolment { vendor_id: "other".to_owned(), ..Vendor::of(world.clock.clone(), 2).enrolment() };
    let enrolled = process.enrol(other.clone()).await.unwrap();
    assert!(!enrolled.was_enrolled && enrolled.signing_key_id != before.signing_key_id);
    let identity = process.identity().await;
    assert_eq!(identity.enrolment, Some(other));
    assert!(identity.recipient != before.recipient && identity.outstanding == 0);

    // Nobody waits for the answer to what was asked with the old keys.
    let exchange = process.history().await.remove(0);
    assert_eq!((exchange.state(), exchange.failure_reason.as_str()), (pb::ExchangeState::Failed, "FOREIGN"));
    let answer = world.vendor.process(&file, Form::Binary);
    refused(process.import(answer).await, Code::InvalidArgument, "FILE_UNREADABLE", &["somebody else"]);
}

#[tokio::test]
async fn under_the_same_id_the_keys_stay() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let before = process.identity().await;
    // Bound by the vendor already, though the answer was never taken.
    let file = process.export(false).await.unwrap();
    let answer = world.vendor.process(&file, Form::Binary);
    let corrected =
        pb::Enrolment { address: "https://elsewhere.example.com".to_owned(), ..world.vendor.enrolment() };
    let enrolled = process.enrol(corrected.clone()).await.unwrap();
    assert!(!enrolled.was_enrolled && enrolled.signing_key_id == before.signing_key_id);
    assert_eq!(process.identity().await.enrolment, Some(corrected));
    process.import(answer).await.unwrap();
}

#[tokio::test]
async fn once_there_was_a_bundle_it_belongs_to_its_vendor() {
    let world = World::new().await;
    let process = world.enrolled().await;
    process.synchronize().await.unwrap();
    let standing = world.standing().await;
    let own = world.vendor.enrolment();
    let other_root = Vendor::of(world.clock.clone(), 2).enrolment().vendor_root;
    for other in [
        pb::Enrolment { vendor_id: "other".to_owned(), ..own.clone() },
        pb::Enrolment { license_server_id: "01890a5d-ac96-774b-bcce-b302099a8058".to_owned(), ..own.clone() },
        pb::Enrolment { vendor_root: other_root, ..own.clone() },
    ] {
        let parts = ["example", own.license_server_id.as_str(), "of its own"];
        refused(process.enrol(other).await, Code::FailedPrecondition, "ALREADY_ENROLLED", &parts);
        assert_eq!(world.standing().await, standing);
    }
    // How the vendor is reached may change.
    let moved = pb::Enrolment { address: "https://moved.example.com".to_owned(), ..own };
    assert!(!process.enrol(moved.clone()).await.unwrap().was_enrolled);
    assert_eq!((process.identity().await.enrolment, world.sequence().await), (Some(moved), 1));
}

#[tokio::test]
async fn a_bundle_that_only_licensing_remembers_keeps_others_out() {
    let world = World::new().await;
    let process = world.enrolled().await;
    world.licensing.applied.lock().unwrap().push((7, Vec::new()));
    let other = pb::Enrolment { vendor_id: "other".to_owned(), ..world.vendor.enrolment() };
    refused(process.enrol(other).await, Code::FailedPrecondition, "ALREADY_ENROLLED", &["it has had rights"]);
    assert_eq!(process.identity().await.enrolment, Some(world.vendor.enrolment()));
}

#[tokio::test]
async fn where_licensing_is_away_nothing_is_enrolled() {
    let world = World::new().await;
    let process = world.start().await;
    process.identity().await;
    *world.licensing.away.lock().unwrap() = true;
    let enrolled = process.enrol(world.vendor.enrolment()).await;
    refused(enrolled, Code::Unavailable, "STORE_UNAVAILABLE", &["licensing"]);
    assert_eq!(process.identity().await.status(), pb::SyncStatus::Unenrolled);
}

#[tokio::test]
async fn an_enrolment_that_is_wrong_names_the_field() {
    let world = World::new().await;
    let process = world.start().await;
    let wrong = pb::Enrolment { vendor_root: "12".to_owned(), ..world.vendor.enrolment() };
    refused(process.enrol(wrong).await, Code::InvalidArgument, "INVALID_FIELD", &["enrolment.vendor_root"]);
    assert_eq!(process.identity().await.status(), pb::SyncStatus::Unenrolled);
}

#[tokio::test]
async fn instances_are_found_by_name_and_id_and_asked_for_once() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let upper = crate::licensing::INSTANCE.to_uppercase();
    for instance in ["", "~", crate::licensing::NAME, crate::licensing::INSTANCE, &upper, "", "~"] {
        let request = pb::GetIdentityRequest { instance: instance.to_owned() };
        let found = process.admin.clone().get_identity(request).await.unwrap().into_inner();
        assert_eq!(found.status(), pb::SyncStatus::NeverSynchronized, "{instance}");
    }
    assert_eq!(*world.licensing.asked.lock().unwrap(), 3);
    let request = pb::GetIdentityRequest { instance: "other".to_owned() };
    let found = process.admin.clone().get_identity(request).await;
    refused(found, Code::NotFound, "UNKNOWN_INSTANCE", &["other"]);
}

#[tokio::test]
async fn a_wrong_master_key_is_told_at_the_start() {
    let world = World::new().await;
    world.enrolled().await.stop_in_order().await;
    let background = Background::new(CancellationToken::new());
    let error = world.build(&Fuse::never(), service_key(2), &background).await.err().unwrap();
    let told = error.to_string();
    assert!(told.contains("another master key") && told.contains(crate::licensing::INSTANCE), "{told}");
}
