//! What says where the server is and how to connect: an address or a connection file, certificates, and whose answers
//! to believe.

mod error;
mod file;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use leasehold_domain::InstanceId;
use leasehold_signing::{KeyError, VerifyingKey};
use uuid::Uuid;

pub use self::error::ConnectionError;
pub use self::file::ConnectionFile;
use crate::address::ServerAddress;
use crate::options::Options;
use crate::tls::{ClientCertificate, Pem, Tls};

/// The environment variable that names the licence server, or the connection file.
pub const SERVER_VARIABLE: &str = "LEASEHOLD_SERVER";
/// The environment variable that names the file with the server's CA.
pub const CA_VARIABLE: &str = "LEASEHOLD_CA";
/// The environment variable that names the file with the client's certificate.
pub const CERT_VARIABLE: &str = "LEASEHOLD_CERT";
/// The environment variable that names the file with the key of that certificate.
pub const KEY_VARIABLE: &str = "LEASEHOLD_KEY";
/// The environment variable that says what name the server's certificate must have.
pub const SERVER_NAME_VARIABLE: &str = "LEASEHOLD_SERVER_NAME";
/// The environment variable with the vendor's root key.
pub const VENDOR_ROOT_VARIABLE: &str = "LEASEHOLD_VENDOR_ROOT";
/// The environment variable with the id that the vendor gave to the licence server.
pub const LICENSE_SERVER_ID_VARIABLE: &str = "LEASEHOLD_LICENSE_SERVER_ID";
/// The environment variable that names the directory in which the last good answers are kept.
pub const ANSWERS_VARIABLE: &str = "LEASEHOLD_ANSWERS";

/// Where the server is and how to connect, as flags or environment variables say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// An address, or the path of a connection file: what has a path separator in it or ends in `.json`.
    /// `None` and empty: this machine.
    pub server: Option<OsString>,
    /// PEM file with the CAs of the server's certificate; overrules the connection file.
    pub ca: Option<PathBuf>,
    /// PEM file with the client's certificate; overrules the connection file.
    pub certificate: Option<PathBuf>,
    /// PEM file with the key of that certificate.
    pub key: Option<PathBuf>,
    /// The name that the server's certificate must have; overrules the connection file.
    pub server_name: Option<String>,
    /// The vendor's root key, 64 hexadecimal digits; overrules the connection file.
    pub vendor_root: Option<String>,
    /// The id that the vendor gave to the licence server, a UUID; overrules the connection file.
    pub license_server_id: Option<String>,
    /// See [`Options::answers`].
    pub answers: Option<PathBuf>,
}

impl Connection {
    /// What the environment variables say. An empty one counts as unset.
    pub fn from_env() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        // What is not UTF-8 is no key, no id and no name either, and is refused as that.
        let text = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            server: variable(SERVER_VARIABLE),
            ca: variable(CA_VARIABLE).map(Into::into),
            certificate: variable(CERT_VARIABLE).map(Into::into),
            key: variable(KEY_VARIABLE).map(Into::into),
            server_name: text(SERVER_NAME_VARIABLE),
            vendor_root: text(VENDOR_ROOT_VARIABLE),
            license_server_id: text(LICENSE_SERVER_ID_VARIABLE),
            answers: variable(ANSWERS_VARIABLE).map(Into::into),
        }
    }

    /// The options of a client that connects so. Reads the connection file. Blocking.
    pub fn options(&self) -> Result<Options, ConnectionError> {
        let mut options = match self.server.clone().filter(|server| !server.is_empty()) {
            None => Options::new(ServerAddress::localhost()),
            Some(server) if is_path(&server) => ConnectionFile::read(Path::new(&server))?,
            Some(server) => Options::new(server.into_string().map_err(ConnectionError::NotText)?.parse()?),
        };
        self.secure(&mut options)?;
        self.pin(&mut options)?;
        options.answers.clone_from(&self.answers);
        Ok(options)
    }

    /// Certificates.
    fn secure(&self, options: &mut Options) -> Result<(), ConnectionError> {
        if let Some(ca) = &self.ca {
            let before = options.tls.take();
            let tls = Tls::new(Pem::File(ca.clone()));
            options.tls = Some(match before {
                Some(before) => Tls { ca: tls.ca, ..before },
                None => tls,
            });
        }
        let own = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                Some(ClientCertificate { certificate: certificate.clone(), key: key.clone() })
            }
            (None, None) => None,
            _ => return Err(ConnectionError::HalfACertificate),
        };
        match &mut options.tls {
            None if own.is_some() => return Err(ConnectionError::NoCa("client certificate")),
            None if self.server_name.is_some() => return Err(ConnectionError::NoCa("server name")),
            None => {}
            Some(tls) => {
                tls.certificate = own.or(tls.certificate.take());
                tls.server_name = self.server_name.clone().or(tls.server_name.take());
            }
        }
        Ok(())
    }

    /// Whose answers to believe.
    fn pin(&self, options: &mut Options) -> Result<(), ConnectionError> {
        if let Some(text) = &self.vendor_root {
            let read = root(text);
            let root = read.map_err(|source| ConnectionError::VendorRoot { text: text.clone(), source })?;
            options.vendor_root = Some(root);
        }
        if let Some(text) = &self.license_server_id {
            let read = license_server(text);
            options.license_server_id =
                Some(read.ok_or_else(|| ConnectionError::LicenseServerId { text: text.clone() })?);
        }
        if options.license_server_id.is_some() && options.vendor_root.is_none() {
            return Err(ConnectionError::NoVendorRoot);
        }
        Ok(())
    }
}

fn root(text: &str) -> Result<VerifyingKey, KeyError> {
    text.trim().parse()
}

fn license_server(text: &str) -> Option<InstanceId> {
    Uuid::try_parse(text.trim()).ok().map(InstanceId)
}

fn is_path(server: &OsString) -> bool {
    let text = server.to_string_lossy();
    let is_json =
        Path::new(server).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    is_json || text.contains(std::path::is_separator) && !text.contains("://")
}

#[cfg(test)]
mod tests;
