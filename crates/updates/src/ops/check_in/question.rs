//! What a client says, read and checked.

use std::collections::BTreeSet;

use leasehold_domain::updates::{Followed, STABLE};
use leasehold_domain::{HostId, text};
use leasehold_proto::convert::grant_ref::read_any_grant_refs;
use leasehold_proto::convert::hostid::read_hostid;
use leasehold_proto::licensing::v1::GrantRef;
use leasehold_proto::types::v1 as types;
use leasehold_proto::updates::v1 as pb;
use uuid::Uuid;

use crate::Error;

const MAX_PRODUCTS: usize = 64;
const MAX_NAME: usize = 255;
const MAX_SHORT: usize = 64;
const NONCE: std::ops::RangeInclusive<usize> = 16..=64;

/// What a client says.
pub(super) struct Question {
    pub(super) client: Uuid,
    pub(super) hostid: HostId,
    /// As the client wrote it, to be repeated so.
    pub(super) wire_hostid: types::HostId,
    pub(super) alias: String,
    pub(super) leases: Vec<GrantRef>,
    pub(super) products: Vec<Followed>,
    pub(super) time_zone: String,
    pub(super) free_bytes: u64,
    pub(super) client_version: String,
    pub(super) nonce: Vec<u8>,
}

impl Question {
    /// Reads it; the error names the first field that breaks its rule.
    pub(super) fn read(message: pb::CheckInRequest) -> Result<Self, Error> {
        let client = client_id("client_id", &message.client_id)?;
        let hostid = read_hostid("hostid", message.hostid.as_ref())?;
        read_any_grant_refs("leases", &message.leases)?;
        optional("alias", &message.alias, MAX_NAME)?;
        optional("time_zone", &message.time_zone, MAX_SHORT)?;
        optional("client_version", &message.client_version, MAX_SHORT)?;
        if i64::try_from(message.free_bytes).is_err() {
            return Err(Error::field("free_bytes", "is more than there can be; give bytes, or 0"));
        }
        if !NONCE.contains(&message.nonce.len()) {
            return Err(Error::field("nonce", "give 16 to 64 random bytes"));
        }
        if !(1..=MAX_PRODUCTS).contains(&message.products.len()) {
            return Err(Error::field("products", "name 1 to 64 products"));
        }
        let mut products = Vec::with_capacity(message.products.len());
        let mut named = BTreeSet::new();
        for (index, product) in message.products.into_iter().enumerate() {
            let field = format!("products[{index}]");
            if !named.insert(product.product.clone()) {
                return Err(Error::field(format!("{field}.product"), "comes twice; name each product once"));
            }
            products.push(followed(&field, product)?);
        }
        Ok(Self {
            client,
            hostid,
            wire_hostid: message.hostid.unwrap_or_default(),
            alias: message.alias,
            leases: message.leases,
            products,
            time_zone: message.time_zone,
            free_bytes: message.free_bytes,
            client_version: message.client_version,
            nonce: message.nonce,
        })
    }
}

/// The client's id that must be in `field`.
pub(in crate::ops) fn client_id(field: &str, text: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(text).map_err(|_| Error::field(field, "give a UUID"))
}

fn followed(field: &str, message: pb::InstalledProduct) -> Result<Followed, Error> {
    let name = |name: &str| format!("{field}.{name}");
    text::check(&message.product, MAX_NAME)
        .map_err(|error| Error::field(name("product"), error.to_string()))?;
    optional(&name("channel"), &message.channel, MAX_NAME)?;
    optional(&name("version"), &message.version, MAX_NAME)?;
    optional(&name("os"), &message.os, MAX_NAME)?;
    optional(&name("arch"), &message.arch, MAX_NAME)?;
    let sha256 = match message.sha256.as_slice() {
        [] => None,
        bytes => Some(bytes.try_into().map_err(|_| Error::field(name("sha256"), "give 32 bytes, or none"))?),
    };
    let channel = if message.channel.is_empty() { STABLE.to_owned() } else { message.channel };
    let (os, arch, version) = (message.os, message.arch, message.version);
    Ok(Followed { product: message.product, channel, os, arch, version, sha256 })
}

fn optional(field: &str, text: &str, max: usize) -> Result<(), Error> {
    text::check_optional(text, max).map_err(|error| Error::field(field, error.to_string()))
}
