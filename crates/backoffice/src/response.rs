//! Making the response to a request: every line item of the server, a deadline, and a certificate for its key, signed.

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1::LineItem;
use leasehold_proto::sync::v1 as pb;
use leasehold_signing::{Certificate, CryptoRng, Envelope, PayloadType, Serial, Subject};
use leasehold_store::backoffice::{Digest, EntitlementId, LicenseServer, LineItemContent};
use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::request::Request;
use crate::vendor_keys::{VendorKeys, validity};

/// How long a server's key is certified beyond its deadline: what it granted until then runs to its end.
const BEYOND_DEADLINE: SignedDuration = SignedDuration::from_hours(24 * 366);

/// A response that was made.
pub(crate) struct Response {
    /// Its sequence number.
    pub(crate) sequence: u64,
    /// From then on the server grants nothing until it has synchronised again.
    pub(crate) synchronize_before: Timestamp,
    /// The digest that the server will name it by.
    pub(crate) digest: Digest,
    /// The envelope and the certificate of its signer.
    pub(crate) signed: pb::Signed,
}

/// Makes the next response for a licence server.
pub(crate) fn make(
    vendor: &VendorKeys,
    server: &LicenseServer,
    request: &Request,
    items: &[(EntitlementId, LineItemContent)],
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Response, Error> {
    let ends = vendor.validity.not_after();
    if now < vendor.validity.not_before() || now >= ends {
        return Err(Error::OnlineKeyEnded { not_after: ends });
    }
    // Beyond the end of the key above it nothing that the server signs would count.
    let synchronize_before = now.checked_add(server.synchronize_within).unwrap_or(ends).min(ends);
    let sequence = server.sequence + 1;
    let decode = |(_, item): &(_, LineItemContent)| LineItem::decode(item.content.as_slice());
    let response = pb::SyncResponse {
        license_server_id: server.id.to_string(),
        vendor_id: vendor.row.id.clone(),
        vendor_name: vendor.row.name.clone(),
        sequence,
        nonce: request.nonce.clone(),
        request_number: request.number,
        signing_key_id: request.signing_key.id().to_string(),
        line_items: items.iter().map(decode).collect::<Result<_, _>>().map_err(Error::broken)?,
        issued_at: Some(timestamp(now)),
        synchronize_before: Some(timestamp(synchronize_before)),
        instance_certificate: certificate(vendor, server, request, (now, synchronize_before), rng)?,
        vendor_recipient: vendor.identity.recipient().to_string(),
        contact: Some(vendor.contact()),
        notices: Vec::new(),
        updates_address: vendor.row.updates.address.clone(),
        updates_root: vendor.row.updates.root.clone(),
    };
    let payload = response.encode_to_vec();
    let digest = Sha256::digest(&payload).into();
    let envelope =
        Envelope::sign(PayloadType::SyncResponse, payload, &vendor.online).map_err(Error::broken)?;
    let signed =
        pb::Signed { envelope: envelope.to_protobuf(), certificates: vec![vendor.certificate.to_protobuf()] };
    Ok(Response { sequence, synchronize_before, digest, signed })
}

/// The certificate of the server's signing key.
fn certificate(
    vendor: &VendorKeys,
    server: &LicenseServer,
    request: &Request,
    (now, synchronize_before): (Timestamp, Timestamp),
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, Error> {
    let until = synchronize_before.checked_add(BEYOND_DEADLINE).unwrap_or(Timestamp::MAX);
    let certificate = Certificate {
        subject: Subject::Instance { vendor: vendor.id.clone(), instance: InstanceId(server.id.0) },
        key: request.signing_key,
        validity: validity(now, until),
        serial: Serial::generate(rng),
    };
    Ok(certificate.issue(&vendor.online).map_err(Error::broken)?.to_protobuf())
}
