use leasehold_signing::{
    Certificate, Serial, ServiceName, SigningKey, Subject, Validity, VendorId, VerifyingKey,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::*;

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn root() -> VerifyingKey {
    *key(0).verifying_key()
}

/// A chain down to the answer key of this seed, which is good for an hour before and after now.
fn chain(answer: u8) -> Vec<Vec<u8>> {
    let (vendor, instance) = (VendorId::new("example").unwrap(), InstanceId(Uuid::from_u128(7)));
    let validity = Validity::new(at(NOW - 3_600), at(NOW + 3_600)).unwrap();
    let issue = |subject, key: &SigningKey, issuer: &SigningKey| {
        let serial = Serial::generate(&mut StdRng::seed_from_u64(1));
        let certificate = Certificate { subject, key: *key.verifying_key(), validity, serial };
        certificate.issue(issuer).unwrap().to_protobuf()
    };
    let service = ServiceName::new("licensing").unwrap();
    vec![
        issue(Subject::Online { vendor: vendor.clone() }, &key(1), &key(0)),
        issue(Subject::Instance { vendor: vendor.clone(), instance }, &key(2), &key(1)),
        issue(Subject::Answer { vendor, instance, service }, &key(answer), &key(2)),
    ]
}

fn chains() -> Chains {
    Chains::new(Pin { root: root(), server: None }, "licensing")
}

#[test]
fn a_chain_that_was_verified_is_known_again_while_it_is_good() {
    let (mut chains, good) = (chains(), chain(3));
    for second in [NOW, NOW - 3_600, NOW + 3_599] {
        assert!(chains.verified(&good, at(second)).is_ok());
        assert_eq!(chains.len(), 1);
    }
    for (second, reason) in [(NOW - 3_601, "CHAIN_NOT_YET_GOOD"), (NOW + 3_600, "CHAIN_EXPIRED")] {
        let error = chains.verified(&good, at(second)).unwrap_err();
        assert!(matches!(error, Unverified::Forged { reason: it, .. } if it == reason), "{error}");
        assert!(chains.verified(&good, at(NOW)).is_ok(), "only the time was bad");
    }
}

#[test]
fn what_is_not_good_is_not_remembered_and_what_is_remembered_has_a_bound() {
    let mut chains = chains();
    let mut changed = chain(3);
    assert!(chains.verified(&changed, at(NOW)).is_ok());
    changed[2][40] ^= 1;
    assert!(chains.verified(&changed, at(NOW)).is_err());
    assert_eq!(chains.len(), 1);
    for answer in 10..30 {
        let (found, server) = chains.verified(&chain(answer), at(NOW)).unwrap();
        assert_eq!((found.key(), server.0.as_u128()), (key(answer).verifying_key(), 7));
    }
    assert_eq!(chains.len(), 8);
    assert!(chains.verified(&chain(3), at(NOW)).is_ok(), "a forgotten one is verified again");
}

#[test]
fn the_newest_time_only_grows() {
    let (one, other) = (InstanceId(Uuid::from_u128(1)), InstanceId(Uuid::from_u128(2)));
    let mut seen = Seen::default();
    assert_eq!(seen.newest(one), None);
    for second in [5, 9, 7] {
        seen.see(one, at(second));
    }
    seen.see(other, at(1));
    assert_eq!((seen.newest(one), seen.newest(other)), (Some(at(9)), Some(at(1))));
    assert_eq!(earlier(Timestamp::MIN, SignedDuration::MAX), Timestamp::MIN);
}

#[test]
fn whoever_sends_no_nonce_can_believe_nothing() {
    let answer = pb::RequestCapabilitiesResponse { request_id: "r".to_owned(), ..Default::default() };
    let server = InstanceId(Uuid::from_u128(7));
    let mut verified = Verified { server, server_time: at(NOW), answer, addresses_number: 0 };
    let seen = Seen::default();
    let asked = |nonce: &'static [u8]| Asked { request_id: "r", nonce, seen: &seen };
    assert_eq!(verified.answers(&asked(b"")), Err(Unverified::Replayed));
    verified.answer.nonce = b"n".to_vec();
    assert_eq!(verified.answers(&asked(b"")), Err(Unverified::Replayed));
    assert_eq!(verified.answers(&asked(b"n")), Ok(()));
}

#[test]
fn errors_say_what_to_do_and_have_stable_reasons() {
    let made = at(NOW);
    let device: HostId = "D1".parse().unwrap();
    for (error, reason, part) in [
        (Unverified::NotSigned { refusal: None }, "NOT_SIGNED", "enrol the licence server"),
        (Unverified::NotSigned { refusal: Some("no rights".to_owned()) }, "NOT_SIGNED", "(no rights)"),
        (Unverified::forged("SIGNATURE_BAD", &"changed"), "FORGED", "(SIGNATURE_BAD): changed"),
        (Foreign::Vendor { root: root().id().fingerprint() }.into(), "FOREIGN", "or pin the root key"),
        (
            Foreign::Server { expected: InstanceId(Uuid::from_u128(7)), found: None }.into(),
            "FOREIGN",
            "correct the license_server_id",
        ),
        (Foreign::Device { own: device, found: None }.into(), "FOREIGN", "this device is D1/STRING"),
        (Unverified::Replayed, "REPLAYED", "repeats old answers"),
        (
            Stale::Skew { made, now: at(NOW + 90_000), allowed: SignedDuration::from_hours(24) }.into(),
            "STALE",
            "more than 24h apart; set right",
        ),
        (Stale::Older { made, newest: at(NOW + 1) }.into(), "STALE", "clock was set back"),
        (Stale::NoLifetime { made }.into(), "STALE", "licensing.response_lifetime"),
    ] {
        assert_eq!(error.reason(), reason);
        assert!(error.to_string().contains(part), "{error}");
    }
}
