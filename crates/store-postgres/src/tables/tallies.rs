//! What is counted beside the decisions: use, refusals, and who held what.

use leasehold_domain::text::FeatureName;
use leasehold_store::StoreError;
use leasehold_store::licensing::{
    DenialTally, Denials, ForgetTallies, Held, Periods, Step, Tallies, UsageTally,
};
use sqlx::postgres::PgArguments;

use crate::arguments::add;
use crate::decode::Columns;
use crate::encode::{micros, whole};

// Rows are written in the order of their keys, so that two replicas at the same rows wait for one another and not
// crosswise.

const ADD_USAGE: &str = "INSERT INTO licensing.usage_tallies AS t \
            (instance, step, feature, at, samples, total, peak, owned) \
     SELECT $1, n.* \
       FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) \
            AS n (step, feature, at, samples, total, peak, owned) \
      ORDER BY n.step, n.feature COLLATE \"C\", n.at \
         ON CONFLICT (instance, step, feature, at) DO UPDATE \
        SET samples = t.samples + excluded.samples, total = t.total + excluded.total, \
            peak = greatest(t.peak, excluded.peak), owned = excluded.owned";

const ADD_DENIALS: &str = "INSERT INTO licensing.denial_tallies AS t (instance, step, feature, at, reason, count) \
     SELECT $1, n.* \
       FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::bigint[]) \
            AS n (step, feature, at, reason, count) \
      ORDER BY n.step, n.feature COLLATE \"C\", n.at, n.reason COLLATE \"C\" \
         ON CONFLICT (instance, step, feature, at, reason) DO UPDATE SET count = t.count + excluded.count";

const ADD_HELD: &str = "INSERT INTO licensing.held AS t (instance, device, feature, at) \
     SELECT $1, n.* FROM unnest($2::text[], $3::text[], $4::bigint[]) AS n (device, feature, at) \
      ORDER BY n.device COLLATE \"C\", n.feature COLLATE \"C\" \
         ON CONFLICT (instance, device, feature) DO UPDATE SET at = greatest(t.at, excluded.at)";

/// Use of the features in `$2`.
pub(crate) const USAGE: &str = "SELECT record_send(ROW(t.feature, t.step, t.at, t.samples, t.total, t.peak, t.owned)) \
       FROM unnest($2::text[]) AS wanted (feature) \
       JOIN licensing.usage_tallies AS t \
         ON t.instance = $1 AND t.step = $3 AND t.feature = wanted.feature AND t.at >= $4 AND t.at < $5 \
      ORDER BY t.feature, t.at";

const USAGE_COLUMNS: &str = "feature, step, at, samples, total, peak, owned";

/// Refusals of the features in `$2`.
pub(crate) const DENIALS: &str = "SELECT record_send(ROW(t.feature, t.step, t.at, t.reason, t.count)) \
       FROM unnest($2::text[]) AS wanted (feature) \
       JOIN licensing.denial_tallies AS t \
         ON t.instance = $1 AND t.step = $3 AND t.feature = wanted.feature AND t.at >= $4 AND t.at < $5 \
      ORDER BY t.feature, t.at, t.reason";

const DENIALS_COLUMNS: &str = "feature, step, at, reason, count";

/// Refusals added up, for [`sums`].
pub(crate) const SUMS: &str = "SELECT record_send(ROW(s.feature, s.reason, s.sum)) \
       FROM (SELECT t.feature, t.reason, sum(t.count)::bigint AS sum \
               FROM licensing.denial_tallies AS t \
              WHERE t.instance = $1 AND t.step = $2 AND t.at >= $3 AND t.at < $4 \
                AND ($5::text IS NULL OR t.feature = $5) \
              GROUP BY t.feature, t.reason) AS s \
      ORDER BY s.sum DESC, s.feature, s.reason LIMIT $6";

/// What the device `$2` held at `$3` or later.
pub(crate) const HELD: &str = "SELECT record_send(ROW(device, feature, at)) FROM licensing.held \
      WHERE instance = $1 AND device = $2 AND at >= $3 ORDER BY at DESC, feature LIMIT $4";

const FORGET_USAGE: &str = "DELETE FROM licensing.usage_tallies AS t \
      USING (SELECT feature, at FROM licensing.usage_tallies WHERE instance = $1 AND step = $2 AND at < $3 \
              ORDER BY at LIMIT $4) AS o \
      WHERE t.instance = $1 AND t.step = $2 AND t.feature = o.feature AND t.at = o.at";

const FORGET_DENIALS: &str = "DELETE FROM licensing.denial_tallies AS t \
      USING (SELECT feature, at, reason FROM licensing.denial_tallies WHERE instance = $1 AND step = $2 AND at < $3 \
              ORDER BY at LIMIT $4) AS o \
      WHERE t.instance = $1 AND t.step = $2 AND t.feature = o.feature AND t.at = o.at AND t.reason = o.reason";

const FORGET_HELD: &str = "DELETE FROM licensing.held AS t \
      USING (SELECT device, feature FROM licensing.held WHERE instance = $1 AND at < $2 ORDER BY at LIMIT $3) AS o \
      WHERE t.instance = $1 AND t.device = o.device AND t.feature = o.feature AND t.at < $2";

/// A statement with its arguments.
pub(crate) type Statement = (&'static str, PgArguments);

/// The statements that add tallies; they belong in one transaction.
pub(crate) fn add_all(instance: i32, tallies: &Tallies) -> Result<Vec<Statement>, StoreError> {
    let mut statements = Vec::new();
    if !tallies.usage.is_empty() {
        statements.push((ADD_USAGE, usage(instance, &tallies.usage)?));
    }
    if !tallies.denials.is_empty() {
        statements.push((ADD_DENIALS, denials(instance, &tallies.denials)?));
    }
    if !tallies.held.is_empty() {
        statements.push((ADD_HELD, held(instance, &tallies.held)?));
    }
    Ok(statements)
}

fn usage(instance: i32, rows: &[UsageTally]) -> Result<PgArguments, StoreError> {
    let wholes = |value: fn(&UsageTally) -> u64| rows.iter().map(|row| whole(value(row))).collect();
    let (samples, totals): (Result<Vec<i64>, _>, Result<Vec<i64>, _>) =
        (wholes(|row| row.samples), wholes(|row| row.total));
    let peaks: Result<Vec<i64>, _> = wholes(|row| row.peak);
    let owned: Result<Vec<Option<i64>>, _> =
        rows.iter().map(|row| row.owned.map(whole).transpose()).collect();
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, rows.iter().map(|row| row.step.seconds()).collect::<Vec<_>>())?;
    add(&mut arguments, rows.iter().map(|row| row.feature.as_str().to_owned()).collect::<Vec<_>>())?;
    add(&mut arguments, rows.iter().map(|row| micros(row.at)).collect::<Vec<_>>())?;
    add(&mut arguments, samples?)?;
    add(&mut arguments, totals?)?;
    add(&mut arguments, peaks?)?;
    add(&mut arguments, owned?)?;
    Ok(arguments)
}

fn denials(instance: i32, rows: &[DenialTally]) -> Result<PgArguments, StoreError> {
    let counts: Result<Vec<i64>, _> = rows.iter().map(|row| whole(row.count)).collect();
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, rows.iter().map(|row| row.step.seconds()).collect::<Vec<_>>())?;
    add(&mut arguments, rows.iter().map(|row| row.feature.as_str().to_owned()).collect::<Vec<_>>())?;
    add(&mut arguments, rows.iter().map(|row| micros(row.at)).collect::<Vec<_>>())?;
    add(&mut arguments, rows.iter().map(|row| row.reason.clone()).collect::<Vec<_>>())?;
    add(&mut arguments, counts?)?;
    Ok(arguments)
}

fn held(instance: i32, rows: &[Held]) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, rows.iter().map(|row| row.device.to_string()).collect::<Vec<_>>())?;
    add(&mut arguments, rows.iter().map(|row| row.feature.as_str().to_owned()).collect::<Vec<_>>())?;
    add(&mut arguments, rows.iter().map(|row| micros(row.at)).collect::<Vec<_>>())?;
    Ok(arguments)
}

/// The arguments of [`USAGE`] and [`DENIALS`].
pub(crate) fn of_features(
    instance: i32,
    features: &[FeatureName],
    periods: Periods,
) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, features.iter().map(|one| one.as_str().to_owned()).collect::<Vec<_>>())?;
    add(&mut arguments, periods.step.seconds())?;
    add(&mut arguments, micros(periods.from))?;
    add(&mut arguments, micros(periods.until))?;
    Ok(arguments)
}

/// The arguments of [`SUMS`].
pub(crate) fn sums(
    instance: i32,
    feature: Option<&FeatureName>,
    periods: Periods,
    limit: u32,
) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, periods.step.seconds())?;
    add(&mut arguments, micros(periods.from))?;
    add(&mut arguments, micros(periods.until))?;
    add(&mut arguments, feature.map(|feature| feature.as_str().to_owned()))?;
    add(&mut arguments, i64::from(limit))?;
    Ok(arguments)
}

/// The statements that forget, one for each kind and length of period.
pub(crate) fn forget(instance: i32, forget: ForgetTallies, limit: u32) -> Result<[Statement; 5], StoreError> {
    let periods = |sql: &'static str, step: Step, before| {
        let mut arguments = PgArguments::default();
        add(&mut arguments, instance)?;
        add(&mut arguments, step.seconds())?;
        add(&mut arguments, micros(before))?;
        add(&mut arguments, i64::from(limit))?;
        Ok::<Statement, StoreError>((sql, arguments))
    };
    let mut held = PgArguments::default();
    add(&mut held, instance)?;
    add(&mut held, micros(forget.held))?;
    add(&mut held, i64::from(limit))?;
    Ok([
        periods(FORGET_USAGE, Step::Minute, forget.minutes)?,
        periods(FORGET_USAGE, Step::Hour, forget.hours)?,
        periods(FORGET_DENIALS, Step::Minute, forget.minutes)?,
        periods(FORGET_DENIALS, Step::Hour, forget.hours)?,
        (FORGET_HELD, held),
    ])
}

/// Reads a row of [`USAGE`].
pub(crate) fn read_usage(row: &[u8]) -> Result<UsageTally, StoreError> {
    let columns = &mut Columns::of("usage_tallies", USAGE_COLUMNS, row)?;
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
pub(crate) fn read_denials(row: &[u8]) -> Result<DenialTally, StoreError> {
    let columns = &mut Columns::of("denial_tallies", DENIALS_COLUMNS, row)?;
    Ok(DenialTally {
        feature: columns.feature()?,
        step: columns.read(step)?,
        at: columns.time()?,
        reason: columns.text()?,
        count: columns.number()?,
    })
}

/// Reads a row of [`SUMS`].
pub(crate) fn read_sums(row: &[u8]) -> Result<Denials, StoreError> {
    let columns = &mut Columns::of("denial_tallies", "feature, reason, count", row)?;
    Ok(Denials { feature: columns.feature()?, reason: columns.text()?, count: columns.number()? })
}

/// Reads a row of [`HELD`].
pub(crate) fn read_held(row: &[u8]) -> Result<Held, StoreError> {
    let columns = &mut Columns::of("held", "device, feature, at", row)?;
    Ok(Held { device: columns.parsed()?, feature: columns.feature()?, at: columns.time()? })
}

fn step(seconds: i64) -> Result<Step, String> {
    let found = Step::ALL.into_iter().find(|step| step.seconds() == seconds);
    found.ok_or_else(|| format!("{seconds} s is no length of a period"))
}
