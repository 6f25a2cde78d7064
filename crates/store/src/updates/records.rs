//! The values that the service for updates keeps.

use jiff::Timestamp;
use leasehold_domain::HostId;
use leasehold_domain::updates::{Release, Sha256, UpdateState};
use uuid::Uuid;

/// Versions of the roles of a TUF repository; 0: none seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// Of the root.
    pub root: u64,
    /// Of the timestamp.
    pub timestamp: u64,
    /// Of the snapshot.
    pub snapshot: u64,
    /// Of the top-level targets.
    pub targets: u64,
}

/// How the mirror of an instance stands, over all replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// The newest metadata that a replica has in force.
    pub versions: Versions,
    /// When the first of it ends.
    pub expires_at: Option<Timestamp>,
    /// The last run.
    pub last: Option<Run>,
    /// When the last run ended that succeeded.
    pub succeeded_at: Option<Timestamp>,
    /// When the next run is due.
    pub next_at: Option<Timestamp>,
    /// Runs that failed since the last that did not.
    pub failures: u32,
}

/// One run of the mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// Whether the metadata is another than before.
    pub changed: bool,
    /// Files that were brought.
    pub fetched_files: u64,
    /// Bytes that were brought.
    pub fetched_bytes: u64,
    /// Files that are still to be brought.
    pub missing_files: u64,
    /// Why it failed, where it did.
    pub failure: Option<RunFailure>,
    /// Who asked for it.
    pub actor: String,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFailure {
    /// The name of an `ErrorReason`.
    pub reason: String,
    /// Why, and what to do.
    pub message: String,
}

/// Every release that the vendor's metadata names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Moves on with every change; 0 where it was never written.
    pub revision: u64,
    /// The releases, by target.
    pub releases: Vec<Release>,
}

/// The newest release of a product and channel that clients can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// The product.
    pub product: String,
    /// The channel.
    pub channel: String,
    /// The target; empty where there is none any more.
    pub target: String,
    /// The version.
    pub version: String,
    /// The features of the release.
    pub features: Vec<String>,
}

/// What a client says when it checks in, and what it was assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckIn {
    /// Its own id.
    pub id: Uuid,
    /// Its device.
    pub hostid: HostId,
    /// The device's name; may be empty.
    pub alias: String,
    /// The client's version; may be empty.
    pub client_version: String,
    /// Its time zone; may be empty.
    pub time_zone: String,
    /// Bytes that are free; 0: not known.
    pub free_bytes: u64,
    /// When.
    pub at: Timestamp,
    /// What it follows, each product once; `state`, `state_at` and `message` are not read.
    pub products: Vec<Installed>,
}

/// A client, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its own id.
    pub id: Uuid,
    /// Its device.
    pub hostid: HostId,
    /// The device's name; may be empty.
    pub alias: String,
    /// The client's version; may be empty.
    pub client_version: String,
    /// Its time zone; may be empty.
    pub time_zone: String,
    /// Bytes that are free; 0: not known.
    pub free_bytes: u64,
    /// When it first checked in.
    pub first_seen_at: Timestamp,
    /// When it last checked in.
    pub seen_at: Timestamp,
    /// The number of the last event that is kept or was.
    pub last_event: u64,
    /// What it follows, by product.
    pub products: Vec<Installed>,
}

/// A product on a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The product.
    pub product: String,
    /// The channel.
    pub channel: String,
    /// The version that it says it has; may be empty.
    pub version: String,
    /// The hash of what it says it has.
    pub sha256: Option<Sha256>,
    /// What it is to have instead.
    pub assigned: Option<Assigned>,
    /// The last state that it reported, and when that was received.
    pub state: Option<(UpdateState, Timestamp)>,
    /// What it said with it.
    pub message: String,
}

/// What a client is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The target.
    pub target: String,
    /// The version.
    pub version: String,
}

/// How many clients hold something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The product.
    pub product: String,
    /// The hash of what they hold.
    pub sha256: Option<Sha256>,
    /// How many.
    pub clients: u64,
}

/// Something that a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 1.
    pub sequence: u64,
    /// When, by the client's clock.
    pub at: Timestamp,
    /// The assignment; may be empty.
    pub assignment: String,
    /// The product.
    pub product: String,
    /// The version; may be empty.
    pub version: String,
    /// How far it is.
    pub state: UpdateState,
    /// What else there is to say.
    pub message: String,
    /// Bytes that were fetched.
    pub fetched_bytes: u64,
}

/// Events of a client, in the order of their numbers.
#[derive(Clone, Copy, Debug)]
pub struct Reported<'a> {
    /// Whose.
    pub client: Uuid,
    /// The events.
    pub events: &'a [Event],
    /// When they came.
    pub at: Timestamp,
}

/// An event, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// The event.
    pub event: Event,
    /// When it was received.
    pub received_at: Timestamp,
}
