//! The values of the HTTP API and of the console: what services answer, in the words of JSON.
//!
//! Times are RFC 3339 in UTC; hostids are texts, `VALUE/TYPE`; enumerations are their names without prefix. Not
//! responsible for any rule: a value that a service sent is passed on.

mod activity;
mod device;
mod door;
mod feature;
mod instance;
mod list;
mod reservation;
mod summary;
mod sync;
mod updates;
mod upstream;
mod usage;

use jiff::Timestamp;
use leasehold_proto::convert::hostid::hostid_text;
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::types::v1 as types;

pub(crate) use activity::Activity;
pub(crate) use device::{Device, DeviceDetails, Grant};
pub(crate) use door::{AuditEntry, NewToken, SessionInfo, Token, User};
pub(crate) use feature::{Feature, FeatureSummary, LineItemStatus};
pub(crate) use instance::Instance;
pub(crate) use list::{List, Listing};
pub(crate) use reservation::{GroupInput, ReservationGroup};
pub(crate) use summary::Summary;
pub(crate) use sync::{ConnectionStep, Enrolled, Enrolment, Exchange, SyncStatus, VendorContact};
pub(crate) use updates::{UpdateClient, UpdateEvent, UpdateProduct, UpdateRelease};
pub(crate) use upstream::{MirrorRun, UpstreamStatus, UpstreamStep};
pub(crate) use usage::{DenialQuery, Denials, FeatureUsage, UsagePoint, UsageQuery};

/// A point in time of a message. One that is no time is left out.
fn time(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    at.and_then(|at| read_timestamp("", at).ok())
}

/// A length of time in milliseconds; one that is not there, or is none, is 0.
fn millis(took: Option<&prost_types::Duration>) -> u64 {
    let took = took.copied().unwrap_or_default();
    let millis = took.seconds.saturating_mul(1_000).saturating_add(i64::from(took.nanos / 1_000_000));
    millis.try_into().unwrap_or_default()
}

/// A hostid as text.
fn hostid(hostid: Option<&types::HostId>) -> String {
    hostid.map(hostid_text).unwrap_or_default()
}

/// The name of an enumeration's value without the contract's prefix.
fn bare(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_owned()
}

/// A text, where there is one.
fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
