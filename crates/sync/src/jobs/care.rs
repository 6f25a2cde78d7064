//! What every replica does for the enrolled instances: repeats what stands at being put in force, synchronises by the
//! schedule, warns of deadlines, and measures. What one of them does, the others leave.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_store::sync::{Change, Identity};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::error::log;
use crate::ops::synchronize;
use crate::state::{Shared, State};
use crate::{Error, schedule};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// How long it leaves a response alone that licensing could not put in force.
const REPEAT: Duration = Duration::from_secs(10);

/// Looks after everything until the service stops.
pub(super) async fn run(state: Shared) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut care = Care { state: state.clone(), not_before: HashMap::new() };
    loop {
        tokio::select! {
            biased;
            () = state.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let outcome = tokio::select! {
            biased;
            () = state.stopping.cancelled() => return,
            outcome = care.look() => outcome,
        };
        if let Err(error) = outcome {
            log("", &error, "the instances could not be looked after");
        }
    }
}

struct Care {
    state: Shared,
    /// When a response that could not be put in force is tried again.
    not_before: HashMap<InstanceId, Instant>,
}

/// What is measured over all instances.
#[derive(Default)]
struct Sums {
    files: u64,
    applying: u64,
    nearest: Option<Timestamp>,
}

impl Care {
    async fn look(&mut self) -> Result<(), Error> {
        let mut sums = Sums::default();
        for instance in self.state.store.enrolled().await? {
            self.look_after(instance, &mut sums).await?;
        }
        self.state.metrics.pending(sums.files, sums.applying);
        if let Some(nearest) = sums.nearest {
            self.state.metrics.deadline(nearest.duration_since(self.state.now()).as_secs());
        }
        Ok(())
    }

    async fn look_after(&mut self, instance: InstanceId, sums: &mut Sums) -> Result<(), Error> {
        let state = &self.state;
        if state.store.pending(instance).await?.applying.is_some() {
            self.repeat(instance).await;
        }
        let Some(identity) = self.state.store.identity(instance).await? else { return Ok(()) };
        if schedule::is_due(self.state.config.interval, self.state.now(), identity.next_at) {
            self.synchronize(instance).await;
        }
        let Some(identity) = self.state.store.identity(instance).await? else { return Ok(()) };
        warn(&self.state, instance, &identity).await?;
        let pending = self.state.store.pending(instance).await?;
        sums.files += pending.files;
        sums.applying += u64::from(pending.applying.is_some());
        let deadline = identity.bundle.map(|bundle| bundle.synchronize_before);
        sums.nearest = [sums.nearest, deadline].into_iter().flatten().min();
        Ok(())
    }

    /// Puts in force what a stop or a failure has left half way.
    async fn repeat(&mut self, instance: InstanceId) {
        let now = Instant::now();
        if self.not_before.get(&instance).is_some_and(|not_before| now < *not_before) {
            return;
        }
        let resumed = match self.state.instance(&instance.to_string()).await {
            Ok(found) => synchronize::resume(&self.state, found).await,
            Err(error) => Err(error),
        };
        match resumed {
            Ok(()) => drop(self.not_before.remove(&instance)),
            // Somebody else does it.
            Err(Error::InProgress | Error::ShuttingDown) => {}
            Err(error) => {
                self.not_before.insert(instance, now + REPEAT);
                let name = self.state.name_of(instance).await;
                log(&name, &error, "a bundle could not be put in force; it is tried again");
            }
        }
    }

    async fn synchronize(&self, instance: InstanceId) {
        let synchronized = match self.state.instance(&instance.to_string()).await {
            Ok(found) => synchronize::by_schedule(&self.state, found).await.map(drop),
            Err(error) => Err(error),
        };
        match synchronized {
            Ok(()) | Err(Error::InProgress | Error::ShuttingDown) => {}
            Err(error) => {
                let name = self.state.name_of(instance).await;
                log(&name, &error, "the scheduled synchronisation failed; it is tried again");
            }
        }
    }
}

/// Tells whoever reads the log that the deadline comes near, once for each warning over all replicas.
async fn warn(state: &State, instance: InstanceId, identity: &Identity) -> Result<(), Error> {
    let Some(bundle) = &identity.bundle else { return Ok(()) };
    let deadline = bundle.synchronize_before;
    let Some(days) = schedule::warning(state.now(), deadline, identity.warned) else { return Ok(()) };
    let identity = Identity { warned: Some(days), ..identity.clone() };
    if !state.store.save(instance, &Change { identity, exchange: None, abandon: None }).await? {
        // Somebody else has changed it, perhaps by warning: the next look tells.
        return Ok(());
    }
    let name = state.name_of(instance).await;
    if days == 0 {
        tracing::error!(
            instance.name = name,
            synchronize_before = %deadline,
            "synchronisation is overdue: nothing is granted until the instance has synchronised again"
        );
    } else {
        tracing::warn!(
            instance.name = name,
            synchronize_before = %deadline,
            days,
            "the instance has to synchronise before its deadline; after it nothing is granted"
        );
    }
    Ok(())
}
