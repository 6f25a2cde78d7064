//! Configurations for the tests of checks.

use leasehold_runtime::{Clock, SystemClock};

use super::{Finding, Patient, Verdict};
use crate::config::{Config, Sources};

/// A configuration with these settings and nothing of this machine's.
pub(super) fn config(settings: &[(&str, &str)]) -> Config {
    let flags = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Config::load(&Sources { directory: "/nowhere".into(), flags, ..Sources::default() }).unwrap()
}

/// With every service on this machine.
pub(super) fn patient(config: &Config) -> Patient<'_> {
    let clock: &'static dyn Clock = Box::leak(Box::new(SystemClock::new()));
    Patient { config, services: &[], clock, now: clock.now() }
}

/// The finding with this text, which has to be there once.
#[track_caller]
pub(super) fn the<'a>(findings: &'a [Finding], text: &str) -> &'a Finding {
    let mut with = findings.iter().filter(|finding| finding.found.contains(text));
    match (with.next(), with.next()) {
        (Some(found), None) => found,
        _ => panic!("{text:?} is not once in {findings:#?}"),
    }
}

/// Fails unless everything passed.
#[track_caller]
pub(super) fn all_passed(findings: &[Finding]) {
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Passed), "{findings:#?}");
}
