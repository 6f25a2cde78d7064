//! `[tls]` and `[security]` as the rest of the program reads them.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::secret::{self, SecretError};
use super::value;

/// `[tls]`: how connections are secured.
#[derive(Clone, Debug, Deserialize)]
pub struct Tls {
    /// The server's certificate and those between it and its CA, PEM. `None`: plain text.
    #[serde(deserialize_with = "value::file")]
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, PEM.
    #[serde(deserialize_with = "value::file")]
    pub key: Option<PathBuf>,
    /// The CAs whose certificates callers may show, PEM.
    #[serde(deserialize_with = "value::file")]
    pub client_ca: Option<PathBuf>,
    /// Whether callers must show one.
    #[serde(deserialize_with = "value::client_auth")]
    pub client_auth: ClientAuth,
    /// How often the files are looked at for new content.
    #[serde(deserialize_with = "value::reload_interval")]
    pub reload_interval: Duration,
}

/// Whether callers must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// Without one there is no connection.
    Required,
    /// Whoever shows one is known by it.
    Optional,
    /// None is asked for.
    None,
}

/// `[security]`: who may do what.
#[derive(Clone, Debug, Deserialize)]
pub struct Security {
    /// Whether plain text may be served beyond the loopback address.
    pub allow_plaintext: bool,
    /// Certificates that stand for services though they do not say so themselves.
    #[serde(deserialize_with = "value::callers")]
    pub callers: Vec<CallerName>,
    pub(crate) master_key: SecretString,
    #[serde(deserialize_with = "value::file")]
    pub(crate) master_key_file: Option<PathBuf>,
}

impl Security {
    /// The key that private keys at rest are sealed with, as text, where one is given.
    pub fn master_key(&self) -> Option<&SecretString> {
        secret::given(&self.master_key)
    }

    /// Takes this key whatever was given: for tests and tools that make a configuration.
    pub fn set_master_key(&mut self, text: &str) {
        self.master_key = text.into();
    }

    pub(super) fn read_secret(&mut self) -> Result<(), SecretError> {
        secret::read("security.master_key", &mut self.master_key, self.master_key_file.as_ref())
    }
}

/// A name in a certificate, and the service that its owner counts as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerName {
    /// A URI, a host name or the subject's common name.
    pub name: String,
    /// The service.
    pub service: String,
}
