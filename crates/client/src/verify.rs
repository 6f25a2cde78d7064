//! May an answer be believed? For clients that have pinned their vendor's root key.
//!
//! Responsible for deciding it: pure, with the time and everything that was seen as arguments. What is believed is
//! taken out of the signed part alone. Not responsible for what an answer means, nor for keeping anything.
//! Reference: client, "Answers that count".

mod chains;
mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{HostId, InstanceId};
use leasehold_proto::convert::time::{read_duration, read_timestamp};
use leasehold_proto::licensing::v1 as pb;
use leasehold_signing::{Envelope, PayloadType};
use prost::Message;

pub(crate) use self::chains::{Chains, Pin};
pub use self::error::{Foreign, Stale, Unverified};

/// How much earlier than the newest time seen an answer may be made: replicas of one server go by one clock, which
/// they may follow up to a second apart.
pub(crate) const REPLICAS_APART: SignedDuration = SignedDuration::from_secs(1);

/// The newest time that each licence server has put under an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen(BTreeMap<InstanceId, Timestamp>);

/// A request, as its answer must repeat it.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    /// Its id.
    pub(crate) request_id: &'a str,
    /// Its nonce.
    pub(crate) nonce: &'a [u8],
    /// What was seen before it was first sent. An answer to it that counts was made after that; one that is seen
    /// meanwhile says nothing, because a repeated request has the answer of its first coming.
    pub(crate) seen: &'a Seen,
}

/// The time, and how far from it an answer may be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Today {
    /// This machine's time of day.
    pub(crate) now: Timestamp,
    /// How far the server's may be from it.
    pub(crate) skew: SignedDuration,
}

/// An answer of a server that the vendor stands behind, for this device. Whether it answers what was asked, and is of
/// today, is for [`Verified::answers`] and [`Verified::is_of`] to say.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// Who made it.
    pub(crate) server: InstanceId,
    /// When.
    pub(crate) server_time: Timestamp,
    /// What it says.
    pub(crate) answer: pb::RequestCapabilitiesResponse,
    /// Numbers the addresses in it.
    pub(crate) addresses_number: u64,
}

/// What an answer that has just come says, if it may be believed.
pub(crate) fn verify(
    response: &pb::RequestCapabilitiesResponse,
    asked: &Asked<'_>,
    device: &HostId,
    today: Today,
    chains: &mut Chains,
) -> Result<Verified, Unverified> {
    let signed = response.signed.as_ref().ok_or_else(|| not_signed(response))?;
    let verified = open(signed, device, chains)?;
    verified.answers(asked)?;
    verified.is_of(today)?;
    Ok(verified)
}

/// What a signed answer says, whenever it was made and whatever it answers: the signature and the certificates behind
/// it hold at the time that it gives, and it is for this device.
pub(crate) fn open(
    signed: &pb::SignedAnswer,
    device: &HostId,
    chains: &mut Chains,
) -> Result<Verified, Unverified> {
    let envelope = Envelope::from_protobuf(&signed.envelope)
        .map_err(|error| Unverified::forged(error.reason(), &error))?;
    // Not believed before the envelope is opened: a chain is judged at the time that its signer names.
    let said = pb::CapabilityAnswer::decode(signed.answer.as_slice())
        .map_err(|error| Unverified::forged("ANSWER_MALFORMED", &error))?;
    let answer = said.answer.ok_or_else(|| Unverified::incomplete("answer"))?;
    let server_time = answer.server_time.as_ref().and_then(|at| read_timestamp("server_time", at).ok());
    let server_time = server_time.ok_or_else(|| Unverified::incomplete("answer.server_time"))?;
    let (chain, server) = chains.verified(&signed.certificates, server_time)?;
    chain
        .open_one(&envelope, PayloadType::CapabilityAnswers, (&signed.answer, signed.index, &signed.path))
        .map_err(|error| Unverified::forged(error.reason(), &error))?;
    is_for(said.device.as_ref(), device)?;
    Ok(Verified { server, server_time, answer, addresses_number: said.addresses_number })
}

fn is_for(found: Option<&leasehold_proto::types::v1::HostId>, own: &HostId) -> Result<(), Unverified> {
    let found = found.and_then(|found| HostId::try_from(found).ok());
    if found.as_ref() == Some(own) {
        return Ok(());
    }
    Err(Foreign::Device { own: own.clone(), found }.into())
}

fn not_signed(response: &pb::RequestCapabilitiesResponse) -> Unverified {
    let refused = response.refusal != 0;
    let words = || match response.refusal_message.as_str() {
        "" => response.refusal().as_str_name().trim_start_matches("REQUEST_REFUSAL_").to_owned(),
        text => text.to_owned(),
    };
    Unverified::NotSigned { refusal: refused.then(words) }
}

impl Verified {
    /// It answers this very request, and was made after everything that was seen before.
    fn answers(&self, asked: &Asked<'_>) -> Result<(), Unverified> {
        // Whoever sends no nonce cannot tell one answer from another.
        if asked.nonce.is_empty()
            || self.answer.nonce != asked.nonce
            || self.answer.request_id != asked.request_id
        {
            return Err(Unverified::Replayed);
        }
        match asked.seen.newest(self.server) {
            Some(newest) if self.server_time < earlier(newest, REPLICAS_APART) => {
                Err(Stale::Older { made: self.server_time, newest }.into())
            }
            _ => Ok(()),
        }
    }

    /// It was made today, as far as the clocks of two machines can tell, and is good for some time.
    fn is_of(&self, today: Today) -> Result<(), Unverified> {
        let Today { now, skew } = today;
        if self.server_time.duration_since(now).abs() > skew {
            return Err(Stale::Skew { made: self.server_time, now, allowed: skew }.into());
        }
        let lifetime = self.answer.response_lifetime.as_ref();
        let lifetime = lifetime.and_then(|length| read_duration("response_lifetime", length).ok());
        if lifetime.is_none_or(|length| length.is_zero()) {
            return Err(Stale::NoLifetime { made: self.server_time }.into());
        }
        Ok(())
    }
}

impl Seen {
    /// The newest time that this server has put under an answer.
    pub(crate) fn newest(&self, server: InstanceId) -> Option<Timestamp> {
        self.0.get(&server).copied()
    }

    /// An answer of this server was made at `at`.
    pub(crate) fn see(&mut self, server: InstanceId, at: Timestamp) {
        let newest = self.0.entry(server).or_insert(at);
        *newest = at.max(*newest);
    }
}

/// `at` and `length` earlier, or as early as there is.
pub(crate) fn earlier(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.checked_sub(length).unwrap_or(Timestamp::MIN)
}
