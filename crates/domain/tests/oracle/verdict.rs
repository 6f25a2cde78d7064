//! The model's decisions: who is given which count, and why not more.

use leasehold_domain::capability::{Outcome, Reason};

use crate::model::{Held, Model, Owner, Use};
use crate::plan::{Ask, BORROW, BORROW_MAX, ItemPlan, LIFETIME, Renew, USER, Who};

/// What became of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) feature: u8,
    pub(crate) outcome: Outcome,
    pub(crate) count: u64,
    /// The reason, what is free, and what is free for the one who asks.
    pub(crate) refusal: Option<(Reason, u64, u64)>,
}

/// Why a request is not decided, or refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    Field,
    Stale,
    Mode,
    Overdue,
}

/// What of a line item a count is taken from.
#[derive(Clone, Copy)]
enum Seat {
    Entry(usize),
    Default,
    Overdraft,
}

/// A condition on line items, and the reason where none of those left meets it.
type Check<'a> = (&'a dyn Fn(&ItemPlan) -> bool, Reason);

impl Model {
    /// Decides a request and makes the changes, unless it is a preview or is rejected.
    pub(crate) fn ask(&mut self, ask: &Ask) -> Result<Vec<Verdict>, Rejected> {
        if (1..ask.wanted.len()).any(|n| ask.wanted[..n].iter().any(|other| other.0 == ask.wanted[n].0)) {
            return Err(Rejected::Field);
        }
        if matches!(ask.renew, Renew::Stale) && self.held.keys().any(|(who, _)| *who == ask.who) {
            return Err(Rejected::Stale);
        }
        let named =
            |feature: u8| ask.wanted.is_empty() || ask.wanted.iter().any(|wanted| wanted.0 == feature);
        let living = |key: &(Who, u8)| {
            self.uses.iter().any(|used| (used.who, used.feature) == *key && used.ends > self.now)
        };
        let mut own = self.held.iter().filter(|(key, _)| key.0 == ask.who && named(key.1));
        if ask.incremental && own.any(|(key, held)| held.borrow != ask.borrow && living(key)) {
            return Err(Rejected::Mode);
        }
        if self.now >= self.synchronize_before {
            return Err(Rejected::Overdue);
        }
        if ask.preview {
            return Ok(self.clone().decide(ask));
        }
        Ok(self.decide(ask))
    }

    fn decide(&mut self, ask: &Ask) -> Vec<Verdict> {
        self.end_overdue(Some(ask.who));
        if !ask.incremental {
            self.uses.retain(|used| {
                used.who != ask.who || ask.wanted.iter().any(|wanted| wanted.0 == used.feature)
            });
        }
        let verdicts = if ask.wanted.is_empty() {
            self.decide_unasked(ask)
        } else {
            ask.wanted
                .iter()
                .map(|(feature, version, count)| self.decide_one(ask, *feature, *version, *count))
                .collect()
        };
        self.forget_empty();
        verdicts
    }

    fn decide_unasked(&mut self, ask: &Ask) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> = Vec::new();
        for age in self.own_entries(ask) {
            let entry = self.entries[age].expect("own entries stand");
            let sources: Vec<_> = self
                .best_first(ask, entry.feature, entry.version)
                .into_iter()
                .map(|i| (i, Seat::Entry(age)))
                .collect();
            let mut given = 0;
            while given < u64::from(entry.count) && self.take_one(ask, entry.feature, &sources) {
                given += 1;
            }
            if let Some(verdict) = verdicts.iter_mut().find(|verdict| verdict.feature == entry.feature) {
                verdict.count += given;
            } else {
                let (feature, outcome) = (entry.feature, Outcome::Granted);
                verdicts.push(Verdict { feature, outcome, count: given, refusal: None });
            }
        }
        verdicts.retain(|verdict| verdict.count > 0);
        for verdict in &verdicts {
            self.held.insert((ask.who, verdict.feature), Held { borrow: ask.borrow, since: self.now });
        }
        verdicts
    }

    fn decide_one(&mut self, ask: &Ask, feature: u8, version: u8, count: u8) -> Verdict {
        let before = self.uses.clone();
        let own = |used: &Use| used.who == ask.who && used.feature == feature;
        if !ask.incremental {
            self.uses.retain(|used| !own(used));
        }
        let items = self.best_first(ask, feature, version);
        let mut sources = Vec::new();
        for age in self.own_entries(ask) {
            if self.entries[age].is_some_and(|entry| entry.feature == feature) {
                sources.extend(items.iter().map(|item| (*item, Seat::Entry(age))));
            }
        }
        sources.extend(items.iter().map(|item| (*item, Seat::Default)));
        sources.extend(items.iter().map(|item| (*item, Seat::Overdraft)));
        let mut given: u64 = 0;
        while given < count.into() && self.take_one(ask, feature, &sources) {
            given += 1;
        }
        let full = given == count.into();
        let refusal = (!full).then(|| self.refusal(ask, feature, version, count, given));
        if full || (ask.partial && given > 0) {
            self.held.insert((ask.who, feature), Held { borrow: ask.borrow, since: self.now });
            let outcome = if full { Outcome::Granted } else { Outcome::Partial };
            return Verdict { feature, outcome, count: given, refusal };
        }
        self.uses = before;
        let held = self.uses.iter().filter(|used| own(used)).count() as u64;
        if ask.keep && held > 0 {
            return Verdict { feature, outcome: Outcome::Kept, count: held, refusal };
        }
        if !ask.incremental {
            self.uses.retain(|used| !own(used));
        }
        Verdict { feature, outcome: Outcome::Refused, count: 0, refusal }
    }

    /// Takes one count from the first source that has one.
    fn take_one(&mut self, ask: &Ask, feature: u8, sources: &[(usize, Seat)]) -> bool {
        let Some((item, seat)) = sources.iter().copied().find(|(item, seat)| self.has_seat(*item, *seat))
        else {
            return false;
        };
        let owner = match seat {
            Seat::Entry(age) => Owner::Entry(age),
            Seat::Default | Seat::Overdraft => Owner::Default,
        };
        let plan = &self.items[item].plan;
        let wanted = self.wanted_end(ask, plan);
        let ends = plan.until().map_or(wanted, |until| until.min(wanted));
        self.uses.push(Use { who: ask.who, feature, item, owner, ends });
        true
    }

    fn has_seat(&self, item: usize, seat: Seat) -> bool {
        let idle = self.idle(item);
        match seat {
            Seat::Default => idle.default > 0,
            Seat::Overdraft => idle.overdraft > 0,
            Seat::Entry(age) => {
                let kept = self.entries[age].expect("only standing entries are drawn on").count;
                self.uses.iter().filter(|used| used.owner == Owner::Entry(age)).count() < kept.into()
                    && idle.of_entries(|other| other == age) > 0
            }
        }
    }

    /// The reason, what is free, and what is free for the one who asks, while what was given is still out.
    fn refusal(&self, ask: &Ask, feature: u8, version: u8, asked: u8, given: u64) -> (Reason, u64, u64) {
        let mut left: Vec<usize> =
            (0..self.items.len()).filter(|i| self.items[*i].plan.feature == feature).collect();
        let own = self.own_entries(ask);
        let checks: [Check<'_>; 4] = [
            (&|plan| plan.version >= version, Reason::VersionTooLow),
            (&|plan| plan.started(self.now), Reason::NotStarted),
            (&|plan| !plan.over(self.now), Reason::Expired),
            (&|plan| plan.allow_virtual || !ask.is_virtual, Reason::VirtualNotAllowed),
        ];
        let mut reason = left.is_empty().then_some(Reason::UnknownFeature);
        for (holds, otherwise) in checks {
            left.retain(|index| holds(&self.items[*index].plan));
            reason = reason.or(left.is_empty().then_some(otherwise));
        }
        let (mut free, mut of_others) = (given, 0);
        for index in left {
            let idle = self.idle(index);
            free += (idle.default + idle.reserved + idle.overdraft) as u64;
            of_others += idle.of_entries(|age| !own.contains(&age)) as u64;
        }
        let enough = given + of_others >= asked.into();
        let by_count = if enough { Reason::ReservedForOthers } else { Reason::InsufficientCount };
        (reason.unwrap_or(by_count), free, given)
    }

    /// The line items that serve, best first.
    fn best_first(&self, ask: &Ask, feature: u8, version: u8) -> Vec<usize> {
        let serves = |plan: &ItemPlan| {
            plan.feature == feature
                && plan.version >= version
                && plan.started(self.now)
                && !plan.over(self.now)
                && (plan.allow_virtual || !ask.is_virtual)
        };
        let mut left: Vec<usize> = (0..self.items.len()).filter(|i| serves(&self.items[*i].plan)).collect();
        let mut sorted = Vec::new();
        while !left.is_empty() {
            let best = left.iter().position(|a| !left.iter().any(|b| b != a && self.better(ask, *b, *a)));
            sorted.push(left.remove(best.expect("one is the best")));
        }
        sorted
    }

    /// Lower versions are better; then what covers the wanted end; of those that do, what ends first; of
    /// those that do not, what ends last; then the lower id.
    fn better(&self, ask: &Ask, a: usize, b: usize) -> bool {
        let (one, other) = (&self.items[a].plan, &self.items[b].plan);
        if one.version != other.version {
            return one.version < other.version;
        }
        let covers = |plan: &ItemPlan| plan.until().is_none_or(|until| until >= self.wanted_end(ask, plan));
        let forever = i64::MAX;
        let (one_ends, other_ends) = (one.until().unwrap_or(forever), other.until().unwrap_or(forever));
        match (covers(one), covers(other)) {
            (true, false) => true,
            (false, true) => false,
            _ if one_ends == other_ends => a < b,
            (true, true) => one_ends < other_ends,
            (false, false) => one_ends > other_ends,
        }
    }

    fn wanted_end(&self, ask: &Ask, plan: &ItemPlan) -> i64 {
        if !ask.borrow {
            return self.now + LIFETIME;
        }
        let mut interval = plan.borrow.unwrap_or(BORROW);
        if let Some(asked) = ask.interval
            && asked < interval
        {
            interval = asked;
        }
        if BORROW_MAX < interval {
            interval = BORROW_MAX;
        }
        self.now + interval
    }

    /// Entries that the request may draw on: of its device, of the other hostid, of the user; old ones first.
    pub(crate) fn own_entries(&self, ask: &Ask) -> Vec<usize> {
        let mut owners = vec![ask.who.device];
        owners.extend(ask.also.filter(|also| *also != ask.who.device));
        owners.extend(ask.user.then_some(USER));
        let of = |owner: u8| {
            (0..self.entries.len())
                .filter(move |age| self.entries[*age].is_some_and(|entry| entry.owner == owner))
        };
        owners.into_iter().flat_map(of).collect()
    }
}
