//! Whether a response that is well made and well signed may be put in force. Pure: what is known is an argument.

use leasehold_proto::types::v1::ErrorReason;
use leasehold_signing::{KeyId, VendorId};
use leasehold_store::sync::ExchangeState;
use uuid::Uuid;

/// What a response says, as far as it decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The vendor that speaks, by the response and by the certificate of its key.
    pub(crate) vendors: [VendorId; 2],
    /// The server that it is for, by the response and by the certificate of the instance's key.
    pub(crate) servers: [Uuid; 2],
    /// The key that it is for, by the response and by the certificate of the instance's key.
    pub(crate) keys: [KeyId; 2],
    /// The number of the request that it answers.
    pub(crate) request_number: u64,
    /// The bundle's sequence number.
    pub(crate) sequence: u64,
}

/// What an instance knows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its vendor.
    pub(crate) vendor: String,
    /// The id that the vendor gave it.
    pub(crate) server: Uuid,
    /// Its signing key.
    pub(crate) key: KeyId,
    /// The request with the nonce of the response, by its number, and how it stands.
    pub(crate) request: Option<(u64, ExchangeState)>,
    /// Over the network, the number of the request that was sent just now.
    pub(crate) asked: Option<u64>,
    /// The sequence number of the bundle in force; 0 for none.
    pub(crate) in_force: u64,
}

/// What is to be done with a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Put it in force.
    Accept,
    /// Change nothing.
    Refuse(Refusal),
}

/// Why a response is not put in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Of another vendor.
    #[error(
        "the response is of the vendor {0}, and this server belongs to another; give it to whom it is for"
    )]
    Vendor(VendorId),
    /// For another server.
    #[error("the response is for the server {0}, which is another one; give it to that one")]
    Server(Uuid),
    /// For other keys of this server.
    #[error(
        "the response is for another key of this server, which was made anew since; make a new request, and have the \
         vendor clear the old keys where it refuses the new ones"
    )]
    Key(KeyId),
    /// No request has its nonce.
    #[error(
        "the response answers no request of this server that is outstanding; make a new request and have the vendor \
         answer that one"
    )]
    NotOutstanding,
    /// It was answered before.
    #[error(
        "the response answers request {0}, which was answered before; for newer rights make a new request"
    )]
    Replayed(u64),
    /// Its bundle is not newer.
    #[error(
        "the bundle has the number {sequence}, and {in_force} is in force, which is not older; for newer rights make a \
         new request"
    )]
    Rollback {
        /// The number of the bundle.
        sequence: u64,
        /// The number in force.
        in_force: u64,
    },
}

impl Refusal {
    /// Why, for programs.
    pub(crate) fn reason(&self) -> ErrorReason {
        match self {
            Self::Vendor(_) | Self::Server(_) | Self::Key(_) => ErrorReason::Foreign,
            Self::NotOutstanding => ErrorReason::NotOutstanding,
            Self::Replayed(_) => ErrorReason::Replayed,
            Self::Rollback { .. } => ErrorReason::BundleRollback,
        }
    }
}

/// Judges a response. The first rule that it breaks decides: whose it is, whether it was asked for, whether it is new.
pub(crate) fn check(claims: &Claims, known: &Known) -> Verdict {
    match refusal(claims, known) {
        Some(refusal) => Verdict::Refuse(refusal),
        None => Verdict::Accept,
    }
}

fn refusal(claims: &Claims, known: &Known) -> Option<Refusal> {
    if let Some(other) = claims.vendors.iter().find(|vendor| vendor.as_str() != known.vendor) {
        return Some(Refusal::Vendor(other.clone()));
    }
    if let Some(other) = claims.servers.iter().find(|server| **server != known.server) {
        return Some(Refusal::Server(*other));
    }
    if let Some(other) = claims.keys.iter().find(|key| **key != known.key) {
        return Some(Refusal::Key(*other));
    }
    let Some((number, state)) = known.request else { return Some(Refusal::NotOutstanding) };
    match state {
        ExchangeState::Applying | ExchangeState::Done => return Some(Refusal::Replayed(number)),
        ExchangeState::Failed => return Some(Refusal::NotOutstanding),
        ExchangeState::Requested => {}
    }
    if claims.request_number != number || known.asked.is_some_and(|asked| asked != number) {
        return Some(Refusal::NotOutstanding);
    }
    if claims.sequence <= known.in_force {
        return Some(Refusal::Rollback { sequence: claims.sequence, in_force: known.in_force });
    }
    None
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
