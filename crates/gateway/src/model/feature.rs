//! Features, their line items, and who holds them.

use jiff::Timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::line_item::Kind;
use leasehold_proto::licensing::v1::overdraft::Limit;
use serde::Serialize;
use utoipa::ToSchema;

use super::{bare, given, hostid, time};

/// All line items of one name and version, summed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FeatureSummary {
    /// The feature's name.
    #[schema(example = "render")]
    pub(crate) name: String,
    /// Its version.
    #[schema(example = "2.0")]
    pub(crate) version: String,
    /// Counts owned; `null` where it is not counted.
    #[schema(example = 10)]
    pub(crate) total: Option<i64>,
    /// Counts out.
    #[schema(example = 4)]
    pub(crate) used: i64,
    /// Counts set aside by reservations, in use and idle.
    pub(crate) reserved: i64,
    /// Of the reserved, idle.
    pub(crate) reserved_idle: i64,
    /// Counts that are free for anybody; `null` where it is not counted.
    #[schema(example = 6)]
    pub(crate) available: Option<i64>,
    /// Counts that overdraft adds; `null`: without limit.
    pub(crate) overdraft: Option<i64>,
    /// Counts in use on overdraft.
    pub(crate) overdraft_used: i64,
    /// Counts out beyond what a later bundle left.
    pub(crate) overage: i64,
    /// When the first line item ends; `null`: all are permanent.
    pub(crate) first_expiration: Option<Timestamp>,
    /// When the last line item ends; `null`: one is permanent.
    pub(crate) last_expiration: Option<Timestamp>,
    /// Whether its use adds up.
    pub(crate) metered: bool,
    /// Whether it has a count.
    pub(crate) counted: bool,
}

/// One feature: its versions, their line items, and who holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Feature {
    /// The versions, summed.
    pub(crate) versions: Vec<FeatureSummary>,
    /// The line items.
    pub(crate) line_items: Vec<LineItemStatus>,
    /// Who holds it: the first 500. The list of grants has all.
    pub(crate) holders: Vec<FeatureHolder>,
}

/// One line item with its counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LineItemStatus {
    /// The line item.
    pub(crate) line_item: LineItem,
    /// Counts out.
    pub(crate) used: i64,
    /// Counts set aside by reservations.
    pub(crate) reserved: i64,
    /// Of the reserved, idle.
    pub(crate) reserved_idle: i64,
    /// Counts in use on overdraft.
    pub(crate) overdraft_used: i64,
    /// Counts out beyond what a later bundle left.
    pub(crate) overage: i64,
}

/// One slice of rights that the vendor granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LineItem {
    /// The vendor's id.
    #[schema(example = "render-1")]
    pub(crate) line_item_id: String,
    /// The product it was sold as.
    pub(crate) product: String,
    /// The feature's name.
    pub(crate) feature: String,
    /// The feature's version.
    pub(crate) version: String,
    /// Counts owned; `null` where it is not counted.
    pub(crate) count: Option<i64>,
    /// `CONCURRENT`, `METERED` or `SEAT`.
    #[schema(example = "CONCURRENT")]
    pub(crate) kind: &'static str,
    /// How far use may go beyond the count: a number, a share such as `10%`, `unlimited`, or left out for not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overdraft: Option<String>,
    /// Serves from then on; `null`: always.
    pub(crate) starts_at: Option<Timestamp>,
    /// Serves until then; `null`: permanent.
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether virtual machines may use it; `null`: as the server's policy says.
    pub(crate) allow_virtual: Option<bool>,
    /// Free text of the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vendor_string: Option<String>,
    /// The vendor's selectors.
    pub(crate) selectors: std::collections::BTreeMap<String, String>,
    /// A text that clients see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notice: Option<String>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// Whether use is only logged, never refused.
    pub(crate) advisory: bool,
}

/// Who holds a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FeatureHolder {
    /// The device.
    #[schema(example = "a1b2/MACHINE_ID")]
    pub(crate) hostid: String,
    /// `PHYSICAL`, `VIRTUAL` or `UNKNOWN`.
    pub(crate) device_type: String,
    /// The name for people.
    pub(crate) alias: String,
    /// The slot or client, empty for the device itself.
    pub(crate) holder: String,
    /// Counts.
    pub(crate) count: i64,
    /// When it ends if nothing renews it.
    pub(crate) expires_at: Option<Timestamp>,
    /// The grant's id.
    pub(crate) grant_id: String,
}

impl From<pb::FeatureSummary> for FeatureSummary {
    fn from(found: pb::FeatureSummary) -> Self {
        Self {
            first_expiration: time(found.first_expiration.as_ref()),
            last_expiration: time(found.last_expiration.as_ref()),
            name: found.name,
            version: found.version,
            total: found.total,
            used: found.used,
            reserved: found.reserved,
            reserved_idle: found.reserved_idle,
            available: found.available,
            overdraft: found.overdraft,
            overdraft_used: found.overdraft_used,
            overage: found.overage,
            metered: found.metered,
            counted: found.counted,
        }
    }
}

impl From<pb::GetFeatureResponse> for Feature {
    fn from(found: pb::GetFeatureResponse) -> Self {
        Self {
            versions: found.versions.into_iter().map(FeatureSummary::from).collect(),
            line_items: found.line_items.into_iter().map(LineItemStatus::from).collect(),
            holders: found.holders.into_iter().map(FeatureHolder::from).collect(),
        }
    }
}

impl From<pb::LineItemStatus> for LineItemStatus {
    fn from(found: pb::LineItemStatus) -> Self {
        Self {
            line_item: found.line_item.unwrap_or_default().into(),
            used: found.used,
            reserved: found.reserved,
            reserved_idle: found.reserved_idle,
            overdraft_used: found.overdraft_used,
            overage: found.overage,
        }
    }
}

impl From<pb::LineItem> for LineItem {
    fn from(found: pb::LineItem) -> Self {
        Self {
            kind: match found.kind {
                Some(Kind::Metered(_)) => "METERED",
                Some(Kind::Seat(_)) => "SEAT",
                Some(Kind::Concurrent(_)) | None => "CONCURRENT",
            },
            overdraft: found.overdraft.and_then(|overdraft| overdraft.limit).map(|limit| match limit {
                Limit::Count(count) => count.to_string(),
                Limit::Percent(percent) => format!("{percent}%"),
                Limit::Unlimited(_) => "unlimited".to_owned(),
            }),
            starts_at: time(found.starts_at.as_ref()),
            expires_at: time(found.expires_at.as_ref()),
            line_item_id: found.line_item_id,
            product: found.product,
            feature: found.feature,
            version: found.version,
            count: found.count,
            allow_virtual: found.allow_virtual,
            vendor_string: given(found.vendor_string),
            selectors: found.selectors.into_iter().collect(),
            notice: given(found.notice),
            source: given(found.source),
            advisory: found.advisory,
        }
    }
}

impl From<pb::FeatureHolder> for FeatureHolder {
    fn from(found: pb::FeatureHolder) -> Self {
        Self {
            hostid: hostid(found.hostid.as_ref()),
            device_type: bare(found.device_type().as_str_name(), "DEVICE_TYPE_"),
            expires_at: time(found.expires_at.as_ref()),
            alias: found.alias,
            holder: found.holder,
            count: found.count,
            grant_id: found.grant_id,
        }
    }
}
