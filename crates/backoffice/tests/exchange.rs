//! Licence servers that synchronise: what they get, whose id it is, and what does not follow.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod support;

use leasehold_runtime::error::ErrorReason;
use leasehold_signing::Envelope;
use prost::Message;

use support::{HOUR, World, ask, refusal, time};

#[tokio::test]
async fn a_server_gets_all_that_it_may_have() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let other = world.enrol("other").await;
    world.entitle(&server, &[("cad", 5), ("cam", 2)]).await;
    world.entitle(&server, &[("cad", 1)]).await;
    world.entitle(&other, &[("erp", 9)]).await;

    let response = server.synchronize(&world.back_office).await.unwrap();
    let features: Vec<_> =
        response.line_items.iter().map(|item| (item.feature.as_str(), item.count)).collect();
    assert_eq!(features, [("cad", Some(5)), ("cam", Some(2)), ("cad", Some(1))]);
    assert_eq!((response.sequence, response.request_number), (1, 1));
    assert_eq!(response.vendor_recipient, server.enrolment.vendor_recipient);
    assert_eq!(response.contact, server.enrolment.contact);
    let (issued, before) = (time(response.issued_at.as_ref()), time(response.synchronize_before.as_ref()));
    assert_eq!(before.duration_since(issued).as_hours(), 24 * 30);

    let seen = world.look(&server).await;
    assert_eq!(seen.signing_key_id, server.key.id().to_string());
    assert_eq!(seen.fingerprint, server.key.id().fingerprint().to_string());
    assert_eq!(seen.recipient, server.identity.recipient().to_string());
    assert_eq!((seen.bundle_sequence, seen.applied_sequence), (1, 0));
    assert_eq!((seen.software_version.as_str(), seen.hostids.len()), ("0.1.0", 1));
    assert_eq!(time(seen.synchronize_before.as_ref()), before);
    assert_eq!(
        world.actions(&server).await,
        ["license_server.synchronized", "license_server.keys_bound", "license_server.created"]
    );

    server.synchronize(&world.back_office).await.unwrap();
    assert_eq!(world.look(&server).await.applied_sequence, 1);
    assert_eq!(world.look(&other).await.bundle_sequence, 0);
}

#[tokio::test]
async fn the_same_request_has_the_same_answer_byte_for_byte() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let request = server.request();
    let first = ask(&world.back_office, &request).await.unwrap();
    let before = (world.look(&server).await, world.actions(&server).await);
    world.clock.advance(HOUR);
    world.entitle(&server, &[("cad", 5)]).await;
    assert_eq!(ask(&world.back_office, &request).await.unwrap(), first);
    assert_eq!((world.look(&server).await, world.actions(&server).await), before);

    // Also when the server has gone on since, and its answer came by another way.
    server.apply(&first);
    server.synchronize(&world.back_office).await.unwrap();
    assert_eq!(ask(&world.back_office, &request).await.unwrap(), first);
}

#[tokio::test]
async fn an_id_belongs_to_the_keys_that_came_first_until_they_are_cleared() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let first = server.synchronize(&world.back_office).await.unwrap();
    let mut second = server.reinstalled();
    let error = ask(&world.back_office, &second.request()).await.unwrap_err();
    assert_eq!(error.reason, ErrorReason::KeyAlreadyBound);
    let fingerprint = second.key.id().fingerprint().to_string();
    for part in [server.id(), fingerprint.clone(), "help@example.com".to_owned()] {
        assert!(error.message.contains(&part), "{part} is not in {error}");
    }
    let metadata = ["license_server_id", "fingerprint", "vendor_mail"].map(|key| error.metadata[key].clone());
    assert_eq!(metadata, [server.id(), fingerprint.clone(), "help@example.com".to_owned()]);
    let records = world.audit(&server.id()).await;
    assert_eq!(records[0].action, "license_server.request_refused");
    assert!(records[0].detail.contains("KEY_ALREADY_BOUND") && records[0].detail.contains(&fingerprint));
    // The right one is not disturbed.
    server.synchronize(&world.back_office).await.unwrap();
    // Neither half of the pair is enough.
    let mut half = second.clone();
    half.key = server.key.clone();
    assert_eq!(refusal(&world.back_office, &half.request()).await, ErrorReason::KeyAlreadyBound);

    assert_eq!(world.clear(&server, "").await.unwrap_err().fields[0].0, "reason");
    let cleared = world.clear(&server, "new machine").await.unwrap();
    assert_eq!((cleared.signing_key_id.as_str(), cleared.bundle_sequence), ("", 2));
    let records = world.audit(&server.id()).await;
    assert_eq!(
        (records[0].action.as_str(), records[0].actor.as_str()),
        ("license_server.keys_cleared", "kim")
    );
    assert!(records[0].detail.contains("new machine"), "{}", records[0].detail);

    let response = second.synchronize(&world.back_office).await.unwrap();
    assert_eq!(response.sequence, 3, "it goes on where it was");
    assert!(first.sequence < response.sequence);
    assert_eq!(refusal(&world.back_office, &server.request()).await, ErrorReason::KeyAlreadyBound);
}

#[tokio::test]
async fn a_copy_that_uses_a_number_again_is_suspected() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    server.synchronize(&world.back_office).await.unwrap();
    let mut copy = server.clone();
    server.synchronize(&world.back_office).await.unwrap();
    // The same state, and so the same number; the nonce is another.
    let mut message = copy.message();
    message.nonce = vec![1; 32];
    let error = ask(&world.back_office, &copy.sign(&message)).await.unwrap_err();
    assert_eq!(error.reason, ErrorReason::CloneSuspected);
    assert!(error.message.contains("request 2 came before"), "{error}");
    let seen = world.look(&server).await;
    assert!(seen.clone_suspected.contains("request 2 came before"), "{}", seen.clone_suspected);
    assert_eq!(seen.bundle_sequence, 2, "nothing was made for it");
    assert_eq!(world.actions(&server).await[0], "license_server.clone_suspected");

    let cleared = world.clear(&server, "the copy is gone").await.unwrap();
    assert_eq!(cleared.clone_suspected, "");
    assert_eq!(server.synchronize(&world.back_office).await.unwrap().sequence, 3);
}

#[tokio::test]
async fn a_server_that_was_set_back_is_suspected() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let mut empty = server.clone();
    server.synchronize(&world.back_office).await.unwrap();
    let mut old = server.clone();
    server.synchronize(&world.back_office).await.unwrap();
    server.synchronize(&world.back_office).await.unwrap();
    for (state, number) in [(&mut empty, 10), (&mut old, 11)] {
        state.number = number;
        assert_eq!(refusal(&world.back_office, &state.request()).await, ErrorReason::CloneSuspected);
    }
    let mut invented = server.clone();
    invented.previous = vec![9; 32];
    assert_eq!(refusal(&world.back_office, &invented.request()).await, ErrorReason::CloneSuspected);
    // As long as nothing in force was named, an empty one is right.
    let mut fresh = world.enrol("fresh").await;
    ask(&world.back_office, &fresh.request()).await.unwrap();
    ask(&world.back_office, &fresh.request()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_comes_late_is_answered() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    server.synchronize(&world.back_office).await.unwrap();
    let (late, later) = (server.request(), server.request());
    let mut message = server.message();
    message.software_version = "0.2.0".to_owned();
    let newest = server.sign(&message);
    let response = ask(&world.back_office, &newest).await.unwrap();
    assert_eq!(world.look(&server).await.software_version, "0.2.0");
    for (request, sequence) in [(late, 3), (later, 4)] {
        let signed = ask(&world.back_office, &request).await.unwrap();
        assert_eq!(server.verify(&signed).sequence, sequence);
    }
    let seen = world.look(&server).await;
    assert_eq!((seen.software_version.as_str(), seen.bundle_sequence), ("0.2.0", 4));
    assert_eq!(seen.clone_suspected, "");
    server.apply(&response);
}

#[tokio::test]
async fn what_is_for_somebody_else_is_foreign() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let mut message = server.message();
    message.vendor_id = "another".to_owned();
    let error = ask(&world.back_office, &server.sign(&message)).await.unwrap_err();
    assert_eq!(error.reason, ErrorReason::Foreign);
    assert!(error.message.contains("another") && error.message.contains("example"), "{error}");
    assert_eq!(world.actions(&server).await[0], "license_server.request_refused");

    let before = world.audit("").await.len();
    let mut message = server.message();
    message.license_server_id = "00000000-0000-0000-0000-000000000001".to_owned();
    assert_eq!(refusal(&world.back_office, &server.sign(&message)).await, ErrorReason::Foreign);
    assert_eq!(world.audit("").await.len(), before, "anybody can ask in the name of nobody");
}

#[tokio::test]
async fn what_its_own_key_did_not_sign_is_refused() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let other = server.reinstalled();
    let message = server.message();
    assert_eq!(refusal(&world.back_office, &other.sign(&message)).await, ErrorReason::SignatureInvalid);
    assert_eq!(world.actions(&server).await[0], "license_server.request_refused");
    assert_eq!(world.look(&server).await.signing_key_id, "", "nothing was bound");

    let mut weak = message.clone();
    weak.signing_key = vec![0; 32];
    assert_eq!(refusal(&world.back_office, &server.sign(&weak)).await, ErrorReason::SignatureInvalid);
    let certificate = leasehold_signing::PayloadType::KeyRotation;
    let rotation = Envelope::sign(certificate, message.encode_to_vec(), &server.key).unwrap();
    assert_eq!(refusal(&world.back_office, &rotation).await, ErrorReason::SignatureInvalid);
}

#[tokio::test]
async fn no_single_bit_can_be_changed() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let request = server.request().to_protobuf();
    let mut refused = 0;
    // Every byte, each with another of its bits.
    for (index, bit) in (0..request.len()).zip([0, 3, 7, 1, 5].into_iter().cycle()) {
        let mut bytes = request.clone();
        bytes[index] ^= 1 << bit;
        let message = leasehold_proto::sync::v1::Signed { envelope: bytes, certificates: Vec::new() };
        let message = leasehold_proto::backoffice::v1::SynchronizeRequest { request: Some(message) };
        let error = world.back_office.synchronize(message).await.expect_err("a changed request was answered");
        assert!(
            matches!(error.reason, ErrorReason::SignatureInvalid | ErrorReason::InvalidField),
            "byte {index}: {error}"
        );
        refused += 1;
    }
    assert!(refused > 300);
    let seen = world.look(&server).await;
    assert_eq!((seen.signing_key_id.as_str(), seen.bundle_sequence), ("", 0));
    let records = world.audit(&server.id()).await;
    assert!(records.len() <= 101, "{} refusals in an hour", records.len());
}

#[tokio::test]
async fn a_field_that_breaks_its_rule_is_named() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let good = server.message();
    let broken = |change: &dyn Fn(&mut leasehold_proto::sync::v1::SyncRequest)| {
        let mut message = good.clone();
        change(&mut message);
        server.sign(&message)
    };
    for (request, field) in [
        (broken(&|m| m.number = 0), "number"),
        (broken(&|m| m.number = u64::MAX), "number"),
        (broken(&|m| m.bundle_sequence = u64::MAX), "bundle_sequence"),
        (broken(&|m| m.previous = vec![1; 31]), "previous"),
        (broken(&|m| m.nonce.clear()), "nonce"),
        (broken(&|m| m.license_server_id = "7".to_owned()), "license_server_id"),
        (broken(&|m| m.vendor_id.clear()), "vendor_id"),
        (broken(&|m| m.recipient = "age1".to_owned()), "recipient"),
        (broken(&|m| m.software_version = "a\nb".to_owned()), "software_version"),
        (broken(&|m| m.hostids[0].value.clear()), "hostids[0].value"),
        (broken(&|m| m.hostids = vec![m.hostids[0].clone(); 65]), "hostids"),
    ] {
        let error = ask(&world.back_office, &request).await.unwrap_err();
        assert_eq!(error.reason, ErrorReason::InvalidField, "{field}: {error}");
        assert_eq!(error.fields[0].0, format!("request.envelope.{field}"));
    }
    assert_eq!(world.look(&server).await.bundle_sequence, 0);
}
