//! Without any one guard the forbidden can be reached. Each test says with which fault, if one is needed.

use crate::guards::Guard;
use crate::model::{Fault, Model, REVIVED, S5, S6, S7, S8};
use crate::{breaks, embedded, holds, shared};

fn two(kinds: &'static [Fault]) -> Model {
    let faults = u8::try_from(kinds.len()).expect("a few");
    Model { kinds, ..shared(faults) }
}

fn one(kinds: &'static [Fault]) -> Model {
    let faults = u8::try_from(kinds.len()).expect("a few");
    Model { kinds, ..embedded(faults) }
}

#[test]
fn what_the_lease_store_forgot_is_taken_for_silence_without_its_gap() {
    breaks(&two(&[Fault::Flush]), &[Guard::GapAfterForgetting], S7);
}

#[test]
fn what_was_forgotten_after_the_look_is_taken_for_silence_without_the_generation() {
    breaks(&two(&[Fault::Flush]), &[Guard::GenerationAtCondemn], S7);
}

#[test]
fn a_pause_after_the_look_is_taken_for_silence_without_comparing_the_time() {
    breaks(&one(&[Fault::Pause]), &[Guard::FreshLookAtCondemn], S5);
}

#[test]
fn an_old_snapshot_is_taken_for_the_present_without_a_new_generation_for_each_run() {
    breaks(&two(&[Fault::OldSnapshot]), &[Guard::RunsAreGenerations], S7);
}

#[test]
fn a_process_that_has_just_started_believes_its_empty_memory_without_the_first_gap() {
    breaks(&one(&[Fault::Crash]), &[Guard::GapAtStart], S7);
}

#[test]
fn a_process_that_slept_believes_that_everybody_was_silent_without_the_gap() {
    breaks(&one(&[Fault::Pause]), &[Guard::GapAfterPause], S5);
}

#[test]
fn a_step_of_the_lease_stores_clock_is_taken_for_silence_without_the_gap() {
    breaks(&two(&[Fault::LeaseClockAhead]), &[Guard::GapAfterLeaseClockStep], S7);
}

#[test]
fn who_came_back_just_in_time_is_taken_back_without_the_floor_deadline_under_the_lock() {
    breaks(&two(&[]), &[Guard::FloorAtTakeBack], S7);
}

#[test]
fn who_came_back_just_in_time_is_taken_back_after_a_clock_step_without_comparing_the_floor_deadlines() {
    breaks(&two(&[Fault::StoreClockAhead]), &[Guard::FloorUnmoved], S7);
}

#[test]
fn a_mark_that_was_left_behind_ends_a_live_lease_where_marks_decide() {
    breaks(&two(&[Fault::LinkDown, Fault::Crash]), &[Guard::MarksDecideNothing], S5);
}

#[test]
fn a_lease_is_registered_for_a_grant_that_is_gone_unless_the_floor_moves_first() {
    breaks(&two(&[Fault::Pause]), &[Guard::EarnedBeforeRegistered], REVIVED);
}

#[test]
fn what_waited_counts_as_heard_just_now_unless_its_arrival_counts() {
    breaks(&two(&[Fault::Pause]), &[Guard::HeardOnArrival], S7);
}

#[test]
fn a_lease_that_was_unknown_is_taken_back_right_after_the_answer_unless_its_floor_moved() {
    breaks(&two(&[Fault::Flush]), &[Guard::UnknownIsEarned], S7);
}

#[test]
fn a_lease_that_had_lapsed_is_taken_back_right_after_the_answer_unless_its_floor_moved() {
    breaks(&two(&[]), &[Guard::LapsedIsUnknown], S7);
}

#[test]
fn a_lapsed_lease_looks_alive_after_a_step_back_unless_the_future_is_unknown() {
    breaks(&two(&[Fault::LeaseClockBack]), &[Guard::FutureIsUnknown], S7);
}

#[test]
fn a_dead_client_looks_alive_after_a_step_back_unless_the_future_is_now() {
    breaks(&two(&[Fault::LeaseClockBack]), &[Guard::FutureIsNow], S6);
}

#[test]
fn a_client_that_counts_from_a_late_answer_overlaps_with_its_successor() {
    breaks(&two(&[Fault::SlowAnswer]), &[Guard::CountFromSending], S7);
}

#[test]
fn an_old_token_keeps_a_count_out_without_the_token_at_the_move() {
    breaks(&two(&[Fault::TakeOver]), &[Guard::TokenAtMove], S8);
}

#[test]
fn a_dead_successor_is_spared_for_ever_where_an_older_token_spares() {
    breaks(&two(&[Fault::TakeOver, Fault::Crash]), &[Guard::OldTokenSparesNobody], S6);
}

#[test]
fn a_clock_that_stepped_back_keeps_counts_out_without_setting_floors_back() {
    breaks(&two(&[Fault::StoreClockBack]), &[Guard::ClampFloors], S6);
}

#[test]
fn small_steps_of_the_lease_stores_clock_add_up_without_a_bound() {
    let model = Model { faults: 3, ..two(&[Fault::LeaseClockDrifts, Fault::Crash]) };
    breaks(&model, &[Guard::GapAfterDrift], S7);
}

#[test]
fn a_server_that_waits_no_longer_than_the_client_overlaps_after_a_step_too_small_to_see() {
    breaks(&two(&[Fault::LeaseClockDrifts, Fault::Crash]), &[Guard::Skew], S7);
}

#[test]
fn a_floor_that_was_just_earned_has_passed_after_a_step_of_the_stores_clock_without_the_gap() {
    breaks(&two(&[Fault::StoreClockAhead]), &[Guard::GapAfterStoreClockStep], S7);
}

#[test]
fn a_floor_that_was_just_earned_has_passed_after_a_step_of_the_own_clock_without_the_gap() {
    breaks(&one(&[Fault::StoreClockAhead]), &[Guard::GapAfterOwnClockStep], S7);
}

// Two pairs of guards that stand in for each other: the floor deadline moves with every new token, and one that
// has not passed is found again under the lock.

#[test]
fn a_takeover_is_undone_by_its_forerunners_silence_without_the_token() {
    breaks(
        &two(&[Fault::TakeOver, Fault::StoreClockAhead]),
        &[Guard::TokenAtTakeBack, Guard::FloorUnmoved],
        S7,
    );
}

#[test]
fn a_grant_that_was_registered_nowhere_is_taken_back_without_the_floor_deadline() {
    breaks(&two(&[Fault::TakeOver, Fault::Crash]), &[Guard::FloorDeadline, Guard::FloorAtTakeBack], S7);
}

// Guards that the model can do without. The own clock decides nothing where the store has one, but a wrong one is a
// sign of a machine that is. While the lease store is away the floor deadlines move with every heartbeat, so that
// nothing is missed when it comes back; most of them also forget while they are away. And floors that are moved
// keep live clients from being suspects at all, which is much cheaper than asking about them.

#[test]
fn a_step_of_a_clock_that_does_not_decide_takes_nothing_back() {
    holds(Model { without: &[Guard::GapAfterOwnClockStep], ..two(&[Fault::OwnClockAhead]) });
}

#[test]
fn a_lease_store_that_was_away_alone_takes_nothing_back() {
    holds(Model { without: &[Guard::GapAfterAbsence], ..two(&[Fault::Away]) });
}

#[test]
fn floors_that_nobody_moves_alone_take_nothing_back() {
    holds(Model { without: &[Guard::EarnedFloors], ..two(&[Fault::Crash]) });
}
