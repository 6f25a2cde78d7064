//! Use over time, and refusals.

use jiff::Timestamp;
use leasehold_proto::licensing::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Listing, bare, time};

/// Which use is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct UsageQuery {
    /// Only this feature; left out: all.
    #[param(max_length = 255)]
    pub(crate) feature: String,
    /// From the step that begins then or before. Left out: an hour before `until` by minutes, a day by hours.
    pub(crate) from: Option<Timestamp>,
    /// Up to the last step that begins before then. Left out: now.
    pub(crate) until: Option<Timestamp>,
    /// How far apart the points are: `MINUTE`, which is kept two days, or `HOUR`, which is usual.
    #[param(example = "HOUR")]
    pub(crate) step: String,
}

/// Which refusals are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct DenialQuery {
    /// Only of this feature; left out: of all.
    #[param(max_length = 255)]
    pub(crate) feature: String,
    /// From then. Left out: the start of today.
    pub(crate) from: Option<Timestamp>,
    /// Until then. Left out: now.
    pub(crate) until: Option<Timestamp>,
}

/// Use of one feature over time, all versions together.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct FeatureUsage {
    /// The feature's name.
    #[schema(example = "render")]
    pub(crate) feature: String,
    /// By time. A step in which nobody looked is left out.
    pub(crate) points: Vec<UsagePoint>,
}

/// Use within one step.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct UsagePoint {
    /// When the step began.
    pub(crate) at: Option<Timestamp>,
    /// Most counts that were seen out.
    pub(crate) peak: i64,
    /// Counts out on average.
    pub(crate) average: f64,
    /// Counts owned that served; `null`: without limit.
    pub(crate) owned: Option<i64>,
    /// How often the feature was refused.
    pub(crate) denials: i64,
}

/// How often features were refused, most often first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Denials {
    /// The rows.
    pub(crate) items: Vec<Denial>,
    /// Rows of the whole list.
    pub(crate) total: u64,
    /// Asks for the next part; left out with the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_page_token: Option<String>,
    /// All refusals of the whole list.
    pub(crate) denials: i64,
}

/// How often one feature was refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Denial {
    /// The feature's name.
    #[schema(example = "render")]
    pub(crate) feature: String,
    /// Why.
    #[schema(example = "MAX_REACHED")]
    pub(crate) reason: String,
    /// How often.
    pub(crate) count: i64,
}

impl From<pb::FeatureUsage> for FeatureUsage {
    fn from(found: pb::FeatureUsage) -> Self {
        let points = found.points.iter().map(|point| UsagePoint {
            at: time(point.at.as_ref()),
            peak: point.peak,
            average: point.average,
            owned: point.owned,
            denials: point.denials,
        });
        Self { points: points.collect(), feature: found.feature }
    }
}

impl From<pb::ListDenialsResponse> for Denials {
    fn from(found: pb::ListDenialsResponse) -> Self {
        let denials = found.total;
        let Listing { items, total, next_page_token } =
            Listing::answered(found.denials, found.page, |row: pb::Denial| Denial {
                reason: bare(row.reason().as_str_name(), "REFUSAL_REASON_"),
                feature: row.feature,
                count: row.count,
            });
        Self { items, total, next_page_token, denials }
    }
}
