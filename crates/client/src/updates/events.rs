//! What the client did, queued until the server has it.

use jiff::Timestamp;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::UpdateState;
use serde::{Deserialize, Serialize};

use super::disk::Kept;

/// Events that wait at most; of more, the oldest that say how far something was go first.
const MAX_QUEUED: usize = 1_000;
/// Longest message, in bytes.
const MAX_MESSAGE: usize = 1_000;

/// Something that the client did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Event {
    /// None is used twice.
    pub(super) sequence: u64,
    at: Timestamp,
    assignment_id: String,
    product: String,
    version: String,
    /// An `UpdateState`.
    state: i32,
    message: String,
    fetched_bytes: u64,
}

/// What was last told of a product, so that a repeat is not told again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    assignment_id: String,
    state: i32,
    message: String,
}

/// What to tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct News<'a> {
    pub(super) assignment_id: &'a str,
    pub(super) product: &'a str,
    pub(super) version: &'a str,
    pub(super) state: UpdateState,
    pub(super) message: &'a str,
    pub(super) fetched_bytes: u64,
}

impl Kept {
    /// Queues an event, unless it says nothing new.
    pub(super) fn tell(&mut self, news: &News<'_>, at: Timestamp) {
        let message = cut(news.message);
        let told = Told {
            assignment_id: news.assignment_id.to_owned(),
            state: news.state.into(),
            message: message.to_owned(),
        };
        let last = &mut self.products.entry(news.product.to_owned()).or_default().told;
        if last.as_ref().is_some_and(|last| !is_new(last, &told)) {
            return;
        }
        *last = Some(told);
        self.last_sequence += 1;
        self.events.push(Event {
            sequence: self.last_sequence,
            at,
            assignment_id: news.assignment_id.to_owned(),
            product: news.product.to_owned(),
            version: news.version.to_owned(),
            state: news.state.into(),
            message: message.to_owned(),
            fetched_bytes: news.fetched_bytes,
        });
        if self.events.len() > MAX_QUEUED {
            let gone = self.events.iter().position(|event| !is_final(event.state)).unwrap_or(0);
            self.events.remove(gone);
        }
    }

    /// The server has everything up to here; how many events that were. A number beyond all that were used shows that
    /// the directory was put back to an earlier time: the next events come after it.
    pub(super) fn acknowledge(&mut self, sequence: u64) -> usize {
        let before = self.events.len();
        self.events.retain(|event| event.sequence > sequence);
        // No number of a server uses all of them up.
        self.last_sequence = self.last_sequence.max(sequence.min(u64::MAX / 2));
        before - self.events.len()
    }
}

/// Whether there is something to tell beyond what was told last.
fn is_new(last: &Told, next: &Told) -> bool {
    if last.assignment_id != next.assignment_id {
        return true;
    }
    if is_final(last.state) || is_final(next.state) {
        return last != next;
    }
    // A step that is taken again after a break was told the first time.
    next.state > last.state
}

/// Whether nothing more comes of it.
fn is_final(state: i32) -> bool {
    state >= i32::from(UpdateState::Installed)
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE)]
}

impl From<&Event> for pb::UpdateEvent {
    fn from(event: &Event) -> Self {
        Self {
            sequence: event.sequence,
            at: Some(timestamp(event.at)),
            assignment_id: event.assignment_id.clone(),
            product: event.product.clone(),
            version: event.version.clone(),
            state: event.state,
            message: event.message.clone(),
            fetched_bytes: event.fetched_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn kept() -> Kept {
        let (newest, products) = (BTreeMap::new(), BTreeMap::new());
        Kept { client_id: String::new(), newest, last_sequence: 0, events: Vec::new(), products }
    }

    fn told(kept: &mut Kept, assignment_id: &str, state: UpdateState, message: &str) -> usize {
        let news = News { assignment_id, product: "scanner", version: "1", state, message, fetched_bytes: 0 };
        kept.tell(&news, Timestamp::UNIX_EPOCH);
        kept.events.len()
    }

    #[test]
    fn a_step_that_is_taken_again_is_told_once() {
        use UpdateState::{Accepted, Downloaded, Downloading, Failed, Installed};
        let mut kept = kept();
        for (assignment, state, message, queued) in [
            ("a", Accepted, "", 1),
            ("a", Downloading, "", 2),
            ("a", Accepted, "", 2),
            ("a", Downloading, "", 2),
            ("a", Downloaded, "", 3),
            ("a", Failed, "x", 4),
            ("a", Failed, "x", 4),
            ("a", Failed, "y", 5),
            ("b", Accepted, "", 6),
            ("b", Installed, "", 7),
        ] {
            assert_eq!(told(&mut kept, assignment, state, message), queued, "{assignment} {state:?}");
        }
        let sequences: Vec<u64> = kept.events.iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_long_time_offline_keeps_how_things_ended() {
        let mut kept = kept();
        for number in 0..600 {
            told(&mut kept, &number.to_string(), UpdateState::Accepted, "");
            told(&mut kept, &number.to_string(), UpdateState::Installed, "");
        }
        assert_eq!(kept.events.len(), MAX_QUEUED);
        assert_eq!(kept.events.iter().filter(|event| is_final(event.state)).count(), 600);
        assert!(kept.events.is_sorted_by_key(|event| event.sequence));
    }

    #[test]
    fn a_directory_that_was_put_back_uses_no_number_twice() {
        let mut kept = kept();
        told(&mut kept, "a", UpdateState::Accepted, "");
        assert_eq!(kept.acknowledge(9), 1);
        told(&mut kept, "b", UpdateState::Accepted, "");
        assert_eq!(kept.events[0].sequence, 10);
        assert_eq!(cut(&"é".repeat(600)).len(), 1_000);
    }
}
