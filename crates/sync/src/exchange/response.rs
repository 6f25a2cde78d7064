//! A response as it was received: read, and shown to be the vendor's word. Pure: nothing here reads a clock or a store.
//!
//! Not responsible for whether it may be put in force: see [`super::check`].

use std::fmt::Display;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::sync::v1::{Signed, SyncResponse, SyncStep, VendorContact};
use leasehold_proto::types::v1::ErrorReason;
use leasehold_signing::{
    Certificate, Envelope, Expected, KeyId, PayloadType, Role, SignedFile, VendorId, VerifyingKey,
    read_chain, verify_chain,
};
use leasehold_store::sync::{Digest, Nonce};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::check::Claims;
use crate::convert::{check_names, check_recipient, check_update_repository};
use crate::error::Failed;
use crate::state::as_kept;

/// Farthest that a deadline may be ahead of the response that sets it.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Most notices, and most bytes of one.
const MAX_NOTICES: usize = 100;
const MAX_NOTICE: usize = 4_096;
/// Largest sequence number: what every store can keep.
const MAX_SEQUENCE: u64 = i64::MAX.unsigned_abs();

/// What came, before anybody has looked whether it is the vendor's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) envelope: Envelope,
    pub(crate) certificates: Vec<Envelope>,
}

/// What the vendor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) claims: Claims,
    pub(crate) nonce: Nonce,
    /// The SHA-256 of the payload.
    pub(crate) digest: Digest,
    pub(crate) synchronize_before: Timestamp,
    pub(crate) online_certificate: Envelope,
    pub(crate) instance_certificate: Envelope,
    pub(crate) vendor_name: String,
    pub(crate) vendor_recipient: String,
    pub(crate) contact: Option<VendorContact>,
    pub(crate) notices: Vec<String>,
    pub(crate) updates_address: String,
    pub(crate) updates_root: Vec<u8>,
}

impl Received {
    /// What came over the network, or was kept.
    pub(crate) fn from_message(message: &Signed) -> Result<Self, Failed> {
        let envelope = Envelope::from_protobuf(&message.envelope).map_err(unreadable)?;
        let certificates = read_chain(&message.certificates).map_err(unreadable)?;
        Ok(Self { envelope, certificates })
    }

    /// What came as a file.
    pub(crate) fn from_file(file: SignedFile) -> Self {
        Self { envelope: file.envelope, certificates: file.certificates }
    }

    /// As licensing gets it, and as it is kept until then.
    pub(crate) fn to_message(&self) -> Signed {
        let certificates = self.certificates.iter().map(Envelope::to_protobuf).collect();
        Signed { envelope: self.envelope.to_protobuf(), certificates }
    }

    /// What the vendor of this root says in it, if it is the vendor's.
    pub(crate) fn verify(&self, root: &[u8; 32]) -> Result<Response, Failed> {
        let found = self.envelope.payload_type();
        if found != PayloadType::SyncResponse {
            return Err(unreadable(format!(
                "it holds {found}, and a response is {}",
                PayloadType::SyncResponse
            )));
        }
        let message = SyncResponse::decode(self.envelope.unverified_payload()).map_err(unreadable)?;
        let fields = Fields::read(&message).map_err(unreadable)?;
        let online = self.shown(root, fields.issued_at, &fields.instance_certificate)?;
        Ok(fields.respond(message, online, self))
    }

    /// The certificates of the vendor's online key and of the instance's key, if all of it leads to the root.
    fn shown(
        &self,
        root: &[u8; 32],
        at: Timestamp,
        instance: &Envelope,
    ) -> Result<(Certificate, Certificate), Failed> {
        let root = VerifyingKey::from_slice(root).map_err(invalid)?;
        let online =
            verify_chain(&root, &self.certificates, at, &Expected::any(Role::Online)).map_err(invalid)?;
        online.open(&self.envelope, PayloadType::SyncResponse).map_err(invalid)?;
        let chain: Vec<Envelope> = self.certificates.iter().chain([instance]).cloned().collect();
        let own = verify_chain(&root, &chain, at, &Expected::any(Role::Instance))
            .map_err(|error| invalid(format!("the certificate of this server: {error}")))?;
        Ok((online.certificate().clone(), own.certificate().clone()))
    }
}

/// The fields of a response, each of which keeps its rule.
struct Fields {
    vendor: VendorId,
    server: Uuid,
    key: KeyId,
    nonce: Nonce,
    issued_at: Timestamp,
    synchronize_before: Timestamp,
    instance_certificate: Envelope,
}

impl Fields {
    fn read(message: &SyncResponse) -> Result<Self, String> {
        let time = |field: &str, at: &Option<prost_types::Timestamp>| {
            let at = at.as_ref().ok_or_else(|| format!("`{field}` is missing"))?;
            read_timestamp(field, at).map_err(|error| error.to_string())
        };
        let wrong =
            |field: &'static str| move |error: &dyn ToString| format!("`{field}`: {}", error.to_string());
        let issued_at = time("issued_at", &message.issued_at)?;
        let synchronize_before = time("synchronize_before", &message.synchronize_before)?;
        let ahead = synchronize_before.duration_since(issued_at);
        if ahead <= SignedDuration::ZERO || ahead > MAX_AHEAD {
            return Err("`synchronize_before` is not within 366 days of `issued_at`".to_owned());
        }
        if !(1..=MAX_SEQUENCE).contains(&message.sequence) {
            return Err(format!("`sequence` is {}", message.sequence));
        }
        check_names(&message.vendor_name, &message.contact.clone().unwrap_or_default())
            .map_err(|(field, problem)| format!("`{field}` {problem}"))?;
        check_recipient(&message.vendor_recipient)?;
        if message.notices.len() > MAX_NOTICES || message.notices.iter().any(|text| text.len() > MAX_NOTICE) {
            return Err(format!(
                "`notices` are more than {MAX_NOTICES}, or one has more than {MAX_NOTICE} bytes"
            ));
        }
        check_update_repository(&message.updates_address, &message.updates_root)?;
        Ok(Self {
            vendor: VendorId::new(&message.vendor_id).map_err(|error| wrong("vendor_id")(&error))?,
            server: Uuid::try_parse(&message.license_server_id)
                .map_err(|error| wrong("license_server_id")(&error))?,
            key: message.signing_key_id.parse().map_err(|error| wrong("signing_key_id")(&error))?,
            nonce: message.nonce.as_slice().try_into().map_err(|error| wrong("nonce")(&error))?,
            issued_at,
            synchronize_before: as_kept(synchronize_before),
            instance_certificate: Envelope::from_protobuf(&message.instance_certificate)
                .map_err(|error| wrong("instance_certificate")(&error))?,
        })
    }

    fn respond(
        self,
        message: SyncResponse,
        (online, own): (Certificate, Certificate),
        received: &Received,
    ) -> Response {
        // An instance's certificate names one.
        let certified = own.subject.instance().map_or(Uuid::nil(), |InstanceId(id)| id);
        Response {
            claims: Claims {
                vendors: [self.vendor, online.subject.vendor().clone()],
                servers: [self.server, certified],
                keys: [self.key, own.key.id()],
                request_number: message.request_number,
                sequence: message.sequence,
            },
            nonce: self.nonce,
            digest: Sha256::digest(received.envelope.unverified_payload()).into(),
            synchronize_before: self.synchronize_before,
            // A chain to an online key has one certificate.
            online_certificate: received.certificates[0].clone(),
            instance_certificate: self.instance_certificate,
            vendor_name: message.vendor_name,
            vendor_recipient: message.vendor_recipient,
            contact: message.contact,
            notices: message.notices,
            updates_address: message.updates_address,
            updates_root: message.updates_root,
        }
    }
}

/// It is no response at all.
pub(crate) fn unreadable(problem: impl Display) -> Failed {
    let message = format!("the response cannot be read: {problem}");
    Failed::new(SyncStep::Verify, ErrorReason::FileUnreadable, message)
}

/// It is not the vendor's word.
fn invalid(problem: impl Display) -> Failed {
    let message = format!(
        "the response is not signed as the vendor's would be: {problem}; fetch it again, and if it stays so, ask the \
         vendor whether its root key is the one that this server was enrolled with"
    );
    Failed::new(SyncStep::Verify, ErrorReason::SignatureInvalid, message)
}
