//! A vendor and a synchronisation service, as far as licensing sees them: keys, bundles and certificates.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{InstanceId, LineItem};
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::sync::v1::SyncResponse;
use leasehold_runtime::{Clock, ManualClock};
use leasehold_signing::{
    Certificate, Envelope, PayloadType, Serial, ServiceName, SigningKey, Subject, Validity, VendorId,
    VerifyingKey,
};
use prost::Message;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use crate::{Certifier, CertifyError};

pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long a bundle gives leave here.
pub(crate) const LEAVE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A vendor with one licence server.
#[derive(Clone)]
pub(crate) struct TestVendor {
    pub(crate) name: &'static str,
    pub(crate) server: InstanceId,
    pub(crate) root: SigningKey,
    pub(crate) online: SigningKey,
    /// The licence server's own key, which synchronisation has.
    pub(crate) own: SigningKey,
    /// Since when and until when the online key is certified.
    pub(crate) online_validity: Validity,
}

impl TestVendor {
    /// A vendor whose keys follow from a number.
    pub(crate) fn new(number: u64, now: Timestamp) -> Self {
        let mut rng = StdRng::seed_from_u64(number);
        let mut key = || SigningKey::generate(&mut rng);
        Self {
            name: "example",
            server: InstanceId(Uuid::from_u128(7_000)),
            root: key(),
            online: key(),
            own: key(),
            online_validity: Validity::new(now - DAY * 2, now + DAY * 3 * 365).unwrap(),
        }
    }

    pub(crate) fn id(&self) -> VendorId {
        VendorId::new(self.name).unwrap()
    }

    pub(crate) fn enrolment(&self) -> pb::EnrolInstanceRequest {
        pb::EnrolInstanceRequest {
            instance: String::new(),
            vendor_id: self.name.to_owned(),
            license_server_id: self.server.to_string(),
            root_key: self.root.verifying_key().as_bytes().to_vec(),
        }
    }

    /// What a bundle says that is made now.
    pub(crate) fn response(&self, sequence: u64, now: Timestamp, items: &[LineItem]) -> SyncResponse {
        SyncResponse {
            license_server_id: self.server.to_string(),
            vendor_id: self.name.to_owned(),
            sequence,
            line_items: items.iter().map(Into::into).collect(),
            issued_at: Some(timestamp(now)),
            synchronize_before: Some(timestamp(now + LEAVE)),
            instance_certificate: self.own_certificate(now).to_protobuf(),
            ..SyncResponse::default()
        }
    }

    /// A bundle that the vendor signs.
    pub(crate) fn sign(&self, response: &SyncResponse) -> pb::ApplyBundleRequest {
        request(response, PayloadType::SyncResponse, &self.online, &[self.online_certificate()])
    }

    /// A bundle that is made now.
    pub(crate) fn bundle(&self, sequence: u64, now: Timestamp, items: &[LineItem]) -> pb::ApplyBundleRequest {
        self.sign(&self.response(sequence, now, items))
    }

    pub(crate) fn online_certificate(&self) -> Envelope {
        let subject = Subject::Online { vendor: self.id() };
        certificate(subject, self.online.verifying_key(), self.online_validity, &self.root)
    }

    pub(crate) fn own_certificate(&self, now: Timestamp) -> Envelope {
        let subject = Subject::Instance { vendor: self.id(), instance: self.server };
        let validity = Validity::new(now - DAY * 2, now + LEAVE + DAY * 366).unwrap();
        certificate(subject, self.own.verifying_key(), validity, &self.online)
    }

    /// The chain of an answer key of this service that is certified now.
    pub(crate) fn answer_chain(&self, service: &str, key: &VerifyingKey, now: Timestamp) -> Vec<Vec<u8>> {
        let service = ServiceName::new(service).unwrap();
        let subject = Subject::Answer { vendor: self.id(), instance: self.server, service };
        let validity = Validity::new(now - DAY * 2, now + DAY * 7).unwrap();
        let answer = certificate(subject, key, validity, &self.own);
        let chain = [self.online_certificate(), self.own_certificate(now), answer];
        chain.iter().map(Envelope::to_protobuf).collect()
    }
}

/// An envelope of this payload type with its chain, as it is sent.
pub(crate) fn request(
    response: &SyncResponse,
    payload_type: PayloadType,
    key: &SigningKey,
    chain: &[Envelope],
) -> pb::ApplyBundleRequest {
    pb::ApplyBundleRequest {
        instance: String::new(),
        envelope: Envelope::sign(payload_type, response.encode_to_vec(), key).unwrap().to_protobuf(),
        certificates: chain.iter().map(Envelope::to_protobuf).collect(),
    }
}

pub(crate) fn certificate(
    subject: Subject,
    key: &VerifyingKey,
    validity: Validity,
    issuer: &SigningKey,
) -> Envelope {
    let serial = Serial::generate(&mut StdRng::seed_from_u64(1));
    Certificate { subject, key: *key, validity, serial }.issue(issuer).unwrap()
}

/// Certifies keys as synchronisation does, unless it is told to do otherwise.
pub(crate) struct TestCertifier {
    pub(crate) vendor: Mutex<TestVendor>,
    clock: ManualClock,
    pub(crate) mood: Mutex<Mood>,
    /// How often it was asked.
    pub(crate) asked: AtomicU32,
}

/// What a certifier does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    Away,
    /// It certifies another key.
    OtherKey,
    /// It certifies the key for another service.
    OtherService,
    /// Its certificates ended long ago.
    LongAgo,
}

impl TestCertifier {
    pub(crate) fn new(vendor: &TestVendor, clock: &ManualClock, mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            vendor: Mutex::new(vendor.clone()),
            clock: clock.clone(),
            mood: Mutex::new(mood),
            asked: AtomicU32::new(0),
        })
    }

    pub(crate) fn is_now(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Certifier for TestCertifier {
    async fn certify(&self, _: InstanceId, key: &VerifyingKey) -> Result<Vec<Vec<u8>>, CertifyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (vendor, now) = (self.vendor.lock().unwrap().clone(), self.clock.now());
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Good => Ok(vendor.answer_chain("licensing", key, now)),
            Mood::Away => Err(CertifyError::Unavailable("it is away".to_owned())),
            Mood::OtherKey => Ok(vendor.answer_chain("licensing", vendor.own.verifying_key(), now)),
            Mood::OtherService => Ok(vendor.answer_chain("updates", key, now)),
            Mood::LongAgo => Ok(vendor.answer_chain("licensing", key, now - DAY * 30)),
        }
    }
}
