//! Looking at Redis, and condemning those that it has not heard.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_domain::lease::server_patience;
use leasehold_domain::vigil::LeaseSample;
use redis::{FromRedisValue, Value};

use super::instance::{Instance, Seen};
use super::link::info_line;
use super::owed::Debt;
use super::scripts::{CHUNK, Call, milliseconds, short};
use super::settings::Time;
use super::trouble::Trouble;
use super::{EPOCH, Shared};
use crate::{Suspect, Verdict};

/// Members removed by one look at most.
const SWEEP: usize = 1_000;
/// Longer than the longest time to live, so that no step of the clock by a day or less sweeps a lease.
const SWEEP_AFTER: Duration = Duration::from_hours(25);
const SWEEP_AFTER_MADE_UP: Duration = Duration::from_hours(1);

impl Shared {
    /// Looks once more over a new connection where the old one was cut.
    pub(super) async fn look(&self, instance: InstanceId) -> Result<LeaseSample, Trouble> {
        let kept = self.instance(instance);
        match self.look_once(&kept).await {
            Err(Trouble::Redis(error)) if error.is_connection_dropped() && !error.is_timeout() => {
                self.look_once(&kept).await
            }
            sample => sample,
        }
    }

    async fn look_once(&self, kept: &Instance) -> Result<LeaseSample, Trouble> {
        let connection = self.connection(kept).await?;
        let info = self.link.ask(&connection, redis::cmd("INFO").arg("server")).await?;
        let info = String::from_redis_value(info).map_err(|_| Trouble::Answer("no information"))?;
        let run_id = info_line(&info, "run_id").filter(|run_id| !run_id.is_empty());
        let run = format!("{}:", run_id.ok_or(Trouble::Answer("no run id"))?);
        let before = Instant::now();
        let latest = kept.memory().latest();
        let sweep_after = match self.time {
            Time::Redis => SWEEP_AFTER,
            Time::Callers => SWEEP_AFTER_MADE_UP,
        };
        let mut call = Call::new(&self.scripts.look, &[&kept.keys.heard, &kept.keys.generation]);
        call.arg(self.time(latest)).arg(fresh_generation(&run)).arg(sweep_after.as_secs()).arg(SWEEP);
        call.arg(run);
        let answer = call.run(&self.link, &connection).await?;
        let after = Instant::now();
        let (value, seconds, micros): (String, i64, i32) =
            FromRedisValue::from_redis_value(answer).map_err(|_| Trouble::Answer("no generation"))?;
        if seconds < EPOCH {
            // By a clock that stands at the scripts' earliest time nobody would ever fall silent.
            return Err(Trouble::Answer("a time before 2020"));
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
        let time = (seconds - EPOCH) as f64 + f64::from(micros) / 1e6;
        let seen = Seen { epoch: connection.epoch, value, generation: 0, time, between: (before, after) };
        let generation = kept.memory().see(seen);
        let time = match self.time {
            Time::Redis => Timestamp::new(seconds, micros * 1_000).ok(),
            Time::Callers => None,
        };
        Ok(LeaseSample { generation, time })
    }

    /// `None` if Redis forgot something since the last look.
    pub(super) async fn condemn(
        &self,
        instance: InstanceId,
        suspects: &[Suspect],
        budget: usize,
        seen: u64,
        now: Duration,
    ) -> Result<Option<Vec<Verdict>>, Trouble> {
        let kept = self.instance(instance);
        let last = kept.memory_at(now).seen.clone();
        let Some(last) = last.filter(|last| last.generation == seen) else { return Ok(None) };
        let mut verdicts = Vec::with_capacity(suspects.len());
        let mut left = budget;
        for chunk in suspects.chunks(CHUNK) {
            let outcome = self.condemn_chunk(&kept, chunk, left, &last, now).await;
            let Ok(Some(some)) = outcome else {
                // What was condemned will not be carried out.
                let grants = suspects.iter().map(|suspect| suspect.grant);
                kept.memory().owed.add(Debt::Pardon, grants);
                return outcome;
            };
            left -= some.iter().filter(|verdict| **verdict == Verdict::Condemned).count().min(left);
            verdicts.extend(some);
        }
        Ok(Some(verdicts))
    }

    async fn condemn_chunk(
        &self,
        kept: &Instance,
        suspects: &[Suspect],
        budget: usize,
        last: &Seen,
        now: Duration,
    ) -> Result<Option<Vec<Verdict>>, Trouble> {
        let connection = self.connection(kept).await?;
        if connection.epoch != last.epoch {
            return Ok(None);
        }
        let (earliest, latest) = self.window(last);
        let mut call = Call::new(&self.scripts.condemn, &[&kept.keys.heard, &kept.keys.generation]);
        call.arg(self.time(now)).arg(&last.value).arg(earliest).arg(latest).arg(budget);
        call.ids(suspects.iter().map(|suspect| suspect.grant));
        call.numbers(suspects.iter().map(|suspect| short(suspect.fencing_token)));
        call.numbers(suspects.iter().map(|suspect| milliseconds(furthest(suspect.ttl).unsigned_abs())));
        match call.run(&self.link, &connection).await? {
            Value::Nil => Ok(None),
            answer => verdicts(answer, suspects.len()).map(Some),
        }
    }
}

/// How far ahead a lease's end can have been written, rounded up to the second; one further ahead was written by
/// another clock.
fn furthest(ttl: SignedDuration) -> SignedDuration {
    server_patience(ttl) + SignedDuration::from_secs(1)
}

fn verdicts(answer: Value, count: usize) -> Result<Vec<Verdict>, Trouble> {
    let odd = || Trouble::Answer("no verdicts");
    let numbers: Vec<i64> = FromRedisValue::from_redis_value(answer).map_err(|_| odd())?;
    if numbers.len() != count {
        return Err(odd());
    }
    let verdict = |number: i64| match (number, u64::try_from(number)) {
        (-1, _) => Ok(Verdict::Condemned),
        (_, Ok(rest)) => Ok(Verdict::Heard { rest: Duration::from_millis(rest) }),
        (-2, _) => Ok(Verdict::Spared),
        _ => Err(odd()),
    };
    numbers.into_iter().map(verdict).collect()
}

/// A value that nobody has used before: no secret, only another one each time. It says for which run of the server.
fn fresh_generation(run: &str) -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{run}{:016x}{:016x}", random(), random())
}
