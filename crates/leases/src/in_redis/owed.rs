//! What Redis must still be told, because it was away when it should have been.

use std::collections::HashMap;

use leasehold_domain::GrantId;

/// Debts remembered at most. Beyond that Redis is told to forget everything of the instance, which evicts nobody.
const MAX: usize = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Debt {
    /// The lease must go.
    Remove,
    /// Its mark must go, if it has one.
    Pardon,
}

/// What is to be told next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// All of the instance is to be forgotten.
    Everything,
    /// These, with what pays them.
    Some(Debt, Vec<(GrantId, u64)>),
}

/// The debts of one instance. A removal covers a pardon.
#[derive(Debug, Default)]
pub(super) struct Owed {
    removals: HashMap<GrantId, u64>,
    pardons: HashMap<GrantId, u64>,
    everything: bool,
    /// Tells a debt from the same one made again while it was being paid.
    count: u64,
}

impl Owed {
    pub(super) fn add(&mut self, debt: Debt, grants: impl IntoIterator<Item = GrantId>) {
        for grant in grants {
            self.count += 1;
            let count = self.count;
            self.of(debt).insert(grant, count);
        }
        if self.removals.len() + self.pardons.len() > MAX {
            self.removals.clear();
            self.pardons.clear();
            self.everything = true;
        }
    }

    /// What is to be told next, at most so many at once.
    pub(super) fn due(&self, most: usize) -> Due {
        if self.everything {
            return Due::Everything;
        }
        for (debt, grants) in [(Debt::Remove, &self.removals), (Debt::Pardon, &self.pardons)] {
            if !grants.is_empty() {
                let some = grants.iter().take(most).map(|(grant, count)| (*grant, *count));
                return Due::Some(debt, some.collect());
            }
        }
        Due::Nothing
    }

    pub(super) fn paid(&mut self, due: &Due) {
        match due {
            Due::Nothing => {}
            Due::Everything => self.everything = false,
            Due::Some(debt, some) => {
                let grants = self.of(*debt);
                for (grant, count) in some {
                    if grants.get(grant) == Some(count) {
                        grants.remove(grant);
                    }
                }
            }
        }
    }

    fn of(&mut self, debt: Debt) -> &mut HashMap<GrantId, u64> {
        match debt {
            Debt::Remove => &mut self.removals,
            Debt::Pardon => &mut self.pardons,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn grant(number: usize) -> GrantId {
        GrantId(Uuid::from_u128(number as u128))
    }

    #[test]
    fn a_debt_made_again_while_it_is_paid_stays() {
        let mut owed = Owed::default();
        owed.add(Debt::Remove, [grant(1), grant(2)]);
        let due = owed.due(10);
        owed.add(Debt::Remove, [grant(1)]);
        owed.paid(&due);
        let Due::Some(Debt::Remove, left) = owed.due(10) else { panic!("one is left") };
        assert_eq!(left.iter().map(|(grant, _)| *grant).collect::<Vec<_>>(), [grant(1)]);
    }

    #[test]
    fn both_kinds_are_paid_in_parts() {
        let mut owed = Owed::default();
        owed.add(Debt::Pardon, [grant(9)]);
        owed.add(Debt::Remove, (0..3).map(grant));
        for (debt, count) in [(Debt::Remove, 2), (Debt::Remove, 1), (Debt::Pardon, 1)] {
            let due = owed.due(2);
            assert!(matches!(&due, Due::Some(kind, some) if *kind == debt && some.len() == count), "{due:?}");
            owed.paid(&due);
        }
        assert_eq!(owed.due(2), Due::Nothing);
    }

    #[test]
    fn too_many_debts_become_one() {
        let mut owed = Owed::default();
        owed.add(Debt::Remove, (0..=MAX).map(grant));
        assert_eq!(owed.due(10), Due::Everything);
        owed.paid(&Due::Everything);
        assert_eq!(owed.due(10), Due::Nothing);
    }
}
