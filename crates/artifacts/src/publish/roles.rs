//! The metadata files, and how they are signed (TUF specification, section 4).

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use jiff::Timestamp as Time;
use leasehold_signing::{SigningKey, VerifyingKey, tuf};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sigstore_tuf::canonical_json::to_canonical_bytes;

use crate::digest::Digest;
use crate::target::WithdrawnEntry;

/// The specification that is followed.
const SPECIFICATION: &str = "1.0.31";

/// What every role says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    #[serde(rename = "_type")]
    pub(super) kind: String,
    pub(super) spec_version: String,
    pub(super) version: u64,
    pub(super) expires: Time,
}

impl Head {
    /// Of a role that is new and was not published yet.
    pub(super) fn new(kind: &str) -> Self {
        let (kind, spec_version) = (kind.to_owned(), SPECIFICATION.to_owned());
        Self { kind, spec_version, version: 0, expires: Time::UNIX_EPOCH }
    }
}

/// A public key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Key {
    keytype: String,
    scheme: String,
    keyval: BTreeMap<String, String>,
}

impl Key {
    pub(super) fn of(key: &VerifyingKey) -> Self {
        let keyval = BTreeMap::from([("public".to_owned(), key.to_string())]);
        Self { keytype: "ed25519".to_owned(), scheme: "ed25519".to_owned(), keyval }
    }
}

/// Which keys sign for a role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RoleKeys {
    pub(super) keyids: Vec<String>,
    threshold: u32,
}

impl RoleKeys {
    pub(super) fn of(key: &VerifyingKey) -> Self {
        Self { keyids: vec![key.id().to_string()], threshold: 1 }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Root {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) consistent_snapshot: bool,
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) roles: BTreeMap<String, RoleKeys>,
}

impl Root {
    /// Gives a role another key.
    pub(super) fn set(&mut self, role: &str, key: &VerifyingKey) {
        self.keys.insert(key.id().to_string(), Key::of(key));
        self.roles.insert(role.to_owned(), RoleKeys::of(key));
        let used: Vec<&String> = self.roles.values().flat_map(|role| &role.keyids).collect();
        self.keys.retain(|id, _| used.contains(&id));
    }

    /// The ids of a role's keys.
    pub(super) fn ids(&self, role: &str) -> &[String] {
        self.roles.get(role).map_or(&[], |role| &role.keyids)
    }
}

/// What a metadata file has to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) version: u64,
    length: u64,
    hashes: BTreeMap<String, Digest>,
}

impl Meta {
    pub(super) fn of(version: u64, content: &[u8]) -> Self {
        Self { version, length: content.len() as u64, hashes: sha256(Digest::of(content)) }
    }
}

/// The timestamp, and the snapshot: they have the same form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Listing {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) meta: BTreeMap<String, Meta>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "TUF calls both a role and what is in it targets")]
pub(super) struct Targets {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) targets: BTreeMap<String, File>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delegations: Option<Delegations>,
    #[serde(rename = "x-leasehold-withdrawn", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) withdrawn: BTreeMap<String, WithdrawnEntry>,
}

impl Targets {
    pub(super) fn new() -> Self {
        let (targets, withdrawn) = (BTreeMap::new(), BTreeMap::new());
        Self { head: Head::new("targets"), targets, delegations: None, withdrawn }
    }
}

/// A file that a role names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) length: u64,
    hashes: BTreeMap<String, Digest>,
    pub(super) custom: Value,
}

impl File {
    pub(super) fn new(length: u64, digest: Digest, custom: Value) -> Self {
        Self { length, hashes: sha256(digest), custom }
    }

    pub(super) fn sha256(&self) -> Option<Digest> {
        self.hashes.get("sha256").copied()
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Delegations {
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) roles: Vec<Delegated>,
}

/// A product's role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Delegated {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) keys: RoleKeys,
    terminating: bool,
    paths: Vec<String>,
}

impl Delegations {
    /// Gives a product's role this key; one that is new gets a delegation.
    pub(super) fn set(&mut self, product: &str, key: &VerifyingKey) {
        self.keys.insert(key.id().to_string(), Key::of(key));
        match self.roles.iter_mut().find(|role| role.name == product) {
            Some(role) => role.keys = RoleKeys::of(key),
            None => {
                let paths = vec![format!("{product}/*/*")];
                let (name, keys) = (product.to_owned(), RoleKeys::of(key));
                self.roles.push(Delegated { name, keys, terminating: true, paths });
            }
        }
        let used: Vec<&String> = self.roles.iter().flat_map(|role| &role.keys.keyids).collect();
        self.keys.retain(|id, _| used.contains(&id));
    }
}

fn sha256(digest: Digest) -> BTreeMap<String, Digest> {
    BTreeMap::from([("sha256".to_owned(), digest)])
}

/// A metadata file: the role, signed by each of these keys.
pub(super) fn signed(role: &impl Serialize, keys: &[SigningKey]) -> Vec<u8> {
    let role = serde_json::to_value(role).expect("a role has only text keys");
    let canonical = to_canonical_bytes(&role).expect("a role has only whole numbers");
    let signature = |key: &SigningKey| {
        let signature = tuf::sign_role(key, &canonical).expect("a role begins with its type");
        json!({"keyid": key.id().to_string(), "sig": HEXLOWER.encode(&signature)})
    };
    let signatures: Vec<Value> = keys.iter().map(signature).collect();
    // The file itself is ordinary JSON: the canonical form leaves control characters as they are, which JSON forbids.
    serde_json::to_vec(&json!({"signatures": signatures, "signed": role})).expect("it has only text keys")
}

/// The role in a metadata file. Its signatures are not looked at: it is our own.
pub(super) fn read<T: DeserializeOwned>(content: &[u8]) -> Result<T, serde_json::Error> {
    #[derive(Deserialize)]
    struct Envelope<T> {
        signed: T,
    }
    serde_json::from_slice::<Envelope<T>>(content).map(|envelope| envelope.signed)
}
