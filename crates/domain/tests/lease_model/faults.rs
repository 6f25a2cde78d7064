//! What goes wrong, and how.

use crate::model::{Fault, Hearing, Known, Model, Reaping, Replica, Row, Shown, State};
use crate::watch::Watch;
use crate::{BELIEF, CAP, FAR, PATIENCE};

impl Model {
    /// Where it can go wrong.
    pub(crate) fn places(&self, fault: Fault) -> std::ops::Range<usize> {
        match fault {
            Fault::Crash | Fault::Pause | Fault::LinkDown | Fault::TakeOver if !self.embedded => 0..2,
            _ => 0..1,
        }
    }

    /// Whether it can go wrong as things stand.
    pub(crate) fn can_go_wrong(&self, state: &State, fault: Fault, index: usize) -> bool {
        let replica = &state.replicas[index];
        let runs = replica.up && !replica.paused;
        match fault {
            Fault::Crash => replica.up,
            Fault::Pause => runs,
            Fault::LinkDown => !self.embedded && replica.up && replica.linked && !state.leases.away,
            Fault::Away => !self.embedded && !state.leases.away,
            Fault::OldSnapshot => !self.embedded && state.leases.snapshot.is_some(),
            Fault::Flush | Fault::LeaseClockAhead | Fault::LeaseClockBack | Fault::LeaseClockDrifts => {
                !self.embedded
            }
            Fault::StoreClockAhead | Fault::StoreClockBack => !state.store_stepped,
            Fault::OwnClockAhead => runs && !self.embedded,
            Fault::LateCopy => state.late.is_none() && state.client.token > 0 && !state.client.cut,
            Fault::SlowAnswer => !state.slow && state.answer.is_none(),
            Fault::TakeOver => {
                let first = state.row.is_some_and(|row| row.token == 1);
                runs && first && replica.hearing == Hearing::Idle
            }
        }
    }

    /// It goes wrong.
    pub(crate) fn go_wrong(&self, state: &mut State, fault: Fault, index: usize) {
        match fault {
            Fault::Crash => {
                let linked = state.replicas[index].linked;
                state.replicas[index] = Replica { linked, ..Replica::down() };
                if self.embedded {
                    state.leases.forget_all();
                }
            }
            Fault::Pause => state.replicas[index].paused = true,
            Fault::LinkDown => state.replicas[index].linked = false,
            Fault::Away => state.leases.away = true,
            Fault::Flush => {
                state.leases.forget_all();
                state.forget(self);
            }
            Fault::OldSnapshot => {
                state.leases.forget_all();
                state.leases.known = state.leases.snapshot;
            }
            Fault::LeaseClockAhead => state.step_leases(self, FAR),
            Fault::LeaseClockBack => {
                state.step_leases(self, -FAR);
                // What was heard counts as heard at the next look that asks, which may be patience away.
                state.calm = -PATIENCE;
            }
            Fault::LeaseClockDrifts => {
                state.leases.age(1);
                state.for_each_watch(self, |watch| watch.leases_drifted += 1);
                for replica in &mut state.replicas {
                    if let Reaping::Asks { late, .. } = &mut replica.reaping {
                        *late |= replica.watch.leases_drifted > 1;
                    }
                }
            }
            Fault::StoreClockAhead => self.step_store(state, FAR),
            Fault::StoreClockBack => self.step_store(state, -FAR),
            Fault::OwnClockAhead => state.replicas[index].watch.own_stepped = true,
            Fault::LateCopy => state.late = Some(Shown { token: state.client.token, age: 0 }),
            Fault::SlowAnswer => state.slow = true,
            Fault::TakeOver => {
                let Some(row) = state.row else { return };
                let token = row.token + 1;
                state.write(Row { token, floor: PATIENCE, left: CAP });
                (state.client.token, state.client.belief, state.client.steady) = (token, BELIEF, 0);
                (state.client.beaten, state.client.cut) = (true, false);
                state.replicas[index].hearing = Hearing::Tells { token };
            }
        }
    }

    fn step_store(&self, state: &mut State, by: i8) {
        state.store_stepped = true;
        if let Some(row) = &mut state.row {
            row.floor = (row.floor - by).clamp(-1, FAR + PATIENCE);
        }
        let embedded = self.embedded;
        state.for_each_watch(self, |watch| {
            if embedded {
                watch.own_stepped = true;
            } else {
                watch.store_stepped = true;
            }
        });
    }
}

impl Replica {
    /// A process that does not run.
    fn down() -> Self {
        Self {
            up: false,
            paused: false,
            linked: true,
            watch: Watch::fresh(),
            cared: false,
            reaping: Reaping::Idle,
            hearing: Hearing::Idle,
            mine: None,
        }
    }
}

impl crate::model::LeaseStore {
    fn forget_all(&mut self) {
        (self.known, self.condemned, self.ended) = (None, 0, 0);
    }

    /// Time passes by this clock.
    pub(crate) fn age(&mut self, by: i8) {
        for known in [&mut self.known, &mut self.snapshot].into_iter().flatten() {
            *known = Known { heard: (known.heard + by).clamp(-FAR, PATIENCE), ..*known };
        }
    }
}

impl State {
    fn step_leases(&mut self, model: &Model, by: i8) {
        self.leases.age(by);
        self.for_each_watch(model, |watch| watch.leases_stepped = true);
        for replica in &mut self.replicas {
            if let Reaping::Asks { late, .. } = &mut replica.reaping {
                *late = true;
            }
        }
    }

    /// The generation changes.
    fn forget(&mut self, model: &Model) {
        self.for_each_watch(model, |watch| watch.forgot = true);
        for replica in &mut self.replicas {
            if let Reaping::Asks { forgot, .. } = &mut replica.reaping {
                *forgot = true;
            }
        }
    }

    fn for_each_watch(&mut self, model: &Model, change: impl Fn(&mut Watch)) {
        for (_, replica) in self.replicas.iter_mut().enumerate().filter(|(index, _)| model.reaps(*index)) {
            change(&mut replica.watch);
        }
    }
}
