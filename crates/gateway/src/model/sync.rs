//! Synchronisation with the vendor.

use jiff::Timestamp;
use leasehold_proto::sync::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{bare, given, hostid, millis, time};

/// Who this server is to its vendor, and how its synchronisation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SyncStatus {
    /// `UNENROLLED`, `NEVER_SYNCHRONIZED`, `SYNCHRONIZED` or `OVERDUE`.
    #[schema(example = "SYNCHRONIZED")]
    pub(crate) status: String,
    /// What the vendor said; left out where it is not enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enrolment: Option<Enrolment>,
    /// The id of its signing key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_key_id: Option<String>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// The recipient that files for it are sealed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recipient: Option<String>,
    /// What identifies its machine.
    pub(crate) hostids: Vec<String>,
    /// The sequence number of the bundle in force; 0 before the first.
    pub(crate) bundle_sequence: u64,
    /// When it was last synchronised.
    pub(crate) synchronized_at: Option<Timestamp>,
    /// From then on nothing is granted until it has synchronised again.
    pub(crate) synchronize_before: Option<Timestamp>,
    /// When it next synchronises by itself; `null`: it does not.
    pub(crate) next_at: Option<Timestamp>,
    /// Request files whose response has not come.
    pub(crate) outstanding: i32,
    /// The vendor's texts for administrators.
    pub(crate) notices: Vec<String>,
}

/// What a server needs to know of its vendor: the content of the vendor's enrolment file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(crate) struct Enrolment {
    /// The id that the vendor gave the server, a UUID.
    #[serde(alias = "licenseServerId")]
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057", max_length = 255)]
    pub(crate) license_server_id: String,
    /// The vendor.
    #[serde(alias = "vendorId")]
    #[schema(example = "example", max_length = 255)]
    pub(crate) vendor_id: String,
    /// The vendor for people.
    #[serde(alias = "vendorName", default)]
    pub(crate) vendor_name: String,
    /// The vendor's root key, 64 hexadecimal digits. It is pinned.
    #[serde(alias = "vendorRoot")]
    pub(crate) vendor_root: String,
    /// Where the back office is; empty: by files only.
    #[serde(default)]
    pub(crate) address: String,
    /// The recipient that requests in files are sealed for: `age1…`.
    #[serde(alias = "vendorRecipient", default)]
    pub(crate) vendor_recipient: String,
    /// How people reach the vendor.
    #[serde(default)]
    pub(crate) contact: Option<VendorContact>,
}

/// How people reach a vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct VendorContact {
    /// A mail address.
    pub(crate) mail: String,
    /// A web page.
    pub(crate) web: String,
    /// A telephone number.
    pub(crate) phone: String,
}

/// A server that is enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Enrolled {
    /// The id of the server's signing key.
    pub(crate) signing_key_id: String,
    /// The same for people, to be compared with what the vendor sees.
    pub(crate) fingerprint: String,
    /// Whether it was enrolled just so before.
    pub(crate) was_enrolled: bool,
}

/// One step of the way to the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ConnectionStep {
    /// `RESOLVE`, `CONNECT`, `TLS`, `EXCHANGE`, `VERIFY` or `APPLY`.
    #[schema(example = "CONNECT")]
    pub(crate) step: String,
    /// Whether it succeeded.
    pub(crate) ok: bool,
    /// What was found, or what is wrong and what to do about it.
    pub(crate) message: String,
    /// How long it took, in milliseconds.
    pub(crate) took_ms: u64,
}

/// One exchange with the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Exchange {
    /// The number of its request.
    pub(crate) number: u64,
    /// `ONLINE` or `FILE`.
    #[schema(example = "ONLINE")]
    pub(crate) way: String,
    /// `REQUESTED`, `APPLYING`, `DONE` or `FAILED`.
    #[schema(example = "DONE")]
    pub(crate) state: String,
    /// When it began.
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended.
    pub(crate) ended_at: Option<Timestamp>,
    /// Bytes sent to the vendor.
    pub(crate) sent_bytes: i64,
    /// Bytes received.
    pub(crate) received_bytes: i64,
    /// The sequence number of its bundle, where one came.
    pub(crate) bundle_sequence: u64,
    /// What the bundle changed, one line each.
    pub(crate) changes: Vec<String>,
    /// From then on nothing is granted, by this bundle.
    pub(crate) synchronize_before: Option<Timestamp>,
    /// Where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed_step: Option<String>,
    /// Why it failed, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure_reason: Option<String>,
    /// Why it failed, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// Who asked for it: an administrator, or the schedule.
    pub(crate) actor: String,
}

impl From<pb::GetIdentityResponse> for SyncStatus {
    fn from(found: pb::GetIdentityResponse) -> Self {
        Self {
            status: bare(found.status().as_str_name(), "SYNC_STATUS_"),
            synchronized_at: time(found.synchronized_at.as_ref()),
            synchronize_before: time(found.synchronize_before.as_ref()),
            next_at: time(found.next_at.as_ref()),
            hostids: found.hostids.iter().map(|id| hostid(Some(id))).collect(),
            enrolment: found.enrolment.map(Enrolment::from),
            signing_key_id: given(found.signing_key_id),
            fingerprint: given(found.fingerprint),
            recipient: given(found.recipient),
            bundle_sequence: found.bundle_sequence,
            outstanding: found.outstanding,
            notices: found.notices,
        }
    }
}

impl From<pb::Enrolment> for Enrolment {
    fn from(found: pb::Enrolment) -> Self {
        Self {
            license_server_id: found.license_server_id,
            vendor_id: found.vendor_id,
            vendor_name: found.vendor_name,
            vendor_root: found.vendor_root,
            address: found.address,
            vendor_recipient: found.vendor_recipient,
            contact: found.contact.map(|it| VendorContact { mail: it.mail, web: it.web, phone: it.phone }),
        }
    }
}

impl From<Enrolment> for pb::Enrolment {
    fn from(given: Enrolment) -> Self {
        Self {
            license_server_id: given.license_server_id,
            vendor_id: given.vendor_id,
            vendor_name: given.vendor_name,
            vendor_root: given.vendor_root,
            address: given.address,
            vendor_recipient: given.vendor_recipient,
            contact: given.contact.map(|it| pb::VendorContact {
                mail: it.mail,
                web: it.web,
                phone: it.phone,
            }),
        }
    }
}

impl From<pb::ConnectionStep> for ConnectionStep {
    fn from(found: pb::ConnectionStep) -> Self {
        Self {
            step: bare(found.step().as_str_name(), "SYNC_STEP_"),
            ok: found.ok,
            took_ms: millis(found.took.as_ref()),
            message: found.message,
        }
    }
}

impl From<pb::Exchange> for Exchange {
    fn from(found: pb::Exchange) -> Self {
        let failed_step = bare(found.failed_step().as_str_name(), "SYNC_STEP_");
        Self {
            way: bare(found.way().as_str_name(), "EXCHANGE_WAY_"),
            state: bare(found.state().as_str_name(), "EXCHANGE_STATE_"),
            started_at: time(found.started_at.as_ref()),
            ended_at: time(found.ended_at.as_ref()),
            synchronize_before: time(found.synchronize_before.as_ref()),
            failed_step: (failed_step != "UNSPECIFIED").then_some(failed_step),
            number: found.number,
            sent_bytes: found.sent_bytes,
            received_bytes: found.received_bytes,
            bundle_sequence: found.bundle_sequence,
            changes: found.changes,
            failure_reason: given(found.failure_reason),
            message: given(found.message),
            actor: found.actor,
        }
    }
}
