//! How a call is tried and tried again: one time limit for all, one for each attempt, and delays that
//! double and are spread by chance.

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::error::no_answer;
use crate::failure::{Failure, Verdict, timed_out};
use crate::options::Retry;

const MAX_ATTEMPT: Duration = Duration::from_hours(24);

/// A call that failed in the end.
#[derive(Debug)]
pub(crate) struct GaveUp {
    /// How it failed last.
    pub(crate) failure: Failure,
    /// Whether the server may have acted on one of the attempts.
    pub(crate) may_have_acted: bool,
    /// When the first of those was sent.
    pub(crate) sent: Option<Instant>,
}

/// A call that succeeded.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    /// The answer.
    pub(crate) message: T,
    /// When the first attempt that the server may have seen was sent. A repeated request has the answer of
    /// its first coming, so nothing may be counted from a later attempt.
    pub(crate) sent: Instant,
}

/// Sends until there is an answer, the attempts are used up, or the time is.
pub(crate) async fn call<T, F>(
    retry: &Retry,
    time: Duration,
    mut send: impl FnMut(Duration) -> F,
) -> Result<Answered<T>, GaveUp>
where
    F: Future<Output = Result<T, Status>>,
{
    let deadline = crate::state::later(Instant::now(), time);
    let (mut sent_at, mut delivered, mut failures, mut may_have_acted) = (None, 0, 0, false);
    loop {
        let now = Instant::now();
        let first_sent = *sent_at.get_or_insert(now);
        let failure = match send(retry.attempt_timeout.min(deadline.saturating_duration_since(now))).await {
            Ok(message) => return Ok(Answered { message, sent: first_sent }),
            Err(status) => Failure::read(&status),
        };
        failures += 1;
        if failure.verdict == Verdict::NotSent {
            // Not seen, so not begun; only an earlier attempt that was seen counts.
            sent_at = sent_at.filter(|_| delivered > 0);
        } else {
            delivered += 1;
        }
        may_have_acted |= failure.may_have_acted();
        let delay = delay(retry, failures, failure.retry_after, rand::random());
        let over = crate::state::later(Instant::now(), delay) >= deadline;
        if !failure.verdict.repeats() || failure.insecure || delivered >= retry.max_attempts || over {
            // A definite answer is about the request, whichever attempt it came to.
            may_have_acted &= failure.verdict != Verdict::Definite;
            return Err(GaveUp { failure, may_have_acted, sent: sent_at });
        }
        tokio::time::sleep(delay).await;
    }
}

/// The delay after so many failures; `roll` is by chance, 0 to 1.
pub(crate) fn delay(retry: &Retry, failures: u32, asked: Option<Duration>, roll: f64) -> Duration {
    let doubled =
        2_u32.checked_pow(failures.saturating_sub(1)).and_then(|times| retry.first_delay.checked_mul(times));
    let own = doubled.unwrap_or(retry.max_delay).min(retry.max_delay);
    match asked {
        // Never sooner than the server wishes, and not all clients at once.
        Some(asked) => scaled(own.max(asked), 1.0 + roll / 2.0),
        None => scaled(own, 0.5 + roll),
    }
}

fn scaled(length: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(length.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

/// One attempt: the server is told the time limit, and it holds here whatever becomes of the call.
pub(crate) async fn attempt<M, T, F>(
    time: Duration,
    message: M,
    send: impl FnOnce(Request<M>) -> F,
) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    // Longer ones cannot be told to the server.
    let time = time.min(MAX_ATTEMPT);
    let mut request = Request::new(message);
    request.set_timeout(time);
    match tokio::time::timeout(time, send(request)).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) if !timed_out(&status) => Err(status),
        Ok(Err(_)) | Err(_) => Err(no_answer(time)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_bound_and_keep_the_servers_wish() {
        let retry = Retry::default();
        let delays = |asked, roll| {
            [1, 2, 3, 6, u32::MAX].map(|failures| delay(&retry, failures, asked, roll).as_millis())
        };
        assert_eq!(delays(None, 0.5), [200, 400, 800, 5_000, 5_000]);
        assert_eq!(delays(None, 0.0), [100, 200, 400, 2_500, 2_500]);
        assert_eq!(delays(Some(Duration::from_secs(2)), 0.0), [2_000, 2_000, 2_000, 5_000, 5_000]);
        let endless = Retry { first_delay: Duration::MAX, max_delay: Duration::MAX, ..retry };
        assert_eq!(delay(&endless, 3, Some(Duration::MAX), 0.9), Duration::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn limits_without_end_do_no_harm() {
        let retry = Retry { attempt_timeout: Duration::MAX, ..Retry::default() };
        let answered = call(&retry, Duration::MAX, |time| attempt(time, (), async |_| Ok(Response::new(7))));
        assert_eq!(answered.await.unwrap().message, 7);
    }
}
