//! Whether a licence server's request is answered, as a function of what is known of the server.
//!
//! Responsible for the rules of binding, of repetition and of suspicion. Not responsible for signatures: whoever asks
//! has shown that it has the key it names. Reference: back office, "Which requests are answered".

use leasehold_store::backoffice::{Binding, Digest, Exchange};

/// A request, as far as it counts here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The key that signed it.
    pub(crate) signing_key: &'a [u8; 32],
    /// Whom files are to be sealed for.
    pub(crate) recipient: &'a str,
    /// Its number.
    pub(crate) number: u64,
    /// Its own digest.
    pub(crate) digest: Digest,
    /// The digest of the response that it names as the last one in force.
    pub(crate) previous: Option<Digest>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was answered before: the same response again.
    Again {
        /// The sequence number of that response.
        sequence: u64,
    },
    /// A new response.
    Fresh {
        /// Whether the id belongs to the server's keys from now on.
        binds: bool,
        /// The sequence number of the newest response that is known to be in force. 0: none.
        acknowledged: u64,
    },
    /// The id belongs to other keys.
    OtherKeys,
    /// Requests under this id do not follow one another.
    Clone(Suspicion),
}

/// Why a clone is suspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspicion {
    /// The number was used for another request.
    NumberUsed,
    /// It names no response, and one was in force before.
    NoPrevious,
    /// It names an older response than one that was in force before.
    OldPrevious,
    /// It names a response that was not made for these keys, or so long ago that it is forgotten.
    UnknownPrevious,
}

impl Suspicion {
    /// What happened, for people.
    pub(crate) fn explain(self, number: u64) -> String {
        match self {
            Self::NumberUsed => format!("request {number} came before with another content"),
            Self::NoPrevious => format!("request {number} names no response, and one was in force before"),
            Self::OldPrevious => {
                format!("request {number} names an older response than one that was in force before")
            }
            Self::UnknownPrevious => format!("request {number} names a response that is not known"),
        }
    }
}

/// Judges a request. `history` is what these keys exchanged, as far as it is kept.
pub(crate) fn judge(binding: Option<&Binding>, history: &[Exchange], asked: &Asked<'_>) -> Verdict {
    let Some(binding) = binding else {
        // Whatever it refers to was before these keys.
        return Verdict::Fresh { binds: true, acknowledged: 0 };
    };
    if binding.signing_key != *asked.signing_key || binding.recipient != asked.recipient {
        return Verdict::OtherKeys;
    }
    if let Some(same) = history.iter().find(|exchange| exchange.request == asked.digest) {
        return Verdict::Again { sequence: same.sequence };
    }
    if history.iter().any(|exchange| exchange.request_number == asked.number) {
        return Verdict::Clone(Suspicion::NumberUsed);
    }
    match named(binding, history, asked.previous) {
        Ok(sequence) => Verdict::Fresh { binds: false, acknowledged: sequence.max(binding.acknowledged) },
        Err(suspicion) => Verdict::Clone(suspicion),
    }
}

/// The sequence number of the response that a request names. 0: where the server stood when its keys were bound.
fn named(binding: &Binding, history: &[Exchange], previous: Option<Digest>) -> Result<u64, Suspicion> {
    let Some(previous) = previous else {
        return if binding.acknowledged == 0 { Ok(0) } else { Err(Suspicion::NoPrevious) };
    };
    if let Some(exchange) = history.iter().find(|exchange| exchange.response == previous) {
        let newest = exchange.sequence >= binding.acknowledged;
        return if newest { Ok(exchange.sequence) } else { Err(Suspicion::OldPrevious) };
    }
    // Its keys were bound anew when it had a bundle in force already.
    match binding.first_previous == Some(previous) {
        true if binding.acknowledged == 0 => Ok(0),
        true => Err(Suspicion::OldPrevious),
        false => Err(Suspicion::UnknownPrevious),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const KEY: [u8; 32] = [1; 32];

    fn digest(kind: u8, number: u64) -> Digest {
        let mut digest = [kind; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    /// The digest of the response of this sequence number.
    #[expect(clippy::unnecessary_wraps, reason = "it is what requests name, or nothing")]
    fn response(sequence: u64) -> Option<Digest> {
        Some(digest(b'r', sequence))
    }

    /// Request `number` was answered with response `sequence`.
    fn exchange(sequence: u64, number: u64) -> Exchange {
        Exchange {
            sequence,
            request_number: number,
            request: digest(b'q', number),
            response: digest(b'r', sequence),
            answered_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn binding(acknowledged: u64) -> Binding {
        Binding {
            signing_key: KEY,
            recipient: "age1a".to_owned(),
            bound_at: Timestamp::UNIX_EPOCH,
            first_previous: None,
            acknowledged,
        }
    }

    /// A request of this number that nobody has seen.
    fn asked(number: u64, previous: Option<Digest>) -> Asked<'static> {
        Asked { signing_key: &KEY, recipient: "age1a", number, digest: digest(b'n', number), previous }
    }

    fn fresh(acknowledged: u64) -> Verdict {
        Verdict::Fresh { binds: false, acknowledged }
    }

    #[test]
    fn what_follows_is_answered_and_what_does_not_is_suspicious() {
        // 10 was answered with 3, 11 with 4, 14 with 5.
        let history = [exchange(3, 10), exchange(4, 11), exchange(5, 14)];
        let suspect = Verdict::Clone;
        for (what, acknowledged, number, previous, verdict) in [
            ("the first, as long as none was in force", 0, 15, None, fresh(0)),
            ("the next", 4, 15, response(5), fresh(5)),
            ("the next after a response that never came", 4, 15, response(4), fresh(4)),
            ("a late file, of the time of the newest", 4, 13, response(4), fresh(4)),
            ("a late file, of the time before all", 0, 2, None, fresh(0)),
            ("what a late file brought is in force", 3, 16, response(5), fresh(5)),
            ("a number that was used", 4, 14, response(5), suspect(Suspicion::NumberUsed)),
            ("a number that was used before all", 0, 10, None, suspect(Suspicion::NumberUsed)),
            ("set back to before the first", 3, 15, None, suspect(Suspicion::NoPrevious)),
            ("set back to an older one", 5, 15, response(4), suspect(Suspicion::OldPrevious)),
            ("a late file, of an older time", 5, 12, response(3), suspect(Suspicion::OldPrevious)),
            ("of other keys, or forgotten", 4, 15, response(2), suspect(Suspicion::UnknownPrevious)),
        ] {
            let verdict_of = judge(Some(&binding(acknowledged)), &history, &asked(number, previous));
            assert_eq!(verdict_of, verdict, "{what}");
        }
    }

    #[test]
    fn the_same_request_has_the_same_answer_whatever_came_since() {
        let history = [exchange(3, 10), exchange(4, 11)];
        for previous in [None, response(3), response(99)] {
            let same = Asked { digest: digest(b'q', 10), ..asked(10, previous) };
            assert_eq!(judge(Some(&binding(4)), &history, &same), Verdict::Again { sequence: 3 });
        }
    }

    #[test]
    fn an_id_belongs_to_the_keys_that_came_first() {
        let history = [exchange(3, 10)];
        let free = judge(None, &[], &asked(99, response(42)));
        assert_eq!(free, Verdict::Fresh { binds: true, acknowledged: 0 });
        for other in [
            Asked { signing_key: &[2; 32], ..asked(11, response(3)) },
            Asked { recipient: "age1b", ..asked(11, response(3)) },
            // Not even what was answered before is answered to others.
            Asked { signing_key: &[2; 32], digest: digest(b'q', 10), ..asked(10, None) },
        ] {
            assert_eq!(judge(Some(&binding(0)), &history, &other), Verdict::OtherKeys);
        }
    }

    #[test]
    fn keys_that_were_bound_with_a_bundle_in_force_begin_there() {
        let binding = |acknowledged| Binding { first_previous: response(42), ..binding(acknowledged) };
        let history = [exchange(50, 10)];
        let next =
            |acknowledged, previous| judge(Some(&binding(acknowledged)), &history, &asked(11, previous));
        assert_eq!(next(0, response(42)), fresh(0), "the response to the first was lost");
        assert_eq!(next(0, response(50)), fresh(50));
        assert_eq!(next(50, response(42)), Verdict::Clone(Suspicion::OldPrevious));
        assert_eq!(next(0, response(41)), Verdict::Clone(Suspicion::UnknownPrevious));
    }
}
