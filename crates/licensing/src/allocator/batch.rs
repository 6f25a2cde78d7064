//! One batch: claim the request ids, load, decide in order, commit, tell the leases.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use leasehold_domain::estate::Cause;
use leasehold_domain::grant::Lost;
use leasehold_domain::release::FoundSilent;
use leasehold_domain::{
    Answer, CapabilityRequest, Changes, Estate, GrantId, IdSource, InstanceId, Mode, RequestId,
    decide as decide_request, release,
};
use leasehold_proto::convert::answer::{AnswerContext, response};
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::licensing::{StoredAnswer, Touched};
use prost::Message;
use tokio::time::Instant;

use super::work::{Done, Work};
use crate::Error;
use crate::metrics::Phase;
use crate::state::{Shared, State, lease_of};

type Answers = Vec<Result<Done, Error>>;

/// Decides a batch in one transaction. An error means that nothing of it happened.
pub(super) async fn decide(
    licensing: &Shared,
    instance: InstanceId,
    work: &[Arc<Work>],
) -> Result<Answers, Error> {
    let (now, clock_ahead) = licensing.time();
    let heard = licensing.own_clock.monotonic();
    let metrics = &licensing.metrics;
    metrics.batch(work.len());
    let start = Instant::now();
    let mut batch = licensing.store.begin(instance).await?;
    let ids: Vec<RequestId> = work.iter().filter_map(|work| request_of(work)?.0.id).collect();
    let repeats = if ids.is_empty() { Vec::new() } else { batch.claim(&ids, now).await? };
    let mut estate = batch.load(&touched(work), licensing.policies()).await?;
    estate.clock_ahead = clock_ahead;
    let loaded = Instant::now();
    metrics.phase(Phase::Load, loaded - start);
    let mut deciding = Deciding {
        state: licensing,
        instance,
        estate,
        now,
        known: repeats.into_iter().map(|stored| (stored.id, stored)).collect(),
        fresh: Vec::new(),
        in_doubt: Vec::new(),
    };
    // A defect in a decision must fail its own request only: the batch is rolled back and halved.
    let answers = catch_unwind(AssertUnwindSafe(|| work.iter().map(|work| deciding.decide(work)).collect()))
        .map_err(|panic| Error::Defect(panic_text(&*panic)))?;
    let Deciding { estate, fresh, in_doubt, .. } = deciding;
    let changes = estate.into_changes();
    let decided = Instant::now();
    metrics.phase(Phase::Decide, decided - loaded);
    for device in work.iter().filter_map(|work| dropped_device(work)) {
        batch.remove_device(device).await?;
    }
    batch.commit(&changes, &fresh, now).await?;
    metrics.phase(Phase::Commit, decided.elapsed());
    tell_leases(licensing, instance, &changes, heard).await;
    forget_doubtful(licensing, instance, &in_doubt).await;
    Ok(answers)
}

/// Grants first become known to the leases, then to their holders, so that no heartbeat comes too early.
async fn tell_leases(licensing: &Shared, instance: InstanceId, changes: &Changes, heard: Duration) {
    let now = licensing.own_clock.monotonic();
    let leases: Vec<_> = changes.grants.iter().filter_map(lease_of).collect();
    let borrowed = changes.grants.iter().filter(|grant| grant.mode == Mode::Borrow).map(|grant| grant.id);
    let borrowed: Vec<GrantId> = borrowed.collect();
    let told = async {
        licensing.leases.forget(instance, &changes.ended, now).await?;
        licensing.leases.withdraw(instance, &borrowed).await?;
        licensing.leases.register(instance, &leases, heard, now).await
    };
    if let Err(error) = told.await {
        // The store has the truth; a heartbeat that finds no lease asks it.
        tracing::warn!(error.detail = %error, "the leases were not told of a batch");
    }
    licensing.revocations.announce(instance, &changes.ended);
}

/// Whoever decided a repeated request, or ended a grant that is returned once more, may not have come to tell the
/// leases; the next heartbeat asks the store then.
async fn forget_doubtful(licensing: &Shared, instance: InstanceId, in_doubt: &[GrantId]) {
    if in_doubt.is_empty() {
        return;
    }
    if let Err(error) = licensing.leases.withdraw(instance, in_doubt).await {
        tracing::warn!(error.detail = %error, "the leases were not told of a repeated request");
    }
}

struct Deciding<'a> {
    state: &'a State,
    instance: InstanceId,
    estate: Estate,
    now: Timestamp,
    known: HashMap<RequestId, StoredAnswer>,
    fresh: Vec<StoredAnswer>,
    /// Grants of which the leases may not know what happened to them.
    in_doubt: Vec<GrantId>,
}

impl Deciding<'_> {
    fn decide(&mut self, work: &Work) -> Result<Done, Error> {
        match work {
            Work::Request { request, body_hash, nonce } => self.request(request, *body_hash, nonce),
            Work::Release { grants } => {
                let mut ids = self.state.ids();
                let mut release = |shown| {
                    release::release(&mut self.estate, shown, &Cause::by("client"), self.now, &mut *ids)
                };
                let released: Vec<_> = grants.iter().map(&mut release).collect();
                let unknown =
                    grants.iter().zip(&released).filter(|(_, done)| **done == Err(Lost::UnknownGrant));
                self.in_doubt.extend(unknown.map(|(shown, _)| shown.id));
                Ok(Done::Released(released))
            }
            Work::TakeBack { found } => {
                let mut ids = self.state.ids();
                let mut taken = |found: &FoundSilent| {
                    release::take_back(&mut self.estate, found, self.now, &mut *ids).then_some(found.grant)
                };
                Ok(Done::TakenBack(found.iter().filter_map(&mut taken).collect()))
            }
            Work::EndOverdue { grants } => {
                for grant in grants {
                    release::end_overdue(&mut self.estate, *grant, self.now, &mut *self.state.ids());
                }
                Ok(Done::Ended)
            }
            Work::Drop { grants, reason, actor, .. } => {
                let cause = Cause { request: None, actor: actor.clone(), detail: reason.clone() };
                let dropped = grants.iter().filter_map(|id| self.estate.grant(*id).cloned()).collect();
                for grant in grants {
                    let mut ids = self.state.ids();
                    release::end(&mut self.estate, *grant, Lost::Dropped, &cause, self.now, &mut *ids);
                }
                Ok(Done::Dropped(dropped))
            }
            Work::Block { device, blocked, actor } => {
                let mut ids = self.state.ids();
                release::set_blocked(&mut self.estate, device, *blocked, actor, self.now, &mut *ids);
                Ok(Done::Ended)
            }
        }
    }

    fn request(
        &mut self,
        request: &CapabilityRequest,
        body_hash: [u8; 32],
        nonce: &[u8],
    ) -> Result<Done, Error> {
        if let Some(stored) = request.id.filter(|_| !request.preview).and_then(|id| self.known.get(&id)) {
            let answer = repeat(stored, body_hash)?;
            let named = answer.outcomes.iter().filter_map(|outcome| outcome.grant.as_ref());
            self.in_doubt.extend(named.filter_map(|grant| Some(GrantId(grant.grant_id.parse().ok()?))));
            return Ok(Done::Answered(Box::new(answer)));
        }
        let answer = {
            let mut ids = self.state.ids();
            decide_request(&mut self.estate, request, self.now, &mut *ids as &mut dyn IdSource)?
        };
        for outcome in &answer.outcomes {
            let reason = outcome.refusal.as_ref().map(|refusal| refusal.reason);
            self.state.metrics.answer(outcome.outcome, reason);
        }
        let message = self.encode(&answer, nonce, request.preview);
        if let Some(id) = request.id.filter(|_| !request.preview) {
            let stored = StoredAnswer { id, body_hash, answer: message.encode_to_vec() };
            self.known.insert(id, stored.clone());
            self.fresh.push(stored);
        }
        Ok(Done::Answered(Box::new(message)))
    }

    fn encode(&self, answer: &Answer, nonce: &[u8], preview: bool) -> pb::RequestCapabilitiesResponse {
        let context = AnswerContext {
            instance_id: self.instance,
            response_lifetime: self.state.policies().response_lifetime,
            addresses: self.state.config.addresses.clone(),
            bundle_sequence: 0,
            nonce: nonce.to_vec(),
            preview,
        };
        response(answer, context)
    }
}

/// The stored answer to the same request; another body under the same id is the client's mistake.
fn repeat(stored: &StoredAnswer, body_hash: [u8; 32]) -> Result<pb::RequestCapabilitiesResponse, Error> {
    if stored.body_hash != body_hash {
        return Err(Error::RequestIdReused(stored.id));
    }
    pb::RequestCapabilitiesResponse::decode(stored.answer.as_slice())
        .map_err(|error| Error::Defect(format!("stored answer of request {}: {error}", stored.id)))
}

fn request_of(work: &Work) -> Option<(&CapabilityRequest, [u8; 32])> {
    match work {
        Work::Request { request, body_hash, .. } if !request.preview => Some((request, *body_hash)),
        _ => None,
    }
}

fn dropped_device(work: &Work) -> Option<&leasehold_domain::HostId> {
    match work {
        Work::Drop { device, .. } => device.as_ref(),
        _ => None,
    }
}

fn touched(work: &[Arc<Work>]) -> Touched {
    let mut touched = Touched::default();
    for work in work {
        work.touch(&mut touched);
    }
    sort(&mut touched.holders);
    sort(&mut touched.hostids);
    sort(&mut touched.features);
    sort(&mut touched.grants);
    touched
}

fn sort<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}
