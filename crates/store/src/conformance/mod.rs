//! What every back end must do, as cases that each of them runs.
//!
//! A back end implements [`Factory`] and names it in [`conformance_tests!`](crate::conformance_tests), which
//! makes every case a test of its own. The cases use the trait and `domain` alone: they know no back end.
//!
//! Not responsible for what only one back end promises, its settings or its files; that is for its own tests.

#![allow(clippy::unwrap_used, reason = "these are tests, though they are compiled as a library")]

pub mod answer_keys;
pub mod answers;
pub mod backoffice;
pub mod batches;
pub mod deadlines;
pub mod devices;
pub mod endings;
pub mod gateway;
pub mod instances;
pub mod isolation;
pub mod lists;
pub mod load;
pub mod notices;
pub mod races;
pub mod restored;
pub mod rights;
pub mod sample;
pub mod steps;
pub mod survival;
pub mod suspension;
pub mod sync;
pub mod tallies;
pub mod updates;
pub mod values;
pub mod vendor;

use std::sync::Arc;

use async_trait::async_trait;

use crate::LicensingStore;

/// Where a back end's stores come from.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A store that holds nothing yet and that no other test uses.
    async fn open(&self) -> Arc<dyn LicensingStore>;

    /// Closes the store and opens it again with what it kept; `None` where nothing outlives it.
    async fn reopen(&self, store: Arc<dyn LicensingStore>) -> Option<Arc<dyn LicensingStore>>;

    /// Whether reads wait while a batch is open, where others find what was committed before. Cases that read
    /// beside an open batch leave that out then.
    fn reads_wait(&self) -> bool {
        false
    }
}

/// Makes a test of every case, for the [`Factory`](crate::conformance::Factory) that the expression gives.
/// Every test evaluates it anew. The calling crate needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! conformance_tests {
    ($factory:expr) => {
        $crate::conformance_tests! { @cases ($factory)
            answer_keys {
                the_newest_keys_come_first
                a_key_is_added_once
                ended_keys_are_forgotten
                keys_belong_to_instances
            }
            answers {
                a_repeated_request_gets_the_stored_answer
                a_claim_without_an_answer_is_not_kept
                an_answer_is_stored_once
                answers_of_any_size_come_back_byte_for_byte
                old_answers_are_forgotten_oldest_first_and_no_more_than_asked
            }
            batches {
                an_early_commit_is_seen_at_once_and_settles
                nothing_is_visible_before_the_commit_and_all_of_it_after
                a_dropped_batch_leaves_nothing
                a_batch_that_changes_nothing_commits
                a_grant_ends_and_is_made_anew_in_one_batch
                a_grant_made_and_ended_in_one_batch_leaves_no_grant
                a_holder_has_one_grant_of_a_feature
                after_a_refused_change_nothing_of_the_batch_is_left
                a_changed_grant_has_its_new_parts_alone
                cells_are_written_as_they_stand
                a_batch_of_1024_grants
                a_batch_claims_and_loads_in_one_go
            }
            deadlines {
                floors_only_move_forward
                floors_move_only_while_the_token_stands
                borrows_have_no_floor_to_move
                silent_grants_come_longest_passed_first
                overdue_grants_come_earliest_end_first
                overdue_grants_are_found_by_their_line_items
                online_grants_are_counted
                silent_grants_are_counted
                a_promoted_floor_is_unearned
                floors_are_promoted_forward_and_while_the_token_stands
                a_floor_that_was_heard_of_is_earned
                a_written_grant_has_nothing_unearned
                floors_of_another_clock_are_clamped
                a_turn_is_kept_by_beats_and_taken_over_when_overdue
                turns_belong_to_instances
                a_shared_clock_goes_forward
            }
            devices {
                a_device_is_updated_as_it_stands
                a_device_row_sums_what_it_holds
                a_forgotten_device_goes_with_the_commit
                a_device_whose_grants_end_in_the_same_commit_goes
                a_device_that_holds_something_stays
            }
            endings {
                endings_are_kept_with_their_reasons
                endings_come_in_the_order_of_their_commits
                what_its_holder_returned_is_not_kept
                endings_of_grants_are_found
                endings_of_a_dropped_or_refused_batch_are_not_kept
                old_endings_are_forgotten_oldest_first_and_no_more_than_asked
                endings_belong_to_instances
            }
            instances {
                a_store_answers
                instances_are_listed_by_name
                a_taken_name_is_refused
                a_taken_id_is_refused
                a_second_default_is_refused
                an_unknown_instance_holds_nothing
                nothing_is_written_to_an_unknown_instance
            }
            isolation {
                instances_do_not_see_each_other
                instances_do_not_change_each_other
            }
            lists {
                grants_are_listed_by_id
                grants_are_filtered_and_searched
                devices_are_listed_by_hostid
                devices_are_searched
                groups_are_listed_by_name
                groups_are_searched
                activity_is_listed_newest_first
                activity_is_searched
                a_search_takes_no_wildcards
                an_unknown_place_to_go_on_from_is_no_error
                old_activity_is_forgotten_oldest_first_and_no_more_than_asked
            }
            load {
                nothing_touched_loads_nothing
                holders_bring_all_their_grants
                grants_are_loaded_by_id
                line_items_come_whole
                line_items_of_a_part_come_whatever_their_feature_is
                reservations_bring_their_entries_and_line_items
                devices_of_holders_are_loaded
                policies_are_passed_on
                grants_are_found_by_id_outside_a_batch
            }
            notices {
                notices_stand_by_number_until_they_are_taken_away
                a_notice_takes_the_place_of_the_one_with_its_key
                notices_of_a_dropped_batch_are_not_kept
                notices_that_are_over_are_forgotten
                notices_belong_to_instances
            }
            races {
                two_tasks_never_give_out_too_much
                a_cut_off_batch_leaves_all_or_nothing
                one_request_is_answered_once
            }
            restored {
                a_mark_stands_until_it_is_taken_away
                a_batch_finds_the_mark
                a_mark_of_a_dropped_batch_is_not_kept
                marks_belong_to_instances
            }
            rights {
                rights_come_back_as_they_were_saved
                saved_line_items_replace_the_old_ones_and_their_cells
                removed_line_items_and_groups_go
                names_and_hostids_change_hands_in_one_change
                a_group_name_is_taken_once
                a_hostid_is_reserved_once
                parts_of_gone_entries_are_charged_to_the_default_pool
                several_changes_fit_in_one_batch
                changes_of_rights_are_recorded
            }
            steps {
                a_batch_finds_the_shared_clock
                recorded_steps_are_found
                steps_of_a_dropped_batch_are_not_recorded
                steps_belong_to_instances
            }
            survival {
                everything_survives_reopening
            }
            suspension {
                a_suspension_stands_until_it_is_taken_away
                a_batch_finds_the_suspension
                a_suspension_of_a_dropped_batch_is_not_kept
                suspensions_belong_to_instances
            }
            tallies {
                tallies_add_up
                usage_is_found_by_feature_and_time
                denials_are_found_by_feature_and_time
                denials_are_summed_most_first
                the_latest_moment_of_holding_stays
                tallies_that_come_at_once_all_count
                old_tallies_are_forgotten_and_no_more_than_asked
                tallies_belong_to_instances
                grants_of_a_device_are_found
            }
            values {
                line_items_of_every_kind_come_back
                texts_of_any_script_and_the_longest_come_back
                the_largest_counts_come_back
                the_first_and_last_times_come_back
                grants_of_every_shape_come_back
                activity_of_every_shape_comes_back
            }
            vendor {
                a_new_instance_has_nothing_of_a_vendor
                an_enrolment_stands
                a_bundle_stands
                a_bundle_without_an_enrolment_is_refused
                a_batch_finds_the_leave
                a_bundle_and_its_rights_come_together
                bundles_that_come_at_once_follow_each_other
                addresses_are_numbered_upwards
                vendors_belong_to_instances
            }
        }
    };
    (@cases ($factory:expr) $($subject:ident { $($case:ident)* })*) => {
        $(
            mod $subject {
                #[allow(unused_imports)]
                use super::*;

                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        $crate::conformance::$subject::$case(&$factory).await;
                    }
                )*
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_is_run() {
        let this = include_str!("mod.rs");
        for source in [
            include_str!("answer_keys.rs"),
            include_str!("answers.rs"),
            include_str!("batches.rs"),
            include_str!("deadlines.rs"),
            include_str!("devices.rs"),
            include_str!("endings.rs"),
            include_str!("instances.rs"),
            include_str!("isolation.rs"),
            include_str!("lists.rs"),
            include_str!("load.rs"),
            include_str!("notices.rs"),
            include_str!("races.rs"),
            include_str!("restored.rs"),
            include_str!("rights.rs"),
            include_str!("steps.rs"),
            include_str!("survival.rs"),
            include_str!("suspension.rs"),
            include_str!("tallies.rs"),
            include_str!("values.rs"),
            include_str!("vendor.rs"),
        ] {
            let cases = source.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
            let missing: Vec<_> =
                cases.filter(|case| !this.contains(&format!("                {case}\n"))).collect();
            assert!(missing.is_empty(), "not in conformance_tests!: {missing:?}");
        }
    }
}
