//! The vendor's keys: made at set-up, sealed at rest, opened to answer.
//!
//! Responsible for the online key, its certificate, and the identity that opens request files. The root key is not
//! here: it certifies the online key and goes back to where it is kept.

use jiff::{SignedDuration, Timestamp};
use leasehold_proto::sync::v1 as pb;
use leasehold_signing::sealed_file::Identity;
use leasehold_signing::{
    Certificate, CryptoRng, Envelope, ExposeSecret, PayloadType, Serial, ServiceKey, SigningKey, Subject,
    Validity, VendorId, VerifyingKey,
};
use leasehold_store::backoffice::{OnlineKey, Vendor};

use crate::Error;

/// How long the root certifies an online key for.
pub(crate) const ONLINE_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 365 * 3);
/// How far a certificate reaches back: clocks differ.
pub(crate) const BACKDATED: SignedDuration = SignedDuration::from_hours(24 * 2);

/// The vendor with its keys, opened.
pub(crate) struct VendorKeys {
    /// Its id.
    pub(crate) id: VendorId,
    /// What is stored of it.
    pub(crate) row: Vendor,
    /// The root key.
    pub(crate) root: VerifyingKey,
    /// The key that signs responses.
    pub(crate) online: SigningKey,
    /// Its certificate by the root.
    pub(crate) certificate: Envelope,
    /// When that is good.
    pub(crate) validity: Validity,
    /// What opens request files.
    pub(crate) identity: Identity,
}

impl VendorKeys {
    /// Opens the keys of a vendor and checks that they belong together.
    pub(crate) fn open(row: Vendor, key: &ServiceKey) -> Result<Self, Error> {
        let id = VendorId::new(&row.id).map_err(Error::broken)?;
        let root = VerifyingKey::from_slice(&row.root_key).map_err(Error::broken)?;
        let seed = key.open(&online_purpose(&row.id), &row.online_key.seed)?;
        let online = SigningKey::from_slice(seed.expose_secret()).map_err(Error::broken)?;
        let certificate = Envelope::from_protobuf(&row.online_key.certificate).map_err(Error::broken)?;
        let payload = certificate.open(PayloadType::KeyCertificate, &root).map_err(Error::broken)?;
        let says = Certificate::decode(payload).map_err(Error::broken)?;
        if says.key != *online.verifying_key() || says.subject != (Subject::Online { vendor: id.clone() }) {
            return Err(Error::broken("the certificate of the online key is for another key"));
        }
        let identity = key.open(&identity_purpose(&row.id), &row.identity)?;
        let identity = std::str::from_utf8(identity.expose_secret()).map_err(Error::broken)?;
        let identity = Identity::from_text(identity).map_err(Error::broken)?;
        Ok(Self { id, root, online, certificate, validity: says.validity, identity, row })
    }

    /// How people reach the vendor.
    pub(crate) fn contact(&self) -> pb::VendorContact {
        let contact = self.row.contact.clone();
        pb::VendorContact { mail: contact.mail, web: contact.web, phone: contact.phone }
    }
}

/// A new online key, certified by the root and sealed.
pub(crate) fn make_online(
    vendor: &VendorId,
    root: &SigningKey,
    key: &ServiceKey,
    rng: &mut (impl CryptoRng + ?Sized),
    now: Timestamp,
) -> Result<OnlineKey, Error> {
    let online = SigningKey::generate(rng);
    let certificate = Certificate {
        subject: Subject::Online { vendor: vendor.clone() },
        key: *online.verifying_key(),
        validity: validity(now, now.checked_add(ONLINE_LIFETIME).unwrap_or(Timestamp::MAX)),
        serial: Serial::generate(rng),
    };
    let certificate = certificate.issue(root).map_err(Error::broken)?.to_protobuf();
    let seed = key.seal(rng, &online_purpose(vendor.as_str()), &*online.expose_seed())?;
    Ok(OnlineKey { seed, certificate })
}

/// A new identity, sealed.
pub(crate) fn make_identity(
    vendor: &VendorId,
    key: &ServiceKey,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, Error> {
    let identity = Identity::generate(rng);
    Ok(key.seal(rng, &identity_purpose(vendor.as_str()), identity.expose_text().as_bytes())?)
}

/// From a little before `now` until `until`, which is later.
pub(crate) fn validity(now: Timestamp, until: Timestamp) -> Validity {
    let from = now.checked_sub(BACKDATED).unwrap_or(Timestamp::MIN);
    Validity::new(from, until).expect("it ends after it begins")
}

/// What the sealed seed of the online key is bound to.
fn online_purpose(vendor: &str) -> String {
    format!("online-key/{vendor}")
}

/// What the sealed identity is bound to.
fn identity_purpose(vendor: &str) -> String {
    format!("file-identity/{vendor}")
}
