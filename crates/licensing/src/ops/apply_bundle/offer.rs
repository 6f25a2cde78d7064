//! A bundle as it was sent: who signed it, for whom, and what it brings.
//!
//! Responsible for believing it or not. Not responsible for what is in force already.
//! Reference: licensing, "Bundles".

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{LineItem, Rejection};
use leasehold_proto::convert::FieldError;
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::sync::v1::SyncResponse;
use leasehold_signing::{
    ChainError, Envelope, Expected, OpenError, PayloadType, Role, read_chain, verify_chain,
};
use leasehold_store::licensing::Bundle;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::pin::Pin;

/// How long a bundle gives leave at most.
const LONGEST_LEAVE: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A bundle that the vendor made for this server.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) bundle: Bundle,
    pub(super) items: Vec<LineItem>,
}

impl Offer {
    /// The bundle in this envelope, if the vendor that is pinned made it for the server that is.
    pub(super) fn read(pin: &Pin, envelope: &[u8], certificates: &[Vec<u8>]) -> Result<Self, Error> {
        let envelope = Envelope::from_protobuf(envelope).map_err(|error| not_signed(&error))?;
        let chain = read_chain(certificates).map_err(|error| not_signed(&error))?;
        let issued_at = when_signed(&envelope)?;
        let expected = Expected { vendor: Some(&pin.vendor), ..Expected::any(Role::Online) };
        let signer = verify_chain(&pin.root, &chain, issued_at, &expected).map_err(distrusted)?;
        let payload =
            signer.open(&envelope, PayloadType::SyncResponse).map_err(|error| not_signed(&error))?;
        let response = decode(payload)?;
        check_names(pin, &response)?;
        check_instance_certificate(pin, chain, &response, issued_at)?;
        Ok(Self { bundle: bundle(&response, payload, issued_at)?, items: items(&response)? })
    }
}

/// When it was signed, by what nobody has verified yet.
fn when_signed(envelope: &Envelope) -> Result<Timestamp, Error> {
    let (expected, found) = (PayloadType::SyncResponse, envelope.payload_type());
    if found != expected {
        return Err(not_signed(&OpenError::WrongType { expected, found }));
    }
    issued_at(&decode(envelope.unverified_payload())?).map_err(|error| not_signed(&error))
}

fn decode(payload: &[u8]) -> Result<SyncResponse, Error> {
    SyncResponse::decode(payload).map_err(|error| not_signed(&error))
}

fn issued_at(response: &SyncResponse) -> Result<Timestamp, Error> {
    let field = "issued_at";
    time(field, response.issued_at.as_ref().map(|at| read_timestamp(field, at)))
}

fn check_names(pin: &Pin, response: &SyncResponse) -> Result<(), Error> {
    if response.vendor_id != pin.vendor.as_str() {
        let (found, own) = (&response.vendor_id, &pin.vendor);
        return Err(Error::Foreign(format!("it is of the vendor {found:?}, and this server is {own}'s")));
    }
    let server = pin.server.to_string();
    if response.license_server_id != server {
        let found = &response.license_server_id;
        return Err(Error::Foreign(format!("it is for the licence server {found:?}, and this is {server}")));
    }
    Ok(())
}

/// The server's own certificate comes with the bundle, below the key that signed it.
fn check_instance_certificate(
    pin: &Pin,
    mut chain: Vec<Envelope>,
    response: &SyncResponse,
    issued_at: Timestamp,
) -> Result<(), Error> {
    let own = Envelope::from_protobuf(&response.instance_certificate).map_err(|error| not_signed(&error))?;
    chain.push(own);
    let expected =
        Expected { vendor: Some(&pin.vendor), instance: Some(pin.server), ..Expected::any(Role::Instance) };
    verify_chain(&pin.root, &chain, issued_at, &expected).map(drop).map_err(distrusted)
}

fn bundle(response: &SyncResponse, payload: &[u8], issued_at: Timestamp) -> Result<Bundle, Error> {
    let sequence = response.sequence;
    if sequence == 0 || i64::try_from(sequence).is_err() {
        return Err(Error::field("sequence", "give 1 to 9,223,372,036,854,775,807"));
    }
    let field = "synchronize_before";
    let before = response.synchronize_before.as_ref().map(|at| read_timestamp(field, at));
    let synchronize_before = time(field, before)?;
    if synchronize_before.duration_since(issued_at) > LONGEST_LEAVE {
        return Err(Error::field(field, "give at most 366 days after issued_at"));
    }
    Ok(Bundle { sequence, digest: Sha256::digest(payload).into(), issued_at, synchronize_before })
}

fn items(response: &SyncResponse) -> Result<Vec<LineItem>, Error> {
    let mut known = BTreeSet::new();
    let mut items = Vec::with_capacity(response.line_items.len());
    for (index, message) in response.line_items.iter().enumerate() {
        let place = format!("line_items[{index}]");
        let item = LineItem::try_from(message).map_err(|error| rejected(error.under(&place)))?;
        if !known.insert(item.id.clone()) {
            return Err(Error::field(place, format!("the id {} occurs twice", item.id)));
        }
        // It is compared with what is kept, and a vendor may be more exact than that.
        items.push(item.in_microseconds());
    }
    Ok(items)
}

fn time(field: &str, at: Option<Result<Timestamp, FieldError>>) -> Result<Timestamp, Error> {
    at.ok_or_else(|| Error::field(field, "is missing; give it"))?.map_err(rejected)
}

fn rejected(error: FieldError) -> Error {
    Error::Rejected(Rejection::from(error))
}

fn not_signed(why: &dyn std::error::Error) -> Error {
    Error::SignatureInvalid(why.to_string())
}

/// A good chain of somebody else is no forgery.
fn distrusted(error: ChainError) -> Error {
    match error {
        ChainError::OtherVendor { .. }
        | ChainError::OtherInstance { .. }
        | ChainError::ForeignVendor { .. }
        | ChainError::ForeignInstance { .. } => Error::Foreign(error.to_string()),
        other => not_signed(&other),
    }
}
