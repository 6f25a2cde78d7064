//! The rules and the model, taken through the same case side by side.

use leasehold_domain::capability::{Outcome, RequestRefusal};
use leasehold_domain::holder::Place;
use leasehold_domain::leave::Unsynchronized;
use leasehold_domain::{DesiredFeature, Entry, Estate, HostId, Rejection, Source};
use proptest::prelude::*;

use crate::answers;
use crate::checks;
use crate::model::Model;
use crate::names::{feature_name, holder, instant, item_id};
use crate::plan::{Ask, Case, Change, IN_FORCE, Op, Renew, USER, Who};
use crate::verdict::Rejected;
use crate::world::{World, reserved, stale, verdicts};

/// Both sides, and what is remembered to check them by.
pub(crate) struct Both {
    pub(crate) world: World,
    model: Model,
    /// The most that may be out of each line item because it was out when its count was lowered.
    ceilings: Vec<u64>,
}

impl Both {
    pub(crate) fn new(case: &Case) -> Self {
        Self {
            world: World::new(&case.items, &case.entries),
            model: Model::new(&case.items, &case.entries),
            ceilings: vec![0; case.items.len()],
        }
    }

    pub(crate) fn compare(&mut self, estate: &Estate) -> Result<(), TestCaseError> {
        checks::agree(estate, &self.model)?;
        checks::sound(estate, &self.model, &mut self.ceilings)
    }

    pub(crate) fn change(&mut self, change: Change) {
        match change {
            Change::None => return,
            Change::Time { hours, sweep, reallocate } => {
                self.world.now += hours;
                self.model.now += hours;
                if sweep {
                    self.world.sweep();
                    self.model.end_overdue(None);
                }
                if !reallocate {
                    return;
                }
            }
            Change::Reserve(plan) => {
                self.world.entries.push(reserved(self.model.entries.len(), plan));
                self.model.entries.push(Some(plan));
            }
            Change::Unreserve(nth) => {
                let Some(age) = pick(&self.standing(), nth) else { return };
                self.world.entries.retain(|entry| entry.order != age as u64);
                self.model.entries[age] = None;
            }
            Change::Resize(nth, count) => {
                let Some(age) = pick(&self.standing(), nth) else { return };
                let entry = self.world.entries.iter_mut().find(|entry| entry.order == age as u64);
                entry.expect("it stands").count = count.into();
                self.model.entries[age].as_mut().expect("it stands").count = count;
            }
            Change::Synchronize { hours } => {
                self.world.synchronize_before = self.world.now + hours;
                self.model.synchronize_before = self.model.now + hours;
                return;
            }
            Change::Recount(nth, count) => self.recount(usize::from(nth) % self.model.items.len(), count),
        }
        self.world.allocate();
        self.model.allocate();
    }

    fn recount(&mut self, index: usize, count: u8) {
        let item = &mut self.model.items[index];
        if item.plan.count.is_none() {
            return;
        }
        item.plan.count = Some(count);
        let out = self.model.uses.iter().filter(|used| used.item == index).count();
        self.ceilings[index] = out as u64;
        let state = self.world.items.get_mut(&item_id(index)).expect("line items stay");
        state.item.count = Some(count.into());
    }

    fn standing(&self) -> Vec<usize> {
        (0..self.model.entries.len()).filter(|age| self.model.entries[*age].is_some()).collect()
    }

    pub(crate) fn op(&mut self, op: &Op, estate: &mut Estate) -> Result<(), TestCaseError> {
        match op {
            Op::Ask(ask) => self.ask(ask, estate),
            Op::Release { nth, stale } => self.end(*nth, estate, *stale, true),
            Op::TakeBack { nth, stale } => self.end(*nth, estate, *stale, false),
        }
    }

    fn ask(&mut self, ask: &Ask, estate: &mut Estate) -> Result<(), TestCaseError> {
        let request = self.world.request(ask, estate);
        let asking: Vec<HostId> = request.hostids.iter().chain(&request.user).cloned().collect();
        let kept = checks::kept_for_owners(estate, &self.world.entries);
        let drawn = checks::own_drawn(estate, &asking);
        let held = answers::held_by(estate, &request.holder());
        let expected = self.model.ask(ask);
        let before = (ask.preview || expected.is_err()).then(|| estate.clone());
        let found = self.world.decide(estate, &request);
        match (&expected, &found) {
            (Err(Rejected::Overdue), Ok(answer)) => {
                let refusal = RequestRefusal::ServerUnsynchronized(Unsynchronized::Overdue);
                prop_assert_eq!((answer.refusal, answer.outcomes.len()), (Some(refusal), 0));
            }
            (Ok(expected), Ok(answer)) => {
                prop_assert_eq!(answer.refusal, None);
                prop_assert_eq!(&verdicts(answer), expected);
                answers::fit(&held, estate, &request, answer, instant(self.world.now))?;
            }
            (Err(Rejected::Field), Err(Rejection::Field { .. }))
            | (Err(Rejected::Stale), Err(Rejection::Stale { .. }))
            | (Err(Rejected::Mode), Err(Rejection::ModeMismatch { .. })) => {}
            _ => prop_assert!(false, "the model says {expected:?}, the rules say {found:?}"),
        }
        if let Some(before) = before {
            answers::nothing_changed(&before, estate)?;
        }
        checks::nothing_taken_from_others(&kept, &drawn, estate, &asking)
    }

    /// Returns a grant, or takes it back for its silence.
    fn end(
        &mut self,
        nth: u8,
        estate: &mut Estate,
        is_stale: bool,
        by_holder: bool,
    ) -> Result<(), TestCaseError> {
        let keys: Vec<_> = self.model.held.keys().copied().collect();
        let Some((who, feature)) = pick(&keys, nth) else { return Ok(()) };
        let held = self.model.held[&(who, feature)];
        let grant = estate.grant_of(&holder(who), &feature_name(feature)).cloned();
        let grant = grant.expect("the rules hold what the model holds");
        let shown = if is_stale { stale(&grant) } else { grant.reference() };
        let before = estate.clone();
        let silent = !held.borrow && held.since < self.model.now;
        let (expected, found) = if by_holder {
            (!is_stale, self.world.release(estate, &shown))
        } else {
            (!is_stale && silent, self.world.take_back(estate, &shown))
        };
        prop_assert_eq!(found, expected);
        if expected {
            self.model.end(who, feature);
        } else {
            answers::nothing_changed(&before, estate)?;
        }
        Ok(())
    }

    /// Writes the changes as a store would, and finds everything there again.
    pub(crate) fn commit(&mut self, estate: &Estate) -> Result<(), TestCaseError> {
        self.world.commit(estate.clone().into_changes());
        let kept = self.world.estate();
        prop_assert_eq!(kept.items(), estate.items());
        for grant in estate.grants() {
            prop_assert_eq!(self.world.grants.get(&grant.id), Some(grant));
        }
        prop_assert_eq!(self.world.grants.len(), estate.grants().count());
        for state in self.world.items.values() {
            let recorded = self.world.by_activity.get(&state.item.id).copied().unwrap_or(0);
            prop_assert_eq!(u64::try_from(recorded), Ok(state.out()), "activity of {}", state.item.id);
        }
        Ok(())
    }

    /// What is kept for somebody can be had by them, down to the last count.
    pub(crate) fn owners_can_draw(&mut self) -> Result<(), TestCaseError> {
        self.world.synchronize_before = self.world.now + IN_FORCE;
        let estate = self.world.estate();
        for entry in self.world.entries.clone() {
            let source = Source::Reservation(entry.id);
            let used: u64 = estate.items_of(&entry.feature).map(|state| state.cell(&source).used).sum();
            let now = instant(self.world.now);
            let serving = estate.items_of(&entry.feature).filter(|state| {
                state.item.starts_at.is_none_or(|at| at <= now)
                    && state.item.serves_until().is_none_or(|at| at > now)
            });
            let free: u64 = serving.map(|state| state.plain_free(&source)).sum();
            let free = free.min(entry.count.saturating_sub(used));
            if free > 0 {
                let mut request = self.world.request(&preview_of(self.owner(&entry)), &estate);
                request.place = Place::Instance("nobody yet".to_owned());
                let version = crate::fixture::version("1");
                request.features = vec![DesiredFeature { name: entry.feature.clone(), version, count: free }];
                let answer = self.world.decide(&mut estate.clone(), &request);
                let given =
                    answer.as_ref().ok().map(|answer| (answer.outcomes[0].outcome, answer.outcomes[0].count));
                prop_assert_eq!(given, Some((Outcome::Granted, free)), "{:?}", entry);
            }
        }
        Ok(())
    }

    fn owner(&self, entry: &Entry) -> u8 {
        let age = usize::try_from(entry.order).expect("cases are short");
        self.model.entries[age].expect("it stands").owner
    }
}

/// Asks for nothing yet, as this owner of reservations.
fn preview_of(owner: u8) -> Ask {
    Ask {
        who: Who { device: if owner == USER { 0 } else { owner }, slot: false },
        also: None,
        user: owner == USER,
        wanted: Vec::new(),
        incremental: true,
        partial: false,
        keep: true,
        borrow: false,
        interval: None,
        is_virtual: false,
        preview: true,
        renew: Renew::Nothing,
    }
}

fn pick<T: Copy>(from: &[T], nth: u8) -> Option<T> {
    from.get(usize::from(nth) % from.len().max(1)).copied()
}
