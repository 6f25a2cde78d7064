//! The state of a server at rest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

/// Everything that a server has kept of one instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) items: BTreeMap<String, Item>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) grants: Vec<Grant>,
    /// Parts of grants that are not there.
    pub(crate) strays: Vec<(Uuid, Part)>,
    pub(crate) answers: Vec<StoredAnswer>,
    pub(crate) activity: Vec<Activity>,
    /// What the back end's own check complains of.
    pub(crate) damage: Vec<String>,
}

/// A line item.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Count and overdraft; `None` without limit.
    pub(crate) capacity: Option<i64>,
}

/// A counter.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) item: String,
    /// Empty for the default pool, else `reservation:ID`.
    pub(crate) source: String,
    pub(crate) allocated: i64,
    pub(crate) used: i64,
}

/// A grant.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) id: Uuid,
    /// The device's hostid, `VALUE/TYPE`.
    pub(crate) device: String,
    /// Empty, `slot:NAME` or `client:ID`.
    pub(crate) place: String,
    pub(crate) feature: String,
    pub(crate) borrowed: bool,
    pub(crate) fencing_token: u64,
    /// Empty for a borrow.
    pub(crate) lease_token: Vec<u8>,
    pub(crate) parts: Vec<Part>,
}

/// Counts of a grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) item: String,
    /// As in [`Cell`].
    pub(crate) source: String,
    pub(crate) count: i64,
}

/// What a request was answered.
#[derive(Clone, Debug)]
pub(crate) struct StoredAnswer {
    pub(crate) id: Uuid,
    pub(crate) answer: Vec<u8>,
}

/// A record of a change.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    /// By the server's clock.
    pub(crate) at: Timestamp,
    pub(crate) kind: String,
    pub(crate) feature: String,
    pub(crate) grant: Option<Uuid>,
    pub(crate) deltas: BTreeMap<String, i64>,
    pub(crate) request: Option<Uuid>,
}

impl Snapshot {
    /// The same without features and requests that are judged apart.
    pub(crate) fn without(&self, feature: fn(&str) -> bool, request: fn(Uuid) -> bool) -> Self {
        let mut rest = self.clone();
        rest.grants.retain(|grant| !feature(&grant.feature));
        rest.activity.retain(|record| !feature(&record.feature));
        rest.answers.retain(|answer| !request(answer.id));
        rest
    }
}

/// What of a line item may be out; `None` without limit.
pub(crate) fn capacity(count: Option<i64>, advisory: bool, overdraft: &str, amount: i64) -> Option<i64> {
    let count = count.filter(|_| !advisory)?;
    match overdraft {
        "NONE" => Some(count),
        "COUNT" => Some(count + amount),
        "PERCENT" => Some(count + count * amount / 100),
        _ => None,
    }
}
