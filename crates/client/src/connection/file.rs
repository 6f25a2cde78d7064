//! Connection files, which an administrator hands to clients and installers.
//!
//! Keys that this release does not know are passed over, so that newer ones can be added.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ConnectionError, license_server, root};
use crate::address::ServerAddress;
use crate::options::Options;
use crate::tls::{ClientCertificate, Pem, Tls};

/// The form of connection files that this release writes and reads.
const FORMAT: u32 = 1;

/// What clients need to know to reach a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionFile {
    format: u32,
    /// Where the server is, in the order in which to try.
    pub addresses: Vec<String>,
    /// The CAs of the server's certificate, PEM. `None`: the server speaks plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// The name that the server's certificate must have, where it is not the address'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// PEM file with the client's certificate, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<PathBuf>,
    /// PEM file with the key of that certificate, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<PathBuf>,
    /// The vendor's root key, 64 hexadecimal digits; with it, answers count only where it stands behind them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_root: Option<String>,
    /// The id that the vendor gave to the licence server, a UUID; with it, no other server's answers count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_server_id: Option<String>,
}

impl ConnectionFile {
    /// A file for a server at these addresses, with the CAs of its certificate if it has one.
    pub fn new(addresses: &[ServerAddress], ca_certificate: Option<String>) -> Self {
        Self {
            format: FORMAT,
            addresses: addresses.iter().map(ToString::to_string).collect(),
            ca_certificate,
            server_name: None,
            client_certificate: None,
            client_key: None,
            vendor_root: None,
            license_server_id: None,
        }
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("texts and numbers can be written as JSON");
        text + "\n"
    }

    /// The options of a client that connects as a file says. Blocking.
    pub(super) fn read(path: &Path) -> Result<Options, ConnectionError> {
        let wrong = |problem: String| ConnectionError::NotAConnectionFile { path: path.to_owned(), problem };
        let bytes = std::fs::read(path)
            .map_err(|source| ConnectionError::Unreadable { path: path.to_owned(), source })?;
        let file: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if file.format != FORMAT {
            return Err(wrong(format!("its format is {}, and this release reads {FORMAT}", file.format)));
        }
        let addresses: Result<Vec<ServerAddress>, _> =
            file.addresses.iter().map(|address| address.parse()).collect();
        let mut addresses = addresses.map_err(|error| wrong(error.to_string()))?.into_iter();
        let first = addresses.next().ok_or_else(|| wrong("it has no address".to_owned()))?;
        let mut options = Options::new(first);
        options.more_servers = addresses.collect();
        let beside = |file: PathBuf| path.parent().unwrap_or(Path::new("")).join(file);
        let certificate = match (file.client_certificate, file.client_key) {
            (Some(certificate), Some(key)) => {
                Some(ClientCertificate { certificate: beside(certificate), key: beside(key) })
            }
            (None, None) => None,
            _ => return Err(ConnectionError::HalfACertificate),
        };
        options.tls = file.ca_certificate.map(|ca| Tls {
            ca: Pem::Text(ca),
            certificate,
            server_name: file.server_name,
        });
        if let Some(text) = file.vendor_root {
            let root = root(&text).map_err(|error| wrong(format!("its `vendor_root`: {error}")))?;
            options.vendor_root = Some(root);
        }
        if let Some(text) = file.license_server_id {
            let id = license_server(&text).ok_or_else(|| {
                wrong(format!("its `license_server_id` {text:?} is not a UUID, as the vendor gave it"))
            })?;
            options.license_server_id = Some(id);
        }
        Ok(options)
    }
}
