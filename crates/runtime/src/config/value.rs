//! From a value as it is written to its type, with what to write in place of a wrong one.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use leasehold_domain::HostId;
use leasehold_domain::interval::Granularity;
use serde::de::{Deserialize, Deserializer, Error};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::gateway::Network;
use super::sections::LogFormat;
use super::security::{CallerName, ClientAuth};
use super::services::SyncInterval;
use super::stores::Migrate;

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Makes a serde function out of one that turns text into a value or a problem.
macro_rules! from_text {
    ($($name:ident -> $type:ty = $parse:expr;)*) => {$(
        pub(super) fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
            let text = String::deserialize(deserializer)?;
            let parse: fn(&str) -> Result<$type, String> = $parse;
            parse(&text).map_err(Error::custom)
        }
    )*};
}

/// Makes a serde function for a whole number in a range.
macro_rules! in_range {
    ($($name:ident -> $type:ty = $range:expr;)*) => {$(
        pub(super) fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
            let (range, number): (RangeInclusive<$type>, _) = ($range, i64::deserialize(deserializer)?);
            <$type>::try_from(number).ok().filter(|number| range.contains(number)).ok_or_else(|| {
                Error::custom(format!("give {} to {}, found {number}", range.start(), range.end()))
            })
        }
    )*};
}

from_text! {
    file -> Option<PathBuf> = |text| Ok((!text.is_empty()).then(|| text.into()));
    client_auth -> ClientAuth = |text| choice(text, &[
        ("required", ClientAuth::Required),
        ("optional", ClientAuth::Optional),
        ("none", ClientAuth::None),
    ]);
    migrate -> Migrate = |text| choice(text, &[("apply", Migrate::Apply), ("check", Migrate::Check)]);
    reload_interval -> Duration =
        |text| duration(text, SECOND..=MINUTE * 60).map(SignedDuration::unsigned_abs);
    moment -> Duration =
        |text| duration(text, SignedDuration::from_millis(50)..=SECOND * 10).map(SignedDuration::unsigned_abs);
    patience -> Duration =
        |text| duration(text, SECOND..=MINUTE * 10).map(SignedDuration::unsigned_abs);
    path -> PathBuf = |text| if text.is_empty() { Err("give a path".into()) } else { Ok(text.into()) };
    grace -> Duration = |text| duration(text, SignedDuration::ZERO..=MINUTE * 5).map(SignedDuration::unsigned_abs);
    session -> SignedDuration = |text| duration(text, MINUTE..=DAY * 30);
    lease_ttl -> SignedDuration = |text| duration(text, SECOND * 10..=DAY);
    minute_to_year -> SignedDuration = |text| duration(text, MINUTE..=DAY * 366);
    activity_retention -> SignedDuration = |text| duration(text, DAY..=DAY * 3660);
    nothing_to_year -> SignedDuration = |text| duration(text, SignedDuration::ZERO..=DAY * 366);
    borrow -> SignedDuration = |text| duration(text, SECOND..=DAY * 3660);
    borrow_limit -> Option<SignedDuration> =
        |text| if text.is_empty() { Ok(None) } else { duration(text, SECOND..=DAY * 3660).map(Some) };
    message_size -> usize = |text| size(text, KIB..=64 * MIB);
    granularity -> Granularity = |text| choice(text, &[
        ("SECOND", Granularity::Second),
        ("MINUTE", Granularity::Minute),
        ("HOUR", Granularity::Hour),
        ("DAY", Granularity::Day),
    ]);
    log_format -> LogFormat =
        |text| choice(text, &[("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)]);
    levels -> String = |text| log_levels(text).map(|_| text.to_owned());
    socket -> SocketAddr = socket_address;
    socket_or_none -> Option<SocketAddr> =
        |text| if text.is_empty() { Ok(None) } else { socket_address(text).map(Some) };
    file_size -> u64 = |text| size(text, MIB..=64 << 30).map(|bytes| bytes as u64);
    repository -> Option<String> = |text| match text {
        "" => Ok(None),
        url if ["http://", "https://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|host| {
            !host.is_empty() && !host.starts_with('/') && !host.contains([' ', '?', '#', '@'])
        })) => Ok(Some(url.to_owned())),
        other => Err(format!("give `https://HOST/PATH` or `http://HOST/PATH`; found `{other}`")),
    };
    http_address -> Option<String> = |text| if text.is_empty() { Ok(None) } else { http_url(text).map(Some) };
    sync_interval -> SyncInterval = |text| match text {
        "off" => Ok(SyncInterval::Off),
        "hourly" => Ok(SyncInterval::Every(MINUTE * 60)),
        "daily" => Ok(SyncInterval::Every(DAY)),
        "weekly" => Ok(SyncInterval::Every(DAY * 7)),
        other => duration(other, MINUTE..=DAY * 366).map(SyncInterval::Every)
            .map_err(|problem| format!("give `off`, `hourly`, `daily`, `weekly` or a duration; {problem}")),
    };
    time_zone -> TimeZone = |text| TimeZone::get(text)
        .map_err(|_| format!("no time zone is called `{text}`; give a name such as `Europe/Berlin`, or `UTC`"));
}

in_range! {
    queue_capacity -> usize = 1..=1_000_000;
    max_batch -> usize = 1..=65_536;
    percent -> u8 = 1..=100;
    sample_percent -> u8 = 0..=100;
    file_keep -> u32 = 0..=1_000;
    connections -> u32 = 2..=1_000;
    max_downloads -> usize = 1..=100_000;
}

pub(super) fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<String>::deserialize(deserializer)?;
    match hosts.iter().find(|host| !is_host(host)) {
        None => Ok(hosts),
        Some(wrong) => Err(Error::custom(format!(
            "`{wrong}` is not an address; give a host name, `name:16770`, an IPv4 or an IPv6 address, `[::1]:16770`"
        ))),
    }
}

pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let one = |text: &String| {
        Network::parse(text).ok_or_else(|| {
            Error::custom(format!(
                "give an IP address or a network, for instance `10.0.0.0/8`; found `{text}`"
            ))
        })
    };
    Vec::<String>::deserialize(deserializer)?.iter().map(one).collect()
}

pub(super) fn callers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CallerName>, D::Error> {
    let read = |text: &String| {
        // Names may hold the sign themselves, services never do.
        let (name, service) = text.rsplit_once('=').map(|(name, service)| (name.trim(), service.trim()))?;
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_service = !service.is_empty() && service.bytes().all(good);
        let pair = || CallerName { name: name.to_owned(), service: service.to_owned() };
        (is_service && !name.is_empty()).then(pair)
    };
    let texts = Vec::<String>::deserialize(deserializer)?;
    let one = |text| {
        read(text).ok_or_else(|| {
            Error::custom(format!(
                "give a name from a certificate and a service, for instance `billing.example.com = gateway`; \
                 found `{text}`"
            ))
        })
    };
    texts.iter().map(one).collect()
}

pub(super) fn hostids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HostId>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let one = |text: &String| {
        text.parse().map_err(|error| {
            Error::custom(format!(
                "`{text}` is no hostid: {error}; give VALUE/TYPE, for instance `a1b2/MACHINE_ID`"
            ))
        })
    };
    texts.iter().map(one).collect()
}

fn duration(text: &str, range: RangeInclusive<SignedDuration>) -> Result<SignedDuration, String> {
    let hint = || {
        format!(
            "give {} to {}, for instance `10min`, `24h` or `7d`; found `{text}`",
            Length(*range.start()),
            Length(*range.end())
        )
    };
    let span: Span = text.parse().map_err(|_| hint())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| hint())?;
    if range.contains(&length) { Ok(length) } else { Err(hint()) }
}

/// A duration in the largest unit that it is a whole number of.
struct Length(SignedDuration);

impl fmt::Display for Length {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let (unit, name) =
            units.into_iter().find(|(unit, _)| seconds > *unit && seconds % unit == 0).unwrap_or((1, "s"));
        write!(formatter, "{}{name}", seconds / unit)
    }
}

/// A size in the largest unit that it is a whole number of.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(MIB * KIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "B")];
        let (unit, name) = units
            .into_iter()
            .find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit))
            .unwrap_or((1, "B"));
        write!(formatter, "{}{name}", self.0 / unit)
    }
}

fn size(text: &str, range: RangeInclusive<u64>) -> Result<usize, String> {
    let hint = || {
        format!(
            "give {} to {}, for instance `512KiB` or `4MiB`; found `{text}`",
            Bytes(*range.start()),
            Bytes(*range.end())
        )
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match text[digits..].trim_start() {
        "" | "B" => 1,
        "KiB" => KIB,
        "MiB" => MIB,
        "GiB" => MIB * KIB,
        _ => return Err(hint()),
    };
    let bytes = text[..digits].parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| range.contains(bytes)).and_then(|bytes| usize::try_from(bytes).ok()).ok_or_else(hint)
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("give one of {}; found `{text}`", names.join(", "))
    })
}

/// Levels as `logging.level` has them; the error says what to give.
pub(crate) fn log_levels(text: &str) -> Result<Targets, String> {
    let is_level = |level: &str| level.parse::<LevelFilter>().is_ok() && level.parse::<u8>().is_err();
    let all_good = text.split(',').all(|part| is_level(part.rsplit('=').next().unwrap_or_default().trim()));
    text.parse().ok().filter(|_| all_good).ok_or_else(|| {
        format!(
            "give off, error, warn, info, debug or trace, and `TARGET=LEVEL` after commas; found `{text}`"
        )
    })
}

/// An address without a path, with or without TLS.
fn http_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)) {
        Some(host) if is_host(host) => Ok(text.to_owned()),
        _ => Err(format!(
            "give `http://HOST:PORT` or `https://HOST:PORT`, for instance `http://127.0.0.1:4317`; found `{text}`"
        )),
    }
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let numeric =
        text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric.parse().map_err(|_| {
        format!("give an IP address and a port of 0 to 65535, for instance `0.0.0.0:16770` or `[::1]:16770`; found `{text}`")
    })
}

/// A host name, an IP address, or one of them with a port.
fn is_host(text: &str) -> bool {
    if text.parse::<Ipv6Addr>().is_ok() || text.parse::<SocketAddr>().is_ok() {
        return true;
    }
    let (name, port) = text.split_once(':').unwrap_or((text, "1"));
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    port.parse::<u16>().is_ok_and(|port| port > 0) && name.len() <= 253 && name.split('.').all(is_label)
}
