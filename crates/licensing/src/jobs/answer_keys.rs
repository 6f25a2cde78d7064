//! Keeps a certified key at hand that answers are signed with.

use std::time::Duration;

use leasehold_domain::InstanceId;

use crate::answer_keys::{KeyError, renew};
use crate::state::Shared;

/// How long after a failure the next attempt is made; each further one waits twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Renews one instance's key whenever somebody calls, until the service stops.
pub(super) async fn run(licensing: Shared, instance: InstanceId) {
    let keyring = licensing.keyring(instance);
    let mut failures = 0_u32;
    loop {
        let wait = LONGEST_WAIT.min(FIRST_WAIT.saturating_mul(1 << failures.min(16)) / 2);
        tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => return,
            () = keyring.called(), if failures == 0 => {}
            () = keyring.hurried(), if failures > 0 => {}
            () = tokio::time::sleep(wait), if failures > 0 => {}
        }
        let renewed = tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => return,
            renewed = renew(&licensing, instance) => renewed,
        };
        match renewed {
            Ok(()) => failures = 0,
            Err(error) => {
                failures = failures.saturating_add(1);
                tell(failures, &error);
            }
        }
    }
}

/// The first attempts after a bundle may come before synchronisation is through with it.
fn tell(failures: u32, error: &KeyError) {
    let text = error.to_string();
    if failures < 4 || !failures.is_power_of_two() {
        tracing::debug!(error.detail = text, "there is no new key for answers yet; trying again");
    } else {
        tracing::warn!(error.detail = text, failures, "there is no new key for answers; trying again");
    }
}
