//! What a replica does: hears heartbeats, looks, takes back. Each step touches one of the two stores, once.

use jiff::SignedDuration;
use leasehold_domain::lease::{MIN_TTL, latest_floor, server_patience};
use leasehold_domain::vigil::{Gap, Judgement};

use crate::guards::Guard;
use crate::model::{Hearing, Known, Mine, Model, Reaping, Row, Shown, State};
use crate::{BELIEF, CAP, HALF, PATIENCE, TICK, TTL};

/// What the lease store says to a heartbeat.
enum Heard {
    Stands,
    Lost,
    Unknown,
}

impl Model {
    /// A heartbeat arrives at a replica. Where the lease store does not know it, the store is read at once: nothing
    /// is lost between the two, since nothing was changed.
    pub(crate) fn heartbeat(&self, state: &mut State, index: usize, shown: Shown) {
        let heard = if state.reaches_leases(index) { self.ask(state, index, shown) } else { Heard::Unknown };
        match heard {
            Heard::Stands => self.stands(state, shown),
            Heard::Unknown if state.stands(shown.token) => {
                state.replicas[index].hearing = Hearing::Stands(shown);
            }
            Heard::Lost | Heard::Unknown => Self::lost(state, shown),
        }
    }

    fn ask(&self, state: &mut State, index: usize, shown: Shown) -> Heard {
        let leases = &mut state.leases;
        if leases.ended >= shown.token {
            return Heard::Lost;
        }
        if leases.condemned >= shown.token {
            return if self.has(Guard::MarksDecideNothing) { Heard::Unknown } else { Heard::Lost };
        }
        let Some(known) = &mut leases.known else { return Heard::Unknown };
        if known.token != shown.token {
            return if known.token > shown.token { Heard::Lost } else { Heard::Unknown };
        }
        let lapsed = known.heard >= TTL && self.has(Guard::LapsedIsUnknown);
        if lapsed || known.heard < 0 && self.has(Guard::FutureIsUnknown) {
            return Heard::Unknown;
        }
        known.heard = 0;
        state.calm = 0;
        state.replicas[index].hears(shown.token);
        Heard::Stands
    }

    /// Goes on with a heartbeat that only the store can answer, or a takeover.
    ///
    /// The floor is moved and the grant read again in one step: a grant whose floor has moved is not taken back.
    pub(crate) fn hear(&self, state: &mut State, index: usize) {
        let step = std::mem::replace(&mut state.replicas[index].hearing, Hearing::Idle);
        let next = match step {
            Hearing::Idle => Hearing::Idle,
            Hearing::Tells { token } => {
                self.register(state, index, Shown { token, age: 0 });
                Hearing::Idle
            }
            Hearing::Stands(shown) if !self.has(Guard::EarnedBeforeRegistered) => {
                self.register(state, index, shown);
                Hearing::Registered(shown)
            }
            Hearing::Stands(shown) | Hearing::Registered(shown) => {
                self.earn_unknown(state, shown.token);
                if state.stands(shown.token) {
                    Hearing::Confirmed(shown)
                } else {
                    if !self.has(Guard::EarnedBeforeRegistered) && state.reaches_leases(index) {
                        state.leases.known = state.leases.known.filter(|known| known.token != shown.token);
                    }
                    Self::lost(state, shown);
                    Hearing::Idle
                }
            }
            Hearing::Confirmed(shown) => {
                if self.has(Guard::EarnedBeforeRegistered) {
                    self.register(state, index, shown);
                }
                self.stands(state, shown);
                Hearing::Idle
            }
        };
        state.replicas[index].hearing = next;
    }

    fn earn_unknown(&self, state: &mut State, token: u8) {
        if self.has(Guard::UnknownIsEarned) {
            self.earn(state, token, PATIENCE);
        }
    }

    fn register(&self, state: &mut State, index: usize, shown: Shown) {
        let Shown { token, age } = shown;
        if !state.reaches_leases(index) {
            return;
        }
        state.replicas[index].writes_floor(token);
        let leases = &mut state.leases;
        if leases.ended >= token || leases.known.is_some_and(|known| known.token > token) {
            return;
        }
        leases.condemned = 0;
        let heard = if self.has(Guard::HeardOnArrival) { age } else { 0 };
        let known = leases.known.filter(|known| known.token == token && known.heard >= 0);
        leases.known = Some(Known { token, heard: known.map_or(heard, |known| known.heard.min(heard)) });
        state.calm = 0;
    }

    /// Moves the floor of somebody who was heard.
    fn earn(&self, state: &mut State, token: u8, rest: i8) {
        let Some(row) = state.row else { return };
        if row.token == token || !self.has(Guard::TokenAtMove) {
            state.broken.stale |= row.token != token;
            state.write(Row { floor: row.floor.max(rest), left: CAP, ..row });
            state.calm = 0;
        }
    }

    fn stands(&self, state: &mut State, shown: Shown) {
        state.broken.revived |= state.row.is_none() && shown.age < BELIEF;
        if std::mem::take(&mut state.slow) {
            state.answer = Some(shown);
        } else {
            self.told_it_stands(state, shown);
        }
    }

    fn lost(state: &mut State, shown: Shown) {
        let client = &mut state.client;
        if client.cut || client.token != shown.token {
            return;
        }
        state.broken.live_eviction |= client.belief > 0;
        (client.token, client.belief) = (0, 0);
    }

    /// The look of every second.
    pub(crate) fn care(&self, state: &mut State, index: usize) {
        state.replicas[index].cared = true;
        self.move_floors(state, index);
        if !self.reaps(index) {
            return;
        }
        let reaches = state.reaches_leases(index);
        let gap = state.replicas[index].watch.look(self, reaches);
        let clock = matches!(gap, Some(Gap::Start | Gap::Pause | Gap::OwnClock | Gap::StoreClock));
        if clock && self.has(Guard::ClampFloors) {
            state.clamp_floor();
        }
        self.suspect(state, index);
    }

    fn move_floors(&self, state: &mut State, index: usize) {
        let Some(mine) = &mut state.replicas[index].mine else { return };
        let Mine { token, heard: Some(heard), moved: HALF } = *mine else { return };
        if self.has(Guard::EarnedFloors) {
            (mine.heard, mine.moved) = (None, 0);
            self.earn(state, token, PATIENCE - heard);
        }
    }

    fn suspect(&self, state: &mut State, index: usize) {
        let Some(row) = state.row else { return };
        if row.floor > 0 && self.has(Guard::FloorDeadline) {
            return;
        }
        let replica = &mut state.replicas[index];
        match replica.watch.judge(self, row.left) {
            Judgement::AskLeases => {
                replica.reaping =
                    Reaping::Asks { token: row.token, forgot: false, late: false, moved: false };
            }
            Judgement::BelieveFloor => {
                replica.reaping = Reaping::Commits { token: row.token, moved: false };
                state.note_verdict(row.token);
            }
            Judgement::Promote(more) => {
                let more = in_ticks(more);
                let left = row.left - more.min(row.left);
                state.write(Row { floor: row.floor.max(more), left, ..row });
            }
            Judgement::Wait => {}
        }
    }

    /// Goes on with taking back.
    pub(crate) fn reap(&self, state: &mut State, index: usize) {
        let step = std::mem::replace(&mut state.replicas[index].reaping, Reaping::Idle);
        let next = match step {
            Reaping::Idle => Reaping::Idle,
            Reaping::Asks { token, forgot, late, moved } => {
                let forgot = forgot && self.has(Guard::GenerationAtCondemn);
                let late = late && self.has(Guard::FreshLookAtCondemn);
                if forgot || late || !state.reaches_leases(index) {
                    state.replicas[index].watch.leases_forgot();
                    Reaping::Idle
                } else {
                    self.condemn(state, token, moved)
                }
            }
            Reaping::Commits { token, moved } => {
                let outdated = moved && self.has(Guard::FloorUnmoved) && self.has(Guard::FloorAtTakeBack);
                self.take_back(state, index, token, outdated)
            }
            Reaping::Tells { token } => {
                if state.reaches_leases(index) {
                    let leases = &mut state.leases;
                    leases.known = leases.known.filter(|known| known.token > token);
                    (leases.condemned, leases.ended) = (0, token);
                }
                Reaping::Idle
            }
        };
        state.replicas[index].reaping = next;
    }

    fn condemn(&self, state: &mut State, token: u8, moved: bool) -> Reaping {
        if let Some(known) = &mut state.leases.known {
            let spares = !self.has(Guard::OldTokenSparesNobody);
            if known.token > token || known.token < token && spares {
                return Reaping::Idle;
            }
            if self.has(Guard::FutureIsNow) {
                known.heard = known.heard.max(0);
            }
            let rest = self.patience() - known.heard;
            if known.token == token && rest > 0 {
                self.earn(state, token, rest);
                return Reaping::Idle;
            }
        }
        if !self.has(Guard::MarksDecideNothing) {
            state.leases.condemned = token;
        }
        state.note_verdict(token);
        Reaping::Commits { token, moved }
    }

    fn take_back(&self, state: &mut State, index: usize, token: u8, outdated: bool) -> Reaping {
        let stands = |row: &Row| {
            (row.token == token || !self.has(Guard::TokenAtTakeBack))
                && (row.floor <= 0 || !self.has(Guard::FloorAtTakeBack))
                && !outdated
        };
        let Some(row) = state.row.filter(stands) else {
            if state.reaches_leases(index) && state.leases.condemned == token {
                state.leases.condemned = 0;
            }
            return Reaping::Idle;
        };
        state.broken.live_eviction |= row.token == state.client.token && state.client.belief > 0;
        state.row = None;
        Reaping::Tells { token }
    }

    /// How long the lease store waits.
    fn patience(&self) -> i8 {
        if self.has(Guard::Skew) { in_ticks(server_patience(MIN_TTL)) } else { TTL }
    }
}

impl State {
    fn reaches_leases(&self, index: usize) -> bool {
        !self.leases.away && self.replicas[index].linked
    }

    fn stands(&self, token: u8) -> bool {
        self.row.is_some_and(|row| row.token == token)
    }

    /// Whoever has been trying for as long as the server waits must not be found silent.
    fn note_verdict(&mut self, token: u8) {
        let client = &self.client;
        self.broken.live_eviction |= client.token == token && !client.cut && client.steady >= PATIENCE;
    }

    fn clamp_floor(&mut self) {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let Some(row) = self.row else { return };
        if now + crate::watch::ticks(row.floor) > latest_floor(MIN_TTL, now) {
            self.write(Row { floor: PATIENCE, ..row });
        }
    }

    /// Writes the row. Whoever looked before finds that its floor has moved.
    pub(crate) fn write(&mut self, row: Row) {
        let before = self.row.replace(row);
        if before.map(|before| before.floor) == Some(row.floor) {
            return;
        }
        for replica in &mut self.replicas {
            if let Reaping::Asks { moved, .. } | Reaping::Commits { moved, .. } = &mut replica.reaping {
                *moved = true;
            }
        }
    }
}

impl crate::model::Replica {
    /// This process heard the lease itself.
    fn hears(&mut self, token: u8) {
        let moved = self.mine.filter(|mine| mine.token == token).map_or(HALF, |mine| mine.moved);
        self.mine = Some(Mine { token, heard: Some(0), moved });
    }

    /// This process has just moved the floor.
    fn writes_floor(&mut self, token: u8) {
        self.mine = Some(Mine { token, heard: None, moved: 0 });
    }
}

/// Whole ticks, rounded down.
fn in_ticks(length: SignedDuration) -> i8 {
    i8::try_from(length.as_secs() / TICK.as_secs()).expect("the model's times are short")
}
