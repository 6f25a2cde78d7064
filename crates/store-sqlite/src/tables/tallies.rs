//! What is counted beside the decisions: use, refusals, and who held what.

use jiff::Timestamp;
use leasehold_domain::HostId;
use leasehold_domain::text::FeatureName;
use leasehold_store::StoreError;
use leasehold_store::licensing::{
    DenialTally, Denials, ForgetTallies, Held, Periods, Step, Tallies, UsageTally,
};
use sqlx::sqlite::SqliteRow;

use crate::decode::Columns;
use crate::encode::{Document, Shown, micros, texts, whole};
use crate::writer::Query;

/// Adds rows of use in `$2`, of refusals in `$3` and of holdings in `$4`, and commits.
pub(crate) const ADD: &str = "INSERT INTO usage_tallies (instance, step, feature, at, samples, total, peak, owned) \
     SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 \
       FROM jsonb_each($2) WHERE true \
         ON CONFLICT (instance, step, feature, at) DO UPDATE \
        SET samples = samples + excluded.samples, total = total + excluded.total, \
            peak = max(peak, excluded.peak), owned = excluded.owned; \
     INSERT INTO denial_tallies (instance, step, feature, at, reason, count) \
     SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 \
       FROM jsonb_each($3) WHERE true \
         ON CONFLICT (instance, step, feature, at, reason) DO UPDATE SET count = count + excluded.count; \
     INSERT INTO held (instance, device, feature, at) \
     SELECT $1, value ->> 0, value ->> 1, value ->> 2 \
       FROM jsonb_each($4) WHERE true \
         ON CONFLICT (instance, device, feature) DO UPDATE SET at = max(at, excluded.at); \
     COMMIT";

/// Use of the features in `$2`.
pub(crate) const USAGE: &str = "SELECT t.feature, t.step, t.at, t.samples, t.total, t.peak, t.owned \
       FROM json_each($2) AS wanted CROSS JOIN usage_tallies AS t \
      WHERE t.instance = $1 AND t.step = $3 AND t.feature = wanted.value AND t.at >= $4 AND t.at < $5 \
      ORDER BY t.feature, t.at";

/// Refusals of the features in `$2`.
pub(crate) const DENIALS: &str = "SELECT t.feature, t.step, t.at, t.reason, t.count \
       FROM json_each($2) AS wanted CROSS JOIN denial_tallies AS t \
      WHERE t.instance = $1 AND t.step = $3 AND t.feature = wanted.value AND t.at >= $4 AND t.at < $5 \
      ORDER BY t.feature, t.at, t.reason";

/// Refusals added up.
pub(crate) const SUMS: &str = "SELECT feature, reason, sum(count) AS sum FROM denial_tallies \
      WHERE instance = $1 AND step = $2 AND at >= $3 AND at < $4 AND ($5 IS NULL OR feature = $5) \
      GROUP BY feature, reason ORDER BY sum DESC, feature, reason LIMIT $6";

/// What the device `$2` held at `$3` or later.
pub(crate) const HELD: &str = "SELECT device, feature, at FROM held \
      WHERE instance = $1 AND device = $2 AND at >= $3 ORDER BY at DESC, feature LIMIT $4";

/// Forgets up to `$4` periods of use of the length `$2` that began before `$3`.
pub(crate) const FORGET_USAGE: &str = "DELETE FROM usage_tallies \
      WHERE instance = $1 AND step = $2 AND (feature, at) IN ( \
            SELECT feature, at FROM usage_tallies WHERE instance = $1 AND step = $2 AND at < $3 \
             ORDER BY at LIMIT $4)";

/// The same of refusals.
pub(crate) const FORGET_DENIALS: &str = "DELETE FROM denial_tallies \
      WHERE instance = $1 AND step = $2 AND (feature, at, reason) IN ( \
            SELECT feature, at, reason FROM denial_tallies WHERE instance = $1 AND step = $2 AND at < $3 \
             ORDER BY at LIMIT $4)";

/// The same of what was held.
pub(crate) const FORGET_HELD: &str = "DELETE FROM held WHERE instance = $1 AND (device, feature) IN ( \
        SELECT device, feature FROM held WHERE instance = $1 AND at < $2 ORDER BY at LIMIT $3)";

/// The statements that add tallies and commit.
pub(crate) fn add(instance: i64, tallies: &Tallies) -> Result<Query<'static>, StoreError> {
    let (mut usage, mut denials, mut held) = (Document::new(), Document::new(), Document::new());
    for one in &tallies.usage {
        let owned = one.owned.map(whole).transpose()?;
        let (samples, total, peak) = (whole(one.samples)?, whole(one.total)?, whole(one.peak)?);
        let (step, at) = (one.step.seconds(), micros(one.at));
        usage.row((step, one.feature.as_str(), at, samples, total, peak, owned))?;
    }
    for one in &tallies.denials {
        let (step, at) = (one.step.seconds(), micros(one.at));
        denials.row((step, one.feature.as_str(), at, &one.reason, whole(one.count)?))?;
    }
    for one in &tallies.held {
        held.row((Shown(&one.device), one.feature.as_str(), micros(one.at)))?;
    }
    Ok(sqlx::query(ADD)
        .bind(instance)
        .bind(usage.finish()?.0)
        .bind(denials.finish()?.0)
        .bind(held.finish()?.0))
}

/// The statement [`USAGE`] or [`DENIALS`].
pub(crate) fn of_features(
    sql: &'static str,
    instance: Option<i64>,
    features: &[FeatureName],
    periods: Periods,
) -> Result<Query<'static>, StoreError> {
    Ok(sqlx::query(sql)
        .bind(instance)
        .bind(texts(features.iter().map(FeatureName::as_str))?)
        .bind(periods.step.seconds())
        .bind(micros(periods.from))
        .bind(micros(periods.until)))
}

/// The statement that adds refusals up.
pub(crate) fn sums(
    instance: Option<i64>,
    feature: Option<&FeatureName>,
    periods: Periods,
    limit: u32,
) -> Query<'static> {
    sqlx::query(SUMS)
        .bind(instance)
        .bind(periods.step.seconds())
        .bind(micros(periods.from))
        .bind(micros(periods.until))
        .bind(feature.map(|feature| feature.as_str().to_owned()))
        .bind(limit)
}

/// The statement that finds what a device held.
pub(crate) fn held(instance: Option<i64>, device: &HostId, since: Timestamp, limit: u32) -> Query<'static> {
    sqlx::query(HELD).bind(instance).bind(device.to_string()).bind(micros(since)).bind(limit)
}

/// The statements that forget, one for each kind and length of period.
pub(crate) fn forget(instance: Option<i64>, forget: ForgetTallies, limit: u32) -> [Query<'static>; 5] {
    let periods = |sql: &'static str, step: Step, before: Timestamp| {
        sqlx::query(sql).bind(instance).bind(step.seconds()).bind(micros(before)).bind(limit)
    };
    [
        periods(FORGET_USAGE, Step::Minute, forget.minutes),
        periods(FORGET_USAGE, Step::Hour, forget.hours),
        periods(FORGET_DENIALS, Step::Minute, forget.minutes),
        periods(FORGET_DENIALS, Step::Hour, forget.hours),
        sqlx::query(FORGET_HELD).bind(instance).bind(micros(forget.held)).bind(limit),
    ]
}

/// Reads a row of [`USAGE`].
pub(crate) fn read_usage(row: &SqliteRow) -> Result<UsageTally, StoreError> {
    let columns = &mut Columns::of("usage_tallies", row);
    Ok(UsageTally {
        feature: columns.feature()?,
        step: columns.read(step)?,
        at: columns.time()?,
        samples: columns.number()?,
        total: columns.number()?,
        peak: columns.number()?,
        owned: columns.optional_number()?,
    })
}

/// Reads a row of [`DENIALS`].
pub(crate) fn read_denials(row: &SqliteRow) -> Result<DenialTally, StoreError> {
    let columns = &mut Columns::of("denial_tallies", row);
    Ok(DenialTally {
        feature: columns.feature()?,
        step: columns.read(step)?,
        at: columns.time()?,
        reason: columns.text()?,
        count: columns.number()?,
    })
}

/// Reads a row of [`SUMS`].
pub(crate) fn read_sums(row: &SqliteRow) -> Result<Denials, StoreError> {
    let columns = &mut Columns::of("denial_tallies", row);
    Ok(Denials { feature: columns.feature()?, reason: columns.text()?, count: columns.number()? })
}

/// Reads a row of [`HELD`].
pub(crate) fn read_held(row: &SqliteRow) -> Result<Held, StoreError> {
    let columns = &mut Columns::of("held", row);
    Ok(Held { device: columns.parsed()?, feature: columns.feature()?, at: columns.time()? })
}

fn step(seconds: i64) -> Result<Step, String> {
    let found = Step::ALL.into_iter().find(|step| step.seconds() == seconds);
    found.ok_or_else(|| format!("{seconds} s is no length of a period"))
}
