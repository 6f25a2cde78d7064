//! Notes what the programs of one device send and hear, holder by holder, for the judge.

use std::collections::{BTreeMap, HashMap};

use leasehold_promises::history::{Call, Heard, History};
use leasehold_proto::licensing::v1 as pb;
use prost::Message as _;
use tonic::Status;
use tonic_types::StatusExt as _;

/// Old tokens that are kept for use.
const OLD_TOKENS: usize = 50;

/// The notes of one device, in the order in which its calls were sent. Whoever calls holds it until the answer is noted.
#[derive(Debug)]
pub(super) struct Recorder {
    /// The device's hostid, `VALUE/TYPE`.
    device: String,
    /// By place.
    histories: BTreeMap<String, History>,
    /// Where in them each request is, by its id.
    requests: HashMap<String, At>,
    /// The newest reference of each grant, by its id.
    current: HashMap<String, Held>,
    old: Vec<Held>,
}

/// Where in the histories a request is noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    place: String,
    index: usize,
}

/// A reference of a grant, and what it was given for.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// What is shown to act on it.
    pub(super) shown: pb::GrantRef,
    /// The request that it came with.
    pub(super) request: pb::RequestCapabilitiesRequest,
}

impl Recorder {
    /// Nothing sent yet.
    pub(super) fn new(device: String) -> Self {
        Self {
            device,
            histories: BTreeMap::new(),
            requests: HashMap::new(),
            current: HashMap::new(),
            old: Vec::new(),
        }
    }

    /// A request is sent, for the first time or again.
    pub(super) fn asks(&mut self, message: &pb::RequestCapabilitiesRequest) -> At {
        if let Some(at) = self.requests.get(&message.request_id) {
            return at.clone();
        }
        let call = Call::Request { message: Box::new(message.clone()), heard: Vec::new() };
        let at = self.note(&place(message), call);
        self.requests.insert(message.request_id.clone(), at.clone());
        at
    }

    /// What came of sending it once. An answer whose signed form says something else counts as what is signed: the
    /// clients believe nothing beside it.
    pub(super) fn heard(&mut self, at: &At, answer: Result<&pb::RequestCapabilitiesResponse, &Status>) {
        let new = match answer {
            Ok(answer) => Heard::Answer(believed(answer).encode_to_vec()),
            Err(status) => definite(status),
        };
        let Some(Call::Request { message, heard }) = self.call(at) else { return };
        heard.push(new);
        let message = message.as_ref().clone();
        if let Ok(answer) = answer {
            self.learn(&message, &believed(answer));
        }
    }

    /// The answer was thrown away: nobody has heard it.
    pub(super) fn lost(&mut self, at: &At) {
        if let Some(Call::Request { heard, .. }) = self.call(at) {
            heard.push(Heard::Nothing);
        }
    }

    /// Heartbeats and what came of them, each with the holder whose grant it is for.
    pub(super) fn beat(&mut self, leases: &[pb::GrantRef], results: &[pb::LeaseResult]) {
        let mut places: BTreeMap<String, (Vec<pb::GrantRef>, Vec<pb::LeaseResult>)> = BTreeMap::new();
        for (index, shown) in leases.iter().enumerate() {
            let (all_shown, all_results) = places.entry(self.place_of(shown)).or_default();
            all_shown.push(shown.clone());
            // A result that is missing is missing in the notes too.
            all_results.extend(results.get(index).cloned());
            if results.get(index).is_some_and(|result| result.status() == pb::LeaseStatus::Lost) {
                self.retire(shown);
            }
        }
        for (place, (shown, results)) in places {
            self.note(&place, Call::Heartbeat { shown, results });
        }
    }

    /// Returns and what came of them; `None` where nobody knows.
    pub(super) fn released(&mut self, grants: &[pb::GrantRef], results: Option<&[pb::LeaseResult]>) {
        for (index, shown) in grants.iter().enumerate() {
            let new = match results.map(|results| results.get(index)) {
                Some(Some(result)) => Heard::Answer(result.clone()),
                Some(None) => Heard::Error("an answer without a result".to_owned()),
                None => Heard::Nothing,
            };
            self.release(shown, new);
            if results.is_some() {
                self.retire(shown);
            }
        }
    }

    /// Any reference that is not the newest any more; `pick` chooses among so many.
    pub(super) fn old_token(&self, pick: impl FnOnce(usize) -> usize) -> Option<Held> {
        if self.old.is_empty() { None } else { self.old.get(pick(self.old.len())).cloned() }
    }

    /// The requests of which nothing definite was heard.
    pub(super) fn unanswered(&self) -> Vec<pb::RequestCapabilitiesRequest> {
        let open = |call: &Call| match call {
            Call::Request { message, heard } if heard.iter().all(|heard| *heard == Heard::Nothing) => {
                Some(message.as_ref().clone())
            }
            _ => None,
        };
        self.histories.values().flat_map(|history| &history.calls).filter_map(open).collect()
    }

    /// The returns of which nothing was heard.
    pub(super) fn unreturned(&self) -> Vec<pb::GrantRef> {
        let open = |call: &Call| match call {
            Call::Release { shown, heard } if heard.iter().all(|heard| *heard == Heard::Nothing) => {
                Some(shown.clone())
            }
            _ => None,
        };
        self.histories.values().flat_map(|history| &history.calls).filter_map(open).collect()
    }

    /// Every note.
    pub(super) fn histories(&self) -> Vec<History> {
        self.histories.values().cloned().collect()
    }

    /// A return is one call, however often it is sent.
    fn release(&mut self, shown: &pb::GrantRef, new: Heard<pb::LeaseResult>) {
        let place = self.place_of(shown);
        let calls = &mut self.history(&place).calls;
        let open = calls.iter_mut().rev().find_map(|call| match call {
            Call::Release { shown: other, heard }
                if other == shown && heard.iter().all(|heard| *heard == Heard::Nothing) =>
            {
                Some(heard)
            }
            _ => None,
        });
        match open {
            Some(heard) => heard.push(new),
            None => calls.push(Call::Release { shown: shown.clone(), heard: vec![new] }),
        }
    }

    fn learn(&mut self, request: &pb::RequestCapabilitiesRequest, answer: &pb::RequestCapabilitiesResponse) {
        for shown in answer.outcomes.iter().filter_map(|outcome| outcome.grant.as_ref()) {
            let known = self.current.get(&shown.grant_id).map(|held| held.shown.fencing_token);
            if known.is_some_and(|known| known >= shown.fencing_token) {
                continue;
            }
            let new = Held { shown: shown.clone(), request: request.clone() };
            if let Some(before) = self.current.insert(shown.grant_id.clone(), new) {
                self.keep_old(before);
            }
        }
    }

    /// Nothing is held by this reference any more.
    fn retire(&mut self, shown: &pb::GrantRef) {
        if self.current.get(&shown.grant_id).is_some_and(|held| held.shown == *shown)
            && let Some(held) = self.current.get(&shown.grant_id).cloned()
        {
            self.keep_old(held);
        }
    }

    fn keep_old(&mut self, held: Held) {
        if self.old.iter().any(|other| other.shown == held.shown) {
            return;
        }
        if self.old.len() >= OLD_TOKENS {
            self.old.remove(0);
        }
        self.old.push(held);
    }

    /// Grants stay known after their end, so that whoever shows one later is the same holder.
    fn place_of(&self, shown: &pb::GrantRef) -> String {
        self.current.get(&shown.grant_id).map(|held| place(&held.request)).unwrap_or_default()
    }

    fn note(&mut self, place: &str, call: Call) -> At {
        let calls = &mut self.history(place).calls;
        calls.push(call);
        At { place: place.to_owned(), index: calls.len() - 1 }
    }

    fn history(&mut self, place: &str) -> &mut History {
        let device = &self.device;
        self.histories.entry(place.to_owned()).or_insert_with(|| History::new(device, place))
    }

    fn call(&mut self, at: &At) -> Option<&mut Call> {
        self.histories.get_mut(&at.place)?.calls.get_mut(at.index)
    }
}

/// The place on the device that a request is for, as the server keeps it.
fn place(request: &pb::RequestCapabilitiesRequest) -> String {
    match (request.slot.as_str(), request.client_instance_id.as_str()) {
        ("", "") => String::new(),
        ("", client) => format!("client:{client}"),
        (slot, _) => format!("slot:{slot}"),
    }
}

/// What a client believes of an answer: what is signed, where something is.
fn believed(answer: &pb::RequestCapabilitiesResponse) -> pb::RequestCapabilitiesResponse {
    let signed = answer.signed.as_ref().and_then(|signed| {
        pb::CapabilityAnswer::decode(signed.answer.as_slice()).ok().and_then(|said| said.answer)
    });
    signed.unwrap_or_else(|| pb::RequestCapabilitiesResponse { signed: None, ..answer.clone() })
}

/// What an error says for good.
fn definite<T>(status: &Status) -> Heard<T> {
    let details = status.get_error_details();
    match details.error_info().map(|info| info.reason.as_str()) {
        None
        | Some("SHUTTING_DOWN" | "OVERLOADED" | "STORE_UNAVAILABLE" | "DEADLINE_EXCEEDED" | "CANCELLED") => {
            Heard::Nothing
        }
        Some(reason) => Heard::Error(reason.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: &str, client: &str) -> pb::RequestCapabilitiesRequest {
        let (request_id, client_instance_id) = (id.to_owned(), client.to_owned());
        pb::RequestCapabilitiesRequest { request_id, client_instance_id, ..Default::default() }
    }

    fn shown(grant: &str, token: u64) -> pb::GrantRef {
        pb::GrantRef { grant_id: grant.to_owned(), fencing_token: token, ..Default::default() }
    }

    fn granting(shown: &pb::GrantRef) -> pb::RequestCapabilitiesResponse {
        let outcome = pb::FeatureOutcome { grant: Some(shown.clone()), ..Default::default() };
        pb::RequestCapabilitiesResponse { outcomes: vec![outcome], ..Default::default() }
    }

    fn result(status: pb::LeaseStatus) -> pb::LeaseResult {
        pb::LeaseResult { status: status.into(), ..Default::default() }
    }

    #[test]
    fn a_repeat_is_the_same_call_and_open_until_it_is_answered() {
        let mut recorder = Recorder::new("D1/STRING".to_owned());
        let message = request("r1", "c/0");
        let at = recorder.asks(&message);
        recorder.lost(&at);
        assert_eq!(recorder.unanswered(), std::slice::from_ref(&message));
        assert_eq!(recorder.asks(&message), at);
        recorder.heard(&at, Ok(&granting(&shown("g", 1))));
        assert!(recorder.unanswered().is_empty());
        let [history] = recorder.histories().try_into().unwrap();
        assert_eq!((history.device.as_str(), history.place.as_str()), ("D1/STRING", "client:c/0"));
        assert!(matches!(&history.calls[..], [Call::Request { heard, .. }] if heard.len() == 2));
    }

    #[test]
    fn what_goes_in_one_call_is_noted_with_each_holder() {
        let mut recorder = Recorder::new("D1/STRING".to_owned());
        for (id, client, grant) in [("r1", "c/0", "g"), ("r2", "c/1", "h")] {
            let at = recorder.asks(&request(id, client));
            recorder.heard(&at, Ok(&granting(&shown(grant, 1))));
        }
        let both = [shown("g", 1), shown("h", 1)];
        recorder.beat(&both, &[result(pb::LeaseStatus::Ok), result(pb::LeaseStatus::Lost)]);
        recorder.released(&both, None);
        assert_eq!(recorder.unreturned(), both);
        recorder.released(&both, Some(&[result(pb::LeaseStatus::Released), result(pb::LeaseStatus::Lost)]));
        for history in recorder.histories() {
            let [_, Call::Heartbeat { shown, results }, Call::Release { heard, .. }] = &history.calls[..]
            else {
                panic!("a request, a heartbeat and one return: {history:?}");
            };
            assert_eq!((shown.len(), results.len(), heard.len()), (1, 1, 2));
        }
        assert!(recorder.unreturned().is_empty());
    }

    #[test]
    fn a_token_is_old_once_there_is_a_newer_one_or_it_is_returned() {
        let mut recorder = Recorder::new("D1/STRING".to_owned());
        let at = recorder.asks(&request("r1", "c/0"));
        recorder.heard(&at, Ok(&granting(&shown("g", 1))));
        assert!(recorder.old_token(|_| 0).is_none());
        let at = recorder.asks(&request("r2", "c/0"));
        recorder.heard(&at, Ok(&granting(&shown("g", 2))));
        assert_eq!(recorder.old_token(|_| 0).unwrap().shown, shown("g", 1));
        recorder.released(&[shown("g", 2)], Some(&[result(pb::LeaseStatus::Released)]));
        assert_eq!(recorder.old_token(|count| count - 1).unwrap().shown, shown("g", 2));
    }
}
