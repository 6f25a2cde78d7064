//! The judge of leases finds nothing where all is well, and each thing that is made up.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_proto::licensing::v1 as pb;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Rule::{self, Fencing, NoLiveEviction, NoLostGrant, NoZombie};
use crate::leases::{self, Moment};
use crate::snapshot::{Activity, Grant, Snapshot};
use crate::tenure::{Beat, End, Tenure};

const TTL: Duration = Duration::from_secs(10);

/// Two holders of one prize, one after the other, and what the server kept.
struct Story {
    start: Moment,
    first: Tenure,
    second: Tenure,
    snapshot: Snapshot,
}

impl Story {
    /// The first falls silent after its heartbeat at 3 s, so it believes until 12 s; it is taken back at 15 s, and the
    /// second has the prize from 16 s on.
    fn new() -> Self {
        let start = Moment::new(Instant::now(), Timestamp::UNIX_EPOCH);
        let tenure = |device: &str, number: u128, at: u64| {
            let shown = pb::GrantRef {
                grant_id: Uuid::from_u128(number).to_string(),
                fencing_token: 1,
                ..Default::default()
            };
            let asked = start.monotonic() + Duration::from_secs(at);
            Tenure::new(device, "prize-0", shown, (asked, asked), TTL)
        };
        let (mut first, second) = (tenure("D1", 1, 0), tenure("D2", 2, 16));
        first.end = End::Silent;
        let mut story = Self { start, first, second, snapshot: Snapshot::default() };
        story.hear(3, pb::LeaseStatus::Ok);
        story.snapshot.activity.push(Activity {
            id: Uuid::from_u128(9),
            at: story.start.wall() + SignedDuration::from_secs(15),
            kind: "EXPIRED".to_owned(),
            device: Some("D1/STRING".to_owned()),
            feature: "prize-0".to_owned(),
            grant: Some(Uuid::from_u128(1)),
            deltas: BTreeMap::new(),
            request: None,
        });
        story.snapshot.grants.push(grant(2));
        story
    }

    /// The first one's heartbeat is sent at a time and answered at once.
    fn hear(&mut self, seconds: u64, status: pb::LeaseStatus) {
        let sent = self.at(seconds);
        let result = pb::LeaseResult { status: status.into(), ..Default::default() };
        self.first.beats.push(Beat { sent, heard: sent, result });
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start.monotonic() + Duration::from_secs(seconds)
    }

    fn found(&self) -> Vec<Rule> {
        let tenures = [self.second.clone(), self.first.clone()];
        let (violations, tally) = leases::check(&self.snapshot, &tenures, Some(self.start));
        assert_eq!((tally.grants, tally.taken_back), (2, 1));
        violations.0.into_iter().map(|violation| violation.rule).collect()
    }
}

fn grant(number: u128) -> Grant {
    Grant {
        id: Uuid::from_u128(number),
        device: String::new(),
        place: String::new(),
        feature: "prize-0".to_owned(),
        borrowed: false,
        fencing_token: 1,
        lease_token: Vec::new(),
        parts: Vec::new(),
    }
}

#[test]
fn a_prize_that_is_inherited_in_time_is_well() {
    let mut story = Story::new();
    assert_eq!(story.found(), []);
    story.hear(17, pb::LeaseStatus::Lost);
    assert_eq!(story.found(), [], "it hears of it when its time is over");
    story.first.beats.remove(0);
    assert_eq!(story.found(), []);
}

#[test]
fn everything_made_up_is_found() {
    type Change = fn(&mut Story);
    let made_up: &[(&str, Change, &[Rule])] = &[
        ("it hears of its end too early", |story| story.hear(11, pb::LeaseStatus::Lost), &[NoLiveEviction]),
        (
            "it is heard again and taken back",
            |story| story.hear(7, pb::LeaseStatus::OkDegraded),
            &[NoLiveEviction],
        ),
        (
            "it is told that it is alive after its end",
            |story| story.hear(15, pb::LeaseStatus::Ok),
            &[NoLiveEviction, NoZombie],
        ),
        (
            "it comes to life again",
            |story| {
                story.hear(13, pb::LeaseStatus::Lost);
                story.hear(14, pb::LeaseStatus::Ok);
            },
            &[Fencing],
        ),
        (
            "the second has it too early",
            |story| (story.second.asked, story.second.granted) = (story.at(11), story.at(11)),
            &[NoZombie],
        ),
        ("the second is gone", |story| story.snapshot.grants.clear(), &[NoLostGrant]),
        ("the first is still there", |story| story.snapshot.grants.push(grant(1)), &[NoLostGrant]),
        ("the second was given back", |story| story.second.end = End::Returned(story.at(20)), &[NoLostGrant]),
    ];
    for (what, change, rules) in made_up {
        let mut story = Story::new();
        change(&mut story);
        assert_eq!(story.found(), *rules, "{what}");
    }
}
