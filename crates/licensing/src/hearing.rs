//! Hears what only the store can answer: leases that the lease store does not know, and all while it is away.
//!
//! Many such heartbeats come at once, after a restart for instance, so those that wait are answered together.
//! Nobody is answered before the store has their new floor deadline and says that the grant still stands: a count that
//! is being taken back at the same time is then either gone, or its floor deadline spares it.
//! Reference: `docs/reference/licensing.md`, "Taking back".

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::grant::Lost;
use leasehold_domain::{FencingToken, Grant, GrantId, GrantRef, InstanceId, lease};
use leasehold_leases::Heard;
use tokio::sync::{mpsc, oneshot};

use crate::Error;
use crate::state::{Shared, State, lease_of};

/// Leases heard in one go.
const MAX_TOGETHER: usize = 1_024;

/// Where heartbeats wait that only the store can answer.
pub(crate) struct Hearing {
    sender: mpsc::Sender<Waiting>,
    receiver: Mutex<Option<mpsc::Receiver<Waiting>>>,
}

/// The leases of one heartbeat, and who waits for how they stand.
pub(crate) struct Waiting {
    shown: Vec<GrantRef>,
    /// When it came in, by this process' monotonic clock.
    heard: Duration,
    reply: oneshot::Sender<Result<Vec<Heard>, Error>>,
}

/// One lease, and when its holder was heard.
struct Asked {
    shown: GrantRef,
    heard: Duration,
}

impl Hearing {
    pub(crate) fn new(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// How each of these stands, in order, of which the holder was heard at `heard`. A full queue sheds load at once.
    pub(crate) async fn hear(&self, shown: Vec<GrantRef>, heard: Duration) -> Result<Vec<Heard>, Error> {
        let (reply, answer) = oneshot::channel();
        self.sender.try_send(Waiting { shown, heard, reply }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Error::ShuttingDown,
        })?;
        answer.await.unwrap_or(Err(Error::ShuttingDown))
    }

    pub(crate) fn take_receiver(&self) -> Option<mpsc::Receiver<Waiting>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Answers until the service stops; who waits then is still answered.
pub(crate) async fn run(licensing: Shared, instance: InstanceId, mut receiver: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            biased;
            taken = receiver.recv_many(&mut waiting, MAX_TOGETHER) => if taken == 0 { return },
            () = licensing.stopping.cancelled(), if !receiver.is_closed() => { receiver.close(); continue }
        }
        while !waiting.is_empty() {
            answer_some(&licensing, instance, &mut waiting).await;
        }
    }
}

/// Answers as many from the front as go together.
async fn answer_some(state: &State, instance: InstanceId, waiting: &mut Vec<Waiting>) {
    // Whoever has given up sends again; answering both would feed the queue with itself.
    waiting.retain(|one| !one.reply.is_closed());
    let mut leases = 0;
    let fit = waiting.iter().take_while(|one| {
        leases += one.shown.len();
        leases <= MAX_TOGETHER
    });
    let together = fit.count().max(1).min(waiting.len());
    let together: Vec<Waiting> = waiting.drain(..together).collect();
    if together.is_empty() {
        return;
    }
    let asked = |one: &Waiting| {
        let heard = one.heard;
        one.shown.iter().map(|shown| Asked { shown: *shown, heard }).collect::<Vec<_>>()
    };
    let asked: Vec<Asked> = together.iter().flat_map(asked).collect();
    let heard = hear(state, instance, &asked).await;
    let mut heard = heard.map(Vec::into_iter);
    for one in together {
        let answer = match &mut heard {
            Ok(heard) => Ok(heard.by_ref().take(one.shown.len()).collect()),
            Err(error) => Err(error.clone()),
        };
        // Nobody waiting any more is no failure.
        let _ = one.reply.send(answer);
    }
}

async fn hear(state: &State, instance: InstanceId, asked: &[Asked]) -> Result<Vec<Heard>, Error> {
    let ids: Vec<GrantId> = asked.iter().map(|asked| asked.shown.id).collect();
    let before = grants(state, instance, &ids).await?;
    let now = state.clock(instance).now();
    let standing = asked.iter().filter_map(|asked| current(&before, &asked.shown).ok());
    let floors: Vec<_> = standing.filter_map(|grant| floor_of(grant, now)).collect();
    state.store.move_floors(instance, &floors).await?;
    // A take-back either came before the move, and the grant is gone now, or the move has stopped it.
    let after = grants(state, instance, &ids).await?;
    let earned = |asked: &Asked| Some((lease_of(current(&after, &asked.shown).ok()?)?, asked.heard));
    let earned: Vec<_> = asked.iter().filter_map(earned).collect();
    // Without the lease store the floor deadline alone keeps them.
    if let Err(error) = state.leases.earned(instance, &earned, state.own_clock.monotonic()).await {
        tracing::debug!(error.detail = %error, "heartbeats are kept in the store alone");
    }
    let mut heard: Vec<Heard> = asked.iter().map(|asked| stand(&after, &asked.shown, now)).collect();
    explain(state, instance, asked, &mut heard).await?;
    Ok(heard)
}

/// A floor deadline that outlives a client which is answered now.
fn floor_of(grant: &Grant, now: Timestamp) -> Option<(GrantId, FencingToken, Timestamp)> {
    let floor = now.checked_add(lease::server_patience(grant.lease_ttl?)).unwrap_or(Timestamp::MAX);
    Some((grant.id, grant.fencing_token, floor))
}

fn stand(grants: &HashMap<GrantId, Grant>, shown: &GrantRef, now: Timestamp) -> Heard {
    match current(grants, shown) {
        Err(lost) => Heard::Lost(lost),
        // A borrow needs no heartbeats: it lives until it ends.
        Ok(grant) => Heard::Ok {
            ttl: grant
                .lease_ttl
                .unwrap_or_else(|| grant.last_end().duration_since(now).max(SignedDuration::ZERO)),
        },
    }
}

/// Says why grants are gone of which the store still knows.
async fn explain(
    state: &State,
    instance: InstanceId,
    asked: &[Asked],
    heard: &mut [Heard],
) -> Result<(), Error> {
    let gone = |heard: &Heard| *heard == Heard::Lost(Lost::UnknownGrant);
    let ids: Vec<GrantId> =
        asked.iter().zip(&*heard).filter(|(_, heard)| gone(heard)).map(|(asked, _)| asked.shown.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let endings = state.store.endings_of(instance, &ids).await?;
    let reasons: HashMap<GrantId, Lost> = endings.iter().map(|ending| (ending.grant, ending.lost)).collect();
    for (asked, heard) in asked.iter().zip(heard).filter(|(_, heard)| gone(heard)) {
        if let Some(lost) = reasons.get(&asked.shown.id) {
            *heard = Heard::Lost(*lost);
        }
    }
    Ok(())
}

async fn grants(
    state: &State,
    instance: InstanceId,
    ids: &[GrantId],
) -> Result<HashMap<GrantId, Grant>, Error> {
    let grants = state.store.grants_by_id(instance, ids).await?;
    Ok(grants.into_iter().map(|grant| (grant.id, grant)).collect())
}

fn current<'a>(grants: &'a HashMap<GrantId, Grant>, shown: &GrantRef) -> Result<&'a Grant, Lost> {
    let grant = grants.get(&shown.id).ok_or(Lost::UnknownGrant)?;
    grant.check(shown).map(|()| grant)
}
