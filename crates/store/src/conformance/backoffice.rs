//! What every store of the back office must do.
//!
//! A back end implements [`Factory`] and names it in
//! [`backoffice_conformance_tests!`](crate::backoffice_conformance_tests), which makes every case a test of its own.

pub mod audit;
pub mod catalogue;
pub mod entitlements;
pub mod exchanges;
pub mod license_servers;
pub mod sample;
pub mod survival;
pub mod turns;
pub mod vendor;

use std::sync::Arc;

use async_trait::async_trait;

use crate::BackOfficeStore;

/// Where a back end's stores come from.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A store that holds nothing yet and that no other test uses.
    async fn open(&self) -> Arc<dyn BackOfficeStore>;

    /// What another process would have of the same store; the same handle where there is only one process.
    async fn beside(&self, store: &Arc<dyn BackOfficeStore>) -> Arc<dyn BackOfficeStore> {
        Arc::clone(store)
    }

    /// Closes the store and opens it again with what it kept; `None` where nothing outlives it.
    async fn reopen(&self, store: Arc<dyn BackOfficeStore>) -> Option<Arc<dyn BackOfficeStore>>;
}

/// Makes a test of every case, for the [`Factory`](crate::conformance::backoffice::Factory) that the expression gives.
/// Every test evaluates it anew. The calling crate needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! backoffice_conformance_tests {
    ($factory:expr) => {
        $crate::backoffice_conformance_tests! { @cases ($factory)
            audit {
                the_audit_is_listed_newest_first
                the_audit_of_one_subject_is_found
                the_audit_is_searched
                refusals_are_recorded_within_their_quota
            }
            catalogue {
                products_come_back_by_name
                customers_come_back_by_name
                a_taken_name_changes_and_records_nothing
                lists_are_searched
                a_search_takes_no_wildcards
                pages_follow_one_another
                an_unknown_place_to_go_on_from_is_no_error
            }
            entitlements {
                an_entitlement_comes_back_as_it_was_saved
                saved_line_items_replace_the_old_ones
                a_line_item_id_is_taken_once_for_a_server
                servers_do_not_share_line_item_ids
                a_removed_entitlement_goes_with_its_line_items
                a_turn_sees_its_own_server_alone
                entitlements_are_listed_by_id_and_server
            }
            exchanges {
                exchanges_come_back_by_sequence
                a_number_or_a_digest_is_kept_once
                exchanges_are_forgotten_up_to_one
                servers_do_not_share_exchanges
            }
            license_servers {
                a_license_server_comes_back_as_it_was_made
                a_name_is_taken_once_for_a_customer
                a_customer_that_is_not_there_is_refused
                what_changes_is_saved
                license_servers_are_listed_by_customer_and_name
            }
            survival {
                everything_survives_reopening
            }
            turns {
                an_unknown_server_has_no_turn
                nothing_is_visible_before_the_commit_and_all_of_it_after
                a_dropped_turn_leaves_nothing
                a_turn_of_which_a_call_failed_is_not_committed
                turns_on_one_server_follow_each_other
                a_turn_whose_caller_goes_away_holds_nobody_up
            }
            vendor {
                a_store_answers
                the_vendor_is_written_once
                the_online_key_is_replaced_for_the_root_alone
                the_update_repository_is_set_and_recorded_once
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
                        $crate::conformance::backoffice::$subject::$case(&$factory).await;
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
        let this = include_str!("backoffice.rs");
        for source in [
            include_str!("backoffice/audit.rs"),
            include_str!("backoffice/catalogue.rs"),
            include_str!("backoffice/entitlements.rs"),
            include_str!("backoffice/exchanges.rs"),
            include_str!("backoffice/license_servers.rs"),
            include_str!("backoffice/survival.rs"),
            include_str!("backoffice/turns.rs"),
            include_str!("backoffice/vendor.rs"),
        ] {
            let cases = source.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
            let missing: Vec<_> =
                cases.filter(|case| !this.contains(&format!("                {case}\n"))).collect();
            assert!(missing.is_empty(), "not in backoffice_conformance_tests!: {missing:?}");
        }
    }
}
