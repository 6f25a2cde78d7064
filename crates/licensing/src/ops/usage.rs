//! `ListUsage` and `ListDenials`: use over time, and how often features were refused.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{FeatureName, InstanceId, Rejection};
use leasehold_proto::convert::time::{read_timestamp, timestamp};
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::licensing::{DenialTally, Page, PageQuery, Periods, Step, UsageTally};

use super::page;
use crate::Error;
use crate::jobs::prune::REMEMBER_MINUTES;
use crate::state::State;

/// Most points that one answer may have.
const MAX_POINTS: i64 = 50_000;
/// Most pairs of feature and reason that are summed; more than any estate has.
const MAX_SUMS: u32 = 10_000;

pub(crate) async fn list_usage(
    state: &State,
    message: pb::ListUsageRequest,
) -> Result<pb::ListUsageResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let query = page::query(page::List::Usage, message.page.clone())?;
    let now = state.clock(instance).now();
    let periods = periods_of(&message, now)?;
    let features = features(state, instance, &message.feature, &query).await?;
    let length = periods.until.duration_since(periods.from).as_secs();
    let points = length.div_euclid(periods.step.seconds()) + 1;
    let wanted = if message.feature.is_empty() { i64::from(query.limit) } else { 1 };
    if points.saturating_mul(wanted) > MAX_POINTS {
        let problem = "reaches too far back for so many features: features times steps are at most 50,000";
        return Err(Error::field("from", problem));
    }
    let used = state.store.usage(instance, &features.rows, periods).await?;
    let denied = state.store.denials(instance, &features.rows, periods).await?;
    let mut points = points_of(used, &denied);
    let usage = features.rows.iter().map(|feature| pb::FeatureUsage {
        feature: feature.to_string(),
        points: points.remove(feature).unwrap_or_default(),
    });
    Ok(pb::ListUsageResponse { usage: usage.collect(), page: Some(page::info(page::List::Usage, &features)) })
}

pub(crate) async fn list_denials(
    state: &State,
    message: pb::ListDenialsRequest,
) -> Result<pb::ListDenialsResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let query = page::query(page::List::Denials, message.page)?;
    let now = state.clock(instance).now();
    let until = moment("until", message.until.as_ref())?.unwrap_or_else(|| after(now));
    let today =
        || state.policies().time_zone.to_datetime(now).date().to_zoned(state.policies().time_zone.clone());
    let from = match moment("from", message.from.as_ref())? {
        Some(from) => from,
        None => today().map_or(now, |start| start.timestamp()),
    };
    check_order(from, until)?;
    // By the minute as long as that is surely kept.
    let is_kept = now.duration_since(from) < REMEMBER_MINUTES;
    let step = if is_kept { Step::Minute } else { Step::Hour };
    let periods = Periods { step, from: step.start(from), until };
    let feature = feature_named(&message.feature)?;
    let mut rows = state.store.denial_sums(instance, feature.as_ref(), periods, MAX_SUMS).await?;
    let search = query.search.to_lowercase();
    rows.retain(|row| row.feature.as_str().to_lowercase().contains(&search));
    let total = rows.iter().map(|row| row.count).sum::<u64>();
    rows.sort_by_cached_key(sort_key);
    let page = page::cut(rows, &query, sort_key);
    let denial = |row: &leasehold_store::licensing::Denials| pb::Denial {
        feature: row.feature.to_string(),
        reason: reason(&row.reason).into(),
        count: i64::try_from(row.count).unwrap_or(i64::MAX),
    };
    Ok(pb::ListDenialsResponse {
        denials: page.rows.iter().map(denial).collect(),
        total: i64::try_from(total).unwrap_or(i64::MAX),
        page: Some(page::info(page::List::Denials, &page)),
    })
}

/// Most first.
fn sort_key(row: &leasehold_store::licensing::Denials) -> String {
    format!("{:020}{}\u{0}{}", u64::MAX - row.count, row.feature, row.reason)
}

fn reason(name: &str) -> pb::RefusalReason {
    let name = format!("REFUSAL_REASON_{name}");
    pb::RefusalReason::from_str_name(&name).unwrap_or(pb::RefusalReason::Unspecified)
}

/// The one feature that is asked for, or a page of all that there are rights to.
async fn features(
    state: &State,
    instance: InstanceId,
    named: &str,
    query: &PageQuery,
) -> Result<Page<FeatureName>, Error> {
    if let Some(feature) = feature_named(named)? {
        return Ok(Page { rows: vec![feature], next: None, total: 1 });
    }
    let items = state.store.line_items(instance).await?;
    let mut owned: Vec<FeatureName> = items.into_iter().map(|state| state.item.feature.clone()).collect();
    owned.sort_unstable();
    owned.dedup();
    let search = query.search.to_lowercase();
    owned.retain(|name| name.as_str().to_lowercase().contains(&search));
    Ok(page::cut(owned, query, ToString::to_string))
}

fn feature_named(name: &str) -> Result<Option<FeatureName>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    FeatureName::new(name).map(Some).map_err(|error| Error::field("feature", error.to_string()))
}

fn periods_of(message: &pb::ListUsageRequest, now: Timestamp) -> Result<Periods, Error> {
    let step = match pb::UsageStep::try_from(message.step) {
        Ok(pb::UsageStep::Unspecified | pb::UsageStep::Hour) => Step::Hour,
        Ok(pb::UsageStep::Minute) => Step::Minute,
        Err(_) => return Err(Error::field("step", "give USAGE_STEP_MINUTE or USAGE_STEP_HOUR")),
    };
    let back = match step {
        Step::Minute => SignedDuration::from_hours(1),
        Step::Hour => SignedDuration::from_hours(24),
    };
    let until = moment("until", message.until.as_ref())?.unwrap_or_else(|| after(now));
    let earlier = || until.checked_sub(back).unwrap_or(Timestamp::MIN);
    let from = moment("from", message.from.as_ref())?.unwrap_or_else(earlier);
    check_order(from, until)?;
    Ok(Periods { step, from: step.start(from), until })
}

/// The first moment after this one, so that what begins now is in.
fn after(now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_micros(1)).unwrap_or(now)
}

fn check_order(from: Timestamp, until: Timestamp) -> Result<(), Error> {
    if from > until {
        return Err(Error::field("from", "is later than `until`; give an earlier time"));
    }
    Ok(())
}

fn moment(field: &str, at: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, Error> {
    let read = at.map(|at| read_timestamp(field, at)).transpose();
    read.map_err(|error| Error::from(Rejection::from(error)))
}

fn points_of(used: Vec<UsageTally>, denied: &[DenialTally]) -> HashMap<FeatureName, Vec<pb::UsagePoint>> {
    let mut denials: HashMap<(&FeatureName, Timestamp), u64> = HashMap::new();
    for tally in denied {
        *denials.entry((&tally.feature, tally.at)).or_default() += tally.count;
    }
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let mut points: HashMap<FeatureName, Vec<pb::UsagePoint>> = HashMap::new();
    for tally in used {
        let point = pb::UsagePoint {
            at: Some(timestamp(tally.at)),
            peak: whole(tally.peak),
            average: average(tally.total, tally.samples),
            owned: tally.owned.map(whole),
            denials: whole(denials.get(&(&tally.feature, tally.at)).copied().unwrap_or(0)),
        };
        points.entry(tally.feature).or_default().push(point);
    }
    points
}

#[expect(clippy::cast_precision_loss, reason = "nobody sees the 16th digit of an average")]
fn average(total: u64, samples: u64) -> f64 {
    if samples == 0 { 0.0 } else { total as f64 / samples as f64 }
}
