//! Heartbeats: those that come together go to Redis together.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use leasehold_domain::grant::Lost;
use leasehold_domain::lease::server_patience;
use leasehold_domain::{GrantRef, InstanceId};
use redis::Value;
use tokio::sync::oneshot;

use super::instance::{Instance, Memory};
use super::scripts::{CHUNK, Call, Told, milliseconds, short};
use super::trouble::Trouble;
use super::{Shared, digits};
use crate::Heard;

/// What waits for Redis, and whether somebody is asking it.
#[derive(Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    calls: VecDeque<Waiter>,
    asking: bool,
}

/// One caller's questions, at most a chunk of them.
struct Waiter {
    questions: Vec<Told>,
    now: Duration,
    answers: oneshot::Sender<Result<Vec<u8>, Trouble>>,
}

impl Shared {
    pub(super) async fn heartbeat(
        self: &Arc<Self>,
        instance: InstanceId,
        shown: &[GrantRef],
        now: Duration,
    ) -> Result<Vec<Heard>, Trouble> {
        let kept = self.instance(instance);
        let mut heard: Vec<Option<Heard>>;
        let mut asked = Vec::new();
        let mut questions = Vec::new();
        {
            let mut memory = kept.memory_at(now);
            heard = shown.iter().map(|shown| memory.answer(shown)).collect();
            for (index, shown) in shown.iter().enumerate().filter(|(index, _)| heard[*index].is_none()) {
                asked.push(index);
                questions.push(question(&mut memory, shown));
            }
        }
        let answers = self.ask_together(&kept, questions, now).await?;
        let mut memory = kept.memory();
        for (index, answer) in asked.into_iter().zip(answers) {
            heard[index] = Some(take_in(&mut memory, &shown[index], answer, now));
        }
        Ok(heard.into_iter().map(|heard| heard.unwrap_or(Heard::Unknown)).collect())
    }

    async fn ask_together(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        mut questions: Vec<Told>,
        now: Duration,
    ) -> Result<Vec<u8>, Trouble> {
        let mut waiting = Vec::new();
        while !questions.is_empty() {
            let rest = questions.split_off(questions.len().min(CHUNK));
            let (answers, answered) = oneshot::channel();
            waiting.push(answered);
            if instance.queue.push(Waiter { questions, now, answers }) {
                // Not in the caller's own time: others would wait for ever if it gave up.
                tokio::spawn(self.clone().answer_all(instance.clone()));
            }
            questions = rest;
        }
        let mut all = Vec::new();
        for answered in waiting {
            all.extend(answered.await.unwrap_or(Err(Trouble::Stopping))?);
        }
        Ok(all)
    }

    /// Asks until nobody waits.
    async fn answer_all(self: Arc<Self>, instance: Arc<Instance>) {
        loop {
            let calls = instance.queue.take();
            if calls.is_empty() {
                return;
            }
            let answers = self.ask_for(&instance, &calls).await;
            let mut from = 0;
            for call in calls {
                let count = call.questions.len();
                let own = answers.clone().map(|all| all[from..from + count].to_vec());
                from += count;
                // A caller that has given up hears nothing.
                let _ = call.answers.send(own);
            }
        }
    }

    async fn ask_for(&self, instance: &Instance, calls: &[Waiter]) -> Result<Vec<u8>, Trouble> {
        let now = calls.iter().map(|call| call.now).max().unwrap_or_default();
        let questions = calls.iter().map(|call| call.questions.len()).sum();
        let connection = self.connection(instance).await?;
        let seen = instance.memory().seen_over(&connection)?;
        let mut call = Call::new(&self.scripts.heartbeat, &[&instance.keys.heard, &instance.keys.generation]);
        call.arg(self.time(now)).arg(&seen.value).arg(self.window(&seen).1);
        call.leases(calls.iter().flat_map(|call| &call.questions));
        match call.run(&self.link, &connection).await? {
            Value::Nil => Err(Trouble::Changed),
            answer => digits(&answer, questions),
        }
    }
}

impl Queue {
    /// Adds a call, and says whether somebody must begin to ask.
    fn push(&self, call: Waiter) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.calls.push_back(call);
        !std::mem::replace(&mut waiting.asking, true)
    }

    /// The calls that come next, up to a chunk of leases; none ends the asking.
    fn take(&self) -> Vec<Waiter> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut leases = 0;
        let fits = |call: &&Waiter| {
            leases += call.questions.len();
            leases <= CHUNK
        };
        let count = waiting.calls.iter().take_while(fits).count();
        waiting.asking = count > 0;
        waiting.calls.drain(..count).collect()
    }
}

/// About one lease: its patience, and what of it must be left, or the lease has run down. Both are 0 for a lease that is
/// not known here: its holder may not keep it alive.
fn question(memory: &mut Memory, shown: &GrantRef) -> Told {
    let kind = memory.opened(shown).map_or([0, 0], |known| {
        let patience = server_patience(known.ttl);
        [patience.unsigned_abs(), (patience - known.ttl).unsigned_abs()].map(milliseconds)
    });
    Told { grant: shown.id, token: short(shown.fencing_token), kind }
}

fn take_in(memory: &mut Memory, shown: &GrantRef, answer: u8, now: Duration) -> Heard {
    // It may have ended, or changed, while Redis was asked.
    if let Some(answer) = memory.answer(shown) {
        return answer;
    }
    if answer == 0 {
        return memory.opened(shown).map_or(Heard::Unknown, |known| {
            known.hear(now);
            Heard::Ok { ttl: known.ttl }
        });
    }
    memory.drop_up_to(shown);
    match answer {
        2 => Heard::Lost(Lost::StaleToken),
        _ => Heard::Unknown,
    }
}
