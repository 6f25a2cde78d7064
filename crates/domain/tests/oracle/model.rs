//! The model: the same rules over a list of single counts. Slow, and simple enough to be read as right.
//!
//! Every plain count of a line item is a unit with an owner, and every count that is out is a use of its
//! own. Nothing is added up that can be gone through one by one.

use std::collections::BTreeMap;

use crate::plan::{EntryPlan, IN_FORCE, ItemPlan, OverdraftPlan, Who};

/// More than any case can use.
const PLENTY: usize = 100_000;

/// Whom a unit is set aside for, and what a use is charged to. An entry is named by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Default,
    Entry(usize),
}

/// One count that is out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) who: Who,
    pub(crate) feature: u8,
    pub(crate) item: usize,
    pub(crate) owner: Owner,
    pub(crate) ends: i64,
}

/// What is known of a grant besides its uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) borrow: bool,
    pub(crate) since: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) plan: ItemPlan,
    /// One for each plain count; empty where uncounted.
    pub(crate) units: Vec<Owner>,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) items: Vec<Item>,
    /// By age; an entry that is gone leaves its place.
    pub(crate) entries: Vec<Option<EntryPlan>>,
    pub(crate) uses: Vec<Use>,
    pub(crate) held: BTreeMap<(Who, u8), Held>,
    pub(crate) now: i64,
    pub(crate) synchronize_before: i64,
}

/// The seats of one line item that are left once everybody who is out has sat down.
pub(crate) struct Idle {
    /// Own units of each owner before anybody sat down elsewhere.
    own: Vec<Owner>,
    pub(crate) default: usize,
    pub(crate) reserved: usize,
    pub(crate) overdraft: usize,
    pub(crate) overdraft_used: usize,
    pub(crate) overage: usize,
}

impl Model {
    pub(crate) fn new(items: &[ItemPlan], entries: &[EntryPlan]) -> Self {
        let items = items.iter().map(|plan| Item { plan: plan.clone(), units: Vec::new() }).collect();
        let entries = entries.iter().copied().map(Some).collect();
        let mut model = Self {
            items,
            entries,
            uses: Vec::new(),
            held: BTreeMap::new(),
            now: 0,
            synchronize_before: IN_FORCE,
        };
        model.allocate();
        model
    }

    /// Gives every unit an owner anew. What is charged to an entry that is gone becomes shared use.
    pub(crate) fn allocate(&mut self) {
        for item in &mut self.items {
            item.units = vec![Owner::Default; item.plan.count.unwrap_or(0).into()];
        }
        let mut by_version: Vec<usize> = (0..self.items.len()).collect();
        by_version.sort_by_key(|index| (self.items[*index].plan.version, *index));
        for (age, entry) in self.entries.iter().enumerate() {
            let Some(entry) = entry else { continue };
            for _ in 0..entry.count {
                let unit = by_version.iter().find_map(|index| {
                    let plan = &self.items[*index].plan;
                    let fits = plan.feature == entry.feature
                        && plan.version >= entry.version
                        && plan.started(self.now)
                        && !plan.over(self.now);
                    let unit = self.items[*index].units.iter().position(|owner| *owner == Owner::Default);
                    unit.filter(|_| fits).map(|unit| (*index, unit))
                });
                if let Some((index, unit)) = unit {
                    self.items[index].units[unit] = Owner::Entry(age);
                }
            }
        }
        for used in &mut self.uses {
            if matches!(used.owner, Owner::Entry(age) if self.entries[age].is_none()) {
                used.owner = Owner::Default;
            }
        }
    }

    /// Ends what has run its time, of one holder or of all.
    pub(crate) fn end_overdue(&mut self, whose: Option<Who>) {
        let now = self.now;
        self.uses.retain(|used| used.ends > now || whose.is_some_and(|who| who != used.who));
        self.forget_empty();
    }

    /// Ends a grant.
    pub(crate) fn end(&mut self, who: Who, feature: u8) {
        self.uses.retain(|used| (used.who, used.feature) != (who, feature));
        self.forget_empty();
    }

    pub(crate) fn forget_empty(&mut self) {
        let uses = &self.uses;
        self.held.retain(|key, _| uses.iter().any(|used| (used.who, used.feature) == *key));
    }

    /// Seats everybody who is out of a line item: on an own unit where there is one, else on one of the
    /// default pool, else on overdraft, else on one that is set aside, else nowhere.
    pub(crate) fn idle(&self, index: usize) -> Idle {
        let item = &self.items[index];
        let mut units = item.units.clone();
        let mut standing = 0;
        for used in self.uses.iter().filter(|used| used.item == index) {
            match units.iter().position(|owner| *owner == used.owner) {
                Some(unit) => drop(units.swap_remove(unit)),
                None => standing += 1,
            }
        }
        if item.plan.count.is_none() {
            let own = Vec::new();
            return Idle { own, default: PLENTY, reserved: 0, overdraft: 0, overdraft_used: 0, overage: 0 };
        }
        let own = units.clone();
        let (mut overdraft_used, mut overage) = (0, 0);
        for _ in 0..standing {
            let seat = units.iter().position(|owner| *owner == Owner::Default);
            if let Some(unit) = seat {
                units.swap_remove(unit);
            } else if overdraft_used < item.plan.overdraft() {
                overdraft_used += 1;
            } else if units.pop().is_none() {
                overage += 1;
            }
        }
        let default = units.iter().filter(|owner| **owner == Owner::Default).count();
        Idle {
            own,
            default,
            reserved: units.len() - default,
            overdraft: item.plan.overdraft() - overdraft_used,
            overdraft_used,
            overage,
        }
    }
}

impl Idle {
    /// Units of the chosen entries that their owners could take now.
    pub(crate) fn of_entries(&self, chosen: impl Fn(usize) -> bool) -> usize {
        let own = self.own.iter().filter(|owner| matches!(owner, Owner::Entry(age) if chosen(*age))).count();
        own.min(self.reserved)
    }
}

impl ItemPlan {
    pub(crate) fn started(&self, now: i64) -> bool {
        self.starts.is_none_or(|starts| starts <= now)
    }

    pub(crate) fn over(&self, now: i64) -> bool {
        self.until().is_some_and(|until| until <= now)
    }

    pub(crate) fn until(&self) -> Option<i64> {
        self.expires.map(|expires| expires + self.grace)
    }

    pub(crate) fn overdraft(&self) -> usize {
        match (self.overdraft, self.count) {
            (_, None) | (OverdraftPlan::None, _) => 0,
            (OverdraftPlan::Count(count), _) => count.into(),
            (OverdraftPlan::Percent(percent), Some(count)) => usize::from(percent) * usize::from(count) / 100,
            (OverdraftPlan::Unlimited | OverdraftPlan::Advisory, _) => PLENTY,
        }
    }
}
