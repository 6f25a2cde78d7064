//! What the server says a client is to have, and whether that may be believed.
//!
//! Pure: the time and what was seen before are arguments. Whether the vendor names the same is looked up elsewhere.

use std::time::Duration;

use jiff::Timestamp;
use leasehold_artifacts::Digest;
use leasehold_domain::{HostId, InstanceId};
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::sync::v1::Signed;
use leasehold_proto::updates::v1 as pb;
use leasehold_signing::{Envelope, PayloadType};
use prost::Message;

use super::options::channel;
use crate::answer::length;
use crate::verify::{Chains, Foreign, REPLICAS_APART, Stale, Today, Unverified, earlier};

/// What a check-in found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedIn {
    /// What to have, one for each product that has something for this client.
    pub assignments: Vec<Assignment>,
    /// Products that the device is not licensed for.
    pub unlicensed: Vec<String>,
    /// Releases that the vendor took back.
    pub withdrawn: Vec<Withdrawn>,
    /// When to check in again; `None`: the server did not say.
    pub next_check_in_after: Option<Duration>,
}

/// One release that a client is to have, as the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assignment {
    /// Names it in what is reported.
    pub id: String,
    /// The product.
    pub product: String,
    /// The channel.
    pub channel: String,
    /// The version.
    pub version: String,
    /// The path of the target in the vendor's repository.
    pub target: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Whether the vendor calls it an emergency.
    pub emergency: bool,
}

/// A release that the vendor took back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Withdrawn {
    /// The path of the target.
    pub target: String,
    /// Why.
    pub reason: String,
}

/// A check-in, as its answer must repeat it.
pub(super) struct Asked<'a> {
    pub(super) client_id: &'a str,
    pub(super) device: &'a HostId,
    pub(super) nonce: &'a [u8],
    pub(super) today: Today,
}

/// What may be believed, whose it is, and when it was made.
pub(super) struct Said {
    pub(super) server: InstanceId,
    pub(super) made_at: Timestamp,
    pub(super) checked_in: CheckedIn,
}

/// What an answer says, if it may be believed. `newest` is when the newest was made that was seen of a server before.
pub(super) fn verify(
    signed: Option<&Signed>,
    asked: &Asked<'_>,
    newest: impl FnOnce(InstanceId) -> Option<Timestamp>,
    chains: &mut Chains,
) -> Result<Said, Unverified> {
    let signed = signed.ok_or(Unverified::NotSigned { refusal: None })?;
    let envelope = Envelope::from_protobuf(&signed.envelope)
        .map_err(|error| Unverified::forged(error.reason(), &error))?;
    let read = |payload: &[u8]| {
        pb::UpdateAssignment::decode(payload).map_err(|error| Unverified::forged("ANSWER_MALFORMED", &error))
    };
    // Not believed before the envelope is opened: a chain is judged at the time that its signer names.
    let made_at = read(envelope.unverified_payload())?.made_at;
    let made_at = made_at.as_ref().and_then(|at| read_timestamp("made_at", at).ok());
    let made_at = made_at.ok_or_else(|| Unverified::incomplete("made_at"))?;
    let (chain, server) = chains.verified(&signed.certificates, made_at)?;
    let payload = chain
        .open(&envelope, PayloadType::UpdateAssignment)
        .map_err(|error| Unverified::forged(error.reason(), &error))?;
    let said = read(payload)?;
    check(&said, asked, made_at, newest(server))?;
    Ok(Said { server, made_at, checked_in: checked_in(said)? })
}

/// It is for this client, answers this check-in, and is of today.
fn check(
    said: &pb::UpdateAssignment,
    asked: &Asked<'_>,
    made: Timestamp,
    newest: Option<Timestamp>,
) -> Result<(), Unverified> {
    let found = said.hostid.as_ref().and_then(|found| HostId::try_from(found).ok());
    if found.as_ref() != Some(asked.device) {
        return Err(Foreign::Device { own: asked.device.clone(), found }.into());
    }
    if said.client_id != asked.client_id {
        let (own, found) = (asked.client_id.to_owned(), said.client_id.clone());
        return Err(Foreign::Client { own, found }.into());
    }
    if said.nonce != asked.nonce {
        return Err(Unverified::Replayed);
    }
    if let Some(newest) = newest.filter(|newest| made < earlier(*newest, REPLICAS_APART)) {
        return Err(Stale::Older { made, newest }.into());
    }
    let Today { now, skew } = asked.today;
    if made.duration_since(now).abs() > skew {
        return Err(Stale::Skew { made, now, allowed: skew }.into());
    }
    Ok(())
}

fn checked_in(said: pb::UpdateAssignment) -> Result<CheckedIn, Unverified> {
    let assignments = said.assignments.into_iter().map(assignment).collect::<Result<_, _>>()?;
    let withdrawn = said.withdrawn.into_iter();
    Ok(CheckedIn {
        assignments,
        unlicensed: said.unlicensed,
        withdrawn: withdrawn.map(|gone| Withdrawn { target: gone.target, reason: gone.reason }).collect(),
        next_check_in_after: length(said.next_check_in_after),
    })
}

fn assignment(said: pb::Assignment) -> Result<Assignment, Unverified> {
    let sha256 = said.sha256.as_slice().try_into();
    let sha256 = sha256.map_err(|_| Unverified::incomplete("assignments[].sha256"))?;
    Ok(Assignment {
        id: said.assignment_id,
        product: said.product,
        channel: channel(&said.channel).to_owned(),
        version: said.version,
        target: said.target,
        length: said.length,
        sha256: Digest::from_bytes(sha256),
        emergency: said.emergency,
    })
}
