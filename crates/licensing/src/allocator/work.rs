//! What the allocator decides, and what comes of it.

use leasehold_domain::grant::Lost;
use leasehold_domain::holder::Place;
use leasehold_domain::release::FoundSilent;
use leasehold_domain::{CapabilityRequest, Grant, GrantId, GrantRef, Holder, HostId};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;
use leasehold_store::licensing::Touched;

/// A piece of work on one instance.
#[derive(Debug)]
pub(crate) enum Work {
    /// A holder states what it wants.
    Request {
        request: Box<CapabilityRequest>,
        /// SHA-256 of the message.
        body_hash: [u8; 32],
        nonce: Vec<u8>,
    },
    /// A holder returns grants.
    Release { grants: Vec<GrantRef> },
    /// The reaper takes back grants that it found silent.
    TakeBack { found: Vec<FoundSilent> },
    /// Parts of these grants have ended.
    EndOverdue { grants: Vec<GrantId> },
    /// An administrator ends grants; with a device, forgets it too.
    Drop { grants: Vec<GrantId>, device: Option<HostId>, reason: String, actor: String },
    /// An administrator blocks a device or lifts the block.
    Block { device: HostId, blocked: bool, actor: String },
}

/// What came of a piece of work.
#[derive(Clone, Debug)]
pub(crate) enum Done {
    /// The answer to a request.
    Answered(Box<Answered>),
    /// For each grant, whether it was returned.
    Released(Vec<Result<(), Lost>>),
    /// Grants that were taken back.
    TakenBack(Vec<GrantId>),
    /// It was done; there is nothing more to say.
    Ended,
    /// Grants that were dropped, as they stood.
    Dropped(Vec<Grant>),
}

/// The answer to a request, and whose it is. It is signed before it is told.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) response: pb::RequestCapabilitiesResponse,
    pub(crate) device: types::HostId,
}

impl Work {
    /// Adds what this work touches to what the batch loads.
    pub(crate) fn touch(&self, touched: &mut Touched) {
        match self {
            Self::Request { request, .. } => {
                touched.holders.push(request.holder());
                touched.hostids.extend(request.hostids.iter().chain(&request.user).cloned());
                touched.features.extend(request.features.iter().map(|feature| feature.name.clone()));
                touched.grants.extend(request.renews.iter().map(|shown| shown.id));
            }
            Self::Release { grants } => touched.grants.extend(grants.iter().map(|shown| shown.id)),
            Self::TakeBack { found } => touched.grants.extend(found.iter().map(|found| found.grant)),
            Self::EndOverdue { grants } | Self::Drop { grants, .. } => touched.grants.extend(grants),
            Self::Block { device, .. } => {
                touched.holders.push(Holder { device: device.clone(), place: Place::Device });
            }
        }
    }
}
