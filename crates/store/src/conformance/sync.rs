//! What every back end of [`SyncStore`] must do, as cases that each of them runs.
//!
//! A back end implements [`Factory`] and names it in [`sync_conformance_tests!`](crate::sync_conformance_tests), which
//! makes every case a test of its own. Not responsible for what only one back end promises.

pub mod claims;
pub mod exchanges;
pub mod identities;
pub mod lists;
pub mod races;
pub mod sample;
pub mod survival;

use std::sync::Arc;

use async_trait::async_trait;

use crate::SyncStore;

/// Where a back end's stores come from.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A store that holds nothing yet and that no other test uses.
    async fn open(&self) -> Arc<dyn SyncStore>;

    /// Closes the store and opens it again with what it kept; `None` where nothing outlives it.
    async fn reopen(&self, store: Arc<dyn SyncStore>) -> Option<Arc<dyn SyncStore>>;
}

/// Makes a test of every case, for the [`Factory`](crate::conformance::sync::Factory) that the expression gives. Every
/// test evaluates it anew. The calling crate needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! sync_conformance_tests {
    ($factory:expr) => {
        $crate::sync_conformance_tests! { @cases ($factory)
            claims {
                one_holder_has_a_claim
                a_claim_is_moved_on_by_its_holder
                a_claim_ends_with_its_time
                a_claim_from_before_a_clock_was_set_back_is_none
                a_claim_is_given_up_by_its_holder_alone
                claims_are_forgotten_all_at_once
                claims_belong_to_instances
            }
            exchanges {
                an_exchange_comes_back_as_it_stands
                an_exchange_is_found_by_its_nonce
                a_nonce_is_used_once
                one_online_exchange_is_outstanding
                one_exchange_is_put_in_force_at_a_time
                any_number_of_files_is_outstanding
                a_refused_change_leaves_nothing
                an_exchange_belongs_to_an_identity
                what_is_outstanding_is_abandoned_and_nothing_else
                responses_of_any_size_come_back
                exchanges_belong_to_instances
            }
            identities {
                a_store_answers
                an_unknown_instance_has_nothing
                an_identity_comes_back
                an_identity_of_the_largest_values_comes_back
                an_identity_is_replaced_whole
                the_enrolled_are_listed_by_id
                a_change_needs_the_revision_that_stands
                an_identity_is_made_once
            }
            lists {
                exchanges_are_listed_newest_first
                exchanges_are_searched
                a_search_takes_no_wildcards
                an_unknown_place_to_go_on_from_is_no_error
            }
            races {
                of_changes_from_one_revision_one_is_written
                no_number_is_given_twice
                of_claims_at_once_one_is_given
            }
            survival {
                everything_survives_reopening
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
                        $crate::conformance::sync::$subject::$case(&$factory).await;
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
        let this = include_str!("sync.rs");
        for source in [
            include_str!("sync/claims.rs"),
            include_str!("sync/exchanges.rs"),
            include_str!("sync/identities.rs"),
            include_str!("sync/lists.rs"),
            include_str!("sync/races.rs"),
            include_str!("sync/survival.rs"),
        ] {
            let cases = source.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
            let missing: Vec<_> =
                cases.filter(|case| !this.contains(&format!("                {case}\n"))).collect();
            assert!(missing.is_empty(), "not in sync_conformance_tests!: {missing:?}");
        }
    }
}
