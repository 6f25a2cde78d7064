//! What every store of the gateway must do.
//!
//! A back end implements [`Factory`] and names it in
//! [`gateway_conformance_tests!`](crate::gateway_conformance_tests), which makes every case a test of its own.

pub mod administrators;
pub mod audit;
pub mod first;
pub mod sample;
pub mod sessions;
pub mod survival;
pub mod tokens;

use std::sync::Arc;

use async_trait::async_trait;

use crate::GatewayStore;

/// Where a back end's stores come from.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A store that holds nothing yet and that no other test uses.
    async fn open(&self) -> Arc<dyn GatewayStore>;

    /// What another process would have of the same store; the same handle where there is only one process.
    async fn beside(&self, store: &Arc<dyn GatewayStore>) -> Arc<dyn GatewayStore> {
        Arc::clone(store)
    }

    /// Closes the store and opens it again with what it kept; `None` where nothing outlives it.
    async fn reopen(&self, store: Arc<dyn GatewayStore>) -> Option<Arc<dyn GatewayStore>>;
}

/// Makes a test of every case, for the [`Factory`](crate::conformance::gateway::Factory) that the expression gives.
/// Every test evaluates it anew. The calling crate needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! gateway_conformance_tests {
    ($factory:expr) => {
        $crate::gateway_conformance_tests! { @cases ($factory)
            administrators {
                an_administrator_comes_back_as_it_was_made
                a_name_is_taken_once
                what_changes_is_saved_and_counted
                a_change_ends_sessions_where_it_should
                a_stale_revision_changes_nothing
                the_last_administrator_stays
                two_that_go_at_once_leave_one
                a_deleted_administrator_goes_with_sessions_and_tokens
                administrators_are_listed_by_name
            }
            audit {
                the_audit_is_listed_newest_first
                the_audit_is_searched
                what_was_not_done_is_not_recorded
                old_records_are_forgotten_oldest_first_and_no_more_than_asked
            }
            first {
                a_code_makes_one_administrator
                a_code_that_is_over_or_unknown_makes_none
                two_that_come_at_once_make_one
                wrong_tries_use_codes_up
            }
            sessions {
                a_session_comes_back_with_its_owner
                a_session_takes_the_place_of_another
                a_session_is_touched
                an_ended_session_is_gone
                sessions_that_are_over_are_forgotten
            }
            survival {
                everything_survives_reopening
            }
            tokens {
                a_token_comes_back_with_its_owner
                a_token_of_nobody_is_refused
                tokens_are_listed_by_owner
                a_token_is_removed_by_whom_it_belongs_to
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
                        $crate::conformance::gateway::$subject::$case(&$factory).await;
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
        let this = include_str!("gateway.rs");
        for source in [
            include_str!("gateway/administrators.rs"),
            include_str!("gateway/audit.rs"),
            include_str!("gateway/first.rs"),
            include_str!("gateway/sessions.rs"),
            include_str!("gateway/survival.rs"),
            include_str!("gateway/tokens.rs"),
        ] {
            let cases = source.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
            let missing: Vec<_> =
                cases.filter(|case| !this.contains(&format!("                {case}\n"))).collect();
            assert!(missing.is_empty(), "not in gateway_conformance_tests!: {missing:?}");
        }
    }
}
