//! What the server remembers, and how it decides by that.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_proto::convert::time::{duration, timestamp};
use leasehold_proto::licensing::v1::{self as pb, LeaseStatus, LostReason};
use tonic::Status;

use super::{Act, Beats, Vendor, stale};
use crate::clock::Clock;

/// The secret of every online grant.
const ONLINE: [u8; 16] = [7; 16];
/// The secret of every borrow.
const BORROWED: [u8; 16] = [9; 16];

/// What the server knows and was told.
pub(crate) struct State {
    pub(crate) acts: VecDeque<Act>,
    pub(crate) beats: Beats,
    pub(crate) next_heartbeat_after: Option<Duration>,
    pub(crate) ttl: Duration,
    pub(crate) lifetime: Duration,
    pub(crate) renew_after: Duration,
    /// Signs the answers.
    pub(crate) vendor: Option<Vendor>,
    /// Without one it is always 1970.
    pub(crate) clock: Option<Clock>,
    pub(crate) response_lifetime: SignedDuration,
    pub(crate) addresses: (u64, Vec<String>),
    /// What stands, and its tag.
    pub(crate) notices: (u64, Vec<pb::Notice>),
    pub(crate) grants: BTreeMap<String, pb::GrantRef>,
    pub(super) answers: BTreeMap<String, pb::RequestCapabilitiesResponse>,
    made: u128,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            acts: VecDeque::new(),
            beats: Beats::Answer,
            next_heartbeat_after: None,
            ttl: Duration::from_mins(10),
            lifetime: Duration::from_hours(24),
            renew_after: Duration::from_hours(4),
            vendor: None,
            clock: None,
            response_lifetime: SignedDuration::from_hours(24),
            addresses: (0, Vec::new()),
            notices: (0, Vec::new()),
            grants: BTreeMap::new(),
            answers: BTreeMap::new(),
            made: 0,
        }
    }

    pub(super) fn answer(
        &mut self,
        message: &pb::RequestCapabilitiesRequest,
        make: impl FnOnce(&mut Self) -> Result<pb::FeatureOutcome, Status>,
    ) -> Result<pb::RequestCapabilitiesResponse, Status> {
        if let Some(answer) = self.answers.get(&message.request_id) {
            return Ok(self.signed(message, answer.clone()));
        }
        let outcome = pb::FeatureOutcome { feature: message.features[0].name.clone(), ..make(self)? };
        let answer = pb::RequestCapabilitiesResponse { outcomes: vec![outcome], ..self.blank(message) };
        self.answers.insert(message.request_id.clone(), answer.clone());
        Ok(self.signed(message, answer))
    }

    pub(super) fn refuse(
        &self,
        message: &pb::RequestCapabilitiesRequest,
        refusal: pb::RequestRefusal,
    ) -> pb::RequestCapabilitiesResponse {
        let answer = pb::RequestCapabilitiesResponse {
            refusal: refusal.into(),
            refusal_message: "ask the administrator".to_owned(),
            ..self.blank(message)
        };
        self.signed(message, answer)
    }

    /// The answer to a request that was answered, as it would be sent again.
    pub(crate) fn again(&self, request_id: &str) -> pb::RequestCapabilitiesResponse {
        let answer = self.answers[request_id].clone();
        let device =
            leasehold_proto::types::v1::HostId::from(&"D1".parse::<leasehold_client::HostId>().unwrap());
        let message = pb::RequestCapabilitiesRequest { hostids: vec![device], ..Default::default() };
        self.signed(&message, answer)
    }

    fn now(&self) -> Timestamp {
        self.clock.as_ref().map_or(Timestamp::UNIX_EPOCH, Clock::now)
    }

    /// An answer that says nothing yet.
    fn blank(&self, message: &pb::RequestCapabilitiesRequest) -> pb::RequestCapabilitiesResponse {
        pb::RequestCapabilitiesResponse {
            request_id: message.request_id.clone(),
            nonce: message.nonce.clone(),
            server_time: Some(timestamp(self.now())),
            response_lifetime: Some(duration(self.response_lifetime)),
            addresses: self.addresses.1.clone(),
            ..pb::RequestCapabilitiesResponse::default()
        }
    }

    /// Signed anew each time, also a repeat.
    fn signed(
        &self,
        message: &pb::RequestCapabilitiesRequest,
        answer: pb::RequestCapabilitiesResponse,
    ) -> pb::RequestCapabilitiesResponse {
        let signed = self.vendor.as_ref().map(|vendor| {
            vendor.sign(&pb::CapabilityAnswer {
                answer: Some(answer.clone()),
                device: message.hostids.first().cloned(),
                addresses_number: self.addresses.0,
            })
        });
        pb::RequestCapabilitiesResponse { signed, ..answer }
    }

    pub(super) fn grant(
        &mut self,
        message: &pb::RequestCapabilitiesRequest,
    ) -> Result<pb::FeatureOutcome, Status> {
        for shown in &message.renews {
            if let Some(lost) = self.lost(shown) {
                return Err(stale(lost));
            }
        }
        let holder = match message.slot.as_str() {
            "" => message.client_instance_id.clone(),
            slot => format!("slot {slot}"),
        };
        self.made += 1;
        let new_id = uuid::Uuid::from_u128(self.made).to_string();
        let lease_token = if message.mode() == pb::GrantMode::Borrow { BORROWED } else { ONLINE }.to_vec();
        let grant = self.grants.entry(holder).or_insert(pb::GrantRef {
            grant_id: new_id,
            fencing_token: 0,
            lease_token: Vec::new(),
        });
        (grant.fencing_token, grant.lease_token) = (grant.fencing_token + 1, lease_token);
        let grant = grant.clone();
        Ok(self.outcome(pb::Outcome::Granted, message.features[0].count, grant, self.renew_after))
    }

    fn outcome(
        &self,
        outcome: pb::Outcome,
        count: i64,
        grant: pb::GrantRef,
        renew_after: Duration,
    ) -> pb::FeatureOutcome {
        let signed = |length: Duration| SignedDuration::try_from(length).unwrap();
        let online = grant.lease_token == ONLINE;
        pb::FeatureOutcome {
            outcome: outcome.into(),
            count,
            grant: Some(grant),
            parts: vec![pb::GrantPart { version: "2.0".to_owned(), count, ..pb::GrantPart::default() }],
            ends_at: Some(timestamp(self.now() + signed(self.lifetime))),
            renew_after: Some(duration(signed(renew_after))),
            lease_ttl: online.then(|| duration(signed(self.ttl))),
            heartbeat_interval: online.then(|| duration(signed(self.ttl / 4))),
            ..pb::FeatureOutcome::default()
        }
    }

    pub(super) fn say(
        &self,
        message: &pb::RequestCapabilitiesRequest,
        outcome: pb::Outcome,
        refusal: pb::Refusal,
    ) -> pb::FeatureOutcome {
        let kept = message.renews.first().filter(|_| outcome == pb::Outcome::Kept);
        let said = kept.map(|grant| {
            self.outcome(outcome, message.features[0].count, grant.clone(), Duration::from_secs(1))
        });
        let nothing = pb::FeatureOutcome { outcome: outcome.into(), ..pb::FeatureOutcome::default() };
        pb::FeatureOutcome { refusals: vec![refusal], ..said.unwrap_or(nothing) }
    }

    fn lost(&self, shown: &pb::GrantRef) -> Option<LostReason> {
        let grant = self.grants.values().find(|grant| grant.grant_id == shown.grant_id);
        match grant {
            None => Some(LostReason::UnknownGrant),
            Some(grant) if grant != shown => Some(LostReason::StaleToken),
            Some(_) => None,
        }
    }

    pub(super) fn beat(&self, shown: &pb::GrantRef) -> pb::LeaseResult {
        let lost = match &self.beats {
            Beats::Lose(reason) => Some(*reason),
            _ => self.lost(shown),
        };
        let ttl = Some(duration(SignedDuration::try_from(self.ttl).unwrap()));
        pb::LeaseResult {
            grant_id: shown.grant_id.clone(),
            status: if lost.is_some() { LeaseStatus::Lost } else { LeaseStatus::Ok }.into(),
            reason: lost.unwrap_or_default().into(),
            message: String::new(),
            ttl: ttl.filter(|_| lost.is_none()),
        }
    }

    pub(super) fn release(&mut self, shown: &pb::GrantRef) -> pb::LeaseResult {
        let lost = self.lost(shown);
        if lost.is_none() {
            self.grants.retain(|_, grant| grant != shown);
        }
        pb::LeaseResult {
            grant_id: shown.grant_id.clone(),
            status: if lost.is_some() { LeaseStatus::Lost } else { LeaseStatus::Released }.into(),
            reason: lost.unwrap_or_default().into(),
            ..pb::LeaseResult::default()
        }
    }
}
