//! Ends what has ended and takes back what has gone silent, as far as the vigil believes the silence.
//! Reference: `docs/reference/licensing.md`, "Taking back".

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::lease::reap_budget;
use leasehold_domain::line_item::Serving;
use leasehold_domain::release::FoundSilent;
use leasehold_domain::vigil::{Judgement, Vigil};
use leasehold_domain::{GrantId, InstanceId, LineItemId};
use leasehold_leases::{LeaseError, Suspect, Verdict};
use leasehold_runtime::telemetry::count;
use leasehold_store::licensing::{Promotion, Silent};
use tracing::{Instrument as _, debug_span};

use super::TICK_LIMIT;
use crate::Error;
use crate::allocator::{Done, Work};
use crate::ops::reallocate::reallocate;
use crate::state::Shared;

/// Grants ended in one transaction by a background loop, so that clients' requests are not held up.
const CHUNK: usize = 256;

/// Looks after one instance's time.
pub(super) struct Reaper {
    licensing: Shared,
    instance: InstanceId,
    next_boundary: Option<Timestamp>,
}

/// What was judged of grants whose floor deadlines have passed.
#[derive(Default)]
struct Judged {
    /// The leases are asked.
    ask: Vec<Silent>,
    /// Their floor deadline alone decides.
    believed: Vec<Silent>,
    /// They get more time, unless the leases heard them.
    promoted: Vec<(Silent, Promotion)>,
}

impl Judged {
    /// Nothing is to be done.
    fn is_empty(&self) -> bool {
        self.ask.is_empty() && self.believed.is_empty() && self.promoted.is_empty()
    }
}

impl Reaper {
    pub(super) fn new(licensing: Shared, instance: InstanceId) -> Self {
        Self { licensing, instance, next_boundary: Some(Timestamp::MIN) }
    }

    /// Has the counts divided anew at the next look: the next start or end of a line item is not known.
    pub(super) fn divide_anew(&mut self) {
        self.next_boundary = Some(Timestamp::MIN);
    }

    /// One look. While the instance is `restored` only what its line items end is ended. `generation` is what the leases
    /// were seen at, `None` where they are away.
    pub(super) async fn tick(
        &mut self,
        vigil: &mut Vigil,
        restored: bool,
        generation: Option<u64>,
        now: Timestamp,
        monotonic: Duration,
    ) -> Result<(), Error> {
        if self.next_boundary.is_some_and(|at| at <= now) {
            let divided = reallocate(&self.licensing, self.instance);
            self.next_boundary = divided.instrument(debug_span!("job.reallocate")).await?;
        }
        self.end_overdue(restored).await?;
        if restored {
            return Ok(());
        }
        self.take_back(vigil, generation, now, monotonic).await
    }

    async fn end_overdue(&self, restored: bool) -> Result<(), Error> {
        let store = &self.licensing.store;
        let (now, ahead) = self.licensing.clock(self.instance).time();
        let over_by = now.checked_sub(ahead).unwrap_or(now);
        let expired = if restored { Some(self.expired(over_by).await?) } else { None };
        let overdue = store.overdue(self.instance, over_by, expired.as_deref(), TICK_LIMIT).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        let ended = async {
            for grants in overdue.chunks(CHUNK) {
                self.submit(Work::EndOverdue { grants: grants.to_vec() }).await?;
            }
            Ok(())
        };
        ended.instrument(debug_span!("job.end_overdue", grants = count(overdue.len()))).await
    }

    /// Line items that do not serve any more.
    async fn expired(&self, now: Timestamp) -> Result<Vec<LineItemId>, Error> {
        let items = self.licensing.store.line_items(self.instance).await?;
        let expired = items.into_iter().filter(|state| state.item.serving(now) == Serving::Expired);
        Ok(expired.map(|state| state.item.id).collect())
    }

    async fn take_back(
        &self,
        vigil: &mut Vigil,
        generation: Option<u64>,
        now: Timestamp,
        monotonic: Duration,
    ) -> Result<(), Error> {
        let store = &self.licensing.store;
        let silent = store.silent(self.instance, now, TICK_LIMIT).await?;
        if silent.is_empty() {
            return Ok(());
        }
        let online = store.count_online(self.instance).await?;
        let mut judged = judge(vigil, &silent, now, monotonic);
        if let Some(ttl) = judged.ask.iter().map(|suspect| suspect.ttl).min() {
            let due = store.count_silent(self.instance, later(now, ttl / 4)).await?;
            if vigil.mass_silence(due, online, ttl, monotonic) {
                tracing::warn!(
                    due,
                    online,
                    "more than half of the online grants went silent together; waiting once"
                );
                judged = judge(vigil, &silent, now, monotonic);
            }
        }
        if judged.is_empty() {
            return Ok(());
        }
        let span = debug_span!(
            "job.take_back",
            grants.silent = count(silent.len()),
            grants.asked = count(judged.ask.len()),
            grants.believed = count(judged.believed.len()),
            grants.promoted = count(judged.promoted.len()),
        );
        self.act_on(judged, vigil, generation, online, now, monotonic).instrument(span).await
    }

    /// Does what was judged to be done.
    async fn act_on(
        &self,
        judged: Judged,
        vigil: &mut Vigil,
        generation: Option<u64>,
        online: u64,
        now: Timestamp,
        monotonic: Duration,
    ) -> Result<(), Error> {
        self.promote(judged.promoted, generation, now, monotonic).await?;
        let budget = usize::try_from(reap_budget(online)).unwrap_or(usize::MAX);
        for chunk in judged.believed[..judged.believed.len().min(budget)].chunks(CHUNK) {
            self.end_silent(chunk).await?;
        }
        let Some(generation) = generation.filter(|_| !judged.ask.is_empty()) else { return Ok(()) };
        match self.verdicts(&judged.ask, budget, generation, monotonic).await {
            Ok(verdicts) => self.carry_out_verdicts(&judged.ask, &verdicts, now).await,
            Err(error) => {
                vigil.leases_forgot(monotonic);
                match error {
                    LeaseError::Forgot => Ok(()),
                    away @ LeaseError::Unavailable { .. } => Err(away.into()),
                }
            }
        }
    }

    /// Gives more time. What the leases know to have been heard has earned it; the rest is unearned.
    async fn promote(
        &self,
        promoted: Vec<(Silent, Promotion)>,
        generation: Option<u64>,
        now: Timestamp,
        monotonic: Duration,
    ) -> Result<(), Error> {
        if promoted.is_empty() {
            return Ok(());
        }
        let (silent, mut promotions): (Vec<Silent>, Vec<Promotion>) = promoted.into_iter().unzip();
        if let Some(generation) = generation
            && let Ok(verdicts) = self.verdicts(&silent, 0, generation, monotonic).await
        {
            self.earn(&silent, &verdicts, now).await?;
            let mut verdicts = verdicts.iter();
            promotions.retain(|_| !matches!(verdicts.next(), Some(Verdict::Heard { .. })));
        }
        self.licensing.store.promote(self.instance, &promotions).await?;
        self.licensing.metrics.promoted(promotions.len());
        Ok(())
    }

    async fn verdicts(
        &self,
        silent: &[Silent],
        budget: usize,
        generation: u64,
        monotonic: Duration,
    ) -> Result<Vec<Verdict>, LeaseError> {
        let suspects: Vec<Suspect> = silent.iter().map(suspect).collect();
        self.licensing.leases.condemn(self.instance, &suspects, budget, generation, monotonic).await
    }

    /// Takes back what the leases have not heard either.
    async fn carry_out_verdicts(
        &self,
        silent: &[Silent],
        verdicts: &[Verdict],
        now: Timestamp,
    ) -> Result<(), Error> {
        self.earn(silent, verdicts, now).await?;
        let condemned = silent.iter().zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Condemned);
        let condemned: Vec<Silent> = condemned.map(|(silent, _)| *silent).collect();
        for chunk in condemned.chunks(CHUNK) {
            self.carry_out(chunk).await?;
        }
        Ok(())
    }

    /// Moves the floor deadlines of those that were heard.
    async fn earn(&self, silent: &[Silent], verdicts: &[Verdict], now: Timestamp) -> Result<(), Error> {
        let heard = silent.iter().zip(verdicts).filter_map(|(silent, verdict)| match verdict {
            Verdict::Heard { rest } => {
                let rest = SignedDuration::try_from(*rest).ok()?;
                Some((silent.id, silent.fencing_token, later(now, rest)))
            }
            Verdict::Condemned | Verdict::Spared => None,
        });
        Ok(self.licensing.store.move_floors(self.instance, &heard.collect::<Vec<_>>()).await?)
    }

    /// Takes condemned grants back; those that were changed meanwhile, or could not be, are pardoned.
    async fn carry_out(&self, condemned: &[Silent]) -> Result<(), Error> {
        let done = self.end_silent(condemned).await;
        let taken = done.as_deref().unwrap_or_default();
        let spared: Vec<GrantId> =
            condemned.iter().map(|silent| silent.id).filter(|grant| !taken.contains(grant)).collect();
        self.licensing.leases.pardon(self.instance, &spared).await?;
        done.map(drop)
    }

    /// Takes silent grants back whose token and floor deadline are still as they were found.
    async fn end_silent(&self, silent: &[Silent]) -> Result<Vec<GrantId>, Error> {
        let found = |silent: &Silent| FoundSilent {
            grant: silent.id,
            fencing_token: silent.fencing_token,
            floor: silent.floor,
        };
        let work = Work::TakeBack { found: silent.iter().map(found).collect() };
        let Done::TakenBack(taken) = self.submit(work).await? else { return Ok(Vec::new()) };
        self.licensing.metrics.taken_back(taken.len());
        if !taken.is_empty() {
            tracing::info!(grants = taken.len(), "took back grants that had gone silent");
        }
        Ok(taken)
    }

    async fn submit(&self, work: Work) -> Result<Done, Error> {
        self.licensing.allocator(self.instance).submit_patiently(work).await
    }
}

fn judge(vigil: &Vigil, silent: &[Silent], now: Timestamp, monotonic: Duration) -> Judged {
    let mut judged = Judged::default();
    for silent in silent {
        let Silent { id, fencing_token, ttl, unearned, .. } = *silent;
        match vigil.judge(id, ttl, unearned, monotonic) {
            Judgement::AskLeases => judged.ask.push(*silent),
            Judgement::BelieveFloor => judged.believed.push(*silent),
            Judgement::Promote(more) => {
                let promotion =
                    Promotion { id, fencing_token, floor: later(now, more), unearned: unearned + more };
                judged.promoted.push((*silent, promotion));
            }
            Judgement::Wait => {}
        }
    }
    judged
}

fn suspect(silent: &Silent) -> Suspect {
    Suspect { grant: silent.id, fencing_token: silent.fencing_token, ttl: silent.ttl }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
