//! Tells clients of new releases, through licensing: each until it has been told.

use std::time::Duration;

use tokio::time::sleep;

use crate::Error;
use crate::error::log;
use crate::site::Site;
use crate::state::Shared;

/// How often it looks without being called.
const LOOK: Duration = Duration::from_secs(30);

/// Tells until the service stops.
pub(super) async fn run(state: Shared) {
    let mut failing = false;
    loop {
        let told = async {
            let mut owed = 0;
            let mut outcome = Ok(());
            for site in state.sites() {
                match tell(&state, &site).await {
                    Ok(()) => {}
                    Err((left, error)) => {
                        owed += left;
                        outcome = Err((site, error));
                    }
                }
            }
            state.metrics.owed(owed);
            match outcome {
                Ok(()) => failing = false,
                Err((site, error)) if !failing => {
                    failing = true;
                    log(&site.instance.name, &error, "clients were not told of updates; trying again");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = state.owing.notified() => {}
                () = sleep(LOOK) => {}
            }
        };
        if state.stopping.run_until_cancelled(told).await.is_none() {
            return;
        }
    }
}

/// Tells what is owed; how many are left where that fails.
async fn tell(state: &Shared, site: &Site) -> Result<(), (usize, Error)> {
    let instance = site.instance.id;
    let owed = state.store.owed_notices(instance).await.map_err(|error| (0, error.into()))?;
    let mut left = owed.len();
    for newest in owed {
        state.licensing.tell(instance, &newest, state.now()).await.map_err(|error| (left, error))?;
        state.store.notice_told(instance, &newest).await.map_err(|error| (left, error.into()))?;
        left -= 1;
    }
    Ok(())
}
