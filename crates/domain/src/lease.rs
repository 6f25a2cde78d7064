//! Leases: how long a silence is borne. The numbers on which client and server agree without ever
//! comparing their wall clocks. Reference: licensing, "Leases".

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The shortest time to live.
pub const MIN_TTL: SignedDuration = SignedDuration::from_secs(10);
/// The longest time to live.
pub const MAX_TTL: SignedDuration = SignedDuration::from_hours(24);
/// How much earlier than its time to live a client stops.
pub const CLIENT_MARGIN: SignedDuration = SignedDuration::from_secs(1);
/// How often the server looks for leases to take back.
pub const REAPER_TICK: SignedDuration = SignedDuration::from_secs(1);

/// A time to live within its bounds.
pub fn bounded_ttl(ttl: SignedDuration) -> SignedDuration {
    ttl.clamp(MIN_TTL, MAX_TTL)
}

/// How much longer than the time to live the server waits: 2 s or 5 %, whichever is more.
pub fn skew(ttl: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(2).max(ttl / 20)
}

/// How long after the last heartbeat the server may take a count back.
pub fn server_patience(ttl: SignedDuration) -> SignedDuration {
    ttl + skew(ttl)
}

/// How often a client sends heartbeats, before jitter.
pub fn heartbeat_interval(ttl: SignedDuration) -> SignedDuration {
    ttl / 4
}

/// How many leases one tick may take back: 5 % of those alive, at least 50.
pub fn reap_budget(live: u64) -> u64 {
    (live / 20).max(50)
}

/// Notices when this process, or a clock, has not been running as it should.
///
/// Silence counts for something only while somebody was listening without a pause, and while the wall
/// clock advanced as the monotonic one did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    last: Option<(Timestamp, Duration)>,
}

impl Watch {
    /// Looks at both clocks; `true` where the time since the last look cannot be trusted, the first look
    /// included. `ttl` is the shortest time to live that is watched over.
    pub fn is_gap(&mut self, wall: Timestamp, monotonic: Duration, ttl: SignedDuration) -> bool {
        let Some((last_wall, last_monotonic)) = self.last.replace((wall, monotonic)) else { return true };
        let Some(elapsed) = monotonic.checked_sub(last_monotonic) else { return true };
        let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        let drift = wall.duration_since(last_wall).checked_sub(elapsed).unwrap_or(SignedDuration::MAX);
        let allowed = skew(ttl);
        elapsed > allowed || drift > allowed || drift < -allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_always_stops_before_the_server_takes_back() {
        for seconds in [10, 11, 40, 60, 600, 3_600, 86_400] {
            let ttl = bounded_ttl(SignedDuration::from_secs(seconds));
            // A client clock that runs 5 % slow measures its time to live as 5 % longer.
            let client = (ttl - CLIENT_MARGIN) * 105 / 100;
            assert!(client <= server_patience(ttl), "{seconds} s");
        }
    }

    #[test]
    fn a_pause_or_a_stepped_clock_is_a_gap() {
        let ttl = MIN_TTL;
        let wall = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        let mut watch = Watch::default();
        assert!(watch.is_gap(wall(0), Duration::from_secs(0), ttl), "the first look");
        assert!(!watch.is_gap(wall(1), Duration::from_secs(1), ttl));
        assert!(watch.is_gap(wall(5), Duration::from_secs(5), ttl), "a pause of 4 s");
        assert!(watch.is_gap(wall(6 + 86_400), Duration::from_secs(6), ttl), "a step ahead");
        assert!(watch.is_gap(wall(7), Duration::from_secs(7), ttl), "a step back");
        assert!(!watch.is_gap(wall(8), Duration::from_secs(8), ttl));
    }
}
