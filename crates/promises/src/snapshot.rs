//! The state of a server at rest.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use uuid::Uuid;

/// Everything that a server has kept of one instance.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Line items by their id.
    pub items: BTreeMap<String, Item>,
    /// Counters.
    pub cells: Vec<Cell>,
    /// Grants, oldest first.
    pub grants: Vec<Grant>,
    /// Parts of grants that are not there.
    pub strays: Vec<(Uuid, Part)>,
    /// Answers, oldest first.
    pub answers: Vec<StoredAnswer>,
    /// Records, oldest first.
    pub activity: Vec<Activity>,
    /// What the back end's own check complains of.
    pub damage: Vec<String>,
}

/// A line item.
#[derive(Clone, Debug)]
pub struct Item {
    /// Count and overdraft; `None` without limit.
    pub capacity: Option<i64>,
}

/// A counter.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The line item's id.
    pub item: String,
    /// Empty for the default pool, else `reservation:ID` or `pool:NAME`.
    pub source: String,
    /// Counts that are set aside for it.
    pub allocated: i64,
    /// Counts that are out of it.
    pub used: i64,
}

/// A grant.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its id, the same through every renewal.
    pub id: Uuid,
    /// The device's hostid, `VALUE/TYPE`.
    pub device: String,
    /// Empty, `slot:NAME` or `client:ID`.
    pub place: String,
    /// What it is of.
    pub feature: String,
    /// Whether it is borrowed; else it is online.
    pub borrowed: bool,
    /// Grows with every change.
    pub fencing_token: u64,
    /// Empty for a borrow.
    pub lease_token: Vec<u8>,
    /// Where its counts come from.
    pub parts: Vec<Part>,
}

/// Counts of a grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The line item's id.
    pub item: String,
    /// As in [`Cell`].
    pub source: String,
    /// How many.
    pub count: i64,
}

/// What a request was answered.
#[derive(Clone, Debug)]
pub struct StoredAnswer {
    /// The request's id.
    pub id: Uuid,
    /// The answer, encoded, without its signed form.
    pub answer: Vec<u8>,
}

/// A record of a change.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Its own id.
    pub id: Uuid,
    /// By the server's clock.
    pub at: Timestamp,
    /// The kind's name, such as `GRANTED`.
    pub kind: String,
    /// The hostid of the device, `VALUE/TYPE`, where it is about one.
    pub device: Option<String>,
    /// Empty where it is of none.
    pub feature: String,
    /// Of which grant.
    pub grant: Option<Uuid>,
    /// What was added to the counts out, by line item.
    pub deltas: BTreeMap<String, i64>,
    /// The request that brought it about.
    pub request: Option<Uuid>,
}

impl Activity {
    /// Whether the server took the grant back or ended it, unasked by its holder.
    pub fn is_end_by_server(&self) -> bool {
        matches!(self.kind.as_str(), "EXPIRED" | "ENDED" | "DROPPED") && self.grant.is_some()
    }
}

impl Snapshot {
    /// The same without features and requests that are judged apart.
    #[must_use]
    pub fn without(&self, feature: fn(&str) -> bool, request: fn(Uuid) -> bool) -> Self {
        let mut rest = self.clone();
        rest.grants.retain(|grant| !feature(&grant.feature));
        rest.activity.retain(|record| !feature(&record.feature));
        rest.answers.retain(|answer| !request(answer.id));
        rest
    }

    /// The same without the grants of devices that are not among `ours`, and without what their requests left: what whoever
    /// comes from elsewhere did, who has no history. Records of no device stay.
    #[must_use]
    pub fn of_devices(&self, ours: impl Fn(&str) -> bool) -> Self {
        let is_ours = |record: &Activity| record.device.as_deref().is_none_or(&ours);
        let mut rest = self.clone();
        let theirs: HashSet<Uuid> = self
            .activity
            .iter()
            .filter(|record| !is_ours(record))
            .filter_map(|record| record.request)
            .collect();
        rest.grants.retain(|grant| ours(&grant.device));
        rest.activity.retain(is_ours);
        rest.answers.retain(|answer| !theirs.contains(&answer.id));
        rest
    }

    /// The same without the answers and records that an earlier one has too: what came after it.
    pub(crate) fn news_since(&self, before: &Self) -> Self {
        let answers: HashSet<Uuid> = before.answers.iter().map(|answer| answer.id).collect();
        let records: HashSet<Uuid> = before.activity.iter().map(|record| record.id).collect();
        let mut news = self.clone();
        news.answers.retain(|answer| !answers.contains(&answer.id));
        news.activity.retain(|record| !records.contains(&record.id));
        news
    }
}

/// What of a line item may be out; `None` without limit.
///
/// `overdraft` is its kind, `NONE`, `COUNT`, `PERCENT` or `UNLIMITED`, and `amount` the counts or percent of it. Reference:
/// `docs/reference/licensing.md`, "Line items".
pub fn capacity(count: Option<i64>, advisory: bool, overdraft: &str, amount: i64) -> Option<i64> {
    let count = count.filter(|_| !advisory)?;
    match overdraft {
        "NONE" => Some(count),
        "COUNT" => Some(count + amount),
        "PERCENT" => Some(count + count * amount / 100),
        _ => None,
    }
}
