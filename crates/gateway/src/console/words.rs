//! The names of the contract in words for people.

use super::parts::{Tag, Tone, encode};

/// Why a feature was refused.
pub(crate) fn refusal(reason: &str) -> String {
    let words = match reason {
        "UNKNOWN_FEATURE" => "not owned",
        "VERSION_TOO_LOW" => "only lower versions owned",
        "NOT_STARTED" => "not started yet",
        "EXPIRED" => "expired",
        "VIRTUAL_NOT_ALLOWED" => "not on virtual machines",
        "MAX_REACHED" => "a rule's limit",
        "DENIED_BY_RULE" => "denied by a rule",
        "RESERVED_FOR_OTHERS" => "reserved for others",
        "POOL_EMPTY" => "pool empty",
        "INSUFFICIENT_COUNT" => "not enough counts",
        other => return plain(other),
    };
    words.to_owned()
}

/// A name that has no words of its own: `SOME_NAME` as `some name`.
pub(crate) fn plain(name: &str) -> String {
    name.replace('_', " ").to_lowercase()
}

/// Whether a device is a real machine.
pub(crate) fn machine(device_type: &str) -> &'static str {
    match device_type {
        "PHYSICAL" => "physical",
        "VIRTUAL" => "virtual",
        _ => "unknown",
    }
}

/// What a hostid identifies, from its text `VALUE/TYPE`.
pub(crate) fn id_type(hostid: &str) -> &'static str {
    match hostid.rsplit_once('/').map_or("STRING", |(_, kind)| kind) {
        "ETHERNET" => "network card",
        "INTERNET" => "IPv4 address",
        "INTERNET6" => "IPv6 address",
        "VM_UUID" => "virtual machine",
        "CONTAINER_ID" => "container",
        "MACHINE_ID" => "machine id",
        "USER" => "user",
        "PUBLISHER_DEFINED" => "vendor's own",
        "STRING" => "text",
        _ => "unknown",
    }
}

/// How a grant is held.
pub(crate) fn mode(mode: &str) -> Tag {
    match mode {
        "ONLINE" => Tag::new(Tone::Plain, "online"),
        "BORROW" => Tag::new(Tone::Warn, "borrowed"),
        other => Tag::new(Tone::Plain, plain(other)),
    }
}

/// What an activity record is about.
pub(crate) fn activity(kind: &str) -> Tag {
    let tone = match kind {
        "GRANTED" => Tone::Good,
        "REFUSED" => Tone::Bad,
        "EXPIRED" | "DROPPED" => Tone::Warn,
        _ => Tone::Plain,
    };
    Tag::new(tone, plain(kind))
}

/// How an exchange with the vendor stands.
pub(crate) fn exchange(state: &str) -> Tag {
    let tone = match state {
        "DONE" => Tone::Good,
        "FAILED" => Tone::Bad,
        "APPLYING" => Tone::Warn,
        _ => Tone::Plain,
    };
    Tag::new(tone, plain(state))
}

/// A step of the way to the vendor.
pub(crate) fn step(step: &str) -> &'static str {
    match step {
        "RESOLVE" => "The name is looked up",
        "CONNECT" => "A connection is made",
        "TLS" => "It is secured",
        "EXCHANGE" => "The vendor answers",
        "VERIFY" => "The answer is checked",
        "APPLY" => "It is put in force",
        _ => "A step",
    }
}

/// The page of a feature.
pub(crate) fn feature_page(name: &str) -> String {
    format!("/features/{}", encode(name))
}

/// The page of a device.
pub(crate) fn device_page(hostid: &str) -> String {
    format!("/devices/{}", encode(hostid))
}

/// Each reason with how often, most often first: `7 × not enough counts, 2 × expired`.
pub(crate) fn reasons<'a>(denials: impl Iterator<Item = (&'a str, i64)>) -> String {
    let mut sums: Vec<(&str, i64)> = Vec::new();
    for (reason, count) in denials {
        match sums.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += count,
            None => sums.push((reason, count)),
        }
    }
    sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown: Vec<String> =
        sums.iter().map(|(reason, count)| format!("{count} × {}", refusal(reason))).collect();
    if shown.is_empty() { "nobody was refused".to_owned() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_words_are_still_readable() {
        assert_eq!(refusal("SOME_NEW_REASON"), "some new reason");
        assert_eq!(mode("SOME_MODE").text, "some mode");
        assert_eq!(machine(""), "unknown");
    }

    #[test]
    fn a_hostid_without_a_type_is_text() {
        assert_eq!(id_type("workstation 7"), "text");
        assert_eq!(id_type("00:1a/ETHERNET"), "network card");
    }

    #[test]
    fn reasons_are_summed_over_features_most_often_first() {
        let denials = [("EXPIRED", 2), ("INSUFFICIENT_COUNT", 3), ("INSUFFICIENT_COUNT", 4)];
        assert_eq!(reasons(denials.into_iter()), "7 × not enough counts, 2 × expired");
        assert_eq!(reasons(std::iter::empty()), "nobody was refused");
    }

    #[test]
    fn pages_are_found_whatever_a_name_is() {
        assert_eq!(feature_page("3D / Rendering"), "/features/3D%20%2F%20Rendering");
        assert_eq!(device_page("a/VM_UUID"), "/devices/a%2FVM_UUID");
    }
}
