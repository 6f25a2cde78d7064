//! What one client sent and heard, in the order in which it sent it.

use leasehold_proto::licensing::v1 as pb;

/// The calls of one holder. A call is noted before it is sent and its result when it is heard.
#[derive(Clone, Debug)]
pub struct History {
    /// The device's hostid, `VALUE/TYPE`.
    pub device: String,
    /// Empty, `slot:NAME` or `client:ID`.
    pub place: String,
    /// What it sent, oldest first.
    pub calls: Vec<Call>,
}

/// What came of sending something once.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard<T> {
    /// Nobody knows: the answer was lost, not waited for, or said only to try again.
    Nothing,
    /// The answer.
    Answer(T),
    /// The reason of an error that is no call to try again.
    Error(String),
}

/// A call and what came of it, each time that it was sent.
#[derive(Clone, Debug)]
pub enum Call {
    /// A capability request; repeats of it are here too, however late.
    Request {
        /// What was sent.
        message: Box<pb::RequestCapabilitiesRequest>,
        /// The answers, encoded, without their signed form.
        heard: Vec<Heard<Vec<u8>>>,
    },
    /// The id of an answered request with another body.
    Reuse {
        /// The request id.
        id: String,
        /// What came of it.
        heard: Vec<Heard<Vec<u8>>>,
    },
    /// A return of one grant.
    Release {
        /// What was shown.
        shown: pb::GrantRef,
        /// What came of it.
        heard: Vec<Heard<pb::LeaseResult>>,
    },
    /// Heartbeats; one that was not answered is not noted.
    Heartbeat {
        /// What was shown.
        shown: Vec<pb::GrantRef>,
        /// One for each.
        results: Vec<pb::LeaseResult>,
    },
}

impl History {
    /// Nothing sent yet.
    pub fn new(device: impl Into<String>, place: impl Into<String>) -> Self {
        Self { device: device.into(), place: place.into(), calls: Vec::new() }
    }
}
