//! With the vendor's root key pinned: which answers count.

use std::time::Duration;

use jiff::SignedDuration;
use leasehold_client::{
    Checkout, CheckoutError, Foreign, InstanceId, RequestRefusal, Stale, State, Unverified,
};
use leasehold_proto::licensing::v1 as pb;
use leasehold_signing::PayloadType;
use uuid::Uuid;

use crate::fake::{Act, Vendor, said};
use crate::pinned::{Pinned, resigned};

fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 1;
}

fn forged(problem: &Unverified) -> &'static str {
    match problem {
        Unverified::Forged { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_on_the_way_does_not_count() {
    let pinned = Pinned::new().await;
    let envelope = |response: &mut pb::RequestCapabilitiesResponse, at: fn(usize) -> usize| {
        let envelope = &mut response.signed.as_mut().unwrap().envelope;
        let at = at(envelope.len());
        flip(envelope, at);
    };
    // Somewhere within the root, and within the signature, which is followed by the key's id.
    let payload = pinned.refused(move |response| envelope(response, |_| 20)).await;
    assert_eq!(forged(&payload), "SIGNATURE_BAD", "{payload}");
    for change in [
        (|signed| flip(&mut signed.path, 30)) as fn(&mut pb::SignedAnswer),
        |signed| signed.index += 1,
        |signed| signed.path.truncate(32),
    ] {
        let elsewhere = pinned.refused(move |response| change(response.signed.as_mut().unwrap())).await;
        assert_eq!(forged(&elsewhere), "SIGNED_WITHOUT_IT", "{elsewhere}");
    }
    let signature = pinned.refused(move |response| envelope(response, |len| len - 66 - 20)).await;
    assert_eq!(forged(&signature), "SIGNATURE_BAD", "{signature}");
    for certificate in 0..3 {
        let changed = pinned
            .refused(move |response| {
                flip(&mut response.signed.as_mut().unwrap().certificates[certificate], 30);
            })
            .await;
        assert_eq!(forged(&changed), "CHAIN_ALTERED", "{changed}");
    }
    let good = pinned.client.checkout(Checkout::new("solver")).await.unwrap();
    assert_eq!(pinned.fake.calls().requests.len(), 9, "each was asked once");
    assert_eq!(good.state(), State::Valid, "and the next that is good counts");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_certified_for_it_signs_nothing() {
    let pinned = Pinned::new().await;
    let now = pinned.clock.now();
    let by = |sign: fn(&Vendor, &pb::CapabilityAnswer) -> pb::SignedAnswer| {
        let vendor = pinned.vendor.clone();
        move |response: &mut pb::RequestCapabilitiesResponse| {
            response.signed = Some(sign(&vendor, &said(response)));
        }
    };
    let instance = |vendor: &Vendor, answer: &pb::CapabilityAnswer| {
        vendor.sign_with(&vendor.instance, PayloadType::CapabilityAnswers, answer)
    };
    assert_eq!(forged(&pinned.refused(by(instance)).await), "SIGNED_BY_ANOTHER_KEY");
    let short = |vendor: &Vendor, answer: &pb::CapabilityAnswer| {
        let mut signed = vendor.sign_with(&vendor.instance, PayloadType::CapabilityAnswers, answer);
        signed.certificates.truncate(2);
        signed
    };
    assert_eq!(forged(&pinned.refused(by(short)).await), "CHAIN_LENGTH");
    let online = |vendor: &Vendor, answer: &pb::CapabilityAnswer| {
        let mut signed = vendor.sign_with(&vendor.online, PayloadType::CapabilityAnswers, answer);
        signed.certificates.truncate(1);
        signed
    };
    assert_eq!(forged(&pinned.refused(by(online)).await), "CHAIN_LENGTH");
    let seat = |vendor: &Vendor, answer: &pb::CapabilityAnswer| {
        vendor.sign_with(&vendor.answer, PayloadType::SeatAnswer, answer)
    };
    assert_eq!(forged(&pinned.refused(by(seat)).await), "SIGNED_TYPE");
    let updates = Vendor::serving("updates", 1, 7, now);
    let other = move |response: &mut pb::RequestCapabilitiesResponse| {
        response.signed = Some(updates.sign(&said(response)));
    };
    assert_eq!(forged(&pinned.refused(other).await), "CHAIN_OTHER_SERVICE");
    // A good certificate of another key, before the answer that the key has signed.
    let expired = Vendor::new(1, 7, now - SignedDuration::from_hours(24 * 30));
    let other = move |response: &mut pb::RequestCapabilitiesResponse| {
        response.signed = Some(expired.sign(&said(response)));
    };
    assert_eq!(forged(&pinned.refused(other).await), "CHAIN_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn another_vendor_server_or_device_is_foreign() {
    let pinned = Pinned::with(|options| {
        options.license_server_id = Some(InstanceId(Uuid::from_u128(7)));
    })
    .await;
    let now = pinned.clock.now();
    let rival = Vendor::new(2, 7, now);
    let problem = pinned.refused(move |response| response.signed = Some(rival.sign(&said(response)))).await;
    assert!(matches!(problem, Unverified::Foreign(Foreign::Vendor { .. })), "{problem}");
    let beside = Vendor::new(1, 8, now);
    let signed = beside.clone();
    let problem = pinned.refused(move |response| response.signed = Some(signed.sign(&said(response)))).await;
    let found = Some(beside.server);
    assert_eq!(problem, Foreign::Server { expected: pinned.vendor.server, found }.into());
    let device = |device: &str| Some((&device.parse::<leasehold_client::HostId>().unwrap()).into());
    let other = resigned(&pinned.vendor, move |answer| answer.device = device("D2"));
    let problem = pinned.refused(other).await;
    let (own, found) = ("D1".parse().unwrap(), Some("D2".parse().unwrap()));
    assert_eq!(problem, Foreign::Device { own, found }.into());
    assert_eq!(problem.reason(), "FOREIGN");
    let nobody = pinned.refused(resigned(&pinned.vendor, |answer| answer.device = None)).await;
    assert!(matches!(nobody, Unverified::Foreign(Foreign::Device { found: None, .. })), "{nobody}");
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_is_not_taken_for_this_one() {
    let pinned = Pinned::new().await;
    pinned.client.checkout(Checkout::new("solver")).await.unwrap().release().await.unwrap();
    let id = pinned.fake.calls().requests[0].1.request_id.clone();
    let earlier = pinned.fake.state().again(&id);
    let signed = earlier.signed.clone();
    let problem = pinned.refused(move |response| response.signed = signed).await;
    assert_eq!((problem.reason(), &problem), ("REPLAYED", &Unverified::Replayed));
    for change in [
        (|answer| answer.answer.as_mut().unwrap().nonce.clear()) as fn(&mut pb::CapabilityAnswer),
        |answer| answer.answer.as_mut().unwrap().nonce.push(0),
        |answer| answer.answer.as_mut().unwrap().request_id = Uuid::from_u128(1).to_string(),
    ] {
        assert_eq!(pinned.refused(resigned(&pinned.vendor, change)).await, Unverified::Replayed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_of_today() {
    let pinned = Pinned::new().await;
    let day = SignedDuration::from_hours(24);
    let minute = SignedDuration::from_mins(1);
    for step in [day + minute, -day - minute] {
        pinned.clock.step(step);
        let problem = pinned.problem().await;
        let Unverified::Stale(Stale::Skew { made, now, allowed }) = problem else { panic!("{problem}") };
        assert_eq!((made.duration_since(now), allowed), (step, day));
        pinned.clock.step(-step);
    }
    for step in [day - minute, -day + minute] {
        let pinned = Pinned::new().await;
        pinned.clock.step(step);
        drop(pinned.client.checkout(Checkout::new("solver")).await.unwrap());
    }
    pinned.fake.state().response_lifetime = SignedDuration::ZERO;
    let problem = pinned.problem().await;
    assert!(matches!(problem, Unverified::Stale(Stale::NoLifetime { .. })), "{problem}");
    let none = resigned(&pinned.vendor, |answer| answer.answer.as_mut().unwrap().response_lifetime = None);
    assert_eq!(pinned.refused(none).await.reason(), "STALE");
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_older_than_what_was_seen_before_it_was_asked_for() {
    let pinned = Pinned::new().await;
    let checkout = async || pinned.client.checkout(Checkout::new("solver")).await;
    let guard = checkout().await.unwrap();
    // Replicas are up to a second apart.
    pinned.clock.step(SignedDuration::from_millis(-1_000));
    drop(checkout().await.unwrap());
    pinned.clock.step(SignedDuration::from_millis(-100));
    let problem = pinned.problem().await;
    assert!(matches!(problem, Unverified::Stale(Stale::Older { .. })), "{problem}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(checkout().await.unwrap());
    drop(guard);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_beside_what_is_signed() {
    let pinned = Pinned::new().await;
    pinned.fake.next([Act::forge(|response| {
        response.refusal = RequestRefusal::DeviceBlocked.into();
        response.request_id.clear();
        response.nonce.clear();
        response.server_time = None;
        response.outcomes[0].count = 99;
        response.outcomes[0].grant = None;
        response.outcomes[0].ends_at = None;
    })]);
    let guard = pinned.client.checkout(Checkout::new("solver").count(2)).await.unwrap();
    assert_eq!((guard.count(), guard.state()), (2, State::Valid));
    assert!(guard.ends_at().is_some());
    guard.release().await.unwrap();
    assert!(pinned.fake.state().grants.is_empty(), "by the signed reference");
    // And the other way round: what is granted beside a signed refusal is not.
    pinned.fake.next([Act::RefuseAll(RequestRefusal::ServerSuspended)]);
    let error = pinned.client.checkout(Checkout::new("solver")).await.unwrap_err();
    let reason = RequestRefusal::ServerSuspended;
    assert!(
        matches!(error, CheckoutError::WholeRequestRefused { reason: it, .. } if it == reason),
        "{error:?}"
    );
}

/// Some bytes of a signed answer.
type Part = fn(&mut pb::SignedAnswer) -> &mut Vec<u8>;

/// Whatever one bit is changed, nothing else than the answer itself is ever believed.
#[tokio::test(start_paused = true)]
async fn no_bit_of_an_answer_can_be_changed() {
    let pinned = Pinned::new().await;
    drop(pinned.client.checkout(Checkout::new("solver")).await.unwrap());
    let id = pinned.fake.calls().requests[0].1.request_id.clone();
    let signed = pinned.fake.state().again(&id).signed.unwrap();
    let mut tried = 0;
    let parts: [(usize, Part); 3] = [
        (signed.envelope.len(), |signed| &mut signed.envelope),
        (signed.answer.len(), |signed| &mut signed.answer),
        (signed.path.len(), |signed| &mut signed.path),
    ];
    let places = parts.into_iter().flat_map(|(len, part)| (0..len).step_by(11).map(move |at| (at, part)));
    for (at, part) in places {
        let problem = pinned
            .refused(move |response| {
                let bytes = part(response.signed.as_mut().unwrap());
                let at = at.min(bytes.len() - 1);
                flip(bytes, at);
            })
            .await;
        assert!(matches!(problem, Unverified::Forged { .. } | Unverified::Foreign(_)), "{at}: {problem}");
        tried += 1;
    }
    assert!(tried > 30, "{tried}");
}
