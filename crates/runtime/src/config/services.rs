//! `[sync]`, `[backoffice]` and `[services]` as the rest of the program reads them.

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::SignedDuration;
use leasehold_domain::HostId;
use serde::Deserialize;

use super::value;

/// `[sync]`: the synchronisation service.
#[derive(Clone, Debug, Deserialize)]
pub struct Synchronization {
    /// Where to serve gRPC; port 0 is any free one.
    #[serde(deserialize_with = "value::socket")]
    pub listen: SocketAddr,
    /// How often it synchronises by itself.
    #[serde(deserialize_with = "value::sync_interval")]
    pub interval: SyncInterval,
    /// The CAs that the back office's certificate may come from; `None` for those that the system trusts.
    #[serde(deserialize_with = "value::file")]
    pub vendor_ca: Option<PathBuf>,
    /// What identifies this machine to the vendor; empty: what the operating system says.
    #[serde(deserialize_with = "value::hostids")]
    pub hostids: Vec<HostId>,
}

/// How often a server synchronises by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncInterval {
    /// Never.
    Off,
    /// Each time when so much has passed.
    Every(SignedDuration),
}

/// `[backoffice]`: the vendor's side.
#[derive(Clone, Debug, Deserialize)]
pub struct BackOffice {
    /// Where to serve gRPC; port 0 is any free one.
    #[serde(deserialize_with = "value::socket")]
    pub listen: SocketAddr,
    /// Where to serve the update repository over HTTP, if there is one; port 0 is any free one.
    #[serde(deserialize_with = "value::socket")]
    pub repository_listen: SocketAddr,
}

/// `[services]`: where the services are that do not run in this process.
#[derive(Clone, Debug, Deserialize)]
pub struct Services {
    /// Licensing; `None` where it is in this process.
    #[serde(deserialize_with = "value::http_address")]
    pub licensing: Option<String>,
    /// Synchronisation; `None` where it is in this process.
    #[serde(deserialize_with = "value::http_address")]
    pub sync: Option<String>,
    /// Updates; `None` where they are in this process, or nowhere.
    #[serde(deserialize_with = "value::http_address")]
    pub updates: Option<String>,
    /// The CAs that their certificates may come from; `None` for those of `tls.client_ca`.
    #[serde(deserialize_with = "value::file")]
    pub ca: Option<PathBuf>,
}
