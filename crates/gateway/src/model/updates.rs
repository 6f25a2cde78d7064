//! Updates: products, their releases, and the clients that follow them.

use jiff::Timestamp;
use leasehold_proto::updates::v1 as pb;
use serde::Serialize;
use utoipa::ToSchema;

use super::{bare, given, hostid, time};

/// A product that there are releases of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UpdateProduct {
    /// Its name.
    #[schema(example = "Studio")]
    pub(crate) name: String,
    /// How many releases there are of it.
    pub(crate) releases: i64,
    /// The newest approved version; left out: none is approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2.4.1")]
    pub(crate) newest_version: Option<String>,
    /// When the vendor released that.
    pub(crate) newest_released_at: Option<Timestamp>,
    /// How many clients follow it.
    pub(crate) clients: i64,
    /// How many of those have the newest approved version.
    pub(crate) current_clients: i64,
}

/// A release, as the vendor's metadata names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UpdateRelease {
    /// The product.
    #[schema(example = "Studio")]
    pub(crate) product: String,
    /// The version.
    #[schema(example = "2.4.1")]
    pub(crate) version: String,
    /// `DEFINITION` or `SOFTWARE`.
    #[schema(example = "DEFINITION")]
    pub(crate) kind: String,
    /// The channel.
    #[schema(example = "stable")]
    pub(crate) channel: String,
    /// The operating system; left out: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) os: Option<String>,
    /// The architecture; left out: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arch: Option<String>,
    /// The path of its file in the vendor's repository.
    #[schema(example = "Studio/2.4.1/rules.db")]
    pub(crate) target: String,
    /// Its length in bytes.
    pub(crate) length: u64,
    /// Its SHA-256, 64 hexadecimal digits.
    pub(crate) sha256: String,
    /// `KNOWN`, `APPROVED` or `WITHDRAWN`.
    #[schema(example = "APPROVED")]
    pub(crate) state: String,
    /// Whether its bytes are on this server.
    pub(crate) held: bool,
    /// Whether the vendor calls it an emergency.
    pub(crate) emergency: bool,
    /// The vendor's notes.
    pub(crate) notes: String,
    /// Why the vendor took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) withdrawn_reason: Option<String>,
    /// Whoever holds one of these features is licensed for it; none: of any feature of the product.
    pub(crate) features: Vec<String>,
    /// When the vendor released it.
    pub(crate) released_at: Option<Timestamp>,
    /// When this server first saw it.
    pub(crate) seen_at: Option<Timestamp>,
}

/// A client that checks in for updates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UpdateClient {
    /// Its own id.
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub(crate) client_id: String,
    /// Its device.
    #[schema(example = "a1b2/MACHINE_ID")]
    pub(crate) hostid: String,
    /// The device's name for people.
    #[schema(example = "workstation 7")]
    pub(crate) alias: String,
    /// The version of the client itself.
    pub(crate) client_version: String,
    /// Its time zone.
    #[schema(example = "Europe/Berlin")]
    pub(crate) time_zone: String,
    /// Bytes that are free there; `null`: it has not said.
    pub(crate) free_bytes: Option<u64>,
    /// When it first checked in.
    pub(crate) first_seen_at: Option<Timestamp>,
    /// When it last checked in.
    pub(crate) seen_at: Option<Timestamp>,
    /// What it follows.
    pub(crate) products: Vec<ClientProduct>,
}

/// A product on a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ClientProduct {
    /// The product.
    #[schema(example = "Studio")]
    pub(crate) product: String,
    /// The channel that it follows.
    #[schema(example = "stable")]
    pub(crate) channel: String,
    /// The version that it says it has; left out: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// The version that it is to have; left out: no other one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assigned_version: Option<String>,
    /// The last state that it reported, as its events have it; left out: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "INSTALLED")]
    pub(crate) state: Option<String>,
    /// When it reported that, by the server's clock.
    pub(crate) state_at: Option<Timestamp>,
    /// What it said with it.
    pub(crate) message: String,
    /// When the vendor released the version that it has: the age of its definitions counts from there.
    pub(crate) released_at: Option<Timestamp>,
}

/// Something that a client did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UpdateEvent {
    /// Numbers the client's events, from 1.
    pub(crate) sequence: u64,
    /// When, by the client's clock.
    pub(crate) at: Option<Timestamp>,
    /// When this server heard of it.
    pub(crate) received_at: Option<Timestamp>,
    /// The assignment that it is about.
    pub(crate) assignment_id: String,
    /// The product.
    #[schema(example = "Studio")]
    pub(crate) product: String,
    /// The version.
    #[schema(example = "2.4.1")]
    pub(crate) version: String,
    /// `ACCEPTED`, `DOWNLOADING`, `DOWNLOADED`, `VERIFIED`, `WAITING_WINDOW`, `INSTALLING`, `INSTALLED`,
    /// `ROLLED_BACK`, `FAILED`, `CANCELED`, `CANCEL_REJECTED` or `DEFERRED`.
    #[schema(example = "INSTALLED")]
    pub(crate) state: String,
    /// Why it failed, or what else there is to say.
    pub(crate) message: String,
    /// Bytes that were fetched for it.
    pub(crate) fetched_bytes: u64,
}

impl From<pb::Product> for UpdateProduct {
    fn from(found: pb::Product) -> Self {
        Self {
            name: found.name,
            releases: found.releases,
            newest_version: given(found.newest_version),
            newest_released_at: time(found.newest_released_at.as_ref()),
            clients: found.clients,
            current_clients: found.current_clients,
        }
    }
}

impl From<pb::Release> for UpdateRelease {
    fn from(found: pb::Release) -> Self {
        Self {
            kind: bare(found.kind().as_str_name(), "RELEASE_KIND_"),
            state: bare(found.state().as_str_name(), "RELEASE_STATE_"),
            released_at: time(found.released_at.as_ref()),
            seen_at: time(found.seen_at.as_ref()),
            product: found.product,
            version: found.version,
            channel: found.channel,
            os: given(found.os),
            arch: given(found.arch),
            target: found.target,
            length: found.length,
            sha256: found.sha256,
            held: found.held,
            emergency: found.emergency,
            notes: found.notes,
            withdrawn_reason: given(found.withdrawn_reason),
            features: found.features,
        }
    }
}

impl From<pb::UpdateClient> for UpdateClient {
    fn from(found: pb::UpdateClient) -> Self {
        Self {
            hostid: hostid(found.hostid.as_ref()),
            first_seen_at: time(found.first_seen_at.as_ref()),
            seen_at: time(found.seen_at.as_ref()),
            client_id: found.client_id,
            alias: found.alias,
            client_version: found.client_version,
            time_zone: found.time_zone,
            free_bytes: (found.free_bytes > 0).then_some(found.free_bytes),
            products: found.products.into_iter().map(ClientProduct::from).collect(),
        }
    }
}

impl From<pb::ClientProduct> for ClientProduct {
    fn from(found: pb::ClientProduct) -> Self {
        let state = bare(found.state().as_str_name(), "UPDATE_STATE_");
        Self {
            state: (state != "UNSPECIFIED").then_some(state),
            state_at: time(found.state_at.as_ref()),
            released_at: time(found.released_at.as_ref()),
            product: found.product,
            channel: found.channel,
            version: given(found.version),
            assigned_version: given(found.assigned_version),
            message: found.message,
        }
    }
}

impl From<pb::KeptEvent> for UpdateEvent {
    fn from(found: pb::KeptEvent) -> Self {
        let received_at = time(found.received_at.as_ref());
        let event = found.event.unwrap_or_default();
        Self {
            state: bare(event.state().as_str_name(), "UPDATE_STATE_"),
            at: time(event.at.as_ref()),
            received_at,
            sequence: event.sequence,
            assignment_id: event.assignment_id,
            product: event.product,
            version: event.version,
            message: event.message,
            fetched_bytes: event.fetched_bytes,
        }
    }
}
