//! Background loops: the allocators, the reaper, and pruning. Each stops when the service does.

use std::time::Duration;

use jiff::Timestamp;
use leasehold_domain::lease::{MIN_TTL, REAPER_TICK, Watch, reap_budget, server_patience};
use leasehold_domain::{FencingToken, GrantId, InstanceId};
use leasehold_leases::Suspect;
use leasehold_runtime::Background;
use tokio::time::{MissedTickBehavior, interval};

use crate::Error;
use crate::allocator::{self, Done, Work};
use crate::ops::reallocate::reallocate;
use crate::state::{Shared, lease_of};

/// Rows looked at in one tick; the rest waits for the next.
const TICK_LIMIT: u32 = 1_000;
/// Grants ended in one transaction by a background loop, so that clients' requests are not held up.
const CHUNK: usize = 256;
const PRUNE_EVERY: Duration = Duration::from_mins(1);

/// Starts every loop of the service.
pub(crate) fn spawn(licensing: &Shared, background: &Background) {
    for instance in licensing.instances() {
        if let Some(receiver) = licensing.allocator(instance.id).take_receiver() {
            background.spawn("licensing.allocator", allocator::run(licensing.clone(), instance.id, receiver));
        }
        background.spawn("licensing.reaper", every(licensing.clone(), reaper(licensing, instance.id)));
    }
    background.spawn("licensing.pruning", prune(licensing.clone()));
}

fn reaper(licensing: &Shared, instance: InstanceId) -> Reaper {
    Reaper {
        licensing: licensing.clone(),
        instance,
        watch: Watch::default(),
        next_boundary: Some(Timestamp::MIN),
    }
}

async fn every(licensing: Shared, mut reaper: Reaper) {
    let mut ticks = interval(REAPER_TICK.unsigned_abs());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = reaper.tick().await
            && !licensing.stopping.is_cancelled()
        {
            crate::error::log(&error, 0);
        }
    }
}

/// Looks after one instance's time: ends what has ended, takes back what has gone silent.
struct Reaper {
    licensing: Shared,
    instance: InstanceId,
    watch: Watch,
    next_boundary: Option<Timestamp>,
}

impl Reaper {
    async fn tick(&mut self) -> Result<(), Error> {
        let (now, monotonic) = (self.licensing.clock.now(), self.licensing.clock.monotonic());
        if self.watch.is_gap(now, monotonic, MIN_TTL) {
            self.licensing.leases.gap(self.instance, monotonic).await?;
        }
        if self.next_boundary.is_some_and(|at| at <= now) {
            self.next_boundary = reallocate(&self.licensing, self.instance).await?;
        }
        self.end_overdue(now).await?;
        self.move_floors(now, monotonic).await?;
        self.take_back(now, monotonic).await
    }

    async fn end_overdue(&self, now: Timestamp) -> Result<(), Error> {
        let overdue = self.licensing.store.overdue(self.instance, now, TICK_LIMIT).await?;
        for grants in overdue.chunks(CHUNK) {
            self.submit(Work::EndOverdue { grants: grants.to_vec() }).await?;
        }
        Ok(())
    }

    /// Brings the floor deadlines of leases that were heard up to date, so that a restart does not
    /// mistake them for silent ones.
    async fn move_floors(&self, now: Timestamp, monotonic: Duration) -> Result<(), Error> {
        let due = self.licensing.leases.floors_due(self.instance, TICK_LIMIT as usize, monotonic).await?;
        let floors: Vec<(GrantId, FencingToken, Timestamp)> = due
            .iter()
            .filter_map(|due| {
                let ends = now.checked_sub(due.heard_ago).ok()?.checked_add(server_patience(due.ttl)).ok()?;
                Some((due.grant, due.fencing_token, ends))
            })
            .collect();
        if floors.is_empty() {
            return Ok(());
        }
        Ok(self.licensing.store.move_floors(self.instance, &floors).await?)
    }

    async fn take_back(&self, now: Timestamp, monotonic: Duration) -> Result<(), Error> {
        let silent = self.licensing.store.silent(self.instance, now, TICK_LIMIT).await?;
        if silent.is_empty() {
            return Ok(());
        }
        let ids: Vec<GrantId> = silent.iter().map(|silent| silent.id).collect();
        let suspects: Vec<Suspect> = self
            .licensing
            .store
            .grants_by_id(self.instance, &ids)
            .await?
            .iter()
            .filter_map(lease_of)
            .map(|lease| Suspect { grant: lease.grant, fencing_token: lease.fencing_token, ttl: lease.ttl })
            .collect();
        let budget = reap_budget(self.licensing.store.count_online(self.instance).await?);
        let budget = usize::try_from(budget).unwrap_or(usize::MAX);
        let condemned = self.licensing.leases.condemn(self.instance, &suspects, budget, monotonic).await?;
        for chunk in condemned.chunks(CHUNK) {
            self.carry_out(chunk).await?;
        }
        Ok(())
    }

    /// Takes condemned grants back; those that were changed meanwhile, or could not be, are pardoned.
    async fn carry_out(&self, condemned: &[Suspect]) -> Result<(), Error> {
        let found = condemned.iter().map(|suspect| (suspect.grant, suspect.fencing_token)).collect();
        let done = self.submit(Work::TakeBack { found }).await;
        let taken = match &done {
            Ok(Done::TakenBack(taken)) => taken.as_slice(),
            _ => &[],
        };
        let spared: Vec<GrantId> =
            condemned.iter().map(|suspect| suspect.grant).filter(|grant| !taken.contains(grant)).collect();
        self.licensing.leases.pardon(self.instance, &spared).await?;
        if !taken.is_empty() {
            tracing::info!(grants = taken.len(), "took back grants that had gone silent");
        }
        done.map(drop)
    }

    async fn submit(&self, work: Work) -> Result<Done, Error> {
        self.licensing.allocator(self.instance).submit_patiently(work).await
    }
}

/// Forgets stored answers and activity whose time is over, in small steps.
async fn prune(licensing: Shared) {
    let mut ticks = interval(PRUNE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        for instance in licensing.instances() {
            if let Err(error) = prune_instance(&licensing, instance.id).await {
                crate::error::log(&error, 0);
            }
        }
    }
}

async fn prune_instance(licensing: &Shared, instance: InstanceId) -> Result<(), Error> {
    let now = licensing.clock.now();
    let before = |retention| now.checked_sub(retention).unwrap_or(Timestamp::MIN);
    let (answers, activity) =
        (before(licensing.config.request_id_retention), before(licensing.config.activity_retention));
    while !licensing.stopping.is_cancelled() {
        let forgotten = licensing.store.forget_answers(instance, answers, TICK_LIMIT).await?
            + licensing.store.forget_activity(instance, activity, TICK_LIMIT).await?;
        if forgotten == 0 {
            break;
        }
    }
    Ok(())
}
