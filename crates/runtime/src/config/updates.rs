//! `[updates]` as the rest of the program reads it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use serde::Deserialize;

use super::services::SyncInterval;
use super::value;

/// `[updates]`: the service for updates.
#[derive(Clone, Debug, Deserialize)]
pub struct Updates {
    /// Where to serve gRPC; port 0 is any free one.
    #[serde(deserialize_with = "value::socket")]
    pub listen: SocketAddr,
    /// Where to serve HTTP; port 0 is any free one.
    #[serde(deserialize_with = "value::socket")]
    pub http_listen: SocketAddr,
    /// Where the mirror and the files are kept; `None`: in the data directory.
    #[serde(deserialize_with = "value::file")]
    pub directory: Option<PathBuf>,
    /// How often the vendor's repository is asked without being told to.
    #[serde(deserialize_with = "value::sync_interval")]
    pub interval: SyncInterval,
    /// Where the repository is; `None`: where the vendor says.
    #[serde(deserialize_with = "value::repository")]
    pub upstream: Option<String>,
    /// The repository's root, a file; `None`: what the vendor says.
    #[serde(deserialize_with = "value::file")]
    pub upstream_root: Option<PathBuf>,
    /// The CAs that its certificate may come from; `None`: those for the vendor's back office.
    #[serde(deserialize_with = "value::file")]
    pub upstream_ca: Option<PathBuf>,
    /// How long after the end of its licence a client still gets updates.
    #[serde(deserialize_with = "value::nothing_to_year")]
    pub after_end: SignedDuration,
    /// How often clients are to check in by themselves.
    #[serde(deserialize_with = "value::minute_to_year")]
    pub check_in_interval: SignedDuration,
    /// Downloads at a time over gRPC.
    #[serde(deserialize_with = "value::max_downloads")]
    pub max_downloads: usize,
    /// How often every file that is kept is compared with its hash.
    #[serde(deserialize_with = "value::minute_to_year")]
    pub scrub_interval: SignedDuration,
    /// How long events are kept.
    #[serde(deserialize_with = "value::activity_retention")]
    pub event_retention: SignedDuration,
}

impl Updates {
    /// Where the mirror and the files are kept, for a server with this data directory.
    pub fn directory(&self, data_dir: &Path) -> PathBuf {
        self.directory.clone().unwrap_or_else(|| data_dir.join("updates"))
    }
}
