//! What every back end of [`UpdateStore`] must do, as cases that each of them runs.
//!
//! A back end implements [`Factory`] and names it in [`update_conformance_tests!`](crate::update_conformance_tests), which
//! makes every case a test of its own. Not responsible for what only one back end promises.

pub mod catalogue;
pub mod clients;
pub mod events;
pub mod keys;
pub mod races;
pub mod sample;
pub mod survival;
pub mod upstream;

use std::sync::Arc;

use async_trait::async_trait;

use crate::UpdateStore;

/// Where a back end's stores come from.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A store that holds nothing yet and that no other test uses.
    async fn open(&self) -> Arc<dyn UpdateStore>;

    /// Closes the store and opens it again with what it kept; `None` where nothing outlives it.
    async fn reopen(&self, store: Arc<dyn UpdateStore>) -> Option<Arc<dyn UpdateStore>>;
}

/// Makes a test of every case, for the [`Factory`](crate::conformance::updates::Factory) that the expression gives. Every
/// test evaluates it anew. The calling crate needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! update_conformance_tests {
    ($factory:expr) => {
        $crate::update_conformance_tests! { @cases ($factory)
            catalogue {
                a_catalogue_comes_back_and_is_replaced_whole
                a_replacement_needs_the_revision_that_stands
                catalogues_belong_to_instances
                a_notice_is_owed_until_it_is_told
                a_newer_release_is_owed_though_the_older_was_told_meanwhile
            }
            clients {
                a_client_comes_back_as_it_checked_in
                what_is_not_followed_any_more_is_forgotten
                a_reported_state_stays_until_there_is_another_assignment
                clients_are_listed_by_device
                clients_are_found_by_product_and_search
                holdings_are_counted
                clients_belong_to_instances
            }
            events {
                events_are_kept_in_order_and_each_once
                nobody_has_events_who_never_checked_in
                the_last_event_of_a_product_is_its_state
                events_are_listed_newest_first_and_searched
                old_events_are_forgotten_and_their_numbers_stay_used
            }
            keys {
                a_store_answers
                keys_come_back_newest_first
                a_key_is_added_once
                keys_that_have_ended_are_forgotten
            }
            races {
                of_replacements_from_one_revision_one_is_written
                an_event_that_comes_twice_at_once_is_kept_once
            }
            survival {
                everything_survives_reopening
            }
            upstream {
                an_upstream_comes_back
                an_upstream_is_replaced_whole
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
                        $crate::conformance::updates::$subject::$case(&$factory).await;
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
        let this = include_str!("updates.rs");
        for source in [
            include_str!("updates/catalogue.rs"),
            include_str!("updates/clients.rs"),
            include_str!("updates/events.rs"),
            include_str!("updates/keys.rs"),
            include_str!("updates/races.rs"),
            include_str!("updates/survival.rs"),
            include_str!("updates/upstream.rs"),
        ] {
            let cases = source.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
            let missing: Vec<_> =
                cases.filter(|case| !this.contains(&format!("                {case}\n"))).collect();
            assert!(missing.is_empty(), "not in update_conformance_tests!: {missing:?}");
        }
    }
}
