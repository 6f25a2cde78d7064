//! The lease protocol as a model that is searched completely: one grant, its holder, two replicas, the store and the
//! lease store, and everything that may go wrong with them.
//!
//! With every guard nothing forbidden can be reached. Without any one of them something can, and each has a test
//! that says what. Time goes in ticks of 2 s, as far apart as looks may be; the time to live is the shortest.
//! Whoever finds the count free takes it at once, so a holder that believes in a grant which the store does not
//! have overlaps with its successor.

mod faults;
mod guards;
mod happen;
mod model;
mod protocol;
mod watch;
mod without;

use jiff::SignedDuration;
use stateright::{Checker, HasDiscoveries, Model as _};

use crate::guards::Guard;
use crate::model::{Action, EVERY_FAULT, Fault, Model, State};

/// One step of the model's time.
const TICK: SignedDuration = SignedDuration::from_secs(2);
/// The time to live, in ticks.
const TTL: i8 = 5;
/// How long the server waits, in ticks.
const PATIENCE: i8 = 6;
/// How long a client believes that it holds: 9 s are over in the fifth tick.
const BELIEF: i8 = 5;
/// Half of the time to live, rounded up.
const HALF: i8 = 3;
/// Unearned time: three times to live, as for long ones.
const CAP: i8 = 3 * TTL;
/// Farther than any deadline.
const FAR: i8 = 24;

fn shared(faults: u8) -> Model {
    Model { embedded: false, two_reapers: false, faults, kinds: EVERY_FAULT, cuts: 1, without: &[] }
}

fn embedded(faults: u8) -> Model {
    Model { embedded: true, cuts: 2, ..shared(faults) }
}

/// Searches everything; nothing forbidden may turn up.
fn holds(model: Model) {
    model.checker().threads(2).spawn_bfs().join().assert_properties();
}

/// Searches until the forbidden turns up.
fn breaks(model: &Model, without: &'static [Guard], property: &'static str) {
    let model = Model { without, ..model.clone() };
    let names = std::collections::BTreeSet::from([property]);
    let checker = model.checker().threads(1).finish_when(HasDiscoveries::AllOf(names)).spawn_bfs().join();
    let found = checker.discovery(property).is_some();
    assert!(found, "nothing breaks {property} without {without:?}: {} states", checker.unique_state_count());
}

#[test]
fn with_every_guard_two_replicas_survive_any_fault() {
    holds(shared(1));
}

#[test]
fn with_every_guard_one_process_survives_any_fault() {
    holds(embedded(1));
}

#[test]
#[ignore = "takes minutes"]
fn with_every_guard_one_process_survives_any_two_faults() {
    holds(embedded(2));
}

#[test]
#[ignore = "takes minutes"]
fn with_every_guard_two_reapers_survive_any_fault() {
    holds(Model { two_reapers: true, ..shared(1) });
}

/// Restarts in a row, each as soon as the one before could tell nothing yet: how long a dead client's count is out.
fn ticks_until_free(without: &'static [Guard]) -> Option<i8> {
    let model = Model { without, ..embedded(u8::MAX) };
    let mut state = State::granted(&model);
    (state.client.cut, state.client.token) = (true, 0);
    (1..=i8::MAX).find(|tick| {
        model.happen(&mut state, &Action::Tick);
        if tick % (HALF + 1) == 0 {
            model.happen(&mut state, &Action::Fault(Fault::Crash, 0));
            model.happen(&mut state, &Action::Start(0));
        }
        for action in [Action::Care(0), Action::Reap(0), Action::Reap(0), Action::Reap(0)] {
            model.happen(&mut state, &action);
        }
        state.row.is_none()
    })
}

#[test]
fn restarts_in_a_row_leak_a_count_no_longer_than_the_cap_and_without_it_for_ever() {
    let ticks = ticks_until_free(&[]).expect("the cap ends it");
    assert!(ticks > PATIENCE && ticks <= PATIENCE + CAP + HALF + 1, "{ticks} ticks");
    assert_eq!(ticks_until_free(&[Guard::Cap]), None);
}
