//! What came of a demonstration: numbers, and which promises were kept.

use std::collections::BTreeMap;
use std::time::Duration;

use leasehold_promises::history::History;
use leasehold_promises::snapshot::Snapshot;
use leasehold_promises::tally::Tally;
use leasehold_promises::{Rule, Violation, replay, state};
use serde::Serialize;

use super::counts::Numbers;
use super::device;
use super::update::{Outcome, UpdateReport};
use super::watch::Watched;

/// Broken promises that are told in full.
const TOLD: usize = 20;

/// What came of a demonstration. As JSON it is one object.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether every promise was kept, and there was something to judge.
    pub ok: bool,
    /// What decided what the clients did.
    pub seed: u64,
    /// Where state was kept: `embedded` or `postgres`.
    pub stores: &'static str,
    /// Devices.
    pub clients: usize,
    /// How long they worked, in seconds.
    pub seconds: f64,
    /// Capability requests that were sent, repeats apart.
    pub requests: u64,
    /// Checkouts that gave something.
    pub granted: u64,
    /// Checkouts that were refused.
    pub denied: u64,
    /// Refused checkouts by their reason.
    pub denied_because: BTreeMap<String, u64>,
    /// Grants that were given back.
    pub returned: u64,
    /// Borrows that were left to their end.
    pub left: u64,
    /// Programs that fell silent while they held something.
    pub crashed: u64,
    /// Grants that the server took back, or whose time was over.
    pub ended: usize,
    /// Leases that heartbeats were sent for.
    pub heartbeats: u64,
    /// Requests that came twice on purpose.
    pub duplicates: u64,
    /// Answers that got lost on purpose.
    pub lost_answers: u64,
    /// Answers that were heard again and compared byte for byte.
    pub compared: usize,
    /// Old tokens that were shown on purpose.
    pub old_tokens: u64,
    /// Uses of old tokens that were refused.
    pub fenced: usize,
    /// How often the counts were looked at while everybody worked.
    pub samples: u64,
    /// Grants that were held in the end, and are there.
    pub held: usize,
    /// The update that went out; `None`: it was over before one did.
    pub update: Option<UpdateReport>,
    /// Each promise by its number, `kept` or `broken`.
    pub promises: BTreeMap<&'static str, &'static str>,
    /// What was found, at most so many as help.
    pub violations: Vec<Finding>,
}

/// Something that breaks a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The promise's number; empty where it is about something else.
    pub promise: &'static str,
    /// The rule.
    pub rule: String,
    /// What was found, with names and numbers.
    pub found: String,
}

/// The promises that a demonstration judges: number, and what it says.
pub const PROMISES: [(&str, &str); 6] = [
    ("S1", "no more is out than was bought, at any time"),
    ("S2", "no grant is lost that a client was told it has"),
    ("S3", "a request that comes twice changes something once, and has one answer"),
    ("S4", "one holder has one grant of a feature"),
    ("S8", "an old token changes nothing"),
    ("S11", "grants, counters and the activity log agree"),
];

/// What the judge has before it.
#[derive(Debug)]
pub(super) struct Evidence {
    /// What was kept before the first client came.
    pub(super) before: Snapshot,
    /// What was kept after the last one had left and the server had stopped.
    pub(super) after: Snapshot,
    /// What clients sent and heard.
    pub(super) histories: Vec<History>,
    /// What was seen meanwhile.
    pub(super) watched: Watched,
    /// What came of the update.
    pub(super) update: Option<Outcome>,
    /// What was counted meanwhile.
    pub(super) numbers: Numbers,
    pub(super) seed: u64,
    pub(super) stores: &'static str,
    pub(super) clients: usize,
    pub(super) worked: Duration,
}

impl Evidence {
    /// Judges it all.
    pub(super) fn judge(self) -> Report {
        let mut found = self.watched.violations.0.clone();
        found.extend(state::check(&self.after).0);
        // Somebody may look in from outside, and what a visitor heard is not known here.
        let ours = device::hostids();
        let [before, after] =
            [&self.before, &self.after].map(|kept| kept.of_devices(|device| ours.contains(device)));
        let (more, tally) = replay::check_since(&before, &after, &self.histories);
        found.extend(more.0);
        let mut promises: BTreeMap<_, _> = PROMISES.into_iter().map(|(number, _)| (number, "kept")).collect();
        for violation in &found {
            promises.entry(number(violation.rule)).and_modify(|promise| *promise = "broken");
        }
        let mut violations: Vec<Finding> = found.iter().take(TOLD).map(finding).collect();
        violations.extend(self.nothing(&tally));
        violations.extend(self.update.iter().flat_map(wrong_update).take(TOLD));
        self.report(tally, promises, violations)
    }

    /// A check of nothing shows nothing.
    fn nothing(&self, tally: &Tally) -> Option<Finding> {
        let looked = tally.granted > 0 && self.watched.samples > 0;
        (!looked).then(|| Finding {
            promise: "",
            rule: "something to judge".to_owned(),
            found: "no client was granted anything; let it run longer".to_owned(),
        })
    }

    fn report(
        self,
        tally: Tally,
        promises: BTreeMap<&'static str, &'static str>,
        violations: Vec<Finding>,
    ) -> Report {
        let numbers = self.numbers;
        Report {
            ok: violations.is_empty(),
            seed: self.seed,
            stores: self.stores,
            clients: self.clients,
            seconds: (self.worked.as_secs_f64() * 10.0).round() / 10.0,
            requests: numbers.requests,
            granted: numbers.granted,
            denied: numbers.denied,
            denied_because: numbers.denied_because,
            returned: numbers.returned,
            left: numbers.left,
            crashed: numbers.crashed,
            ended: tally.ended,
            heartbeats: numbers.heartbeats,
            duplicates: numbers.duplicates,
            lost_answers: numbers.lost_answers,
            compared: tally.repeats,
            old_tokens: numbers.old_tokens,
            fenced: tally.fenced,
            samples: self.watched.samples,
            held: tally.held,
            update: self.update.map(|outcome| outcome.report),
            promises,
            violations,
        }
    }
}

fn finding(violation: &Violation) -> Finding {
    Finding {
        promise: number(violation.rule),
        rule: violation.rule.to_string(),
        found: violation.found.clone(),
    }
}

/// What is put in place has to be what the vendor published.
fn wrong_update(update: &Outcome) -> impl Iterator<Item = Finding> + '_ {
    update.wrong.iter().map(|found| Finding {
        promise: "",
        rule: "genuine updates".to_owned(),
        found: found.clone(),
    })
}

/// The promise that a rule is part of.
fn number(rule: Rule) -> &'static str {
    match rule {
        Rule::NoOverIssue => "S1",
        Rule::NoLostGrant => "S2",
        Rule::ExactlyOnce => "S3",
        Rule::OneGrant => "S4",
        Rule::NoLiveEviction => "S5",
        Rule::BoundedLeak => "S6",
        Rule::NoZombie => "S7",
        // There is one server here, which knows of its own changes.
        Rule::Fencing | Rule::OldHeartbeat => "S8",
        Rule::Conservation | Rule::SoundFile => "S11",
    }
}

#[cfg(test)]
mod tests {
    use leasehold_promises::Violations;
    use leasehold_promises::snapshot::{Cell, Item};

    use super::*;

    fn evidence() -> Evidence {
        Evidence {
            before: Snapshot::default(),
            after: Snapshot::default(),
            histories: Vec::new(),
            watched: Watched { samples: 3, violations: Violations::default() },
            update: None,
            numbers: Numbers::default(),
            seed: 7,
            stores: "embedded",
            clients: 50,
            worked: Duration::from_millis(1_234),
        }
    }

    #[test]
    fn a_check_of_nothing_is_not_passed() {
        let report = evidence().judge();
        assert!(!report.ok && report.promises.values().all(|promise| *promise == "kept"), "{report:?}");
        assert_eq!(report.violations[0].rule, "something to judge");
    }

    #[test]
    fn what_is_broken_is_named_by_its_promise() {
        let mut evidence = evidence();
        evidence.watched.violations.add(Rule::NoOverIssue, "too much");
        evidence.after.items.insert("L1".to_owned(), Item { capacity: Some(3) });
        let (item, source) = ("L1".to_owned(), String::new());
        evidence.after.cells.push(Cell { item, source, allocated: 0, used: 1 });
        let report = evidence.judge();
        let broken: Vec<_> =
            report.promises.iter().filter(|(_, promise)| **promise == "broken").map(|(s, _)| *s).collect();
        assert_eq!(broken, ["S1", "S11"]);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((json["ok"].as_bool(), json["seconds"].as_f64()), (Some(false), Some(1.2)));
        assert_eq!(json["promises"]["S1"], "broken");
    }

    #[test]
    fn every_promise_has_a_rule() {
        let rules = [
            Rule::NoOverIssue,
            Rule::NoLostGrant,
            Rule::ExactlyOnce,
            Rule::OneGrant,
            Rule::Fencing,
            Rule::Conservation,
        ];
        assert_eq!(rules.map(number), PROMISES.map(|(number, _)| number));
    }
}
