//! What must hold between what holders of leases believed and what the server did: nobody who was answered in time is
//! taken back, and two never believe in the same count at the same time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use leasehold_proto::licensing::v1 as pb;
use tokio::time::Instant;
use uuid::Uuid;

use crate::snapshot::{Activity, Snapshot};
use crate::tenure::{Beat, End, Tenure};
use crate::{Rule, Violations};

/// One moment by both clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    monotonic: Instant,
    wall: Timestamp,
}

/// How much was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Tenures.
    pub grants: usize,
    /// Answers that a grant was alive.
    pub alive: usize,
    /// Of these, while the lease store was away.
    pub degraded: usize,
    /// Answers that a grant was lost.
    pub lost: usize,
    /// Grants that the server took back.
    pub taken_back: usize,
    /// Grants that their holder gave back.
    pub returned: usize,
    /// Times that a prize went from a holder that fell silent to another.
    pub inherited: usize,
    /// The longest time without an answer that a holder had.
    pub longest_silence: Duration,
    /// The longest time that the count of a silent holder stayed out after its last heartbeat, by the server's records.
    pub longest_leak: Duration,
    /// The least time between the end of a silent holder's belief and its successor's answer.
    pub closest: Option<Duration>,
}

impl Moment {
    /// One that was read off both clocks.
    pub fn new(monotonic: Instant, wall: Timestamp) -> Self {
        Self { monotonic, wall }
    }

    /// By the monotonic clock.
    pub fn monotonic(&self) -> Instant {
        self.monotonic
    }

    /// By the wall clock.
    pub fn wall(&self) -> Timestamp {
        self.wall
    }

    fn at(&self, wall: Timestamp) -> Instant {
        let ahead = wall.duration_since(self.wall);
        if ahead.is_negative() {
            self.monotonic - ahead.unsigned_abs()
        } else {
            self.monotonic + ahead.unsigned_abs()
        }
    }
}

/// Judges tenures. `clock` is a moment by the clock of the server's records; `None` where that clock was stepped.
pub fn check(snapshot: &Snapshot, tenures: &[Tenure], clock: Option<Moment>) -> (Violations, Tally) {
    let mut violations = Violations::default();
    let mut tally = Tally { grants: tenures.len(), ..Tally::default() };
    let ended: HashMap<Uuid, &Activity> = snapshot
        .activity
        .iter()
        .filter(|record| is_by_server(record))
        .filter_map(|record| Some((record.grant?, record)))
        .collect();
    tally.taken_back = ended.len();
    for tenure in tenures {
        count(tenure, &mut tally);
        answers(tenure, &mut violations);
        if let (Some(record), Some(clock)) = (ended.get(&tenure.grant()), clock) {
            let at = clock.at(record.at);
            record_of_an_end(tenure, record, at, &mut violations);
            tally.longest_leak = tally.longest_leak.max(at.saturating_duration_since(tenure.last_alive()));
        }
        kept(snapshot, tenure, ended.contains_key(&tenure.grant()), &mut violations);
    }
    successors(tenures, &mut violations, &mut tally);
    (violations, tally)
}

fn is_by_server(record: &Activity) -> bool {
    matches!(record.kind.as_str(), "EXPIRED" | "ENDED")
}

fn count(tenure: &Tenure, tally: &mut Tally) {
    tally.alive += tenure.beats.iter().filter(|beat| beat.is_alive()).count();
    let degraded = |beat: &&Beat| beat.result.status() == pb::LeaseStatus::OkDegraded;
    tally.degraded += tenure.beats.iter().filter(degraded).count();
    tally.lost += usize::from(tenure.lost().is_some());
    tally.returned += usize::from(matches!(tenure.end, End::Returned(_)));
    let heard = std::iter::once(tenure.granted).chain(tenure.beats.iter().map(|beat| beat.heard));
    let heard: Vec<Instant> = heard.collect();
    let silence = heard.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    tally.longest_silence = tally.longest_silence.max(silence);
}

/// Nobody is told that a grant is lost while earlier answers are still good, nor that it is alive after that.
fn answers(tenure: &Tenure, violations: &mut Violations) {
    let Some(lost) = tenure.lost() else { return };
    let until = tenure.believed_until(lost.heard);
    if lost.heard < until {
        let found = format!(
            "{} heard that {} {} was lost ({:?}) {:?} before its time was over; {}",
            tenure.device,
            tenure.feature,
            tenure.shown.grant_id,
            lost.result.reason(),
            until - lost.heard,
            beats(tenure)
        );
        violations.add(Rule::NoLiveEviction, found);
    }
    if let Some(alive) = tenure.beats.iter().find(|beat| beat.sent > lost.heard && beat.is_alive()) {
        violations.add(
            Rule::Fencing,
            format!("{} was lost and came to life again: {alive:?}", tenure.shown.grant_id),
        );
    }
}

/// The server's own record of an end is not earlier than the holder's time was over.
fn record_of_an_end(tenure: &Tenure, record: &Activity, at: Instant, violations: &mut Violations) {
    let believed = tenure.beliefs().into_iter().find(|(from, until)| *from <= at && at < *until);
    if let Some((_, until)) = believed {
        let found = format!(
            "{}: {} {} {} was {} {:?} before its time was over; {}",
            record.at,
            tenure.device,
            tenure.feature,
            tenure.shown.grant_id,
            record.kind,
            until - at,
            beats(tenure)
        );
        violations.add(Rule::NoLiveEviction, found);
    }
}

/// A grant that was neither given back nor taken back is still there.
fn kept(snapshot: &Snapshot, tenure: &Tenure, taken_back: bool, violations: &mut Violations) {
    let there = snapshot.grants.iter().any(|grant| grant.id == tenure.grant());
    let returned = matches!(tenure.end, End::Returned(_));
    if there && (returned || taken_back) {
        violations.add(Rule::NoLostGrant, format!("{tenure:?} has ended and was kept"));
    }
    if !there && !returned && !taken_back {
        violations.add(Rule::NoLostGrant, format!("{tenure:?} was not kept"));
    }
}

/// Of what only one can have, two never believe that they do.
fn successors(tenures: &[Tenure], violations: &mut Violations, tally: &mut Tally) {
    let mut prizes: BTreeMap<&str, Vec<(Instant, Instant, &Tenure)>> = BTreeMap::new();
    for tenure in tenures.iter().filter(|tenure| tenure.feature.starts_with("prize-")) {
        let spans = tenure.beliefs().into_iter().map(|(from, until)| (from, until, tenure));
        prizes.entry(&tenure.feature).or_default().extend(spans);
    }
    for (prize, mut spans) in prizes {
        spans.sort_by_key(|(from, ..)| *from);
        for pair in spans.windows(2) {
            let ((_, until, before), (from, _, after)) = (pair[0], pair[1]);
            if before.grant() == after.grant() {
                continue;
            }
            if from < until {
                let found = format!(
                    "{prize}: {} believed in it {:?} longer than until {} had it; {}; {}",
                    before.device,
                    until - from,
                    after.device,
                    beats(before),
                    beats(after)
                );
                violations.add(Rule::NoZombie, found);
            } else if before.end == End::Silent {
                tally.inherited += 1;
                let gap = from - until;
                tally.closest = Some(tally.closest.map_or(gap, |closest| closest.min(gap)));
            }
        }
    }
}

/// The last answers to a holder, by the time since it had its grant.
fn beats(tenure: &Tenure) -> String {
    let last = tenure.beats.len().saturating_sub(4);
    let since = |instant: Instant| instant.saturating_duration_since(tenure.granted).as_millis();
    let beats: Vec<String> = tenure.beats[last..]
        .iter()
        .map(|beat| format!("{}-{} ms {:?}", since(beat.sent), since(beat.heard), beat.result.status()))
        .collect();
    format!("its last heartbeats: {}", beats.join(", "))
}
