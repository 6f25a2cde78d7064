//! A licence server as commands print it.

use leasehold_proto::backoffice::v1::LicenseServer;
use serde::Serialize;

use super::super::super::value::{hostid, or_dash, seconds, time};
use crate::output::{Column, Row, left, right};

/// A licence server. Keys and times are empty where it was never heard of.
#[derive(Serialize)]
pub(super) struct LicenseServerRow {
    pub(super) license_server_id: String,
    name: String,
    customer: String,
    signing_key_id: String,
    fingerprint: String,
    recipient: String,
    bound_at: Option<String>,
    hostids: Vec<String>,
    software_version: String,
    seen_at: Option<String>,
    bundle_sequence: u64,
    applied_sequence: u64,
    synchronize_before: Option<String>,
    clone_suspected: String,
    synchronize_within_seconds: i64,
    created_at: Option<String>,
}

impl LicenseServerRow {
    pub(super) fn of(message: &LicenseServer) -> Self {
        Self {
            license_server_id: message.license_server_id.clone(),
            name: message.name.clone(),
            customer: message.customer.clone(),
            signing_key_id: message.signing_key_id.clone(),
            fingerprint: message.fingerprint.clone(),
            recipient: message.recipient.clone(),
            bound_at: time(message.bound_at.as_ref()),
            hostids: message.hostids.iter().map(|id| hostid(Some(id))).collect(),
            software_version: message.software_version.clone(),
            seen_at: time(message.seen_at.as_ref()),
            bundle_sequence: message.bundle_sequence,
            applied_sequence: message.applied_sequence,
            synchronize_before: time(message.synchronize_before.as_ref()),
            clone_suspected: message.clone_suspected.clone(),
            synchronize_within_seconds: message.synchronize_within.map_or(0, |within| within.seconds),
            created_at: time(message.created_at.as_ref()),
        }
    }
}

impl Row for LicenseServerRow {
    const NAME: &'static str = "license_servers";
    const COLUMNS: &'static [Column] = &[
        left("LICENCE SERVER"),
        left("NAME"),
        left("CUSTOMER"),
        left("FINGERPRINT"),
        right("BUNDLE"),
        right("APPLIED"),
        left("SEEN"),
        left("DEADLINE"),
        left("CLONE SUSPECTED"),
    ];
    const EMPTY: &'static str =
        "There is no licence server, or none matches. `leasehold vendor server create` adds one.";

    fn cells(&self) -> Vec<String> {
        vec![
            self.license_server_id.clone(),
            self.name.clone(),
            self.customer.clone(),
            or_dash(&self.fingerprint),
            self.bundle_sequence.to_string(),
            self.applied_sequence.to_string(),
            seconds(self.seen_at.as_ref()),
            seconds(self.synchronize_before.as_ref()),
            or_dash(&self.clone_suspected),
        ]
    }
}
