//! A licence server, as far as its vendor sees one.

use jiff::SignedDuration;
use leasehold_backoffice::BackOffice;
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::sync::v1 as sync;
use leasehold_proto::types::v1::{HostId, HostIdType};
use leasehold_runtime::{ApiError, Clock, ManualClock};
use leasehold_signing::sealed_file::{self, Form, Identity};
use leasehold_signing::{
    Envelope, Expected, ExposeSecret, FileKind, PayloadType, Role, SignedFile, SigningKey, VendorId,
    read_chain, verify_chain,
};
use prost::Message;
use sha2::{Digest, Sha256};

use super::{VENDOR, ask, random, time};

/// A licence server, as far as its vendor sees one. A clone of it has its keys and its state.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) enrolment: sync::Enrolment,
    pub(crate) key: SigningKey,
    pub(crate) identity: Identity,
    pub(crate) number: u64,
    pub(crate) previous: Vec<u8>,
    pub(crate) bundle_sequence: u64,
    clock: ManualClock,
}

impl Server {
    pub(super) fn new(enrolment: sync::Enrolment, clock: ManualClock) -> Self {
        let mut rng = random();
        let (key, identity) = (SigningKey::generate(&mut rng), Identity::generate(&mut rng));
        Self { enrolment, key, identity, number: 0, previous: Vec::new(), bundle_sequence: 0, clock }
    }

    /// The same id on a machine that was set up anew.
    pub(crate) fn reinstalled(&self) -> Self {
        Self::new(self.enrolment.clone(), self.clock.clone())
    }

    pub(crate) fn id(&self) -> String {
        self.enrolment.license_server_id.clone()
    }

    /// The next request, unsigned.
    pub(crate) fn message(&mut self) -> sync::SyncRequest {
        self.number += 1;
        let mut nonce = vec![0; 32];
        rand::Rng::fill_bytes(&mut random(), &mut nonce);
        sync::SyncRequest {
            license_server_id: self.id(),
            vendor_id: self.enrolment.vendor_id.clone(),
            number: self.number,
            previous: self.previous.clone(),
            bundle_sequence: self.bundle_sequence,
            signing_key: self.key.verifying_key().as_bytes().to_vec(),
            recipient: self.identity.recipient().to_string(),
            hostids: vec![HostId { r#type: HostIdType::MachineId.into(), value: "m1".to_owned() }],
            software_version: "0.1.0".to_owned(),
            nonce,
            made_at: Some(timestamp(self.clock.now())),
        }
    }

    /// The next request.
    pub(crate) fn request(&mut self) -> Envelope {
        let message = self.message();
        self.sign(&message)
    }

    /// A request signed with the server's key.
    pub(crate) fn sign(&self, message: &sync::SyncRequest) -> Envelope {
        Envelope::sign(PayloadType::SyncRequest, message.encode_to_vec(), &self.key).unwrap()
    }

    /// A request as a file.
    pub(crate) fn file(&self, envelope: &Envelope, form: Form) -> Vec<u8> {
        let file =
            SignedFile { kind: FileKind::Request, envelope: envelope.clone(), certificates: Vec::new() };
        let recipient = self.enrolment.vendor_recipient.parse().unwrap();
        sealed_file::seal(file.to_json().as_bytes(), &recipient, form).unwrap()
    }

    /// What a response says, once everything about it is verified.
    pub(crate) fn verify(&self, signed: &sync::Signed) -> sync::SyncResponse {
        let envelope = Envelope::from_protobuf(&signed.envelope).unwrap();
        let response = sync::SyncResponse::decode(envelope.unverified_payload()).unwrap();
        let issued = time(response.issued_at.as_ref());
        let root = self.enrolment.vendor_root.parse().unwrap();
        let vendor = VendorId::new(&self.enrolment.vendor_id).unwrap();
        let chain = read_chain(&signed.certificates).unwrap();
        let expected = Expected { vendor: Some(&vendor), ..Expected::any(Role::Online) };
        let online = verify_chain(&root, &chain, issued, &expected).unwrap();
        online.open(&envelope, PayloadType::SyncResponse).unwrap();

        // The server's own key is certified until well after its deadline.
        let certificates =
            [signed.certificates.clone(), vec![response.instance_certificate.clone()]].concat();
        let chain = read_chain(&certificates).unwrap();
        let instance = Some(InstanceId(self.id().parse().unwrap()));
        let expected = Expected { vendor: Some(&vendor), instance, ..Expected::any(Role::Instance) };
        let own = verify_chain(&root, &chain, issued, &expected).unwrap();
        assert_eq!(own.key(), self.key.verifying_key());
        let validity = own.certificate().validity;
        assert_eq!(issued.duration_since(validity.not_before()).as_hours(), 48);
        let beyond = validity.not_after().duration_since(time(response.synchronize_before.as_ref()));
        assert_eq!((beyond + SignedDuration::from_secs(1)).as_hours(), 24 * 366);

        assert_eq!((response.vendor_id.as_str(), response.license_server_id.clone()), (VENDOR, self.id()));
        assert_eq!(response.signing_key_id, self.key.id().to_string());
        response
    }

    /// Puts a response in force.
    pub(crate) fn apply(&mut self, signed: &sync::Signed) -> sync::SyncResponse {
        let response = self.verify(signed);
        assert!(response.sequence > self.bundle_sequence, "a bundle goes back");
        let envelope = Envelope::from_protobuf(&signed.envelope).unwrap();
        self.previous = Sha256::digest(envelope.unverified_payload()).to_vec();
        self.bundle_sequence = response.sequence;
        response
    }

    /// Opens a response file.
    pub(crate) fn open(&self, file: &[u8]) -> sync::Signed {
        let content = sealed_file::open(file, &self.identity).unwrap();
        let file = SignedFile::from_json(content.expose_secret(), FileKind::Response).unwrap();
        sync::Signed {
            envelope: file.envelope.to_protobuf(),
            certificates: file.certificates.iter().map(Envelope::to_protobuf).collect(),
        }
    }

    /// Asks, and puts the response in force.
    pub(crate) async fn synchronize(
        &mut self,
        back_office: &BackOffice,
    ) -> Result<sync::SyncResponse, ApiError> {
        let request = self.request();
        let signed = ask(back_office, &request).await?;
        let response = self.apply(&signed);
        assert_eq!(response.request_number, self.number);
        Ok(response)
    }
}
