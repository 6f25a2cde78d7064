//! The state of the model, and what can happen next.

use stateright::Property;

use crate::guards::Guard;
use crate::watch::Watch;
use crate::{CAP, PATIENCE};

/// What is modelled, and what may go wrong.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// One process with leases in its memory, instead of two that share a lease store.
    pub(crate) embedded: bool,
    /// Both replicas take back.
    pub(crate) two_reapers: bool,
    /// How often something goes wrong.
    pub(crate) faults: u8,
    /// What may go wrong.
    pub(crate) kinds: &'static [Fault],
    /// How often the client loses its network.
    pub(crate) cuts: u8,
    /// What is not done.
    pub(crate) without: &'static [Guard],
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    Crash,
    Pause,
    LinkDown,
    Away,
    Flush,
    OldSnapshot,
    LeaseClockAhead,
    LeaseClockBack,
    LeaseClockDrifts,
    StoreClockAhead,
    StoreClockBack,
    OwnClockAhead,
    LateCopy,
    SlowAnswer,
    TakeOver,
}

/// Everything.
pub(crate) const EVERY_FAULT: &[Fault] = &[
    Fault::Crash,
    Fault::Pause,
    Fault::LinkDown,
    Fault::Away,
    Fault::Flush,
    Fault::OldSnapshot,
    Fault::LeaseClockAhead,
    Fault::LeaseClockBack,
    Fault::LeaseClockDrifts,
    Fault::StoreClockAhead,
    Fault::StoreClockBack,
    Fault::OwnClockAhead,
    Fault::LateCopy,
    Fault::SlowAnswer,
    Fault::TakeOver,
];

/// The whole world. Times are ages or rests in ticks, so that it can come back to where it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The grant in the store; `None` once it was taken back: another holder has its count then.
    pub(crate) row: Option<Row>,
    pub(crate) leases: LeaseStore,
    pub(crate) replicas: [Replica; 2],
    pub(crate) client: Client,
    /// A copy of a heartbeat that is still under way, and an answer.
    pub(crate) late: Option<Shown>,
    pub(crate) answer: Option<Shown>,
    /// The next answer will be slow.
    pub(crate) slow: bool,
    pub(crate) faults: u8,
    /// The store's clock has stepped. It does so once: there and back at once leaves no trace.
    pub(crate) store_stepped: bool,
    /// Ticks in which nobody was heard and nothing went wrong.
    pub(crate) calm: i8,
    pub(crate) broken: Broken,
}

/// The grant as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) token: u8,
    /// Ticks until the floor deadline, by the store's clock.
    pub(crate) floor: i8,
    /// Ticks left of the unearned time.
    pub(crate) left: i8,
}

/// What the lease store knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LeaseStore {
    pub(crate) away: bool,
    pub(crate) known: Option<Known>,
    /// The token that is condemned, where that matters, and the one that has ended; 0 is none.
    pub(crate) condemned: u8,
    pub(crate) ended: u8,
    /// What an old snapshot holds, where it matters.
    pub(crate) snapshot: Option<Known>,
}

/// A lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Known {
    pub(crate) token: u8,
    /// Ticks since it was heard, by the lease store's clock.
    pub(crate) heard: i8,
}

/// What a client showed, and how many ticks ago it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shown {
    pub(crate) token: u8,
    pub(crate) age: i8,
}

/// One process of the service.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of one another")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Replica {
    pub(crate) up: bool,
    pub(crate) paused: bool,
    /// Reaches the lease store.
    pub(crate) linked: bool,
    pub(crate) watch: Watch,
    /// Has looked in this tick.
    pub(crate) cared: bool,
    pub(crate) reaping: Reaping,
    pub(crate) hearing: Hearing,
    pub(crate) mine: Option<Mine>,
}

/// A lease that this process heard itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mine {
    pub(crate) token: u8,
    /// Ticks since it was heard; `None` not since the floor was moved.
    pub(crate) heard: Option<i8>,
    /// Ticks since the floor was moved, at most half a time to live.
    pub(crate) moved: i8,
}

impl Mine {
    /// The floor has fallen behind.
    pub(crate) fn is_due(self) -> bool {
        self.heard.is_some() && self.moved == crate::HALF
    }
}

/// How far a replica is with taking back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reaping {
    Idle,
    /// It looked, and will condemn. Since then the lease store may have forgotten, and time has passed there.
    Asks {
        token: u8,
        forgot: bool,
        late: bool,
        moved: bool,
    },
    /// It will take back, unless the floor has moved.
    Commits {
        token: u8,
        moved: bool,
    },
    /// It took back, and will tell the lease store.
    Tells {
        token: u8,
    },
}

/// How far a replica is with a heartbeat or a takeover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Hearing {
    Idle,
    /// The lease store does not know it, or does not answer; the store says that it stands.
    Stands(Shown),
    /// The store says that it stands with its new floor.
    Confirmed(Shown),
    /// It was registered first, and the floor is still to be moved.
    Registered(Shown),
    /// A takeover was committed; the lease store has to be told.
    Tells {
        token: u8,
    },
}

/// The holder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    /// The token it shows; 0 once it knows that it has lost.
    pub(crate) token: u8,
    /// Ticks for which it still believes that it holds.
    pub(crate) belief: i8,
    pub(crate) beaten: bool,
    pub(crate) cut: bool,
    /// Ticks since when it has tried without being cut, at most patience.
    pub(crate) steady: i8,
    pub(crate) cuts: u8,
}

/// What must never happen and shows only in passing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Broken {
    /// A client was told that it lost while it believed, or although it had been trying all the time.
    pub(crate) live_eviction: bool,
    /// A heartbeat of what was taken back was answered with "it stands".
    pub(crate) revived: bool,
    /// An old token changed something.
    pub(crate) stale: bool,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Tick,
    Beat(usize),
    Care(usize),
    Reap(usize),
    Hear(usize),
    Start(usize),
    Resume(usize),
    LinkUp(usize),
    Back,
    Cut,
    Reconnect,
    LateBeat(usize),
    Answer,
    Fault(Fault, usize),
}

pub(crate) const S5: &str = "S5 no live eviction";
pub(crate) const S6: &str = "S6 bounded leak";
pub(crate) const S7: &str = "S7 no zombie use";
pub(crate) const S8: &str = "S8 an old token changes nothing";
pub(crate) const REVIVED: &str = "a heartbeat revives nothing";

/// Ticks after which a dead client's count is free where all is well: patience from the last gap, one tick for
/// the look and one for the ages being whole ticks.
const CALM_ENOUGH: i8 = PATIENCE + 2;

impl Action {
    /// Happens in the best of times.
    pub(crate) fn is_usual(&self) -> bool {
        matches!(self, Self::Tick | Self::Beat(_) | Self::Care(_) | Self::Reap(_) | Self::Hear(_))
            || matches!(self, Self::Cut | Self::Answer)
    }
}

impl Model {
    /// Whether this is done.
    pub(crate) fn has(&self, guard: Guard) -> bool {
        !self.without.contains(&guard)
    }
}

impl State {
    /// A client that was granted just now, by replicas that have been there for long.
    pub(crate) fn granted(model: &Model) -> Self {
        let settled = Replica {
            up: true,
            paused: false,
            linked: true,
            watch: Watch::settled(),
            cared: true,
            reaping: Reaping::Idle,
            hearing: Hearing::Idle,
            mine: None,
        };
        let second = Replica { up: !model.embedded, ..settled.clone() };
        let known = Known { token: 1, heard: 0 };
        let snapshot = Some(known).filter(|_| !model.has(Guard::RunsAreGenerations));
        Self {
            row: Some(Row { token: 1, floor: PATIENCE, left: CAP }),
            leases: LeaseStore { away: false, known: Some(known), condemned: 0, ended: 0, snapshot },
            replicas: [settled, second],
            client: Client {
                token: 1,
                belief: crate::BELIEF,
                beaten: true,
                cut: false,
                steady: PATIENCE,
                cuts: model.cuts,
            },
            late: None,
            answer: None,
            slow: false,
            faults: model.faults,
            store_stepped: false,
            calm: 0,
            broken: Broken::default(),
        }
    }

    /// A client that was not heard for so long that its unearned time is nearly used up.
    pub(crate) fn nearly_given_up(model: &Model) -> Self {
        let mut state = Self::granted(model);
        state.row = Some(Row { token: 1, floor: 1, left: 1 });
        state.leases.known = state.leases.known.map(|known| Known { heard: PATIENCE, ..known });
        state.client = Client { belief: 0, cut: true, steady: 0, ..state.client };
        for (index, replica) in state.replicas.iter_mut().enumerate() {
            // A gap a moment ago: otherwise it would have been taken back.
            replica.watch = if model.reaps(index) { Watch::fresh() } else { Watch::settled() };
        }
        state
    }
}

impl stateright::Model for Model {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::granted(self), State::nearly_given_up(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let over = state.row.is_none() && state.client.token == 0;
        if !over && state.broken == Broken::default() {
            self.possible(state, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.happen(&mut state, &action);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(S5, |_, state: &State| !state.broken.live_eviction),
            Property::always(S6, |_, state: &State| state.row.is_none() || state.calm < CALM_ENOUGH),
            Property::always(S7, |_, state: &State| {
                let stands = state.row.is_some_and(|row| row.token == state.client.token);
                stands || state.client.belief == 0
            }),
            Property::always(S8, |_, state: &State| !state.broken.stale),
            Property::always(REVIVED, |_, state: &State| !state.broken.revived),
            Property::sometimes("a dead client's count comes free", |_, state: &State| state.row.is_none()),
        ]
    }
}
