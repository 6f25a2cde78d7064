use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::*;

fn certificate(subject: Subject) -> Certificate {
    let mut rng = StdRng::seed_from_u64(1);
    Certificate {
        subject,
        key: *SigningKey::generate(&mut rng).verifying_key(),
        validity: Validity::from_seconds(1_000, 2_000).unwrap(),
        serial: Serial::generate(&mut rng),
    }
}

fn subjects() -> [Subject; 3] {
    let vendor = VendorId::new("example").unwrap();
    let instance = InstanceId(Uuid::from_u128(7));
    let service = ServiceName::new("licensing").unwrap();
    [
        Subject::Online { vendor: vendor.clone() },
        Subject::Instance { vendor: vendor.clone(), instance },
        Subject::Answer { vendor, instance, service },
    ]
}

#[test]
fn a_certificate_says_the_same_after_its_way_over_the_wire() {
    for (subject, role) in subjects().into_iter().zip(Role::ALL) {
        assert_eq!(subject.role(), role);
        let certificate = certificate(subject);
        let issuer = SigningKey::from_seed(&[3; 32]);
        let envelope = certificate.issue(&issuer).unwrap();
        let payload = envelope.open(PayloadType::KeyCertificate, issuer.verifying_key()).unwrap();
        assert_eq!(Certificate::decode(payload), Ok(certificate));
    }
}

/// Fields of the message, by their numbers: 2 role, 3 vendor, 4 instance, 5 service, 6 and 7 times, 8 serial.
#[test]
fn what_is_wrong_with_a_certificate_is_named() {
    let [online, instance, answer] = subjects().map(|subject| certificate(subject).encode());
    let with = |payload: &[u8], field: &[u8]| Certificate::decode(&[payload, field].concat()).unwrap_err();
    // In protobuf the last value of a field counts.
    assert_eq!(with(&online, &[0x10, 1]), CertificateError::Role(1));
    assert_eq!(with(&online, &[0x10, 9]), CertificateError::Role(9));
    assert_eq!(with(&online, &[0x10, 3]), CertificateError::InstanceId(0));
    assert_eq!(with(&instance, &[0x10, 2]), CertificateError::Surplus("instance_id"));
    assert_eq!(with(&answer, &[0x10, 3]), CertificateError::Surplus("service"));
    assert_eq!(with(&instance, &[0x10, 4]).reason(), "CERTIFICATE_NAME");
    assert_eq!(with(&online, &[0x1a, 0]).reason(), "CERTIFICATE_NAME");
    assert_eq!(with(&online, &[0x0a, 1, 0]), CertificateError::Key(crate::KeyError::Length(1)));
    assert_eq!(with(&online, &[0x42, 1, 0]), CertificateError::Serial(1));
    let backwards = CertificateError::Validity { not_before: 1_000, not_after: 1_000 };
    assert_eq!(with(&online, &[0x38, 0xe8, 7]), backwards);
    assert_eq!(with(&online, &[0xff]).reason(), "CERTIFICATE_MALFORMED");
    assert_eq!(Certificate::decode(&[]).unwrap_err().reason(), "CERTIFICATE_VALIDITY");
}

#[test]
fn times_are_whole_seconds_and_leave_some_time() {
    let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
    let validity = Validity::new(at(1_999), at(3_999)).unwrap();
    assert_eq!((validity.not_before(), validity.not_after()), (at(1_000), at(3_000)));
    assert_eq!(Validity::new(at(1_000), at(1_999)), None);
    assert_eq!(Validity::new(at(2_000), at(1_000)), None);
    assert_eq!(Validity::from_seconds(0, i64::MAX), None);
}
