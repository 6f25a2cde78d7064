//! What answers are signed with, what they say, and when nothing is granted at all.

use jiff::SignedDuration;
use leasehold_domain::leave::Unsynchronized;
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;
use leasehold_signing::{Envelope, Expected, PayloadType, Role, ServiceName, read_chain, verify_chain};
use prost::Message;

use super::vendor::{LEAVE, Mood, TestVendor};
use super::world::{INSTANCE, NONCE, Site, World, hostid, item};
use crate::ops;

/// What is signed, checked as a client does that has pinned the root.
fn opened(vendor: &TestVendor, answer: &pb::RequestCapabilitiesResponse) -> pb::CapabilityAnswer {
    let signed = answer.signed.as_ref().expect("it is signed");
    let envelope = Envelope::from_protobuf(&signed.envelope).unwrap();
    let at = answer.server_time.as_ref().unwrap();
    let (vendor_id, service) = (vendor.id(), ServiceName::new("licensing").unwrap());
    let expected = Expected {
        role: Role::Answer,
        vendor: Some(&vendor_id),
        instance: Some(vendor.server),
        service: Some(&service),
    };
    let chain = verify_chain(
        vendor.root.verifying_key(),
        &read_chain(&signed.certificates).unwrap(),
        read_timestamp("server_time", at).unwrap(),
        &expected,
    );
    let one = (signed.answer.as_slice(), signed.index, signed.path.as_slice());
    chain.unwrap().open_one(&envelope, PayloadType::CapabilityAnswers, one).unwrap();
    pb::CapabilityAnswer::decode(signed.answer.as_slice()).unwrap()
}

/// The key that an answer was signed with.
fn signer(answer: &pb::RequestCapabilitiesResponse) -> String {
    let envelope = Envelope::from_protobuf(&answer.signed.as_ref().unwrap().envelope).unwrap();
    envelope.signatures()[0].key_id().to_string()
}

/// Checks that an answer refuses everything because of this.
fn refuses_all(answer: &pb::RequestCapabilitiesResponse, why: Unsynchronized) {
    assert_eq!(answer.refusal(), pb::RequestRefusal::ServerUnsynchronized);
    assert_eq!((answer.refusal_message.as_str(), answer.outcomes.len()), (why.message(), 0));
}

#[tokio::test]
async fn what_is_signed_is_the_answer_and_whom_it_is_for() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    let answer = world.ask("d1", 1, |_| {}).await;
    let signed = opened(&world.vendor, &answer);
    let unsigned = pb::RequestCapabilitiesResponse { signed: None, ..answer.clone() };
    assert_eq!(signed.answer, Some(unsigned));
    assert_eq!(signed.device, Some(hostid("d1")));
    assert_eq!(signed.addresses_number, world.state.addresses_number(INSTANCE));
    assert_eq!(signed.answer.unwrap().nonce, NONCE);
    assert_eq!(answer.outcomes[0].outcome(), pb::Outcome::Granted);
}

#[tokio::test]
async fn the_device_is_named_in_its_canonical_form() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    let card = |value: &str| leasehold_proto::types::v1::HostId {
        r#type: leasehold_proto::types::v1::HostIdType::Ethernet.into(),
        value: value.to_owned(),
    };
    let asked = vec![card("f0:18:98:ad:8d:d3"), hostid("other")];
    let answer = world.ask("", 1, |request| request.hostids = asked).await;
    assert_eq!(opened(&world.vendor, &answer).device, Some(card("F01898AD8DD3")));
}

#[tokio::test]
async fn previews_and_refusals_are_signed_too() {
    let world = World::with(&[item("L", "cad", 1)]).await;
    let preview = world.ask("d1", 1, |request| request.operation = pb::Operation::Preview.into()).await;
    assert_eq!(opened(&world.vendor, &preview).answer.unwrap().outcomes[0].outcome(), pb::Outcome::Granted);
    assert_eq!(world.items().await[0].1, 0);
    world.check_out("d1", 2).await;
    let refused = world.ask("d2", 3, |_| {}).await;
    assert_eq!(opened(&world.vendor, &refused).answer.unwrap().outcomes[0].outcome(), pb::Outcome::Refused);

    let block =
        pb::SetDeviceBlockedRequest { hostid: Some(hostid("d1")), blocked: true, ..Default::default() };
    let (call, block) = CallContext::enter(tonic::Request::new(block)).unwrap();
    ops::set_device_blocked::set_device_blocked(&world.state, &call, block).await.unwrap();
    let blocked = world.ask("d1", 4, |_| {}).await;
    assert_eq!(opened(&world.vendor, &blocked).answer.unwrap().refusal(), pb::RequestRefusal::DeviceBlocked);
}

#[tokio::test]
async fn nothing_is_granted_before_the_first_bundle_and_nothing_signed() {
    let world = World::enrolled().await;
    for preview in [false, true] {
        let operation = if preview { pb::Operation::Preview } else { pb::Operation::Request };
        let answer = world.ask("d1", 1, |request| request.operation = operation.into()).await;
        refuses_all(&answer, Unsynchronized::Never);
        assert_eq!((answer.signed, answer.bundle_sequence), (None, 0));
    }
    assert_eq!(world.certifier.asked(), 0, "there is nothing to certify a key with");
}

#[tokio::test]
async fn nothing_is_granted_before_the_first_certification_and_nothing_signed() {
    let world = World::enrolled().await;
    world.certifier.is_now(Mood::Away);
    world.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    world.until(async || world.certifier.asked() > 1).await;
    let answer = world.ask("d1", 1, |_| {}).await;
    refuses_all(&answer, Unsynchronized::Uncertified);
    assert_eq!((answer.signed, answer.bundle_sequence), (None, 1));
    assert_eq!(world.instance().await.status(), pb::InstanceStatus::Unsynchronized);
    assert_eq!(world.items().await[0].1, 0);

    world.certifier.is_now(Mood::Good);
    world.certified().await;
    assert_eq!(world.instance().await.status(), pb::InstanceStatus::Running);
    let granted = world.ask("d1", 2, |_| {}).await;
    assert_eq!(opened(&world.vendor, &granted).answer.unwrap().outcomes[0].outcome(), pb::Outcome::Granted);
}

#[tokio::test]
async fn who_asks_right_after_the_first_bundle_waits_for_the_key() {
    let world = World::enrolled().await;
    world.certifier.is_now(Mood::Away);
    world.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    world.until(async || world.certifier.asked() > 0).await;
    let (answer, ()) = tokio::join!(world.ask("d1", 1, |_| {}), async {
        world.certifier.is_now(Mood::Good);
    });
    assert_eq!(opened(&world.vendor, &answer).answer.unwrap().outcomes[0].outcome(), pb::Outcome::Granted);
}

#[tokio::test]
async fn nothing_is_granted_from_the_deadline_on_and_what_is_out_goes_on() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    // So late that a lease of now is alive at the deadline.
    world.pass(LEAVE - SignedDuration::from_secs(60));
    world.state.keyring(INSTANCE).call();
    world.certified().await;
    let (kept, returned) = (world.check_out("d1", 1).await, world.check_out("d2", 2).await);
    world.pass(SignedDuration::from_secs(60));

    let refused = world.ask("d1", 3, |request| request.renews = vec![kept.clone()]).await;
    refuses_all(&refused, Unsynchronized::Overdue);
    let signed = opened(&world.vendor, &refused).answer.unwrap();
    assert_eq!((signed.refusal(), signed.bundle_sequence), (pb::RequestRefusal::ServerUnsynchronized, 1));
    assert_eq!(world.instance().await.status(), pb::InstanceStatus::Unsynchronized);

    let beat = pb::HeartbeatRequest { leases: vec![kept.clone()], ..Default::default() };
    let heard = ops::heartbeat::heartbeat(&world.state, beat).await.unwrap();
    assert_eq!(heard.results[0].status(), pb::LeaseStatus::Ok);
    let release = pb::ReleaseRequest { grants: vec![returned], ..Default::default() };
    let (call, release) = CallContext::enter(tonic::Request::new(release)).unwrap();
    ops::release_grants::release_grants(&world.state, &call, release).await.unwrap();
    assert_eq!(world.items().await[0].1, 1);

    world.apply(2, &[item("L", "cad", 3)]).await.unwrap();
    let renewed = world.ask("d1", 4, |request| request.renews = vec![kept]).await;
    assert_eq!(renewed.outcomes[0].outcome(), pb::Outcome::Granted);
}

#[tokio::test]
async fn a_repeat_is_the_same_answer_signed_anew() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    let first = world.ask("d1", 1, |_| {}).await;
    world.pass(SignedDuration::from_hours(24));
    world.until(async || world.certifier.asked() == 2).await;
    world.until(async || signer(&world.ask("d2", 2, |_| {}).await) != signer(&first)).await;
    let repeat = world.ask("d1", 1, |_| {}).await;
    assert_ne!(signer(&repeat), signer(&first));
    assert_eq!(opened(&world.vendor, &repeat), opened(&world.vendor, &first));
    assert_eq!(repeat.server_time, first.server_time);
}

#[tokio::test]
async fn other_addresses_have_a_greater_number() {
    let mut site = Site::new().await;
    let number = async |site: &Site| site.start().await.unwrap().state.addresses_number(INSTANCE);
    let first = number(&site).await;
    assert_eq!(number(&site).await, first, "a restart changes nothing");
    site.addresses.push("there:16770".to_owned());
    let second = number(&site).await;
    site.addresses.pop();
    assert!(first < second && second < number(&site).await);
}

#[tokio::test]
async fn answers_that_are_decided_together_are_signed_together() {
    const ASKING: u128 = 40;
    let world = World::with(&[item("L", "cad", 100)]).await;
    let devices: Vec<String> = (0..ASKING).map(|number| format!("d{number}")).collect();
    let asked = devices.iter().zip(1..).map(|(device, id)| world.ask(device, id, |_| {}));
    let answers = futures::future::join_all(asked).await;
    for (answer, device) in answers.iter().zip(&devices) {
        let said = opened(&world.vendor, answer);
        assert_eq!(said.device.unwrap().value, *device);
        assert_eq!(said.answer, Some(pb::RequestCapabilitiesResponse { signed: None, ..answer.clone() }));
    }
    let envelopes = answers.iter().map(|answer| answer.signed.as_ref().unwrap().envelope.clone());
    let signatures = envelopes.collect::<std::collections::BTreeSet<_>>().len();
    assert!(signatures < answers.len() / 2, "{signatures} signatures for {} answers", answers.len());
}
