//! One batch: claim the request ids, load, decide in order, commit. Not responsible for telling anybody.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use jiff::Timestamp;
use leasehold_domain::estate::Cause;
use leasehold_domain::grant::Lost;
use leasehold_domain::release::FoundSilent;
use leasehold_domain::{
    Answer, CapabilityRequest, Estate, GrantId, IdSource, InstanceId, RequestId, decide as decide_request,
    release,
};
use leasehold_proto::convert::answer::{AnswerContext, response};
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::licensing::{Pending, StoredAnswer, Touched};
use prost::Message;
use tokio::time::Instant;

use super::tell::News;
use super::traced::Trace;
use super::work::{Answered, Done, Work};
use crate::Error;
use crate::metrics::Phase;
use crate::state::{Shared, State};

/// What came of a batch.
pub(super) struct Decided {
    /// One for each piece of work, in order.
    pub(super) answers: Vec<Result<Done, Error>>,
    pub(super) news: News,
    /// How far the commit is.
    pub(super) pending: Pending,
}

/// Decides a batch in one transaction. An error means that nothing of it happened.
pub(super) async fn decide(
    licensing: &Shared,
    instance: InstanceId,
    work: &[Arc<Work>],
    trace: &Trace,
) -> Result<Decided, Error> {
    let clock = licensing.clock(instance);
    let heard = licensing.own_clock.monotonic();
    let metrics = &licensing.metrics;
    metrics.batch(work.len());
    let start = Instant::now();
    let mut batch = licensing.store.begin(instance).await?;
    let ids: Vec<RequestId> = work.iter().filter_map(|work| request_of(work)?.0.id).collect();
    let sent = licensing.own_clock.monotonic();
    let (repeats, mut estate) =
        batch.claim_and_load(&ids, &touched(work), licensing.policies(), clock.now()).await?;
    let moment = clock.of_batch(&mut *batch, sent).await?;
    let now = moment.now;
    estate.clock_ahead = moment.ahead;
    // What is granted now has to be signed as of now.
    estate.certified = licensing.keyring(instance).good_at(now).is_some();
    estate.reserve(work.len());
    let loaded = Instant::now();
    metrics.phase(Phase::Load, loaded - start);
    trace.phase("load", loaded - start);
    let mut deciding = Deciding {
        state: licensing,
        instance,
        estate,
        now,
        known: repeats.into_iter().map(|stored| (stored.id, stored)).collect(),
        places: HashMap::with_capacity(work.len()),
        fresh: Vec::with_capacity(work.len()),
        in_doubt: Vec::new(),
    };
    // A defect in a decision must fail its own request only: the batch is rolled back and halved.
    let answers = catch_unwind(AssertUnwindSafe(|| work.iter().map(|work| deciding.decide(work)).collect()))
        .map_err(|panic| Error::Defect(panic_text(&*panic)))?;
    let Deciding { estate, fresh, in_doubt, .. } = deciding;
    let changes = estate.into_changes();
    let decided = Instant::now();
    metrics.phase(Phase::Decide, decided - loaded);
    trace.phase("decide", decided - loaded);
    for device in work.iter().filter_map(|work| dropped_device(work)) {
        batch.remove_device(device).await?;
    }
    // With somebody to work for meanwhile it is faster to wait for the disk elsewhere.
    let pending = if work.len() > 1 || licensing.allocator(instance).waiting() > 0 {
        batch.commit_early(&changes, &fresh, now).await?
    } else {
        batch.commit(&changes, &fresh, now).await?;
        Pending::DURABLE
    };
    clock.committed(moment);
    metrics.phase(Phase::Commit, decided.elapsed());
    trace.phase("commit", decided.elapsed());
    Ok(Decided { answers, news: News::of(changes, heard, in_doubt), pending })
}

struct Deciding<'a> {
    state: &'a State,
    instance: InstanceId,
    estate: Estate,
    now: Timestamp,
    /// Answers of earlier batches.
    known: HashMap<RequestId, StoredAnswer>,
    /// Answers of this one, and where each of them is.
    fresh: Vec<StoredAnswer>,
    places: HashMap<RequestId, usize>,
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
        let id = request.id.filter(|_| !request.preview);
        if let Some(stored) = id.and_then(|id| self.answered(id)) {
            let answer = repeat(stored, body_hash)?;
            let named = answer.outcomes.iter().filter_map(|outcome| outcome.grant.as_ref());
            self.in_doubt.extend(named.filter_map(|grant| Some(GrantId(grant.grant_id.parse().ok()?))));
            return Ok(answered(answer, request));
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
        if let Some(id) = id {
            self.places.insert(id, self.fresh.len());
            self.fresh.push(StoredAnswer { id, body_hash, answer: message.encode_to_vec() });
        }
        Ok(answered(message, request))
    }

    fn answered(&self, id: RequestId) -> Option<&StoredAnswer> {
        self.known.get(&id).or_else(|| self.places.get(&id).map(|place| &self.fresh[*place]))
    }

    fn encode(&self, answer: &Answer, nonce: &[u8], preview: bool) -> pb::RequestCapabilitiesResponse {
        let context = AnswerContext {
            instance_id: self.instance,
            response_lifetime: self.state.policies().response_lifetime,
            addresses: self.state.config.addresses.clone(),
            bundle_sequence: self.estate.leave.map_or(0, |leave| leave.sequence),
            nonce: nonce.to_vec(),
            preview,
        };
        response(answer, context)
    }
}

fn answered(response: pb::RequestCapabilitiesResponse, request: &CapabilityRequest) -> Done {
    let device = request.hostids.first().expect("a request that was decided names a device").into();
    Done::Answered(Box::new(Answered { response, device }))
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
