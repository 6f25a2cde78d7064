//! Line items, both ways.

use jiff::SignedDuration;
use leasehold_domain::{FeatureName, Kind, LineItem, LineItemId, Overdraft, lease};

use super::dictionary::read_selectors;
use super::field::{FieldError, count, free_text, optional_short_text, required, to_int64};
use super::request::read_version;
use super::time::{duration, read_duration, read_optional_duration, read_optional_timestamp, timestamp};
use crate::licensing::v1 as pb;
use crate::licensing::v1::line_item::Kind as WhichKind;
use crate::licensing::v1::overdraft::Limit;

/// Most percent of overdraft: a hundred times the count, so that sums of capacities stay in 64 bits.
pub const MAX_OVERDRAFT_PERCENT: u32 = 10_000;

impl TryFrom<&pb::LineItem> for LineItem {
    type Error = FieldError;

    fn try_from(message: &pb::LineItem) -> Result<Self, FieldError> {
        let grace = read_optional_duration("grace_after_expiry", message.grace_after_expiry.as_ref())?;
        let text = |field, error| FieldError::new(field, error);
        Ok(Self {
            id: LineItemId::new(&message.line_item_id).map_err(|error| text("line_item_id", error))?,
            product: optional_short_text("product", &message.product)?,
            feature: FeatureName::new(&message.feature).map_err(|error| text("feature", error))?,
            version: read_version(&message.version)?,
            count: message.count.map(|owned| count("count", owned)).transpose()?,
            kind: read_kind(required("kind", message.kind.as_ref())?)?,
            overdraft: read_overdraft(message.overdraft.as_ref())
                .map_err(|error| error.under("overdraft"))?,
            starts_at: read_optional_timestamp("starts_at", message.starts_at.as_ref())?,
            expires_at: read_optional_timestamp("expires_at", message.expires_at.as_ref())?,
            grace_after_expiry: grace.unwrap_or(SignedDuration::ZERO),
            borrow_interval: read_borrow_interval(message)?,
            renew_interval_percent: message.renew_interval_percent.map(read_percent).transpose()?,
            lease_ttl: read_lease_ttl(message)?,
            allow_virtual: message.allow_virtual.unwrap_or(true),
            vendor_string: free_text("vendor_string", &message.vendor_string)?,
            selectors: read_selectors("selectors", &message.selectors)?,
            notice: free_text("notice", &message.notice)?,
            source: optional_short_text("source", &message.source)?,
            advisory: message.advisory,
        })
    }
}

fn read_kind(kind: &WhichKind) -> Result<Kind, FieldError> {
    match kind {
        WhichKind::Concurrent(_) => Ok(Kind::Concurrent),
        WhichKind::Metered(metered) => {
            let undo = metered.undo_interval.as_ref();
            let undo = undo.map(|length| read_duration("metered.undo_interval", length)).transpose()?;
            Ok(Kind::Metered { reusable: metered.reusable, undo_interval: undo.unwrap_or_default() })
        }
        WhichKind::Seat(seat) => {
            let moves = u32::try_from(seat.transfers_per_year);
            let moves = moves.map_err(|_| FieldError::new("seat.transfers_per_year", "give 0 or more"))?;
            Ok(Kind::Seat { transfers_per_year: moves })
        }
    }
}

fn read_overdraft(message: Option<&pb::Overdraft>) -> Result<Overdraft, FieldError> {
    let Some(message) = message else { return Ok(Overdraft::None) };
    match required("limit", message.limit.as_ref())? {
        Limit::Count(more) => Ok(Overdraft::Count(count("count", *more)?)),
        Limit::Percent(percent) => u32::try_from(*percent)
            .ok()
            .filter(|percent| *percent <= MAX_OVERDRAFT_PERCENT)
            .map(Overdraft::Percent)
            .ok_or_else(|| FieldError::new("percent", "give 0 to 10,000")),
        Limit::Unlimited(_) => Ok(Overdraft::Unlimited),
    }
}

fn read_borrow_interval(message: &pb::LineItem) -> Result<Option<SignedDuration>, FieldError> {
    let field = "borrow_interval";
    match read_optional_duration(field, message.borrow_interval.as_ref())? {
        Some(interval) if interval < SignedDuration::from_secs(1) => {
            Err(FieldError::new(field, "give at least one second, or leave it out"))
        }
        interval => Ok(interval),
    }
}

fn read_percent(percent: i32) -> Result<u8, FieldError> {
    u8::try_from(percent)
        .ok()
        .filter(|percent| (1..=100).contains(percent))
        .ok_or_else(|| FieldError::new("renew_interval_percent", "give 1 to 100, or leave it out"))
}

fn read_lease_ttl(message: &pb::LineItem) -> Result<Option<SignedDuration>, FieldError> {
    match read_optional_duration("lease_ttl", message.lease_ttl.as_ref())? {
        Some(ttl) if ttl != lease::bounded_ttl(ttl) => {
            Err(FieldError::new("lease_ttl", "give 10 seconds to 24 hours, or leave it out"))
        }
        ttl => Ok(ttl),
    }
}

impl From<&LineItem> for pb::LineItem {
    /// What is at its default is left out.
    fn from(item: &LineItem) -> Self {
        let grace = Some(item.grace_after_expiry).filter(|grace| !grace.is_zero());
        Self {
            line_item_id: item.id.to_string(),
            product: item.product.clone(),
            feature: item.feature.to_string(),
            version: item.version.to_string(),
            count: item.count.map(to_int64),
            kind: Some(kind(item.kind)),
            overdraft: overdraft(item.overdraft),
            starts_at: item.starts_at.map(timestamp),
            expires_at: item.expires_at.map(timestamp),
            grace_after_expiry: grace.map(duration),
            borrow_interval: item.borrow_interval.map(duration),
            renew_interval_percent: item.renew_interval_percent.map(i32::from),
            lease_ttl: item.lease_ttl.map(duration),
            allow_virtual: (!item.allow_virtual).then_some(false),
            vendor_string: item.vendor_string.clone(),
            selectors: item.selectors.clone(),
            notice: item.notice.clone(),
            source: item.source.clone(),
            advisory: item.advisory,
        }
    }
}

fn kind(kind: Kind) -> WhichKind {
    match kind {
        Kind::Concurrent => WhichKind::Concurrent(pb::ConcurrentKind {}),
        Kind::Metered { reusable, undo_interval } => {
            WhichKind::Metered(pb::MeteredKind { reusable, undo_interval: Some(duration(undo_interval)) })
        }
        Kind::Seat { transfers_per_year } => {
            let transfers_per_year = i32::try_from(transfers_per_year).unwrap_or(i32::MAX);
            WhichKind::Seat(pb::SeatKind { transfers_per_year })
        }
    }
}

fn overdraft(overdraft: Overdraft) -> Option<pb::Overdraft> {
    let limit = match overdraft {
        Overdraft::None => return None,
        Overdraft::Count(more) => Limit::Count(to_int64(more)),
        Overdraft::Percent(percent) => Limit::Percent(i32::try_from(percent).unwrap_or(i32::MAX)),
        Overdraft::Unlimited => Limit::Unlimited(pb::UnlimitedOverdraft {}),
    };
    Some(pb::Overdraft { limit: Some(limit) })
}
