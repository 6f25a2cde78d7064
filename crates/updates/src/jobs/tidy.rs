//! Forgets events that are too old.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use crate::error::log;
use crate::state::Shared;

/// How often it looks.
const LOOK: Duration = Duration::from_hours(1);

/// Tidies until the service stops.
pub(super) async fn run(state: Shared) {
    loop {
        let tidied = async {
            sleep(LOOK).await;
            let before = state.now().checked_sub(state.config.event_retention).unwrap_or(Timestamp::MIN);
            for site in state.sites() {
                match state.store.forget_events(site.instance.id, before).await {
                    Ok(events) => state.metrics.forgotten(events),
                    Err(error) => {
                        log(&site.instance.name, &error.into(), "old events could not be forgotten");
                    }
                }
            }
        };
        if state.stopping.run_until_cancelled(tidied).await.is_none() {
            return;
        }
    }
}
