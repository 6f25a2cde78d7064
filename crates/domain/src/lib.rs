//! The rules of licensing, as functions of values.
//!
//! Responsible for every decision that the product makes about rights: what a version or hostid is,
//! how counts are divided, who may hold what and until when, what a lease needs to be taken back.
//! Not responsible for keeping, sending or timing anything: there is no clock, no randomness and no
//! input or output here; the time and fresh ids are arguments. Reference: `docs/reference/licensing.md`.

pub mod activity;
pub mod allocation;
pub mod capability;
pub mod cell;
pub mod decision;
pub mod estate;
pub mod feature;
pub mod grant;
pub mod holder;
pub mod hostid;
pub mod ids;
pub mod interval;
pub mod lease;
pub mod leave;
pub mod line_item;
pub mod policy;
pub mod release;
pub mod reservation;
pub mod steps;
pub mod text;
pub mod turn;
pub mod updates;
pub mod version;
pub mod vigil;

pub use activity::{Activity, ActivityKind};
pub use capability::{Answer, CapabilityRequest, DesiredFeature, Rejection};
pub use cell::{Cell, Source};
pub use decision::decide;
pub use estate::{Changes, Estate};
pub use grant::{Grant, GrantRef, Mode, Part};
pub use holder::{Device, DeviceType, Holder};
pub use hostid::{HostId, HostIdType};
pub use ids::{
    EntryId, FencingToken, GrantId, GroupId, IdSource, InstanceId, LeaseToken, LineItemId, RequestId,
};
pub use leave::Leave;
pub use line_item::{Kind, LineItem, Overdraft};
pub use policy::Policies;
pub use reservation::{Entry, Group, Reservation};
pub use text::FeatureName;
pub use version::Version;

/// Highest count that a line item, a reservation entry or a request may name.
///
/// Sums over a million such counts still fit in 64 bits.
pub const MAX_COUNT: u64 = 1_000_000_000;
