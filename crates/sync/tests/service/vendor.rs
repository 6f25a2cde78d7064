//! A back office in memory: binds keys, numbers bundles, answers a repeated request alike, and can be made to lose
//! answers, to be slow, to refuse, to replay and to forge.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1::LineItem;
use leasehold_proto::sync::v1::{Enrolment, Signed, SyncRequest, SyncResponse, SyncStep, VendorContact};
use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::{ApiError, Clock as _, ManualClock};
use leasehold_signing::sealed_file::{self, Form, Identity};
use leasehold_signing::{
    Certificate, Envelope, ExposeSecret as _, FileKind, PayloadType, Serial, SignedFile, SigningKey, Subject,
    Validity, VendorId, VerifyingKey,
};
use prost::Message as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tonic::Status;
use uuid::Uuid;

pub(crate) const VENDOR: &str = "example";
pub(crate) const MAIL: &str = "licences@example.com";
pub(crate) const ADDRESS: &str = "https://vendor.example.com";
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

type Edit = Box<dyn FnOnce(&mut SyncResponse) + Send>;
type Swap = Box<dyn FnOnce(Signed) -> Signed + Send>;

/// What is wrong with the next answer.
pub(crate) enum Trouble {
    /// The request does not come.
    LostRequest,
    /// The answer does not come back.
    LostAnswer,
    /// It takes so long.
    Slow(Duration),
    /// It is an error of ours.
    Refuse(ErrorReason),
    /// It is an error of somebody else.
    Stranger(Status),
    /// It says something else, well signed.
    Edit(Edit),
    /// It is something else.
    Swap(Swap),
    /// It holds no response.
    Empty,
}

#[derive(Default)]
struct Known {
    sequence: u64,
    bound: Option<Vec<u8>>,
    answers: HashMap<Vec<u8>, Signed>,
}

pub(crate) struct Vendor {
    pub(crate) clock: ManualClock,
    pub(crate) server: Uuid,
    root: SigningKey,
    online: SigningKey,
    identity: Identity,
    known: Mutex<Known>,
    /// Every request that came, as it came.
    pub(crate) requests: Mutex<Vec<Signed>>,
    pub(crate) troubles: Mutex<VecDeque<Trouble>>,
    /// The door stays closed at this step.
    pub(crate) closed: Mutex<Option<SyncStep>>,
    /// How far ahead deadlines are.
    pub(crate) within: Mutex<SignedDuration>,
    /// The vendor says that it is this one.
    pub(crate) says: Mutex<String>,
}

impl Vendor {
    pub(crate) fn new(clock: ManualClock) -> Arc<Self> {
        Self::of(clock, 1)
    }

    /// Another one for each seed.
    pub(crate) fn of(clock: ManualClock, seed: u8) -> Arc<Self> {
        let identity = Identity::generate(&mut StdRng::seed_from_u64(u64::from(seed)));
        Arc::new(Self {
            clock,
            server: Uuid::from_u128(0x5eef),
            root: SigningKey::from_seed(&[seed; 32]),
            online: SigningKey::from_seed(&[seed + 100; 32]),
            identity,
            known: Mutex::default(),
            requests: Mutex::default(),
            troubles: Mutex::default(),
            closed: Mutex::default(),
            within: Mutex::new(90 * DAY),
            says: Mutex::new(VENDOR.to_owned()),
        })
    }

    /// What a server needs to be enrolled.
    pub(crate) fn enrolment(&self) -> Enrolment {
        Enrolment {
            license_server_id: self.server.to_string(),
            vendor_id: VENDOR.to_owned(),
            vendor_name: "Example Ltd".to_owned(),
            vendor_root: self.root.verifying_key().to_string(),
            address: ADDRESS.to_owned(),
            vendor_recipient: self.identity.recipient().to_string(),
            contact: Some(VendorContact { mail: MAIL.to_owned(), ..VendorContact::default() }),
        }
    }

    /// What goes wrong next, one answer after another.
    pub(crate) fn expect(&self, troubles: impl IntoIterator<Item = Trouble>) {
        *self.troubles.lock().unwrap() = troubles.into_iter().collect();
    }

    /// The newest bundle that was made.
    pub(crate) fn sequence(&self) -> u64 {
        self.known.lock().unwrap().sequence
    }

    /// What the newest request says.
    pub(crate) fn newest_request(&self) -> SyncRequest {
        read_request(self.requests.lock().unwrap().last().unwrap()).1
    }

    fn certificate(
        &self,
        subject: Subject,
        key: VerifyingKey,
        days: (i64, i64),
        by: &SigningKey,
    ) -> Envelope {
        let now = self.clock.now();
        let at = |days: i64| now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap();
        let validity = Validity::new(at(days.0), at(days.1)).unwrap();
        let serial = Serial::generate(&mut StdRng::seed_from_u64(7));
        Certificate { subject, key, validity, serial }.issue(by).unwrap()
    }

    /// The certificate of the online key.
    pub(crate) fn online_certificate(&self) -> Envelope {
        let subject = Subject::Online { vendor: VendorId::new(VENDOR).unwrap() };
        self.certificate(subject, *self.online.verifying_key(), (-2, 3 * 365), &self.root)
    }

    /// A certificate of a server's key.
    pub(crate) fn instance_certificate(&self, server: Uuid, key: &[u8]) -> Envelope {
        let subject =
            Subject::Instance { vendor: VendorId::new(VENDOR).unwrap(), instance: InstanceId(server) };
        self.certificate(subject, VerifyingKey::from_slice(key).unwrap(), (-2, 90 + 366), &self.online)
    }

    /// Signs a response as the vendor does.
    pub(crate) fn sign(&self, response: &SyncResponse) -> Signed {
        self.sign_with(response, PayloadType::SyncResponse, &self.online)
    }

    /// Signs with any key as anything.
    pub(crate) fn sign_with(&self, response: &SyncResponse, kind: PayloadType, key: &SigningKey) -> Signed {
        Signed {
            envelope: Envelope::sign(kind, response.encode_to_vec(), key).unwrap().to_protobuf(),
            certificates: vec![self.online_certificate().to_protobuf()],
        }
    }

    /// What the vendor says to a request, with the next number.
    fn respond(&self, request: &SyncRequest, sequence: u64) -> SyncResponse {
        let now = self.clock.now();
        let signing_key = VerifyingKey::from_slice(&request.signing_key).unwrap();
        SyncResponse {
            license_server_id: self.server.to_string(),
            vendor_id: VENDOR.to_owned(),
            vendor_name: "Example Ltd".to_owned(),
            sequence,
            nonce: request.nonce.clone(),
            request_number: request.number,
            signing_key_id: signing_key.id().to_string(),
            line_items: vec![LineItem { line_item_id: format!("L{sequence}"), ..LineItem::default() }],
            issued_at: Some(timestamp(now)),
            synchronize_before: Some(timestamp(now.saturating_add(*self.within.lock().unwrap()).unwrap())),
            instance_certificate: self.instance_certificate(self.server, &request.signing_key).to_protobuf(),
            vendor_recipient: self.identity.recipient().to_string(),
            contact: Some(VendorContact { mail: MAIL.to_owned(), ..VendorContact::default() }),
            notices: vec![format!("bundle {sequence}")],
            updates_address: format!("https://updates.example.com/{sequence}"),
            updates_root: b"{}".to_vec(),
        }
    }

    /// The answer to a request: the same again to the same one.
    pub(crate) fn answer(
        &self,
        request: &Signed,
        edit: impl FnOnce(&mut SyncResponse),
    ) -> Result<Signed, Status> {
        let (envelope, message) = read_request(request);
        let own = VerifyingKey::from_slice(&message.signing_key).unwrap();
        envelope.open(PayloadType::SyncRequest, &own).expect("a server signs its requests");
        assert_eq!(message.license_server_id, self.server.to_string());
        let mut known = self.known.lock().unwrap();
        if known.bound.get_or_insert_with(|| message.signing_key.clone()) != &message.signing_key {
            return Err(ApiError::new(ErrorReason::KeyAlreadyBound, "bound to another key").into());
        }
        if let Some(answer) = known.answers.get(&request.envelope) {
            return Ok(answer.clone());
        }
        known.sequence += 1;
        let mut response = self.respond(&message, known.sequence);
        edit(&mut response);
        let answer = self.sign(&response);
        known.answers.insert(request.envelope.clone(), answer.clone());
        Ok(answer)
    }

    /// Answers a request file with a response file.
    pub(crate) fn process(&self, file: &[u8], form: Form) -> Vec<u8> {
        let request = self.open(file);
        let (_, message) = read_request(&request);
        seal(&self.answer(&request, |_| {}).unwrap(), &message.recipient, form)
    }

    /// The request in a file.
    pub(crate) fn open(&self, file: &[u8]) -> Signed {
        let content = sealed_file::open(file, &self.identity).unwrap();
        let file = SignedFile::from_json(content.expose_secret(), FileKind::Request).unwrap();
        assert!(file.certificates.is_empty());
        Signed { envelope: file.envelope.to_protobuf(), certificates: Vec::new() }
    }

    /// Answers a request over the network.
    pub(crate) async fn synchronize(&self, request: Signed) -> Result<Option<Signed>, Status> {
        let trouble = self.troubles.lock().unwrap().pop_front();
        if let Some(Trouble::LostRequest) = trouble {
            return Err(Status::unavailable("connection reset before"));
        }
        self.requests.lock().unwrap().push(request.clone());
        match trouble {
            None | Some(Trouble::LostRequest) => self.answer(&request, |_| {}).map(Some),
            Some(Trouble::LostAnswer) => {
                self.answer(&request, |_| {})?;
                Err(Status::unavailable("connection reset after"))
            }
            Some(Trouble::Slow(time)) => {
                tokio::time::sleep(time).await;
                self.answer(&request, |_| {}).map(Some)
            }
            Some(Trouble::Refuse(reason)) => Err(ApiError::new(reason, "the vendor says no").into()),
            Some(Trouble::Stranger(status)) => Err(status),
            Some(Trouble::Edit(edit)) => self.answer(&request, edit).map(Some),
            Some(Trouble::Swap(swap)) => self.answer(&request, |_| {}).map(|answer| Some(swap(answer))),
            Some(Trouble::Empty) => Ok(None),
        }
    }
}

/// Seals what the vendor says for a server.
pub(crate) fn seal(answer: &Signed, recipient: &str, form: Form) -> Vec<u8> {
    let file = SignedFile {
        kind: FileKind::Response,
        envelope: Envelope::from_protobuf(&answer.envelope).unwrap(),
        certificates: answer.certificates.iter().map(|one| Envelope::from_protobuf(one).unwrap()).collect(),
    };
    sealed_file::seal(file.to_json().as_bytes(), &recipient.parse().unwrap(), form).unwrap()
}

/// A request, and what it says.
pub(crate) fn read_request(request: &Signed) -> (Envelope, SyncRequest) {
    let envelope = Envelope::from_protobuf(&request.envelope).unwrap();
    let message = SyncRequest::decode(envelope.unverified_payload()).unwrap();
    (envelope, message)
}

/// The time of these tests.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap()
}
