//! What the last good answer is worth while the server is out of reach: until when the program may work by it.
//!
//! Responsible for deciding it, by this machine's time of day, because nothing else outlives a restart: pure, with the
//! time as an argument. Not responsible for keeping answers. Reference: client, "Out of reach".

mod error;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::Version;
use leasehold_proto::licensing::v1 as pb;

pub use self::error::KeptError;
use crate::answer::{Granted, Reading};
use crate::state::MARGIN;
use crate::verify::{Verified, earlier};

/// How far back the machine's clock may step unnoticed. It is what the client stops earlier than its time to live, so
/// that it still stops before the server takes anything back.
const STEP: SignedDuration = leasehold_domain::lease::CLIENT_MARGIN;

/// An answer as it was kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// The answer.
    pub(crate) signed: pb::SignedAnswer,
    /// When its request was sent, by this machine's clock.
    pub(crate) sent: Timestamp,
    /// When the newest answer that was ever kept in this place was made.
    pub(crate) newest: Timestamp,
}

/// What is known of the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// The time on this machine.
    pub(crate) now: Timestamp,
    /// The newest time that this machine's clock is known to have shown.
    pub(crate) shown: Timestamp,
    /// The newest time that the server has put under an answer.
    pub(crate) server: Timestamp,
    /// How far the server's clock may be ahead of this machine's.
    pub(crate) skew: SignedDuration,
}

/// How a grant stands by an answer that was kept. Lengths count from now.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The grant.
    pub(crate) granted: Granted,
    /// Its lease has so much left; `None` for a borrow.
    pub(crate) lease: Option<Duration>,
    /// Its period has so much left; `None` is without end.
    pub(crate) ends: Option<Duration>,
    /// After so much its grace time is over, too.
    pub(crate) over: Option<Duration>,
    /// Until when it is held, by this machine's clock.
    pub(crate) until: Option<Timestamp>,
}

/// How what `wish` asks for stands by the answer `verified`, which is what was kept.
pub(crate) fn standing(
    verified: &Verified,
    kept: &Kept,
    wish: &pb::RequestCapabilitiesRequest,
    clocks: Clocks,
    grace: Duration,
) -> Result<Standing, KeptError> {
    if verified.server_time < kept.newest {
        return Err(KeptError::Older { made: verified.server_time, newest: kept.newest });
    }
    let start = kept.sent.min(verified.server_time);
    clocks.were_not_set_back(start)?;
    let granted = fitting(&verified.answer, wish)?;
    let lease = granted.lease.map(|(ttl, _)| after(start, ttl.saturating_sub(MARGIN)));
    let ends = granted.ends_in.map(|length| after(start, length.saturating_sub(MARGIN)));
    let until = [lease, ends].into_iter().flatten().min();
    let over = until.map(|until| after(until, grace));
    if over.is_some_and(|over| over <= clocks.now) {
        return Err(KeptError::Ended { at: until.unwrap_or_default() });
    }
    let left = |at: Timestamp| Duration::try_from(at.duration_since(clocks.now)).unwrap_or_default();
    Ok(Standing { granted, lease: lease.map(left), ends: ends.map(left), over: over.map(left), until })
}

/// When a grant is over for certain that was asked for at `sent`, its grace time too.
pub(crate) fn over(granted: &Granted, sent: Timestamp, grace: Duration) -> Timestamp {
    let lease = granted.lease.map(|(ttl, _)| ttl);
    let length = [lease, granted.ends_in].into_iter().flatten().min();
    length.map_or(Timestamp::MAX, |length| after(sent, length.saturating_add(grace)))
}

impl Clocks {
    /// Time has not gone back since anything was seen, nor before the answer was asked for.
    fn were_not_set_back(&self, start: Timestamp) -> Result<(), KeptError> {
        let seen = self.shown.max(start);
        let server = earlier(self.server, self.skew);
        let least = earlier(seen, STEP).max(server);
        if self.now < least {
            return Err(KeptError::ClockSetBack { now: self.now, seen: seen.max(server) });
        }
        Ok(())
    }
}

/// The grant in an answer, if it is what is wished for now.
fn fitting(
    answer: &pb::RequestCapabilitiesResponse,
    wish: &pb::RequestCapabilitiesRequest,
) -> Result<Granted, KeptError> {
    let wanted = wish.features.first().ok_or(KeptError::Other)?;
    let (Reading::Granted(granted) | Reading::Kept(granted)) = Reading::of(answer, &wanted.name) else {
        return Err(KeptError::Other);
    };
    let outcome = answer.outcomes.iter().find(|outcome| outcome.feature == wanted.name);
    let parts = outcome.map(|outcome| outcome.parts.as_slice()).unwrap_or_default();
    let version = |text: &str| text.parse::<Version>().ok();
    let serves = |part: &pb::GrantPart| version(&part.version) >= version(&wanted.version);
    let borrows = wish.mode() == pb::GrantMode::Borrow;
    let enough = wish.partial || i128::from(granted.count) >= i128::from(wanted.count);
    if granted.lease.is_none() == borrows && enough && parts.iter().all(serves) {
        Ok(granted)
    } else {
        Err(KeptError::Other)
    }
}

fn after(at: Timestamp, length: Duration) -> Timestamp {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    at.checked_add(length).unwrap_or(Timestamp::MAX)
}
