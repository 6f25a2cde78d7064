//! Setting a vendor up, and renewing its online key: what needs the root key, which no running service has.

use jiff::Timestamp;
use leasehold_domain::text;
use leasehold_signing::{CryptoRng, ServiceKey, SigningKey, VendorId};
use leasehold_store::BackOfficeStore;
use leasehold_store::backoffice::{Contact, UpdateRepository, Vendor};

use crate::Error;
use crate::audit::{Action, record};
use crate::vendor_keys::{make_identity, make_online};

/// Who acts where the root key is at hand.
const ACTOR: &str = "root";
const MAX_SHORT: usize = 255;

/// Who the vendor is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Its id, 1 to 255 bytes. It stands in every certificate and never changes.
    pub vendor_id: String,
    /// Its name for people, 1 to 255 bytes.
    pub name: String,
    /// How people reach it.
    pub contact: Contact,
    /// Where licence servers reach the back office: `https://HOST[:PORT]`, `http://HOST[:PORT]` on the same machine;
    /// empty: by files only.
    pub address: String,
}

impl Setup {
    /// Checks every field.
    pub fn check(&self) -> Result<(), Error> {
        VendorId::new(&self.vendor_id).map_err(|error| Error::field("vendor_id", error))?;
        text::check(&self.name, MAX_SHORT).map_err(|error| Error::field("name", error))?;
        let Contact { mail, web, phone } = &self.contact;
        for (field, value) in [("contact.mail", mail), ("contact.web", web), ("contact.phone", phone)] {
            text::check_optional(value, MAX_SHORT).map_err(|error| Error::field(field, error))?;
        }
        check_address(&self.address)
    }
}

/// Sets the vendor up in a store that has none: makes the online key and the identity for files, seals both, and lets
/// the root certify the online key.
pub async fn set_up(
    store: &dyn BackOfficeStore,
    key: &ServiceKey,
    rng: &mut (impl CryptoRng + Send + ?Sized),
    now: Timestamp,
    setup: Setup,
    root: &SigningKey,
) -> Result<(), Error> {
    setup.check()?;
    let id = VendorId::new(&setup.vendor_id).map_err(Error::broken)?;
    let vendor = Vendor {
        id: setup.vendor_id,
        name: setup.name,
        contact: setup.contact,
        address: setup.address,
        root_key: *root.verifying_key().as_bytes(),
        online_key: make_online(&id, root, key, rng, now)?,
        identity: make_identity(&id, key, rng)?,
        created_at: now,
        updates: UpdateRepository::default(),
    };
    let detail = format!("root key {}", root.id().fingerprint());
    let record = record(now, ACTOR, Action::VendorSetUp, &vendor.id, detail);
    if store.create_vendor(&vendor, &record).await? {
        return Ok(());
    }
    let found = store.vendor().await?.map(|vendor| vendor.id).unwrap_or_default();
    Err(Error::AlreadySetUp(found))
}

/// Makes a new online key, certified by the root, in place of the old one. What the old one signed stays good. Says
/// when the new certificate ends.
pub async fn certify_online(
    store: &dyn BackOfficeStore,
    key: &ServiceKey,
    rng: &mut (impl CryptoRng + Send + ?Sized),
    now: Timestamp,
    root: &SigningKey,
) -> Result<Timestamp, Error> {
    let vendor = store.vendor().await?.ok_or(Error::NoVendor)?;
    let id = VendorId::new(&vendor.id).map_err(Error::broken)?;
    let online = make_online(&id, root, key, rng, now)?;
    let record = record(now, ACTOR, Action::OnlineKeyRenewed, &vendor.id, "");
    // Opened before it is written: the master key has to be the one that sealed the rest.
    let renewed = Vendor { online_key: online.clone(), ..vendor };
    if renewed.root_key != *root.verifying_key().as_bytes() {
        return Err(Error::OtherRoot);
    }
    let not_after = crate::vendor_keys::VendorKeys::open(renewed, key)?.validity.not_after();
    if !store.replace_online_key(root.verifying_key().as_bytes(), &online, &record).await? {
        return Err(Error::OtherRoot);
    }
    Ok(not_after)
}

/// Checks where licence servers are to reach the back office. Empty is nowhere.
pub(crate) fn check_address(address: &str) -> Result<(), Error> {
    let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let good = host.is_some_and(|host| {
        let odd = |char: char| char.is_whitespace() || char.is_control() || "/?#@\\".contains(char);
        !host.is_empty() && !host.starts_with(':') && !host.contains(odd)
    });
    if address.is_empty() || (good && address.len() <= MAX_SHORT) {
        return Ok(());
    }
    let problem = "give `https://HOST[:PORT]`, or `http://HOST[:PORT]` for the same machine, without a path; or nothing";
    Err(Error::field("address", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_and_a_host() {
        for address in [
            "",
            "https://example.com",
            "https://example.com:16780",
            "http://127.0.0.1:1",
            "https://[::1]:443",
        ] {
            assert!(check_address(address).is_ok(), "{address}");
        }
        for address in [
            "example.com",
            "ftp://example.com",
            "https://",
            "https://:443",
            "https://example.com/",
            "https://a b",
            "https://kim@example.com",
            "https://example.com?x",
        ] {
            assert!(check_address(address).is_err(), "{address}");
        }
    }
}
