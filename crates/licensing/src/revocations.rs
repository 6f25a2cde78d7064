//! Tells open sessions which grants have ended other than by their holder's wish.

use leasehold_domain::grant::Lost;
use leasehold_domain::{GrantId, InstanceId};
use tokio::sync::broadcast;

/// Endings that a slow session may be behind; it misses older ones and hears of them on its next heartbeat.
const BACKLOG: usize = 4_096;

/// A grant has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Revoked {
    pub(crate) instance: InstanceId,
    pub(crate) grant: GrantId,
    pub(crate) lost: Lost,
}

/// Where endings are announced.
#[derive(Clone, Debug)]
pub(crate) struct Revocations(broadcast::Sender<Revoked>);

impl Revocations {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    pub(crate) fn announce(&self, instance: InstanceId, ended: &[(GrantId, Lost)]) {
        for (grant, lost) in ended.iter().copied().filter(|(_, lost)| *lost != Lost::Returned) {
            // Nobody listening is no failure.
            let _ = self.0.send(Revoked { instance, grant, lost });
        }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Revoked> {
        self.0.subscribe()
    }
}
