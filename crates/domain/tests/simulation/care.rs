//! The look that a replica takes every second: at the clocks, at the floors of those it heard, and at the silent.

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::GrantId;
use leasehold_domain::estate::Cause;
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::{reap_budget, server_patience};
use leasehold_domain::release::{self, FoundSilent};
use leasehold_domain::vigil::{Gap, Judgement, LeaseSample, Sample};

use crate::bugs::Bug;
use crate::leases::Verdict;
use crate::replica::Task;
use crate::world::World;

impl World {
    /// The look of every second.
    pub(crate) fn care(&mut self, index: usize) {
        let monotonic = self.monotonic(index);
        let leases = self.reaches_leases(index).then(|| {
            let mut sample = self.leases.look(self.leases_time());
            if self.bug.is_some_and(Bug::ignores_gaps) {
                sample.generation = 0;
            }
            sample
        });
        let own = self.wall(self.replicas[index].clock);
        let sample = Sample { monotonic, own, store: Some(self.store_time()), leases };
        let gap = self.replicas[index].vigil.look(sample);
        if let Some(gap) = gap.filter(|gap| *gap != Gap::LeasesAway) {
            self.note(|| format!("replica {index} has a gap: {gap:?}"));
        }
        self.move_floors(index);
        self.follow_endings(index);
        let overdue = self.replicas[index].turn.overdue(monotonic);
        let beat = self.store.beat(self.replicas[index].turn.me(), overdue);
        if !self.replicas[index].turn.note(beat, monotonic) {
            return;
        }
        let now = self.store_time();
        self.store.clamp(now);
        self.end_overdue(index, now);
        self.suspect(index, leases, now);
    }

    fn move_floors(&mut self, index: usize) {
        let now = self.now;
        let mut due = Vec::new();
        for (id, mine) in &mut self.replicas[index].mine {
            let waited = SignedDuration::from_millis(now.saturating_sub(mine.moved));
            if mine.heard > mine.moved && waited >= mine.ttl / 2 {
                mine.moved = now;
                due.push((*id, *mine));
            }
        }
        for (id, mine) in due {
            let heard = SignedDuration::from_millis(now - mine.heard);
            self.store.earn(id, mine.token, self.store_time() - heard + server_patience(mine.ttl));
        }
    }

    fn follow_endings(&mut self, index: usize) {
        let seen = self.replicas[index].endings_seen;
        if self.reaches_leases(index) {
            for (id, lost) in &self.store.endings[seen..] {
                self.leases.forget(*id, *lost);
                self.replicas[index].mine.remove(id);
            }
            self.replicas[index].endings_seen = self.store.endings.len();
        }
    }

    fn end_overdue(&mut self, index: usize, now: Timestamp) {
        let over_by = self.estate(index).ending_time(now);
        let overdue = |row: &&crate::store::Row| row.grant.first_end() <= over_by;
        let over: Vec<GrantId> = self.store.rows.values().filter(overdue).map(|row| row.grant.id).collect();
        for id in over {
            let tell = self.transaction(index, |estate, now, ids| {
                release::end_overdue(estate, id, now, ids);
            });
            self.replicas[index].tasks.push(tell);
        }
    }

    fn suspect(&mut self, index: usize, seen: Option<LeaseSample>, now: Timestamp) {
        let monotonic = self.monotonic(index);
        let (mut ask, mut believed) = (Vec::new(), Vec::new());
        let silent = self.store.rows.values().filter(|row| row.grant.floor_deadline <= Some(now));
        let silent: Vec<_> = silent.cloned().collect();
        for row in silent {
            let (Some(ttl), Some(floor)) = (row.grant.lease_ttl, row.grant.floor_deadline) else { continue };
            let (grant, fencing_token) = (row.grant.id, row.grant.fencing_token);
            let found = FoundSilent { grant, fencing_token, floor };
            let judged = self.replicas[index].vigil.judge(grant, ttl, row.unearned, monotonic);
            let judged = if self.bug == Some(Bug::MissingIsSilent) { Judgement::AskLeases } else { judged };
            match judged {
                Judgement::AskLeases => ask.push((found, ttl)),
                Judgement::BelieveFloor => believed.push(found),
                Judgement::Promote(by) => self.store.promote(grant, fencing_token, now + by, by),
                Judgement::Wait => {}
            }
        }
        let tasks = &mut self.replicas[index].tasks;
        if !believed.is_empty() {
            tasks.push(Task::TakeBack { found: believed });
        }
        if let Some(seen) = seen.filter(|_| !ask.is_empty()) {
            tasks.push(Task::Condemn { found: ask, seen });
        }
    }

    /// Asks the lease store about those that are silent by the store.
    pub(crate) fn condemn(
        &mut self,
        index: usize,
        found: Vec<(FoundSilent, SignedDuration)>,
        seen: LeaseSample,
    ) -> Option<Task> {
        let (time, now) = (self.leases_time(), self.store_time());
        let monotonic = self.monotonic(index);
        let budget = usize::try_from(reap_budget(self.store.rows.len() as u64)).expect("it is small");
        let mut silent = Vec::new();
        for (found, _) in found.into_iter().take(budget) {
            let asked = (found.grant, found.fencing_token);
            let verdict = self.reaches_leases(index).then(|| self.leases.ask(asked, seen, time, self.bug));
            match verdict.flatten() {
                None => {
                    self.replicas[index].vigil.leases_forgot(monotonic);
                    return None;
                }
                Some(Verdict::Silent) => silent.push(found),
                Some(Verdict::Heard(rest)) => self.store.earn(found.grant, found.fencing_token, now + rest),
                Some(Verdict::Spared) => {}
            }
        }
        (!silent.is_empty()).then_some(Task::TakeBack { found: silent })
    }

    /// Takes back what was found silent, where it still is as it was found.
    pub(crate) fn take_back(&mut self, index: usize, found: &[FoundSilent]) -> Task {
        let careless = self.bug == Some(Bug::NoFencing);
        let stood: Vec<_> = found
            .iter()
            .map(|found| self.store.rows.get(&found.grant).map(|row| row.grant.fencing_token))
            .collect();
        let mut taken = Vec::new();
        let tell = self.transaction(index, |estate, now, ids| {
            for (found, stood) in found.iter().zip(&stood) {
                if careless {
                    release::end(estate, found.grant, Lost::Expired, &Cause::by("server"), now, ids);
                    taken.push((found.grant, found.fencing_token, *stood));
                } else if release::take_back(estate, found, now, ids) {
                    taken.push((found.grant, found.fencing_token, *stood));
                }
            }
        });
        for (id, shown, stood) in taken {
            self.check_token(id, shown, stood);
        }
        tell
    }
}
