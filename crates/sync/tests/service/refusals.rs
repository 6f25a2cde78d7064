//! What is refused, with its reason, and that nothing changes by it. Over the network; files have the same rules.

use leasehold_proto::sync::v1::{self as pb, Signed, SyncResponse};
use leasehold_proto::types::v1::ErrorReason;
use leasehold_signing::{Envelope, PayloadType, SigningKey};
use prost::Message as _;
use tonic::Code;
use uuid::Uuid;

use crate::licensing;
use crate::vendor::{MAIL, Trouble, Vendor};
use crate::world::{Process, World, refused};

fn response(signed: &Signed) -> SyncResponse {
    let envelope = Envelope::from_protobuf(&signed.envelope).unwrap();
    SyncResponse::decode(envelope.unverified_payload()).unwrap()
}

/// An instance with a bundle in force, and another vendor of the same name.
async fn served() -> (World, Process) {
    let world = World::new().await;
    let process = world.enrolled().await;
    process.synchronize().await.unwrap();
    (world, process)
}

/// The next attempt fails for this reason, nothing changes, and the one after it makes a request of its own.
async fn refuses(
    world: &World,
    process: &Process,
    trouble: Trouble,
    code: Code,
    reason: &str,
    parts: &[&str],
) {
    let standing = world.standing().await;
    let number = process.history().await[0].number;
    world.vendor.expect([trouble]);
    let message = refused(process.synchronize().await, code, reason, parts);
    assert_eq!(world.standing().await, standing, "{reason}");
    let exchange = process.history().await.remove(0);
    assert_eq!((exchange.number, exchange.state()), (number + 1, pb::ExchangeState::Failed), "{reason}");
    assert_eq!((exchange.failure_reason.as_str(), exchange.message.as_str()), (reason, message.as_str()));
    assert!(exchange.ended_at.is_some() && exchange.changes.is_empty());
    let next = process.synchronize().await.unwrap();
    assert_eq!((next.number, next.state()), (number + 2, pb::ExchangeState::Done), "{reason}");
}

#[tokio::test]
async fn the_vendors_refusals_are_refusals_here_and_say_whom_to_ask() {
    let (world, process) = served().await;
    let identity = process.identity().await;
    let server = world.vendor.server.to_string();
    for (refusal, name) in [
        (ErrorReason::KeyAlreadyBound, "KEY_ALREADY_BOUND"),
        (ErrorReason::CloneSuspected, "CLONE_SUSPECTED"),
        (ErrorReason::Foreign, "FOREIGN"),
    ] {
        let parts = ["says no", MAIL, "Example Ltd", &server, &identity.fingerprint];
        refuses(&world, &process, Trouble::Refuse(refusal), Code::FailedPrecondition, name, &parts).await;
        let failed = &process.history().await[1];
        assert_eq!((failed.failed_step(), failed.received_bytes), (pb::SyncStep::Exchange, 0));
    }
    for (refusal, name) in [
        (ErrorReason::SignatureInvalid, "SIGNATURE_INVALID"),
        (ErrorReason::InvalidField, "INVALID_FIELD"),
        (ErrorReason::MessageTooLarge, "MESSAGE_TOO_LARGE"),
    ] {
        let code = Code::FailedPrecondition;
        refuses(&world, &process, Trouble::Refuse(refusal), code, name, &["the vendor refused", "says no"])
            .await;
    }
}

#[tokio::test]
async fn what_is_no_response_is_not_read() {
    let (world, process) = served().await;
    let cut = |signed: Signed| {
        let envelope = signed.envelope[..signed.envelope.len() / 2].to_vec();
        Signed { envelope, ..signed }
    };
    let noise = |signed: Signed| Signed { envelope: b"noise".to_vec(), ..signed };
    let no_chain = |signed: Signed| Signed { certificates: vec![vec![1, 2, 3]], ..signed };
    for (trouble, part) in [
        (Trouble::Swap(Box::new(cut)), "cannot be read"),
        (Trouble::Swap(Box::new(noise)), "cannot be read"),
        (Trouble::Swap(Box::new(no_chain)), "certificates[0]"),
        (Trouble::Empty, "holds no response"),
    ] {
        refuses(&world, &process, trouble, Code::InvalidArgument, "FILE_UNREADABLE", &[part]).await;
    }
    let vendor = world.vendor.clone();
    let online = SigningKey::from_seed(&[101; 32]);
    let other_kind =
        move |signed: Signed| vendor.sign_with(&response(&signed), PayloadType::UnlockCode, &online);
    let trouble = Trouble::Swap(Box::new(other_kind));
    refuses(&world, &process, trouble, Code::InvalidArgument, "FILE_UNREADABLE", &["unlock-code"]).await;
}

#[tokio::test]
async fn a_response_with_a_bad_field_is_not_read() {
    type Edit = fn(&mut SyncResponse);
    let (world, process) = served().await;
    let edits: [(&str, Edit); 12] = [
        ("issued_at", |it| it.issued_at = None),
        ("synchronize_before", |it| it.synchronize_before = None),
        ("synchronize_before", |it| it.synchronize_before = it.issued_at),
        ("synchronize_before", |it| it.synchronize_before.as_mut().unwrap().seconds += 300 * 86_400),
        ("sequence", |it| it.sequence = 0),
        ("sequence", |it| it.sequence = u64::MAX),
        ("vendor_id", |it| it.vendor_id.clear()),
        ("license_server_id", |it| it.license_server_id.push('x')),
        ("signing_key_id", |it| it.signing_key_id.clear()),
        ("nonce", |it| it.nonce.truncate(31)),
        ("instance_certificate", |it| it.instance_certificate.clear()),
        ("recipient", |it| it.vendor_recipient = "age1".to_owned()),
    ];
    for (part, edit) in edits {
        let trouble = Trouble::Edit(Box::new(edit));
        refuses(&world, &process, trouble, Code::InvalidArgument, "FILE_UNREADABLE", &[part]).await;
    }
}

#[tokio::test]
async fn what_the_vendor_has_not_signed_is_refused() {
    let (world, process) = served().await;
    let other = Vendor::of(world.clock.clone(), 2);
    let (vendor, code, reason) = (world.vendor.clone(), Code::InvalidArgument, "SIGNATURE_INVALID");

    // Another vendor of the same name.
    let forge = other.clone();
    let forged = move |signed: Signed| forge.sign(&response(&signed));
    refuses(&world, &process, Trouble::Swap(Box::new(forged)), code, reason, &["root"]).await;
    // A key that the root never certified, with the real chain beside it.
    let stranger = SigningKey::from_seed(&[42; 32]);
    let signer = vendor.clone();
    let forged =
        move |signed: Signed| signer.sign_with(&response(&signed), PayloadType::SyncResponse, &stranger);
    refuses(&world, &process, Trouble::Swap(Box::new(forged)), code, reason, &["not signed"]).await;
    // One bit of the payload.
    let tampered = |signed: Signed| {
        let mut envelope = signed.envelope.clone();
        let name = envelope.windows(11).position(|window| window == b"Example Ltd").unwrap();
        envelope[name] ^= 1;
        Signed { envelope, ..signed }
    };
    refuses(&world, &process, Trouble::Swap(Box::new(tampered)), code, reason, &["not signed"]).await;
    // No chain, and one that is too long.
    let bare = |signed: Signed| Signed { certificates: Vec::new(), ..signed };
    refuses(&world, &process, Trouble::Swap(Box::new(bare)), code, reason, &["certificates"]).await;
    let twice = |mut signed: Signed| {
        signed.certificates.push(signed.certificates[0].clone());
        signed
    };
    refuses(&world, &process, Trouble::Swap(Box::new(twice)), code, reason, &["certificates"]).await;
    // Signed when the online key was not good any more.
    let late = |it: &mut SyncResponse| {
        for at in [&mut it.issued_at, &mut it.synchronize_before] {
            at.as_mut().unwrap().seconds += 4 * 365 * 86_400;
        }
    };
    refuses(&world, &process, Trouble::Edit(Box::new(late)), code, reason, &["not signed"]).await;
    // The server's own certificate is of another vendor.
    let server = world.vendor.server;
    let own = world.vendor.clone();
    let certificate = move |it: &mut SyncResponse| {
        let key = own.newest_request().signing_key;
        it.instance_certificate = other.instance_certificate(server, &key).to_protobuf();
    };
    let parts = ["the certificate of this server"];
    refuses(&world, &process, Trouble::Edit(Box::new(certificate)), code, reason, &parts).await;
}

#[tokio::test]
async fn what_is_for_somebody_else_is_refused() {
    type Edit = Box<dyn FnOnce(&mut SyncResponse) + Send>;
    let (world, process) = served().await;
    let (vendor, another) = (world.vendor.clone(), Uuid::from_u128(9));
    let foreign_key = SigningKey::from_seed(&[42; 32]);
    let key = *foreign_key.verifying_key().as_bytes();
    let (for_server, for_key) = (vendor.clone(), vendor);
    let server = world.vendor.server;
    let key_id = foreign_key.id().to_string();
    let edits: [(&str, Edit); 5] = [
        ("vendor", Box::new(|it| it.vendor_id = "other".to_owned())),
        ("server", Box::new(move |it| it.license_server_id = another.to_string())),
        (
            "server",
            Box::new(move |it| {
                let own = for_server.newest_request().signing_key;
                it.instance_certificate = for_server.instance_certificate(another, &own).to_protobuf();
            }),
        ),
        ("key", Box::new(move |it| it.signing_key_id = key_id)),
        (
            "key",
            Box::new(move |it| {
                it.instance_certificate = for_key.instance_certificate(server, &key).to_protobuf();
            }),
        ),
    ];
    for (part, edit) in edits {
        let parts = [part, MAIL];
        refuses(&world, &process, Trouble::Edit(edit), Code::InvalidArgument, "FOREIGN", &parts).await;
    }
}

#[tokio::test]
async fn a_response_to_what_was_not_asked_is_refused() {
    let (world, process) = served().await;
    let code = Code::FailedPrecondition;
    let unknown = |it: &mut SyncResponse| it.nonce = vec![7; 32];
    refuses(&world, &process, Trouble::Edit(Box::new(unknown)), code, "NOT_OUTSTANDING", &["no request"])
        .await;
    let number = |it: &mut SyncResponse| it.request_number += 1;
    refuses(&world, &process, Trouble::Edit(Box::new(number)), code, "NOT_OUTSTANDING", &["no request"])
        .await;

    // The good answer to a request by file, given to another one over the network.
    let file = process.export(false).await.unwrap();
    let answer = world.vendor.answer(&world.vendor.open(&file), |_| {}).unwrap();
    let swap = move |_| answer;
    refuses(&world, &process, Trouble::Swap(Box::new(swap)), code, "NOT_OUTSTANDING", &["no request"]).await;
}

#[tokio::test]
async fn an_answer_of_before_is_refused() {
    let (world, process) = served().await;
    let first = world.vendor.requests.lock().unwrap()[0].clone();
    let before = world.vendor.answer(&first, |_| {}).unwrap();
    let replay = move |_| before;
    let code = Code::FailedPrecondition;
    refuses(&world, &process, Trouble::Swap(Box::new(replay)), code, "REPLAYED", &["request 1"]).await;
}

#[tokio::test]
async fn an_older_bundle_is_refused() {
    let (world, process) = served().await;
    process.synchronize().await.unwrap();
    for sequence in [1, 2] {
        let older = move |it: &mut SyncResponse| it.sequence = sequence;
        let parts = ["is in force", "make a new request"];
        let trouble = Trouble::Edit(Box::new(older));
        refuses(&world, &process, trouble, Code::FailedPrecondition, "BUNDLE_ROLLBACK", &parts).await;
    }
}

#[tokio::test]
async fn what_licensing_refuses_for_good_has_failed_and_is_not_repeated() {
    for (refusal, name) in [
        (ErrorReason::InvalidField, "INVALID_FIELD"),
        (ErrorReason::SignatureInvalid, "SIGNATURE_INVALID"),
        (ErrorReason::BundleRollback, "BUNDLE_ROLLBACK"),
        (ErrorReason::NotEnrolled, "NOT_ENROLLED"),
    ] {
        let (world, process) = served().await;
        let standing = world.standing().await;
        world.licensing.expect(&[licensing::Trouble::Refuse(refusal)]);
        let parts = ["licensing refused the bundle", "not this one", "tell the vendor"];
        refused(process.synchronize().await, Code::FailedPrecondition, name, &parts);
        assert_eq!(world.standing().await, standing);
        let exchange = process.history().await.remove(0);
        assert_eq!(
            (exchange.state(), exchange.failed_step()),
            (pb::ExchangeState::Failed, pb::SyncStep::Apply)
        );
        assert_eq!((exchange.failure_reason.as_str(), exchange.bundle_sequence), (name, 2));
        assert_eq!(process.synchronize().await.unwrap().bundle_sequence, 3);
        // The vendor was told that the first one, and not the refused one, is in force.
        assert_eq!(world.vendor.newest_request().bundle_sequence, 1);
    }
}
