//! Licensing and synchronisation in memory: who holds a licence, who the vendor is, and certificates of keys.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use leasehold_domain::InstanceId;
use leasehold_proto::licensing::v1 as licensing;
use leasehold_proto::sync::v1 as sync;
use leasehold_runtime::{ApiError, Clock as _, ManualClock};
use leasehold_signing::{
    Certificate, Envelope, Serial, ServiceName, SigningKey, Subject, Validity, VendorId, VerifyingKey,
};
use prost::Message as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tonic::Status;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::raw;

pub(crate) const INSTANCE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
pub(crate) const NAME: &str = "plant";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A notice: its key, the version, features, product.
pub(crate) type Told = (String, String, Vec<String>, String);

/// What licensing and synchronisation know.
pub(crate) struct Peers {
    clock: ManualClock,
    pub(crate) root: SigningKey,
    online: SigningKey,
    own: SigningKey,
    pub(crate) server: InstanceId,
    /// Features and products that the device `f00` holds.
    pub(crate) held: Mutex<BTreeSet<String>>,
    /// The notices that stand, by key: version, features, product.
    pub(crate) notices: Mutex<Vec<Told>>,
    /// How often a notice was published or withdrawn.
    pub(crate) told: Mutex<u32>,
    /// Where the repository is, and its root.
    pub(crate) repository: Mutex<(String, Vec<u8>)>,
    /// No call is answered.
    pub(crate) away: Mutex<bool>,
    /// Of notices licensing does not hear.
    pub(crate) deaf: Mutex<bool>,
}

impl Peers {
    pub(crate) fn new(clock: ManualClock) -> Arc<Self> {
        let key = |seed| SigningKey::from_seed(&[seed; 32]);
        Arc::new(Self {
            clock,
            root: key(1),
            online: key(2),
            own: key(3),
            server: InstanceId(Uuid::from_u128(0x5eef)),
            held: Mutex::default(),
            notices: Mutex::default(),
            told: Mutex::default(),
            repository: Mutex::default(),
            away: Mutex::default(),
            deaf: Mutex::default(),
        })
    }

    /// The way to both.
    pub(crate) async fn channel(self: &Arc<Self>) -> Channel {
        let this = Arc::clone(self);
        let answer = move |method: String, message: Vec<u8>| {
            let answer = this.answer(&method, &message);
            Box::pin(async move { answer }) as _
        };
        raw::serve(Arc::new(answer)).await
    }

    fn answer(&self, method: &str, message: &[u8]) -> Result<Vec<u8>, Status> {
        if *self.away.lock().unwrap() || method.contains("Notice") && *self.deaf.lock().unwrap() {
            return Err(Status::unavailable("connection refused"));
        }
        match method {
            "GetInstance" => {
                let request = licensing::GetInstanceRequest::decode(message).unwrap();
                if !["", INSTANCE, NAME].contains(&request.instance.as_str()) {
                    return Err(ApiError::unknown_instance(&request.instance).into());
                }
                let (instance_id, name) = (INSTANCE.to_owned(), NAME.to_owned());
                let found = licensing::GetInstanceResponse { instance_id, name, ..Default::default() };
                Ok(found.encode_to_vec())
            }
            "CheckLicensed" => {
                let request = licensing::CheckLicensedRequest::decode(message).unwrap();
                let held = self.held.lock().unwrap();
                let wanted = request.features.iter().chain([&request.product]);
                let is_it = request.hostid.is_some_and(|hostid| hostid.value == "f00");
                let licensed = is_it && wanted.into_iter().any(|wanted| held.contains(wanted));
                Ok(licensing::CheckLicensedResponse { licensed, ..Default::default() }.encode_to_vec())
            }
            "PublishNotice" | "WithdrawNotice" => Ok(self.tell(method, message)),
            "GetUpdateRepository" => {
                let (address, root) = self.repository.lock().unwrap().clone();
                let said = sync::GetUpdateRepositoryResponse {
                    address,
                    root,
                    vendor_id: "example".to_owned(),
                    license_server_id: self.server.to_string(),
                    vendor_root: self.root.verifying_key().as_bytes().to_vec(),
                    bundle_sequence: 1,
                };
                Ok(said.encode_to_vec())
            }
            "CertifyAnswerKey" => {
                let request = sync::CertifyAnswerKeyRequest::decode(message).unwrap();
                let certificates = self.chain(&request);
                Ok(sync::CertifyAnswerKeyResponse { certificates, ..Default::default() }.encode_to_vec())
            }
            other => Err(ApiError::unknown_method(other).into()),
        }
    }

    fn tell(&self, method: &str, message: &[u8]) -> Vec<u8> {
        *self.told.lock().unwrap() += 1;
        let mut notices = self.notices.lock().unwrap();
        if method == "WithdrawNotice" {
            let request = licensing::WithdrawNoticeRequest::decode(message).unwrap();
            notices.retain(|(key, ..)| *key != request.key);
            return licensing::WithdrawNoticeResponse { withdrawn: true }.encode_to_vec();
        }
        let request = licensing::PublishNoticeRequest::decode(message).unwrap();
        notices.retain(|(key, ..)| *key != request.key);
        notices.push((request.key, request.update.unwrap().version, request.features, request.product));
        licensing::PublishNoticeResponse { number: 1, changed: true }.encode_to_vec()
    }

    fn chain(&self, request: &sync::CertifyAnswerKeyRequest) -> Vec<Vec<u8>> {
        let (vendor, instance) = (VendorId::new("example").unwrap(), self.server);
        let service = ServiceName::new(&request.service).unwrap();
        let key = VerifyingKey::from_slice(&request.key).unwrap();
        let online = Subject::Online { vendor: vendor.clone() };
        let own = Subject::Instance { vendor: vendor.clone(), instance };
        let answer = Subject::Answer { vendor, instance, service };
        [
            self.certificate(online, self.online.verifying_key(), 700, &self.root),
            self.certificate(own, self.own.verifying_key(), 300, &self.online),
            self.certificate(answer, &key, 7, &self.own),
        ]
        .iter()
        .map(Envelope::to_protobuf)
        .collect()
    }

    fn certificate(&self, subject: Subject, key: &VerifyingKey, days: i32, issuer: &SigningKey) -> Envelope {
        let now = self.clock.now();
        let validity = Validity::new(now - DAY * 2, now + DAY * days).unwrap();
        let serial = Serial::generate(&mut StdRng::seed_from_u64(1));
        Certificate { subject, key: *key, validity, serial }.issue(issuer).unwrap()
    }
}
