use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::*;
use crate::certificate::Serial;
use crate::key::SigningKey;

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn vendor(name: &str) -> VendorId {
    VendorId::new(name).unwrap()
}

fn instance(number: u128) -> InstanceId {
    InstanceId(Uuid::from_u128(number))
}

fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

/// What goes into one certificate, so that each test can change one thing. Keys are named by their seeds: the root's
/// is 0, the online key's 1, the instance's 2, the answer key's 3.
#[derive(Clone)]
struct Link {
    subject: Subject,
    key: u8,
    issuer: u8,
    from: i64,
    until: i64,
}

impl Link {
    fn envelope(&self) -> Envelope {
        let certificate = Certificate {
            subject: self.subject.clone(),
            key: *key(self.key).verifying_key(),
            validity: Validity::new(at(self.from), at(self.until)).unwrap(),
            serial: Serial::generate(&mut StdRng::seed_from_u64(1)),
        };
        certificate.issue(&key(self.issuer)).unwrap()
    }
}

/// Good from an hour, two and three before now to as long after.
fn links() -> [Link; 3] {
    let (vendor, instance) = (vendor("example"), instance(7));
    let link = |subject, key: u8| {
        let hours = 3_600 * i64::from(4 - key);
        Link { subject, key, issuer: key - 1, from: NOW - hours, until: NOW + hours }
    };
    [
        link(Subject::Online { vendor: vendor.clone() }, 1),
        link(Subject::Instance { vendor: vendor.clone(), instance }, 2),
        link(Subject::Answer { vendor, instance, service: service("licensing") }, 3),
    ]
}

fn verify(links: &[Link], role: Role, second: i64) -> Result<VerifiedChain, ChainError> {
    let chain: Vec<Envelope> = links.iter().map(Link::envelope).collect();
    verify_chain(key(0).verifying_key(), &chain, at(second), &Expected::any(role))
}

/// The error of a whole chain in which one thing was changed.
fn refused(change: impl FnOnce(&mut [Link; 3])) -> ChainError {
    let mut links = links();
    change(&mut links);
    verify(&links, Role::Answer, NOW).unwrap_err()
}

#[test]
fn a_good_chain_leads_to_a_key_of_each_role() {
    for role in Role::ALL {
        let chain = verify(&links()[..role.depth()], role, NOW).unwrap();
        let last = u8::try_from(role.depth()).unwrap();
        assert_eq!(chain.key(), key(last).verifying_key());
        assert_eq!(chain.certificate().subject.role(), role);
        let hours = 3_600 * i64::from(4 - last);
        let Some(validity) = Validity::new(at(NOW - hours), at(NOW + hours)) else { panic!() };
        assert_eq!(chain.validity(), validity);
    }
}

#[test]
fn a_chain_has_as_many_certificates_as_its_role_needs() {
    let links = links();
    for (count, role) in [(0, Role::Online), (2, Role::Online), (1, Role::Instance), (2, Role::Answer)] {
        let error = verify(&links[..count], role, NOW).unwrap_err();
        assert_eq!(error, ChainError::Length { role, found: count });
    }
    let [a, b, c] = links.clone();
    let four = verify(&[a, b, c.clone(), c], Role::Answer, NOW).unwrap_err();
    assert_eq!(four, ChainError::Length { role: Role::Answer, found: 4 });
}

#[test]
fn each_certificate_is_signed_by_the_key_above_it() {
    let foreign = key(9).id();
    for (index, role) in Role::ALL.into_iter().enumerate() {
        let above = u8::try_from(index).unwrap();
        let error = refused(|links| links[index].issuer = 9);
        assert_eq!(error, ChainError::Issuer { role, expected: key(above).id() });
        assert_ne!(key(above).id(), foreign);
    }
    // The root itself may not skip the vendor's online key.
    let error = refused(|links| links[2].issuer = 0);
    assert_eq!(error, ChainError::Issuer { role: Role::Answer, expected: key(2).id() });
    let [online, ..] = links();
    let other_root =
        verify_chain(key(9).verifying_key(), &[online.envelope()], at(NOW), &Expected::any(Role::Online));
    assert_eq!(other_root, Err(ChainError::Issuer { role: Role::Online, expected: foreign }));
}

#[test]
fn a_changed_certificate_is_refused_as_changed() {
    let json = links()[0].envelope().to_json();
    let mut value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let other = Link { until: NOW + 1_000_000, ..links()[0].clone() }.envelope().to_json();
    let other: serde_json::Value = serde_json::from_str(&other).unwrap();
    value["payload"] = other["payload"].clone();
    let changed = Envelope::from_json(value.to_string().as_bytes()).unwrap();
    let result = verify_chain(key(0).verifying_key(), &[changed], at(NOW), &Expected::any(Role::Online));
    assert_eq!(result, Err(ChainError::Altered { role: Role::Online }));
}

/// Each key is a good one of the chain; only its place is not the one that it was certified for.
#[test]
fn roles_stand_in_their_order() {
    let [online, instance, answer] = links();
    // An instance's key makes an instance.
    let second = Link { key: 3, issuer: 2, ..instance.clone() };
    let error = verify(&[online.clone(), instance.clone(), second], Role::Answer, NOW).unwrap_err();
    assert_eq!(error, ChainError::Role { expected: Role::Answer, found: Role::Instance });
    // The vendor's online key signs in the place of the instance's.
    let direct = Link { key: 2, issuer: 1, ..answer.clone() };
    let error = verify(&[online.clone(), direct], Role::Instance, NOW).unwrap_err();
    assert_eq!(error, ChainError::Role { expected: Role::Instance, found: Role::Answer });
    // The online key certifies another online key.
    let again = Link { key: 2, issuer: 1, ..online.clone() };
    let error = verify(&[online, again], Role::Instance, NOW).unwrap_err();
    assert_eq!(error, ChainError::Role { expected: Role::Instance, found: Role::Online });
    // An answer key stands at the top.
    let top = Link { key: 1, issuer: 0, ..answer };
    let error = verify(&[top], Role::Online, NOW).unwrap_err();
    assert_eq!(error, ChainError::Role { expected: Role::Online, found: Role::Answer });
}

#[test]
fn a_key_certifies_its_own_vendor_alone() {
    let other = vendor("rival");
    let error = refused(|links| {
        links[1].subject = Subject::Instance { vendor: other.clone(), instance: instance(7) };
    });
    let own = vendor("example");
    assert_eq!(error, ChainError::ForeignVendor { role: Role::Instance, own, other: other.clone() });
    let error = refused(|links| {
        let service = service("licensing");
        links[2].subject = Subject::Answer { vendor: other.clone(), instance: instance(7), service };
    });
    assert_eq!(error.reason(), "CHAIN_FOREIGN_VENDOR");
}

#[test]
fn an_instance_certifies_its_own_answer_keys_alone() {
    let error = refused(|links| {
        let (vendor, service) = (vendor("example"), service("licensing"));
        links[2].subject = Subject::Answer { vendor, instance: instance(8), service };
    });
    let expected = ChainError::ForeignInstance { role: Role::Answer, own: instance(7), other: instance(8) };
    assert_eq!(error, expected);
}

#[test]
fn every_certificate_is_good_at_the_time_of_signing() {
    for (index, role) in Role::ALL.into_iter().enumerate() {
        let error = refused(|links| links[index].until = NOW);
        assert_eq!(error, ChainError::Expired { role, not_after: at(NOW), at: at(NOW) });
        let error = refused(|links| links[index].from = NOW + 1);
        assert_eq!(error, ChainError::NotYetGood { role, not_before: at(NOW + 1), at: at(NOW) });
        // Its first and its last second count.
        let mut edge = links();
        (edge[index].from, edge[index].until) = (NOW, NOW + 1);
        assert!(verify(&edge, Role::Answer, NOW).is_ok());
    }
}

#[test]
fn the_key_at_the_end_is_the_expected_one() {
    let chain = links().map(|link| link.envelope());
    let check = |expected: Expected<'_>| {
        let count = expected.role.depth();
        verify_chain(key(0).verifying_key(), &chain[..count], at(NOW), &expected).map(|_| ())
    };
    let (own_vendor, own_service) = (vendor("example"), service("licensing"));
    let own = Expected {
        role: Role::Answer,
        vendor: Some(&own_vendor),
        instance: Some(instance(7)),
        service: Some(&own_service),
    };
    assert_eq!(check(own), Ok(()));
    let (other_vendor, other_service) = (vendor("rival"), service("updates"));
    for (expected, reason) in [
        (Expected { vendor: Some(&other_vendor), ..own }, "CHAIN_OTHER_VENDOR"),
        (Expected { instance: Some(instance(8)), ..own }, "CHAIN_OTHER_INSTANCE"),
        (Expected { service: Some(&other_service), ..own }, "CHAIN_OTHER_SERVICE"),
        // A role without the name does not have the wanted one.
        (Expected { role: Role::Online, service: None, ..own }, "CHAIN_OTHER_INSTANCE"),
        (Expected { role: Role::Instance, ..own }, "CHAIN_OTHER_SERVICE"),
    ] {
        assert_eq!(check(expected).unwrap_err().reason(), reason);
    }
}

#[test]
fn only_a_certificate_counts_as_one() {
    let request = Envelope::sign(PayloadType::SyncRequest, Vec::new(), &key(0)).unwrap();
    let nonsense = Envelope::sign(PayloadType::KeyCertificate, vec![0xff], &key(0)).unwrap();
    for (envelope, reason) in [(request, "CHAIN_NO_CERTIFICATE"), (nonsense, "CHAIN_CERTIFICATE")] {
        let result = verify_chain(key(0).verifying_key(), &[envelope], at(NOW), &Expected::any(Role::Online));
        let error = result.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
    }
}

#[test]
fn a_chain_opens_what_its_role_may_sign_and_its_key_signed() {
    let chain = verify(&links(), Role::Answer, NOW).unwrap();
    let sign = |payload_type, seed| Envelope::sign(payload_type, b"x".to_vec(), &key(seed)).unwrap();
    let answer = PayloadType::CapabilityAnswers;
    assert_eq!(chain.open(&sign(answer, 3), answer), Ok(b"x".as_slice()));
    let error = chain.open(&sign(answer, 2), answer).unwrap_err();
    assert_eq!(error.reason(), "SIGNED_BY_ANOTHER_KEY");
    for payload_type in PayloadType::ALL {
        let envelope = sign(payload_type, 3);
        let result = chain.open(&envelope, payload_type);
        if payload_type.signers().contains(&Role::Answer) {
            assert!(result.is_ok(), "{payload_type}");
        } else {
            assert_eq!(result, Err(OpenError::WrongRole { payload_type, role: Role::Answer }));
        }
    }
    for error in [refused(|links| links[0].until = NOW), refused(|links| links[2].issuer = 9)] {
        assert!(error.to_string().contains("fetch"), "{error}");
    }
}

#[test]
fn a_chain_comes_back_from_its_bytes_and_the_bad_one_is_named() {
    let chain: Vec<Envelope> = links().iter().map(Link::envelope).collect();
    let mut bytes: Vec<Vec<u8>> = chain.iter().map(Envelope::to_protobuf).collect();
    assert_eq!(read_chain(&bytes), Ok(chain));
    assert_eq!(read_chain(&[[0; 0]; 0]), Ok(Vec::new()));
    let cut = bytes[1].len() - 1;
    bytes[1].truncate(cut);
    let error = read_chain(&bytes).unwrap_err();
    assert!(matches!(error, ChainError::Unreadable { index: 1, .. }), "{error}");
    assert_eq!(error.reason(), "CHAIN_UNREADABLE");
    assert!(error.to_string().contains("`certificates[1]`"), "{error}");
    let four = [bytes[0].clone(), bytes[0].clone(), bytes[0].clone(), bytes[0].clone()];
    assert_eq!(read_chain(&four), Err(ChainError::TooLong(4)));
}
