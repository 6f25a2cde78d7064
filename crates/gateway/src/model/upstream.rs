//! The vendor's update repository, as this server mirrors it.

use jiff::Timestamp;
use leasehold_proto::updates::v1 as pb;
use serde::Serialize;
use utoipa::ToSchema;

use super::{bare, given, millis, time};

/// Where the vendor's repository is, and how its mirror stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UpstreamStatus {
    /// `NONE`: nobody has said where it is; `DIRECT`: it is asked over HTTP.
    #[schema(example = "DIRECT")]
    pub(crate) connection: String,
    /// Its address; left out where nobody has said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://updates.example.com/")]
    pub(crate) address: Option<String>,
    /// Who says the address: `configuration` or `vendor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "vendor")]
    pub(crate) address_source: Option<String>,
    /// The versions of the metadata in force.
    pub(crate) versions: MetadataVersions,
    /// When the first of that metadata ends, unless there is newer by then; `null`: there is none yet.
    pub(crate) expires_at: Option<Timestamp>,
    /// The last run, also one that is under way; `null`: there was none.
    pub(crate) last_run: Option<MirrorRun>,
    /// When the last run ended that succeeded.
    pub(crate) succeeded_at: Option<Timestamp>,
    /// When the next run is due; `null`: none is planned.
    pub(crate) next_at: Option<Timestamp>,
    /// The newest approved definition file of each product and channel.
    pub(crate) definitions: Vec<HeldDefinition>,
}

/// The versions of a repository's metadata; 0: there is none yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MetadataVersions {
    /// Of the root.
    pub(crate) root: u64,
    /// Of the timestamp.
    pub(crate) timestamp: u64,
    /// Of the snapshot.
    pub(crate) snapshot: u64,
    /// Of the top-level targets.
    pub(crate) targets: u64,
}

/// One run of the mirror.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MirrorRun {
    /// When it began.
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended; `null`: it is under way.
    pub(crate) ended_at: Option<Timestamp>,
    /// Whether the vendor had something new.
    pub(crate) changed: bool,
    /// Files that were brought.
    pub(crate) fetched_files: i64,
    /// Bytes that were brought for them.
    pub(crate) fetched_bytes: i64,
    /// Files that are still to be brought.
    pub(crate) missing_files: i64,
    /// Why it failed, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "UPDATE_REPOSITORY_UNREACHABLE")]
    pub(crate) failure_reason: Option<String>,
    /// What went wrong, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// Who asked for it: an administrator, or the schedule.
    pub(crate) actor: String,
}

/// A definition file that this server gives out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HeldDefinition {
    /// The product.
    #[schema(example = "Studio")]
    pub(crate) product: String,
    /// The channel.
    #[schema(example = "stable")]
    pub(crate) channel: String,
    /// The version.
    #[schema(example = "2.4.1")]
    pub(crate) version: String,
    /// The name of the file.
    #[schema(example = "rules.db")]
    pub(crate) file: String,
    /// Its length in bytes.
    pub(crate) length: u64,
    /// Whether its bytes are on this server.
    pub(crate) held: bool,
    /// When the vendor released it: its age counts from there.
    pub(crate) released_at: Option<Timestamp>,
    /// When this server first saw it.
    pub(crate) seen_at: Option<Timestamp>,
}

/// One step of the way to the vendor's repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UpstreamStep {
    /// `ADDRESS`, `RESOLVE`, `CONNECT`, `TLS` or `METADATA`.
    #[schema(example = "CONNECT")]
    pub(crate) step: String,
    /// Whether it succeeded.
    pub(crate) ok: bool,
    /// What was found, or what is wrong and what to do about it.
    pub(crate) message: String,
    /// How long it took, in milliseconds.
    pub(crate) took_ms: u64,
}

impl From<pb::GetStatusResponse> for UpstreamStatus {
    fn from(found: pb::GetStatusResponse) -> Self {
        Self {
            connection: bare(found.kind().as_str_name(), "CONNECTION_KIND_"),
            expires_at: time(found.expires_at.as_ref()),
            succeeded_at: time(found.succeeded_at.as_ref()),
            next_at: time(found.next_at.as_ref()),
            address: given(found.address),
            address_source: given(found.address_source),
            versions: found.versions.map(MetadataVersions::from).unwrap_or_default(),
            last_run: found.last_run.map(MirrorRun::from),
            definitions: found.definitions.into_iter().map(HeldDefinition::from).collect(),
        }
    }
}

impl From<pb::TufVersions> for MetadataVersions {
    fn from(found: pb::TufVersions) -> Self {
        let pb::TufVersions { root, timestamp, snapshot, targets } = found;
        Self { root, timestamp, snapshot, targets }
    }
}

impl From<pb::SyncRun> for MirrorRun {
    fn from(found: pb::SyncRun) -> Self {
        Self {
            started_at: time(found.started_at.as_ref()),
            ended_at: time(found.ended_at.as_ref()),
            changed: found.changed,
            fetched_files: found.fetched_files,
            fetched_bytes: found.fetched_bytes,
            missing_files: found.missing_files,
            failure_reason: given(found.failure_reason),
            message: given(found.message),
            actor: found.actor,
        }
    }
}

impl From<pb::HeldDefinition> for HeldDefinition {
    fn from(found: pb::HeldDefinition) -> Self {
        Self {
            released_at: time(found.released_at.as_ref()),
            seen_at: time(found.seen_at.as_ref()),
            product: found.product,
            channel: found.channel,
            version: found.version,
            file: found.file,
            length: found.length,
            held: found.held,
        }
    }
}

impl From<pb::UpstreamStep> for UpstreamStep {
    fn from(found: pb::UpstreamStep) -> Self {
        Self {
            step: bare(found.step().as_str_name(), "UPSTREAM_STEP_KIND_"),
            ok: found.ok,
            took_ms: millis(found.took.as_ref()),
            message: found.message,
        }
    }
}
