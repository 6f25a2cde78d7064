//! Line items of an estate file. All are concurrent.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use leasehold_domain::lease::bounded_ttl;
use leasehold_domain::{
    FeatureName, Kind, LineItem, LineItemId, MAX_COUNT, Overdraft, Version, text as texts,
};
use leasehold_proto::convert::field::{MAX_SHORT_TEXT, MAX_TEXT};
use leasehold_proto::convert::line_item::MAX_OVERDRAFT_PERCENT;
use serde_json::Value;

use super::error::Problem;
use super::object::{Object, duration, kind, number, parsed, text, time, truth};

const KEYS: &[&str] = &[
    "id",
    "feature",
    "version",
    "count",
    "overdraft",
    "starts_at",
    "expires_at",
    "grace_after_expiry",
    "borrow_interval",
    "renew_interval_percent",
    "lease_ttl",
    "allow_virtual",
    "product",
    "vendor_string",
    "selectors",
    "notice",
    "source",
    "advisory",
];

/// Reads all line items; an id occurs once.
pub(super) fn read_all(values: &[(String, &Value)]) -> Result<Vec<LineItem>, Problem> {
    let mut paths: BTreeMap<LineItemId, &str> = BTreeMap::new();
    let mut items = Vec::with_capacity(values.len());
    for (path, value) in values {
        let item = read(path, value)?;
        if let Some(first) = paths.insert(item.id.clone(), path) {
            let text = format!("{first} has the id {:?} already; choose another", item.id.as_str());
            return Err(Problem::new(format!("{path}.id"), text));
        }
        items.push(item);
    }
    Ok(items)
}

fn read(path: &str, value: &Value) -> Result<LineItem, Problem> {
    let object = Object::new(path, value, KEYS)?;
    let short = |key| Ok(object.optional(key, short_text)?.unwrap_or_default());
    let long = |key| Ok(object.optional(key, long_text)?.unwrap_or_default());
    let item = LineItem {
        id: object.required("id", |value| LineItemId::new(&text(value)?).map_err(said))?,
        product: short("product")?,
        feature: object.required("feature", feature_name)?,
        version: version(&object)?,
        count: object.optional("count", |value| number(value, 0, MAX_COUNT))?,
        kind: Kind::Concurrent,
        overdraft: object.optional("overdraft", overdraft)?.unwrap_or(Overdraft::None),
        starts_at: object.optional("starts_at", time)?,
        expires_at: object.optional("expires_at", time)?,
        grace_after_expiry: object.optional("grace_after_expiry", duration)?.unwrap_or(SignedDuration::ZERO),
        borrow_interval: object.optional("borrow_interval", borrow_interval)?,
        renew_interval_percent: object.optional("renew_interval_percent", percent)?,
        lease_ttl: object.optional("lease_ttl", lease_ttl)?,
        allow_virtual: object.optional("allow_virtual", truth)?.unwrap_or(true),
        vendor_string: long("vendor_string")?,
        selectors: selectors(&object)?,
        notice: long("notice")?,
        source: short("source")?,
        advisory: object.optional("advisory", truth)?.unwrap_or(false),
    };
    if let (Some(start), Some(end)) = (item.starts_at, item.expires_at)
        && start >= end
    {
        let text = format!("must be after starts_at ({start}); found {end}");
        return Err(Problem::new(object.at("expires_at"), text));
    }
    Ok(item)
}

/// A feature's name.
pub(super) fn feature_name(value: &Value) -> Result<FeatureName, String> {
    FeatureName::new(&text(value)?).map_err(said)
}

/// The version of an object; 1.0 where it says none.
pub(super) fn version(object: &Object<'_>) -> Result<Version, Problem> {
    let version = object.optional("version", |value| match value {
        Value::Number(number) => Err(format!("must be a text in quotes: \"{number}\"")),
        other => parsed(other),
    })?;
    Ok(version.unwrap_or_else(|| "1.0".parse().expect("1.0 is a version")))
}

fn overdraft(value: &Value) -> Result<Overdraft, String> {
    let wrong = || {
        format!(
            "must be a number of counts, a percentage like \"10%\" (to {MAX_OVERDRAFT_PERCENT}%), \"unlimited\" or \
             \"none\"; found {}",
            kind(value)
        )
    };
    match value.as_str() {
        Some("none") => Ok(Overdraft::None),
        Some("unlimited") => Ok(Overdraft::Unlimited),
        Some(text) => text
            .strip_suffix('%')
            .and_then(|percent| percent.parse().ok())
            .filter(|percent| *percent <= MAX_OVERDRAFT_PERCENT)
            .map(Overdraft::Percent)
            .ok_or_else(wrong),
        None => number(value, 0, MAX_COUNT).map(Overdraft::Count).map_err(|_| wrong()),
    }
}

fn borrow_interval(value: &Value) -> Result<SignedDuration, String> {
    let interval = duration(value)?;
    if interval < SignedDuration::from_secs(1) {
        return Err("must be at least 1s; leave it out for the policy's".to_owned());
    }
    Ok(interval)
}

fn lease_ttl(value: &Value) -> Result<SignedDuration, String> {
    let ttl = duration(value)?;
    if ttl != bounded_ttl(ttl) {
        return Err(format!("must be from 10s to 24h; found {}", kind(value)));
    }
    Ok(ttl)
}

fn percent(value: &Value) -> Result<u8, String> {
    number(value, 1, 100).map(|percent| u8::try_from(percent).expect("at most 100"))
}

fn selectors(object: &Object<'_>) -> Result<BTreeMap<String, String>, Problem> {
    let path = object.at("selectors");
    let Some(value) = object.get("selectors") else { return Ok(BTreeMap::new()) };
    let Value::Object(map) = value else {
        return Err(Problem::new(path, format!("must be an object of texts; found {}", kind(value))));
    };
    map.iter()
        .map(|(key, value)| {
            let wrong = |text| Problem::new(format!("{path}.{key}"), text);
            texts::check(key, MAX_SHORT_TEXT).map_err(|error| wrong(format!("the key {error}")))?;
            Ok((key.clone(), short_text(value).map_err(wrong)?))
        })
        .collect()
}

fn short_text(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    texts::check_optional(&text, MAX_SHORT_TEXT).map_err(said)?;
    Ok(text)
}

fn long_text(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    if text.len() > MAX_TEXT {
        return Err(format!("has {} bytes; at most {MAX_TEXT} are allowed", text.len()));
    }
    Ok(text)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
