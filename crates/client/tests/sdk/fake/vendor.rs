//! A vendor and one of its licence servers: the keys, and the certificates between them.

use jiff::{SignedDuration, Timestamp};
use leasehold_client::{InstanceId, VerifyingKey};
use leasehold_proto::licensing::v1 as pb;
use leasehold_signing::{
    Certificate, PayloadType, Serial, ServiceName, SigningKey, Subject, Validity, VendorId, sign_many,
};
use prost::Message;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

/// The keys of a vendor and of one of its servers.
#[derive(Clone)]
pub(crate) struct Vendor {
    root: SigningKey,
    pub(crate) online: SigningKey,
    pub(crate) instance: SigningKey,
    pub(crate) answer: SigningKey,
    /// The server.
    pub(crate) server: InstanceId,
    /// Down to the answer key's.
    pub(crate) certificates: Vec<Vec<u8>>,
}

impl Vendor {
    /// A vendor whose keys come from `seed`, and its server of this number. The certificates are good from two days
    /// before `now` for nine days.
    pub(crate) fn new(seed: u8, server: u128, now: Timestamp) -> Self {
        Self::serving("licensing", seed, server, now)
    }

    /// The same, for the answers of another service.
    pub(crate) fn serving(service: &str, seed: u8, server: u128, now: Timestamp) -> Self {
        let number = u8::try_from(server).unwrap();
        let key = |role: u8, number: u8| {
            SigningKey::from_seed(&[seed, role, number, 7].repeat(8).try_into().unwrap())
        };
        let (root, online, instance, answer) = (key(0, 0), key(1, 0), key(2, number), key(3, number));
        let vendor = VendorId::new("example").unwrap();
        let server = InstanceId(Uuid::from_u128(server));
        let day = SignedDuration::from_hours(24);
        let validity = Validity::new(now - day * 2, now + day * 7).unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        let mut issue = |subject, key: &SigningKey, issuer: &SigningKey| {
            let (key, serial) = (*key.verifying_key(), Serial::generate(&mut rng));
            Certificate { subject, key, validity, serial }.issue(issuer).unwrap().to_protobuf()
        };
        let service = ServiceName::new(service).unwrap();
        let certificates = vec![
            issue(Subject::Online { vendor: vendor.clone() }, &online, &root),
            issue(Subject::Instance { vendor: vendor.clone(), instance: server }, &instance, &online),
            issue(Subject::Answer { vendor, instance: server, service }, &answer, &instance),
        ];
        Self { root, online, instance, answer, server, certificates }
    }

    /// What clients pin.
    pub(crate) fn root(&self) -> VerifyingKey {
        *self.root.verifying_key()
    }

    /// As the server signs it.
    pub(crate) fn sign(&self, answer: &pb::CapabilityAnswer) -> pb::SignedAnswer {
        self.sign_with(&self.answer, PayloadType::CapabilityAnswers, answer)
    }

    /// Signed with another key, or as another thing. It is the second of three that are signed together.
    pub(crate) fn sign_with(
        &self,
        key: &SigningKey,
        payload_type: PayloadType,
        answer: &pb::CapabilityAnswer,
    ) -> pb::SignedAnswer {
        let answer = answer.encode_to_vec();
        let (envelope, paths) = sign_many(payload_type, &[b"one", answer.as_slice(), b"three"], key).unwrap();
        let certificates = self.certificates.clone();
        pb::SignedAnswer {
            envelope: envelope.to_protobuf(),
            certificates,
            answer,
            index: 1,
            path: paths.path(1),
        }
    }
}

/// What is signed of an answer.
pub(crate) fn said(response: &pb::RequestCapabilitiesResponse) -> pb::CapabilityAnswer {
    pb::CapabilityAnswer::decode(response.signed.as_ref().unwrap().answer.as_slice()).unwrap()
}
