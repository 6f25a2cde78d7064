//! What a program holds on to while it works.

use leasehold_domain::GrantId;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::error::ReleaseError;
use crate::holding::Shown;
use crate::keeper::Command;
use crate::state::State;

/// A feature that is checked out, kept up in the background.
///
/// Dropped, an online grant is returned in the background, without waiting; where the runtime has ended, its
/// lease runs out at the server by itself. A borrow outlives its guard, and the process: return it with
/// [`Guard::release`], or check it out again.
///
/// Time is measured on the machine's monotonic clock, which stands still on some systems while the machine
/// sleeps; the first heartbeat after waking finds out what is still held.
#[derive(Debug)]
#[must_use = "dropped, it is returned at once"]
pub struct Guard {
    id: u64,
    shown: Arc<Shown>,
    borrowed: bool,
    commands: mpsc::UnboundedSender<Command>,
    released: bool,
}

impl Guard {
    pub(crate) fn new(
        id: u64,
        shown: Arc<Shown>,
        borrowed: bool,
        commands: mpsc::UnboundedSender<Command>,
    ) -> Self {
        Self { id, shown, borrowed, commands, released: false }
    }

    /// The feature's name.
    pub fn feature(&self) -> &str {
        self.shown.feature()
    }

    /// Counts held. A renewal of a partial checkout can change it.
    pub fn count(&self) -> u64 {
        self.shown.seen().count
    }

    /// The grant's id. It changes when the server took the grant back and gave it again.
    pub fn grant_id(&self) -> GrantId {
        self.shown.seen().id
    }

    /// When the grant ends unless it is renewed, by the server's clock; `None` where it has no end.
    pub fn ends_at(&self) -> Option<jiff::Timestamp> {
        self.shown.seen().ends_at
    }

    /// Whether it may be used now.
    pub fn state(&self) -> State {
        self.shown.state(Instant::now())
    }

    /// Announces each change of the state. The channel closes when the client's runtime ends; then only
    /// [`Guard::state`] is true.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.shown.watch()
    }

    /// Returns it, and waits until the server has it back. The release goes on where the caller stops waiting.
    pub async fn release(mut self) -> Result<(), ReleaseError> {
        let (reply, answer) = oneshot::channel();
        self.released = true;
        let _ = self.commands.send(Command::Release(self.id, Some(reply)));
        answer.await.unwrap_or(Err(ReleaseError::Stopped))
    }

    /// Returns it without waiting, also where it is borrowed.
    pub(crate) fn give_back(mut self) {
        self.released = true;
        let _ = self.commands.send(Command::Release(self.id, None));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.released {
            return;
        }
        let command = if self.borrowed { Command::Forget(self.id) } else { Command::Release(self.id, None) };
        // Without a keeper there is no runtime to return it on.
        let _ = self.commands.send(command);
    }
}
