//! Leases: how long a silence is borne. The numbers on which client and server agree without ever
//! comparing their wall clocks. Reference: licensing, "Leases".

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

/// How much longer than earned a grant may stand because the server was not there to listen: 15 min or three times
/// to live, whichever is more.
pub fn unearned_cap(ttl: SignedDuration) -> SignedDuration {
    SignedDuration::from_mins(15).max(ttl * 3)
}

/// The latest floor deadline that can have been written at `now`; a later one was written by another clock.
pub fn latest_floor(ttl: SignedDuration, now: Timestamp) -> Timestamp {
    now.checked_add(server_patience(ttl) + ttl / 4 + REAPER_TICK).unwrap_or(Timestamp::MAX)
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
}
