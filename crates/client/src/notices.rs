//! Notices: what the server tells on heartbeats beside the leases.
//!
//! Responsible for telling each of them once to whoever listens. Not responsible for what a program makes of it. Notices
//! are not signed: whoever can pose as the server, which TLS prevents, can make them up. Reference: client, "Notices".

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::licensing::v1 as pb;
use tokio::sync::watch;

use crate::client::Client;

/// Notices that a listener remembers having told; the ones told first are forgotten.
const REMEMBERED: usize = 4_096;

/// A text or news from the vendor or the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// What it is about; may be empty.
    pub subject: String,
    /// The text, for people.
    pub text: String,
    /// Names what was published, within the instance; one that is published anew keeps it.
    pub key: String,
    /// It concerns those who hold any of these features. Empty: everybody.
    pub features: Vec<String>,
    /// It is over then, by the server's clock.
    pub until: Option<Timestamp>,
    /// What it is news of; `None`: the text is all.
    pub update: Option<UpdateAvailable>,
}

/// An update that is ready at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateAvailable {
    /// The product.
    pub product: String,
    /// The channel.
    pub channel: String,
    /// The version.
    pub version: String,
}

/// Listens to the notices that reach a client.
///
/// They come with heartbeats, so only while an online grant is held, and as late as the next one.
#[derive(Debug)]
pub struct Notices {
    standing: Standing,
    told: VecDeque<pb::Notice>,
}

/// The notices that stand, as the last heartbeat told.
pub(crate) type Standing = watch::Receiver<Arc<Vec<pb::Notice>>>;

/// The keeper's side: what it has heard.
#[derive(Debug)]
pub(crate) struct Board {
    standing: watch::Sender<Arc<Vec<pb::Notice>>>,
    tag: u64,
}

/// An empty board, and what is to be seen on it.
pub(crate) fn board() -> (Board, Standing) {
    let (standing, seen) = watch::channel(Arc::default());
    (Board { standing, tag: 0 }, seen)
}

impl Board {
    /// Stands for the notices that are here.
    pub(crate) fn tag(&self) -> u64 {
        self.tag
    }

    /// The answer to a heartbeat that went out with the tag `sent`.
    pub(crate) fn heard(&mut self, sent: u64, response: pb::HeartbeatResponse) {
        // Where they are the same, the list is left out.
        if response.notices_tag != sent {
            self.tag = response.notices_tag;
            self.standing.send_replace(Arc::new(response.notices));
        }
    }
}

impl Client {
    /// Listens to the notices on heartbeats: those that stand, and then each new one.
    pub fn notices(&self) -> Notices {
        let mut standing = self.inner.standing.clone();
        standing.mark_changed();
        Notices { standing, told: VecDeque::new() }
    }
}

impl Notices {
    /// The next notice, each once; one that was published anew is another one. `None`: the client and all its guards are
    /// gone. What stood for less than the time between two calls may be missed. Nothing is lost where the caller stops
    /// waiting.
    pub async fn next(&mut self) -> Option<Notice> {
        loop {
            let standing = Arc::clone(&self.standing.borrow_and_update());
            if let Some(new) = standing.iter().find(|notice| !self.has_told(notice)) {
                if self.told.len() == REMEMBERED {
                    self.told.pop_front();
                }
                self.told.push_back(identity(new));
                return Some(new.into());
            }
            self.standing.changed().await.ok()?;
        }
    }

    fn has_told(&self, notice: &pb::Notice) -> bool {
        let notice = identity(notice);
        self.told.contains(&notice)
    }
}

/// What tells a notice from others; whom it concerns can change while it stands.
fn identity(notice: &pb::Notice) -> pb::Notice {
    pb::Notice {
        subject: notice.subject.clone(),
        text: notice.text.clone(),
        key: notice.key.clone(),
        number: notice.number,
        ..pb::Notice::default()
    }
}

impl From<&pb::Notice> for Notice {
    fn from(notice: &pb::Notice) -> Self {
        Self {
            subject: notice.subject.clone(),
            text: notice.text.clone(),
            key: notice.key.clone(),
            features: notice.features.clone(),
            until: notice.until.as_ref().and_then(|until| read_timestamp("until", until).ok()),
            update: notice.update.as_ref().map(|update| UpdateAvailable {
                product: update.product.clone(),
                channel: update.channel.clone(),
                version: update.version.clone(),
            }),
        }
    }
}
