//! The values that the back office keeps.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{FeatureName, HostId, LineItemId};
use uuid::Uuid;

/// A SHA-256.
pub type Digest = [u8; 32];

/// The id that the vendor gave a licence server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenseServerId(pub Uuid);

/// The id of an entitlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntitlementId(pub Uuid);

impl fmt::Display for LicenseServerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for EntitlementId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How people reach the vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// A mail address.
    pub mail: String,
    /// A web page.
    pub web: String,
    /// A telephone number.
    pub phone: String,
}

/// Whose back office it is. There is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vendor {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// How people reach it.
    pub contact: Contact,
    /// Where licence servers reach the back office; may be empty.
    pub address: String,
    /// The public half of its root key.
    pub root_key: [u8; 32],
    /// The key for daily work.
    pub online_key: OnlineKey,
    /// What opens files for it, sealed.
    pub identity: Vec<u8>,
    /// When it was set up.
    pub created_at: Timestamp,
    /// Where its updates are.
    pub updates: UpdateRepository,
}

/// Where a vendor's updates are. Both are empty where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateRepository {
    /// The address of the repository.
    pub address: String,
    /// Its first `root.json`.
    pub root: Vec<u8>,
}

/// The vendor's key for daily work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlineKey {
    /// Its seed, sealed.
    pub seed: Vec<u8>,
    /// Its certificate by the root, encoded.
    pub certificate: Vec<u8>,
}

/// Something that is sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// The features that its line items may have; any, where there is none.
    pub features: Vec<FeatureName>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// Somebody who buys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Unique.
    pub name: String,
    /// Where codes and files are mailed to.
    pub mail: String,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A licence server at a customer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseServer {
    /// Its id.
    pub id: LicenseServerId,
    /// For people, unique for the customer.
    pub name: String,
    /// The customer's name.
    pub customer: String,
    /// How far ahead each bundle sets its deadline.
    pub synchronize_within: SignedDuration,
    /// When it was added.
    pub created_at: Timestamp,
    /// The keys that its id belongs to.
    pub binding: Option<Binding>,
    /// What it said of its machine last.
    pub hostids: Vec<HostId>,
    /// Its version, as it said last.
    pub software_version: String,
    /// When its newest request came.
    pub seen_at: Option<Timestamp>,
    /// The sequence number of the newest bundle made for it. Only grows.
    pub sequence: u64,
    /// The sequence number that it said last is in force.
    pub applied_sequence: u64,
    /// The deadline of the newest bundle.
    pub synchronize_before: Option<Timestamp>,
    /// Why a clone is suspected; empty where none is.
    pub clone_suspected: String,
}

/// The keys that a licence server's id belongs to, and what is known since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Its signing key, the public half.
    pub signing_key: [u8; 32],
    /// The recipient that files for it are sealed for.
    pub recipient: String,
    /// When it was bound.
    pub bound_at: Timestamp,
    /// What the request that bound it named as the response before it.
    pub first_previous: Option<Digest>,
    /// The sequence number of the newest response of this binding that a request has named. 0: none.
    pub acknowledged: u64,
}

/// A request of a licence server that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The sequence number of the response.
    pub sequence: u64,
    /// The number of the request.
    pub request_number: u64,
    /// The digest of the request.
    pub request: Digest,
    /// The digest of the response.
    pub response: Digest,
    /// When it was answered.
    pub answered_at: Timestamp,
}

/// A line item, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineItemContent {
    /// Its id, unique over all entitlements of a licence server.
    pub id: LineItemId,
    /// The rest of it, and the id.
    pub content: Vec<u8>,
}

/// What a customer has bought for a licence server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Its id.
    pub id: EntitlementId,
    /// The licence server.
    pub license_server: LicenseServerId,
    /// The rights, in their order.
    pub line_items: Vec<LineItemContent>,
    /// Grows with each change.
    pub revision: u64,
    /// When it was added.
    pub created_at: Timestamp,
}

/// An entitlement, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntitlementRow {
    /// The entitlement.
    pub entitlement: Entitlement,
    /// The name of the customer of the licence server.
    pub customer: String,
}

/// One thing that was done or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// The reason given, or what was refused and why.
    pub detail: String,
}

/// How many refusals are worth a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Most records of one action on one subject.
    pub most: u32,
    /// Since then.
    pub since: Timestamp,
}
