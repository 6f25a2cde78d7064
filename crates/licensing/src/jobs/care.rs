//! What every replica does for an instance once a second: reads the clocks, brings the floor deadlines of the
//! leases that it heard up to date, and has the reaper look where the turn is its own.

use std::time::Duration;

use jiff::Timestamp;
use leasehold_domain::lease::{REAPER_TICK, server_patience};
use leasehold_domain::steps::Reading;
use leasehold_domain::turn::Turn;
use leasehold_domain::vigil::{Gap, Sample, Vigil};
use leasehold_domain::{FencingToken, GrantId, IdSource, InstanceId};
use leasehold_store::licensing::{Instance, Standing};
use tokio::time::{MissedTickBehavior, interval};

use super::TICK_LIMIT;
use super::reaper::Reaper;
use crate::Error;
use crate::state::Shared;

/// How long after a gap floor deadlines of another clock are looked for.
const CLAMP_FOR: Duration = Duration::from_secs(3);

/// Cares for one instance until the service stops.
pub(super) async fn run(licensing: Shared, instance: Instance) {
    let mut ticks = interval(REAPER_TICK.unsigned_abs());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut care = Care::new(licensing.clone(), &instance);
    loop {
        tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let outcome = tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => return,
            outcome = care.tick() => outcome,
        };
        if let Err(error) = outcome {
            licensing.metrics.failed(&error);
            crate::error::log(&error, 0);
        }
    }
}

struct Care {
    licensing: Shared,
    instance: InstanceId,
    name: String,
    vigil: Vigil,
    turn: Turn,
    reaper: Reaper,
    has_turn: bool,
    /// The sequence number of the bundle that was in force at the last look.
    bundle: Option<u64>,
    /// Until when floor deadlines of another clock may still be written, by a replica that has not looked yet.
    clamp_until: Duration,
}

impl Care {
    fn new(licensing: Shared, instance: &Instance) -> Self {
        let turn = Turn::new(licensing.ids().uuid());
        let reaper = Reaper::new(licensing.clone(), instance.id);
        Self {
            licensing,
            instance: instance.id,
            name: instance.name.clone(),
            vigil: Vigil::default(),
            turn,
            reaper,
            has_turn: false,
            bundle: None,
            clamp_until: Duration::ZERO,
        }
    }

    async fn tick(&mut self) -> Result<(), Error> {
        let standing = self.licensing.store.standing(self.instance).await?;
        self.notice(&standing);
        let restored = standing.restored;
        let (sample, reading) = self.sample().await?;
        let gap = self.look(sample, restored);
        let clock = self.licensing.clock(self.instance);
        let fits = reading.is_none_or(|reading| clock.look(&reading));
        if !fits || matches!(gap, Some(Gap::Start | Gap::Pause | Gap::OwnClock | Gap::StoreClock)) {
            self.clamp_until = sample.monotonic + CLAMP_FOR;
            self.reaper.divide_anew();
        }
        if !fits {
            clock.settle(&*self.licensing.store, self.instance).await?;
        }
        // What the vigil has seen, whatever a batch finds meanwhile: that a floor deadline has passed by a step alone
        // proves nothing.
        let now = sample.deciding();
        self.move_floors(now, sample.monotonic).await?;
        // Whoever has the turn: it may be nobody's when the clock steps.
        if sample.monotonic <= self.clamp_until {
            self.licensing.store.clamp_floors(self.instance, now).await?;
        }
        if !self.takes_turn(sample.monotonic).await? {
            return Ok(());
        }
        let generation = sample.leases.map(|leases| leases.generation);
        self.reaper.tick(&mut self.vigil, restored, generation, now, sample.monotonic).await
    }

    /// What another replica may have done: confirmed the instance, put a bundle in force, or let the key for answers
    /// grow old.
    fn notice(&mut self, standing: &Standing) {
        let (licensing, now) = (&self.licensing, self.licensing.clock(self.instance).now());
        let (keyring, leave) =
            (licensing.keyring(self.instance), standing.bundle.map(|bundle| bundle.leave()));
        licensing.metrics.restored(self.instance, standing.restored);
        licensing.metrics.suspended(&self.name, standing.suspension.is_some());
        licensing.metrics.leave(&self.name, leave, now);
        licensing.metrics.answer_key(&self.name, keyring.good_until(now), now);
        let sequence = leave.map(|leave| leave.sequence);
        if self.bundle != sequence {
            self.bundle = sequence;
            // Its line items start and end at other times.
            self.reaper.divide_anew();
        }
        if sequence.is_some() && keyring.is_due(now) {
            keyring.call();
        }
    }

    async fn sample(&self) -> Result<(Sample, Option<Reading>), Error> {
        let licensing = &self.licensing;
        let sent = licensing.own_clock.monotonic();
        let store = if licensing.clock_decides { None } else { licensing.store.time().await? };
        let monotonic = licensing.own_clock.monotonic();
        let reading = store.map(|wall| Reading { wall, sent, came: monotonic });
        let leases = match licensing.leases.look(self.instance).await {
            Ok(leases) => Some(leases),
            Err(error) => {
                tracing::debug!(error.detail = %error, "the lease store was not there to be looked at");
                None
            }
        };
        Ok((Sample { monotonic, own: licensing.own_clock.now(), store, leases }, reading))
    }

    fn look(&mut self, sample: Sample, restored: bool) -> Option<Gap> {
        let gap = self.vigil.look(sample);
        if restored {
            self.vigil.restored(sample.monotonic);
        }
        if let Some(gap) = gap {
            self.licensing.metrics.gap(gap.name());
        }
        self.licensing.metrics.self_preservation(self.vigil.is_holding(sample.monotonic));
        if let Some(gap) = gap.filter(|gap| *gap != Gap::LeasesAway) {
            tracing::info!(gap = gap.name(), "nobody's silence counts from before this moment");
        }
        gap
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
        self.licensing.store.move_floors(self.instance, &floors).await?;
        self.licensing.metrics.floors_moved(floors.len());
        Ok(())
    }

    /// Whether it is this replica's turn to take back what is silent.
    async fn takes_turn(&mut self, monotonic: Duration) -> Result<bool, Error> {
        let overdue = self.turn.overdue(monotonic);
        let beat = self.licensing.store.beat(self.instance, self.turn.me(), overdue).await?;
        let has_turn = self.turn.note(beat, monotonic);
        if has_turn != self.has_turn {
            self.has_turn = has_turn;
            self.licensing.metrics.reaper_turn(has_turn);
            tracing::info!(has_turn, "whose turn it is to take back silent grants has changed");
        }
        Ok(has_turn)
    }
}
