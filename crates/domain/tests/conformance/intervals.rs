//! When borrows end.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use leasehold_domain::LineItem;
use leasehold_domain::interval::{BorrowLimits, Granularity, clamped, rounded_end};
use serde::Deserialize;

use crate::fixture::{at, duration, item};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IntervalFile {
    time_zone: String,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    issued: String,
    interval_seconds: Option<DurationText>,
    sources: Option<Sources>,
    granularity: GranularityText,
    time_zone: Option<String>,
    line_item_expires: Option<String>,
    grace_after_expiry: Option<DurationText>,
    ends: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sources {
    line_item: Option<DurationText>,
    instance: Option<DurationText>,
    request: Option<DurationText>,
    admin_max: Option<DurationText>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum DurationText {
    Seconds(i64),
    Text(String),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum GranularityText {
    Second,
    Minute,
    Hour,
    Day,
}

/// The number of cases, and what was found otherwise than written.
pub(crate) fn run(text: &str) -> (usize, Vec<String>) {
    let file: IntervalFile = serde_json::from_str(text).expect("the file has the documented form");
    let mut mismatches = Vec::new();
    for case in &file.cases {
        let found = end(case, &file.time_zone);
        if found != Ok(at(&case.ends)) {
            mismatches.push(format!("{case:?}\n    found {found:?}"));
        }
    }
    (file.cases.len(), mismatches)
}

fn end(case: &Case, zone: &str) -> Result<Timestamp, String> {
    let zone = case.time_zone.as_deref().unwrap_or(zone);
    let zone: TimeZone = TimeZoneDatabase::bundled().get(zone).map_err(|error| error.to_string())?;
    let interval = match (&case.interval_seconds, &case.sources) {
        (Some(interval), None) => interval.read()?,
        (None, Some(sources)) => sources.limits()?.effective().ok_or("no source is set")?,
        _ => return Err("give either `interval_seconds` or `sources`".to_owned()),
    };
    let granularity = match case.granularity {
        GranularityText::Second => Granularity::Second,
        GranularityText::Minute => Granularity::Minute,
        GranularityText::Hour => Granularity::Hour,
        GranularityText::Day => Granularity::Day,
    };
    let line_item = LineItem {
        expires_at: case.line_item_expires.as_deref().map(at),
        grace_after_expiry: case
            .grace_after_expiry
            .as_ref()
            .map_or(Ok(SignedDuration::ZERO), DurationText::read)?,
        ..item("L", "f", "1.0", 1)
    };
    Ok(clamped(rounded_end(at(&case.issued), interval, granularity, &zone), line_item.serves_until()))
}

impl Sources {
    fn limits(&self) -> Result<BorrowLimits, String> {
        let read = |text: &Option<DurationText>| text.as_ref().map(DurationText::read).transpose();
        Ok(BorrowLimits {
            line_item: read(&self.line_item)?,
            instance: read(&self.instance)?,
            request: read(&self.request)?,
            admin_max: read(&self.admin_max)?,
        })
    }
}

impl DurationText {
    fn read(&self) -> Result<SignedDuration, String> {
        match self {
            Self::Seconds(seconds) => Ok(SignedDuration::from_secs(*seconds)),
            Self::Text(text) => duration(text),
        }
    }
}
