//! One grant with a lease as its holder saw it, by the holder's monotonic clock.

use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use tokio::time::Instant;
use uuid::Uuid;

/// How much earlier than the time to live a client stops.
const MARGIN: Duration = Duration::from_secs(1);

/// A grant, from its answer on.
#[derive(Clone, Debug)]
pub struct Tenure {
    /// The device's hostid.
    pub device: String,
    /// What it is of.
    pub feature: String,
    /// What its holder shows to act on it.
    pub shown: pb::GrantRef,
    /// When the request was first sent.
    pub asked: Instant,
    /// When its answer was heard.
    pub granted: Instant,
    /// How long it outlives its last heartbeat.
    pub ttl: Duration,
    /// The heartbeats that were answered, in the order of their answers.
    pub beats: Vec<Beat>,
    /// What became of it.
    pub end: End,
}

/// A heartbeat that was answered.
#[derive(Clone, Debug)]
pub struct Beat {
    /// When it was sent.
    pub sent: Instant,
    /// When its answer was heard.
    pub heard: Instant,
    /// The answer.
    pub result: pb::LeaseResult,
}

/// How a tenure ended on the holder's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was held until nothing ran any more.
    Open,
    /// It was given back; first sent then.
    Returned(Instant),
    /// The holder fell silent.
    Silent,
}

impl Tenure {
    /// A grant that was asked for and heard of at these times, and of which nothing more is known.
    pub fn new(
        device: &str,
        feature: &str,
        shown: pb::GrantRef,
        (asked, granted): (Instant, Instant),
        ttl: Duration,
    ) -> Self {
        let (device, feature) = (device.to_owned(), feature.to_owned());
        Self { device, feature, shown, asked, granted, ttl, beats: Vec::new(), end: End::Open }
    }

    /// The grant's id.
    pub fn grant(&self) -> Uuid {
        self.shown.grant_id.parse().expect("grant ids are UUIDs")
    }

    /// The answer that said that it is lost, if one did.
    pub fn lost(&self) -> Option<&Beat> {
        self.beats.iter().find(|beat| !beat.is_alive())
    }

    /// When something was sent last that was answered well.
    pub fn last_alive(&self) -> Instant {
        let alive = self.beats.iter().filter(|beat| beat.is_alive()).map(|beat| beat.sent);
        alive.chain([self.asked]).max().expect("it was asked for")
    }

    /// Until when the holder may believe in it after all answers heard by then.
    pub fn believed_until(&self, now: Instant) -> Instant {
        let alive = self.beats.iter().filter(|beat| beat.heard <= now && beat.is_alive());
        let sent = alive.map(|beat| beat.sent).chain([self.asked]).max().expect("it was asked for");
        sent + self.ttl - MARGIN
    }

    /// The spans of time in which the holder believed in it, in order; they do not touch.
    pub fn beliefs(&self) -> Vec<(Instant, Instant)> {
        let over = match self.end {
            End::Returned(sent) => Some(sent),
            End::Open | End::Silent => None,
        };
        let over = self.lost().map(|beat| beat.heard).into_iter().chain(over).min();
        let heard = self.beats.iter().filter(|beat| beat.is_alive()).map(|beat| beat.heard);
        let mut spans: Vec<(Instant, Instant)> = Vec::new();
        for from in std::iter::once(self.granted).chain(heard) {
            let until = self.believed_until(from);
            let until = over.map_or(until, |over| until.min(over));
            match spans.last_mut() {
                Some(last) if last.1 >= from => last.1 = last.1.max(until),
                _ if until > from => spans.push((from, until)),
                _ => {}
            }
        }
        spans
    }
}

impl Beat {
    /// Whether the server said that the lease runs on.
    pub fn is_alive(&self) -> bool {
        matches!(self.result.status(), pb::LeaseStatus::Ok | pb::LeaseStatus::OkDegraded)
    }
}
