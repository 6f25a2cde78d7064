//! Capability requests and their answers, as values. How they are decided is in `decision`.
//! Reference: licensing, "Capability requests".

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::MAX_COUNT;
use crate::cell::Source;
use crate::grant::{Grant, GrantRef, Lost, Mode};
use crate::holder::{DeviceType, Holder, Place};
use crate::hostid::{HostId, HostIdType};
use crate::ids::{GrantId, LineItemId, RequestId};
use crate::interval::Granularity;
use crate::leave::Unsynchronized;
use crate::text::FeatureName;
use crate::version::Version;

/// Most features that one request may name.
pub const MAX_FEATURES: usize = 1_000;
/// Most hostids that one request may carry.
pub const MAX_HOSTIDS: usize = 32;

/// One feature that a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredFeature {
    /// The feature's name, once in a request.
    pub name: FeatureName,
    /// The lowest version that will do.
    pub version: Version,
    /// Counts, 1 to [`MAX_COUNT`].
    pub count: u64,
}

/// A value of the dictionary or the claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DictionaryValue {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Several texts and numbers.
    List(Vec<DictionaryValue>),
}

/// What a holder wants to hold.
#[expect(clippy::struct_excessive_bools, reason = "the contract's switches are independent of one another")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityRequest {
    /// Made by the client before sending; `None` only in a preview.
    pub id: Option<RequestId>,
    /// 1 to [`MAX_HOSTIDS`]; the first names the device.
    pub hostids: Vec<HostId>,
    /// Of type `USER`.
    pub user: Option<HostId>,
    /// Where on the device.
    pub place: Place,
    /// A name for people; may be empty.
    pub alias: String,
    /// Physical, virtual or unknown.
    pub device_type: DeviceType,
    /// The vendor's word for the kind of device; may be empty.
    pub host_type: String,
    /// Empty: what is reserved for the device and the user.
    pub features: Vec<DesiredFeature>,
    /// Adds to what is held instead of stating all of it.
    pub incremental: bool,
    /// Takes as much as there is of each feature.
    pub partial: bool,
    /// Keeps the old grant of a feature that cannot be had.
    pub keep_on_refusal: bool,
    /// Online or borrowed.
    pub mode: Mode,
    /// Longest borrow that the client wants.
    pub borrow_interval: Option<SignedDuration>,
    /// Overrides the policy.
    pub borrow_granularity: Option<Granularity>,
    /// What the client says about itself.
    pub dictionary: BTreeMap<String, DictionaryValue>,
    /// What the client has proved about itself.
    pub claims: BTreeMap<String, DictionaryValue>,
    /// Keeps only line items whose selectors have these values.
    pub selectors: BTreeMap<String, String>,
    /// Adds the trail to the answer.
    pub explain: bool,
    /// Decides without storing.
    pub preview: bool,
    /// Grants that this request renews; each must be current.
    pub renews: Vec<GrantRef>,
}

/// Why a request is not decided at all; nothing changes. A refusal of a feature is not among them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A field breaks its rule.
    #[error("{field}: {problem}")]
    Field {
        /// The field's path in the contract, `features[1].name` for instance.
        field: String,
        /// What is wrong and what to give instead.
        problem: String,
    },
    /// A grant to renew is not the caller's any more.
    #[error("grant {grant} cannot be renewed: {}", .lost.message())]
    Stale {
        /// The grant.
        grant: GrantId,
        /// Why.
        lost: Lost,
    },
    /// An incremental request asks for another mode than the grant has.
    #[error(
        "the holder has {feature} in another mode; add to it in the same mode, or state everything without `incremental`"
    )]
    ModeMismatch {
        /// The feature.
        feature: FeatureName,
    },
}

impl CapabilityRequest {
    /// A plain online request of one device: the simplest one, to fill in from.
    pub fn new(id: RequestId, device: HostId, features: Vec<DesiredFeature>) -> Self {
        Self {
            id: Some(id),
            hostids: vec![device],
            user: None,
            place: Place::Device,
            alias: String::new(),
            device_type: DeviceType::Unknown,
            host_type: String::new(),
            features,
            incremental: false,
            partial: false,
            keep_on_refusal: true,
            mode: Mode::Online,
            borrow_interval: None,
            borrow_granularity: None,
            dictionary: BTreeMap::new(),
            claims: BTreeMap::new(),
            selectors: BTreeMap::new(),
            explain: false,
            preview: false,
            renews: Vec::new(),
        }
    }

    /// Who asks.
    pub fn holder(&self) -> Holder {
        Holder { device: self.hostids[0].clone(), place: self.place.clone() }
    }

    /// Checks what a single value's type cannot: sizes, repetitions and ranges.
    pub fn validate(&self) -> Result<(), Rejection> {
        let field =
            |field: String, problem: &str| Err(Rejection::Field { field, problem: problem.to_owned() });
        if self.hostids.is_empty() || self.hostids.len() > MAX_HOSTIDS {
            return field("hostids".into(), "give 1 to 32 hostids; the first names the device");
        }
        if self.id.is_none() && !self.preview {
            return field(
                "request_id".into(),
                "give a UUID made before sending; only a preview may go without",
            );
        }
        if self.user.as_ref().is_some_and(|user| user.kind() != HostIdType::User) {
            return field("user".into(), "a user's hostid is of type USER");
        }
        if self.features.len() > MAX_FEATURES {
            return field("features".into(), "name at most 1,000 features in one request");
        }
        if self.borrow_interval.is_some_and(|interval| interval < SignedDuration::from_secs(1)) {
            return field("borrow_interval".into(), "give at least one second, or leave it out");
        }
        let mut names = BTreeSet::new();
        for (index, feature) in self.features.iter().enumerate() {
            if self.features.len() > 1 && !names.insert(&feature.name) {
                return field(
                    format!("features[{index}].name"),
                    "the feature occurs twice; add the counts up",
                );
            }
            if feature.count == 0 || feature.count > MAX_COUNT {
                return field(format!("features[{index}].count"), "give 1 to 1,000,000,000");
            }
        }
        Ok(())
    }
}

/// What became of a desired feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that was asked.
    Granted,
    /// Less than was asked.
    Partial,
    /// Refused now; the old grant stays.
    Kept,
    /// Refused.
    Refused,
}

/// Why a feature was not granted in full: the first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No line item has this feature.
    UnknownFeature,
    /// Only lower versions are owned.
    VersionTooLow,
    /// What is owned starts later.
    NotStarted,
    /// What was owned has expired, its grace included.
    Expired,
    /// What is owned forbids virtual devices.
    VirtualNotAllowed,
    /// Free counts are set aside for others.
    ReservedForOthers,
    /// Too few counts are free.
    InsufficientCount,
}

impl Reason {
    /// The reason's stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownFeature => "UNKNOWN_FEATURE",
            Self::VersionTooLow => "VERSION_TOO_LOW",
            Self::NotStarted => "NOT_STARTED",
            Self::Expired => "EXPIRED",
            Self::VirtualNotAllowed => "VIRTUAL_NOT_ALLOWED",
            Self::ReservedForOthers => "RESERVED_FOR_OTHERS",
            Self::InsufficientCount => "INSUFFICIENT_COUNT",
        }
    }
}

/// Why a feature was not granted in full, with the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The first reason that applies.
    pub reason: Reason,
    /// Counts asked.
    pub asked: u64,
    /// Counts free in all serviceable line items, others' reservations included.
    pub free: u64,
    /// Counts that this request could have.
    pub free_for_you: u64,
    /// The same for people, with what would help.
    pub message: String,
}

/// Why a whole request was refused: the first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestRefusal {
    /// An administrator blocked the device.
    DeviceBlocked,
    /// The server has no leave of its vendor to grant anything.
    ServerUnsynchronized(Unsynchronized),
    /// An administrator suspended the instance.
    ServerSuspended,
    /// A borrow, from a server that was restored from a backup and not confirmed yet.
    Restored,
}

impl RequestRefusal {
    /// What happened and what to do, for people.
    pub fn message(self) -> &'static str {
        match self {
            Self::DeviceBlocked => "an administrator blocked this device; ask them to lift the block",
            Self::ServerUnsynchronized(why) => why.message(),
            Self::ServerSuspended => {
                "an administrator suspended the server: nothing new is given out until they resume it; what you hold stays \
                 until it ends"
            }
            Self::Restored => {
                "the server was restored from a backup, which does not know what was borrowed since; stay online, or ask \
                 an administrator to confirm it"
            }
        }
    }
}

/// What became of one desired feature, with the grant as it stands afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureOutcome {
    /// The feature.
    pub feature: FeatureName,
    /// Granted, partial, kept or refused.
    pub outcome: Outcome,
    /// Granted and partial: what this request gave. Kept: all that is held. Refused: 0.
    pub count: u64,
    /// Why not in full.
    pub refusal: Option<Refusal>,
    /// The grant afterwards; `None` where nothing is held.
    pub grant: Option<Grant>,
    /// When to renew; meaningless without a grant.
    pub renew_after: SignedDuration,
    /// Line items that serve in their grace period.
    pub in_grace: BTreeSet<LineItemId>,
    /// The versions of the line items in the grant.
    pub versions: BTreeMap<LineItemId, Version>,
    /// The vendor's notices on those line items.
    pub notices: Vec<String>,
}

/// One step of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainStep {
    /// The feature that it was about.
    pub feature: FeatureName,
    /// The source looked at, where one was.
    pub source: Option<Source>,
    /// The line item considered; `None` is the source as a whole.
    pub line_item: Option<LineItemId>,
    /// Counts taken.
    pub taken: u64,
    /// Counts that were free.
    pub free: u64,
    /// Why it was passed over or what was decided.
    pub note: String,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The request's id.
    pub id: Option<RequestId>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// One for each desired feature, in the order asked.
    pub outcomes: Vec<FeatureOutcome>,
    /// Why the whole request was refused, if it was.
    pub refusal: Option<RequestRefusal>,
    /// What an administrator has to say about the refusal; empty where there is nothing.
    pub note: String,
    /// Features that were returned because the request did not name them.
    pub returned: Vec<FeatureName>,
    /// The trail, where asked for.
    pub explanation: Vec<ExplainStep>,
}
