//! Values of messages as text: times, hostids, counts.

use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::types::v1::{DeviceType, HostId};

/// A point in time, RFC 3339 in UTC. One that is no time is left out.
pub(crate) fn time(at: Option<&prost_types::Timestamp>) -> Option<String> {
    at.and_then(|at| read_timestamp("", at).ok()).map(|at| at.to_string())
}

/// A hostid in its text form, `VALUE/TYPE`.
pub(crate) fn hostid(hostid: Option<&HostId>) -> String {
    let read = hostid.and_then(|hostid| leasehold_domain::HostId::try_from(hostid).ok());
    read.map(|hostid| hostid.to_string()).unwrap_or_default()
}

/// A device's type without the contract's prefix.
pub(crate) fn device_type(kind: DeviceType) -> String {
    without_prefix(kind.as_str_name(), "DEVICE_TYPE_")
}

/// The name of an enumeration's value without the contract's prefix.
pub(crate) fn without_prefix(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_owned()
}

/// A count, or the word for having none.
pub(crate) fn count(count: Option<i64>, none: &str) -> String {
    count.map_or_else(|| none.to_owned(), |count| count.to_string())
}

/// A text, or a dash for an empty one.
pub(crate) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

/// A point in time for a table: whole seconds, a dash where there is none.
pub(crate) fn seconds(time: Option<&String>) -> String {
    let whole = |time: &String| time.split_once('.').map_or(time.clone(), |(whole, _)| format!("{whole}Z"));
    time.map_or_else(|| "-".to_owned(), whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_in_json_and_whole_in_tables() {
        let exact = time(Some(&prost_types::Timestamp { seconds: 1_767_225_600, nanos: 47_627_000 }));
        assert_eq!(exact.as_deref(), Some("2026-01-01T00:00:00.047627Z"));
        assert_eq!(seconds(exact.as_ref()), "2026-01-01T00:00:00Z");
        assert_eq!(seconds(None), "-");
    }
}
