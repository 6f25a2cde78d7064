//! What can happen to the world as a whole: time, the end of faults, and what the client does.

use crate::guards::Guard;
use crate::model::{Action, Hearing, Mine, Model, Reaping, Replica, Shown, State};
use crate::{BELIEF, PATIENCE};

impl Model {
    /// What can happen next.
    pub(crate) fn possible(&self, state: &State, actions: &mut Vec<Action>) {
        if Self::is_tick_over(state) {
            actions.push(Action::Tick);
        }
        for (index, replica) in state.replicas.iter().enumerate() {
            self.possible_at(state, index, replica, actions);
        }
        let client = &state.client;
        if client.token > 0 {
            if client.cut {
                actions.push(Action::Reconnect);
            } else if client.cuts > 0 && !client.beaten {
                actions.push(Action::Cut);
            }
        }
        if state.answer.is_some() {
            actions.push(Action::Answer);
        }
        if state.leases.away {
            actions.push(Action::Back);
        }
        if state.faults > 0 && state.row.is_some() {
            for fault in self.kinds {
                for index in self.places(*fault) {
                    if self.can_go_wrong(state, *fault, index) {
                        actions.push(Action::Fault(*fault, index));
                    }
                }
            }
        }
    }

    fn possible_at(&self, state: &State, index: usize, replica: &Replica, actions: &mut Vec<Action>) {
        if !replica.up {
            if index == 0 || !self.embedded {
                actions.push(Action::Start(index));
            }
            return;
        }
        if !replica.linked {
            actions.push(Action::LinkUp(index));
        }
        if replica.paused {
            actions.push(Action::Resume(index));
            return;
        }
        let free = replica.hearing == Hearing::Idle;
        if free && state.client.wants_to_beat() {
            actions.push(Action::Beat(index));
        }
        if free && state.late.is_some() {
            actions.push(Action::LateBeat(index));
        }
        if !free {
            actions.push(Action::Hear(index));
        }
        if replica.reaping != Reaping::Idle {
            actions.push(Action::Reap(index));
        } else if !replica.cared {
            actions.push(Action::Care(index));
        }
    }

    /// Everybody who can has done what a tick asks for.
    fn is_tick_over(state: &State) -> bool {
        let running = || state.replicas.iter().filter(|replica| replica.up && !replica.paused);
        let idle = |replica: &Replica| {
            replica.cared && replica.reaping == Reaping::Idle && replica.hearing == Hearing::Idle
        };
        running().all(idle) && (!state.client.wants_to_beat() || running().next().is_none())
    }

    /// Whether this replica takes back.
    pub(crate) fn reaps(&self, index: usize) -> bool {
        index == 0 || self.two_reapers
    }

    /// Makes it happen.
    pub(crate) fn happen(&self, state: &mut State, action: &Action) {
        if !action.is_usual() {
            state.calm = 0;
        }
        match *action {
            Action::Tick => self.tick(state),
            Action::Beat(index) => {
                state.client.beaten = true;
                let shown = Shown { token: state.client.token, age: 0 };
                self.heartbeat(state, index, shown);
            }
            Action::LateBeat(index) => {
                if let Some(shown) = state.late.take() {
                    self.heartbeat(state, index, shown);
                }
            }
            Action::Care(index) => self.care(state, index),
            Action::Reap(index) => self.reap(state, index),
            Action::Hear(index) => self.hear(state, index),
            Action::Start(index) => state.replicas[index].up = true,
            Action::Resume(index) => state.replicas[index].paused = false,
            Action::LinkUp(index) => state.replicas[index].linked = true,
            Action::Back => state.leases.away = false,
            Action::Cut => {
                (state.client.cut, state.client.steady) = (true, 0);
                state.client.cuts -= 1;
            }
            Action::Reconnect => state.client.cut = false,
            Action::Answer => {
                if let Some(shown) = state.answer.take() {
                    self.told_it_stands(state, shown);
                }
            }
            Action::Fault(fault, index) => {
                state.faults -= 1;
                self.go_wrong(state, fault, index);
            }
        }
    }

    fn tick(&self, state: &mut State) {
        let well = !state.leases.away
            && state.replicas.iter().take(if self.embedded { 1 } else { 2 }).all(Replica::is_well);
        let silent = state.client.cut || state.client.token == 0;
        state.calm = if well && silent { (state.calm + 1).min(PATIENCE + 2) } else { 0 };
        if let Some(row) = &mut state.row {
            row.floor = (row.floor - 1).max(-1);
        }
        state.leases.age(1);
        for (index, replica) in state.replicas.iter_mut().enumerate() {
            replica.tick(self.reaps(index));
        }
        for shown in [&mut state.late, &mut state.answer].into_iter().flatten() {
            shown.age = (shown.age + 1).min(PATIENCE);
        }
        let client = &mut state.client;
        client.belief = (client.belief - 1).max(0);
        client.beaten = false;
        if !client.cut {
            client.steady = (client.steady + 1).min(PATIENCE);
        }
    }

    /// The client is told that its lease stands.
    pub(crate) fn told_it_stands(&self, state: &mut State, shown: Shown) {
        if state.client.cut || shown.token != state.client.token {
            return;
        }
        let age = if self.has(Guard::CountFromSending) { shown.age } else { 0 };
        state.client.belief = state.client.belief.max(BELIEF - age);
    }
}

impl crate::model::Client {
    fn wants_to_beat(&self) -> bool {
        self.token > 0 && !self.cut && !self.beaten
    }
}

impl Replica {
    fn is_well(&self) -> bool {
        self.up && !self.paused && self.linked
    }

    fn tick(&mut self, reaps: bool) {
        if !self.up {
            return;
        }
        if reaps {
            self.watch.age();
        }
        if let Reaping::Asks { late, .. } = &mut self.reaping {
            *late = true;
        }
        if let Hearing::Stands(shown) | Hearing::Confirmed(shown) | Hearing::Registered(shown) =
            &mut self.hearing
        {
            shown.age = (shown.age + 1).min(PATIENCE);
        }
        if let Some(mine) = &mut self.mine {
            mine.moved = (mine.moved + 1).min(crate::HALF);
            mine.heard = mine.heard.map(|age| (age + 1).min(PATIENCE));
        }
        self.cared = !reaps && !self.mine.is_some_and(Mine::is_due);
    }
}
