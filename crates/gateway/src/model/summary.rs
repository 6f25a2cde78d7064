//! The numbers that live pages show.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::FeatureSummary;

/// How an instance stands, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// The instance's id.
    pub(crate) instance_id: String,
    /// How it stands, as an instance says it.
    #[schema(example = "RUNNING")]
    pub(crate) instance_status: String,
    /// The features, at most 500.
    pub(crate) features: Vec<FeatureSummary>,
    /// Refusals since the day began; `null` where it is not known.
    pub(crate) denials_today: Option<i64>,
    /// How synchronisation stands; `null` where it is not known.
    pub(crate) sync_status: Option<String>,
    /// When it was last synchronised.
    pub(crate) synchronized_at: Option<Timestamp>,
    /// From then on nothing is granted until it has synchronised again.
    pub(crate) synchronize_before: Option<Timestamp>,
    /// When the vendor's update repository was last mirrored; `null`: never, or it is not known.
    pub(crate) mirrored_at: Option<Timestamp>,
    /// Why the last run of the mirror failed, for programs; `null`: it did not, or it is not known.
    pub(crate) mirror_failure: Option<String>,
    /// Why these numbers are old; left out where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
}
