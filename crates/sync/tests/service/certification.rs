//! Keys of other services, certified: for whom, for how long, and that the chain is good.

use jiff::SignedDuration;
use leasehold_domain::InstanceId;
use leasehold_proto::sync::v1 as pb;
use leasehold_signing::{
    Certificate, Envelope, Expected, PayloadType, Role, ServiceName, SigningKey, VendorId, VerifyingKey,
    read_chain, verify_chain,
};
use tonic::{Code, Response, Status};

use crate::licensing::INSTANCE;
use crate::vendor::{DAY, VENDOR, start};
use crate::world::{Process, World, refused};

const LOCAL: usize = 0;
const LICENSING: usize = 1;
const UPDATES: usize = 2;
const GATEWAY: usize = 3;

async fn certify(
    process: &Process,
    caller: usize,
    service: &str,
    key: &[u8],
) -> Result<pb::CertifyAnswerKeyResponse, Status> {
    let request = pb::CertifyAnswerKeyRequest {
        instance: INSTANCE.to_owned(),
        service: service.to_owned(),
        key: key.to_vec(),
    };
    process.internal(caller).certify_answer_key(request).await.map(Response::into_inner)
}

fn answer_key() -> SigningKey {
    SigningKey::from_seed(&[77; 32])
}

fn key() -> [u8; 32] {
    *answer_key().verifying_key().as_bytes()
}

#[tokio::test]
async fn before_the_first_bundle_there_is_nothing_to_certify_with() {
    let world = World::new().await;
    let process = world.start().await;
    let parts = ["leasehold sync now"];
    let code = Code::FailedPrecondition;
    refused(certify(&process, LICENSING, "licensing", &key()).await, code, "NOT_SYNCHRONIZED", &parts);
    process.enrol(world.vendor.enrolment()).await.unwrap();
    refused(certify(&process, LICENSING, "licensing", &key()).await, code, "NOT_SYNCHRONIZED", &parts);
    process.synchronize().await.unwrap();
    certify(&process, LICENSING, "licensing", &key()).await.unwrap();
}

#[tokio::test]
async fn a_certified_key_signs_answers_that_lead_to_the_root() {
    let world = World::new().await;
    let process = world.enrolled().await;
    process.synchronize().await.unwrap();
    let certified = certify(&process, LICENSING, "licensing", &key()).await.unwrap();
    let not_after = start().saturating_add(7 * DAY).unwrap();
    assert_eq!(certified.not_after.unwrap().seconds, not_after.as_second());

    let root: VerifyingKey = world.vendor.enrolment().vendor_root.parse().unwrap();
    let chain = read_chain(&certified.certificates).unwrap();
    assert_eq!(chain.len(), 3);
    let (vendor, service) = (VendorId::new(VENDOR).unwrap(), ServiceName::new("licensing").unwrap());
    let expected = Expected {
        role: Role::Answer,
        vendor: Some(&vendor),
        // The id that the vendor gave it, not the one in licensing.
        instance: Some(InstanceId(world.vendor.server)),
        service: Some(&service),
    };
    let verified = verify_chain(&root, &chain, start(), &expected).unwrap();
    let answer = Envelope::sign(PayloadType::CapabilityAnswers, b"granted".to_vec(), &answer_key()).unwrap();
    assert_eq!(verified.open(&answer, PayloadType::CapabilityAnswers).unwrap(), b"granted");

    let own = Certificate::decode(chain[2].unverified_payload()).unwrap();
    assert_eq!(own.validity.not_before(), start().saturating_sub(2 * DAY).unwrap());
    assert_eq!(own.validity.not_after(), not_after);
    for (days, good) in [(-3, false), (-2, true), (6, true), (7, false)] {
        let at = start().saturating_add(days * DAY).unwrap();
        assert_eq!(verify_chain(&root, &chain, at, &expected).is_ok(), good, "{days}");
    }
    let again = certify(&process, LICENSING, "licensing", &key()).await.unwrap();
    assert_ne!(again.certificates[2], certified.certificates[2], "each has a serial of its own");
}

#[tokio::test]
async fn a_service_asks_for_itself_alone() {
    let world = World::new().await;
    let process = world.enrolled().await;
    process.synchronize().await.unwrap();
    for (caller, service, may) in [
        (LICENSING, "licensing", true),
        (UPDATES, "updates", true),
        (LOCAL, "licensing", true),
        (LOCAL, "updates", true),
        (LICENSING, "updates", false),
        (UPDATES, "licensing", false),
        (GATEWAY, "licensing", false),
    ] {
        let certified = certify(&process, caller, service, &key()).await;
        if may {
            certified.unwrap();
        } else {
            refused(certified, Code::PermissionDenied, "PERMISSION_DENIED", &[]);
        }
    }
    let request = pb::SynchronizeNowRequest { instance: String::new() };
    let mut stub = process.admin_of(LICENSING);
    refused(stub.synchronize_now(request).await, Code::PermissionDenied, "PERMISSION_DENIED", &["gateway"]);
}

#[tokio::test]
async fn what_is_no_key_and_no_service_is_named() {
    let world = World::new().await;
    let process = world.enrolled().await;
    process.synchronize().await.unwrap();
    for (service, key, field) in [
        ("licensing", &key()[..31], "key"),
        ("licensing", &[0; 32][..], "key"),
        ("sync", &key()[..], "service"),
        ("", &key()[..], "service"),
    ] {
        let certified = certify(&process, LOCAL, service, key).await;
        refused(certified, Code::InvalidArgument, "INVALID_FIELD", &[field]);
    }
}

#[tokio::test]
async fn a_certificate_is_not_good_for_longer_than_what_it_stands_on() {
    let world = World::new().await;
    let process = world.enrolled().await;
    process.synchronize().await.unwrap();
    // The instance's certificate ends 366 days after the deadline.
    world.advance((90 + 366 - 3) * DAY);
    let certified = certify(&process, LICENSING, "licensing", &key()).await.unwrap();
    let end = start().saturating_add((90 + 366) * DAY).unwrap();
    assert_eq!(certified.not_after.unwrap().seconds, end.as_second());
    world.advance(3 * DAY + SignedDuration::from_secs(1));
    let parts = ["has ended", "leasehold sync now"];
    let certified = certify(&process, LICENSING, "licensing", &key()).await;
    refused(certified, Code::FailedPrecondition, "NOT_SYNCHRONIZED", &parts);
    process.synchronize().await.unwrap();
    certify(&process, LICENSING, "licensing", &key()).await.unwrap();
}
