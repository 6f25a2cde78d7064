//! Reservations: counts kept for a hostid, and how far the owned counts meet them.
//! Reference: licensing, "Reservations".

use std::collections::{BTreeMap, BTreeSet};

use crate::cell::{LineItemState, Source};
use crate::hostid::HostId;
use crate::ids::{EntryId, GroupId, LineItemId};
use crate::text::FeatureName;
use crate::version::Version;

/// Reservations that are added and removed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Unique in the instance, 1 to 255 bytes.
    pub name: String,
    /// One a hostid.
    pub reservations: Vec<Reservation>,
    /// Grows with every change of the group.
    pub revision: u64,
}

/// Counts kept for one hostid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Device or user; occurs once in the instance.
    pub hostid: HostId,
    /// What is kept, oldest first.
    pub entries: Vec<Entry>,
}

/// Counts of one feature kept for one hostid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Whom it is kept for.
    pub hostid: HostId,
    /// The feature.
    pub feature: FeatureName,
    /// The lowest version that it is filled from.
    pub version: Version,
    /// Counts wanted.
    pub count: u64,
    /// Its place in the instance: lower is older and filled first.
    pub order: u64,
}

/// How far the owned counts meet an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All set aside or in use.
    Satisfied,
    /// So many are owned, but still out with others.
    Waiting(u64),
    /// So many are not owned.
    Unsatisfied(u64),
}

/// Why a group is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// Another group has the name.
    #[error("a reservation group {0:?} exists already; choose another name or change that one")]
    NameTaken(String),
    /// Another reservation has the hostid.
    #[error("{hostid} has a reservation already, in group {group:?}; a hostid occurs once in an instance")]
    HostIdTaken {
        /// The hostid.
        hostid: HostId,
        /// Where it is.
        group: String,
    },
    /// The owned counts cannot meet an entry.
    #[error(
        "{hostid}: {wanted} of {feature} {version} cannot be set aside, {available} are owned and not reserved; \
         lower the count, or allow unsatisfied entries"
    )]
    Unsatisfied {
        /// For whom.
        hostid: HostId,
        /// The feature.
        feature: FeatureName,
        /// The version.
        version: Version,
        /// Counts wanted.
        wanted: u64,
        /// Counts that can be set aside.
        available: u64,
    },
}

impl Entry {
    /// How far the owned counts meet it, given the line items of its feature after allocation.
    pub fn status<'a>(&self, items: impl IntoIterator<Item = &'a LineItemState>) -> (Status, u64) {
        let source = Source::Reservation(self.id);
        let (mut allocated, mut used, mut free) = (0, 0, 0);
        for state in items {
            let cell = state.cell(&source);
            allocated += cell.allocated;
            used += cell.used;
            free += state.plain_free(&source);
        }
        let status = if allocated < self.count {
            Status::Unsatisfied(self.count - allocated)
        } else if used + free < self.count {
            Status::Waiting(self.count - used - free)
        } else {
            Status::Satisfied
        };
        (status, used)
    }
}

/// Checks a group against the others: its name and every hostid occur once in the instance.
pub fn check_unique(group: &Group, others: &[Group]) -> Result<(), GroupError> {
    let others = || others.iter().filter(|other| other.id != group.id);
    if others().any(|other| other.name == group.name) {
        return Err(GroupError::NameTaken(group.name.clone()));
    }
    let taken: BTreeMap<&HostId, &str> = others()
        .flat_map(|other| other.reservations.iter().map(|r| (&r.hostid, other.name.as_str())))
        .collect();
    let mut own = BTreeSet::new();
    for reservation in &group.reservations {
        let place = taken.get(&reservation.hostid).copied();
        let repeated = (!own.insert(&reservation.hostid)).then_some(group.name.as_str());
        if let Some(name) = place.or(repeated) {
            return Err(GroupError::HostIdTaken {
                hostid: reservation.hostid.clone(),
                group: name.to_owned(),
            });
        }
    }
    Ok(())
}

/// Checks that the owned counts meet every entry of a group, given the state after allocation.
pub fn check_satisfied(group: &Group, items: &BTreeMap<LineItemId, LineItemState>) -> Result<(), GroupError> {
    for entry in group.reservations.iter().flat_map(|reservation| &reservation.entries) {
        let (status, _) = entry.status(items.values());
        if let Status::Unsatisfied(missing) = status {
            return Err(GroupError::Unsatisfied {
                hostid: entry.hostid.clone(),
                feature: entry.feature.clone(),
                version: entry.version.clone(),
                wanted: entry.count,
                available: entry.count - missing,
            });
        }
    }
    Ok(())
}
