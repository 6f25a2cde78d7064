//! What happened in an instance.

use jiff::Timestamp;
use leasehold_proto::licensing::v1 as pb;
use serde::Serialize;
use utoipa::ToSchema;

use super::{bare, given, hostid, time};

/// One change of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Activity {
    /// The record's id; ids sort by time.
    pub(crate) activity_id: String,
    /// By the server's clock.
    pub(crate) at: Option<Timestamp>,
    /// `GRANTED`, `RETURNED`, `EXPIRED`, `ENDED`, `DROPPED`, `REFUSED`, `RIGHTS_CHANGED`, `RESERVATIONS_CHANGED`,
    /// `DEVICE_CHANGED` or `INSTANCE_CHANGED`.
    #[schema(example = "GRANTED")]
    pub(crate) kind: String,
    /// The device, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hostid: Option<String>,
    /// The slot or client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<String>,
    /// The feature's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) feature: Option<String>,
    /// The grant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_id: Option<String>,
    /// What it added to counts, by line item.
    pub(crate) deltas: Vec<ActivityDelta>,
    /// Why it was refused, or what else there is to say.
    pub(crate) detail: String,
    /// The request's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    /// Who did it: a client, an administrator or the server itself.
    pub(crate) actor: String,
}

/// A change of one line item's counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ActivityDelta {
    /// The line item.
    pub(crate) line_item_id: String,
    /// Counts added, or negative.
    pub(crate) delta: i64,
}

impl From<pb::Activity> for Activity {
    fn from(found: pb::Activity) -> Self {
        let deltas = found
            .deltas
            .iter()
            .map(|delta| ActivityDelta { line_item_id: delta.line_item_id.clone(), delta: delta.delta });
        Self {
            at: time(found.at.as_ref()),
            kind: bare(found.kind().as_str_name(), "ACTIVITY_KIND_"),
            hostid: given(hostid(found.hostid.as_ref())),
            deltas: deltas.collect(),
            activity_id: found.activity_id,
            holder: given(found.holder),
            feature: given(found.feature),
            grant_id: given(found.grant_id),
            detail: found.detail,
            request_id: given(found.request_id),
            actor: found.actor,
        }
    }
}
