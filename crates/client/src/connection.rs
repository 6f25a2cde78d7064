//! What says where the server is and how to connect: an address or a connection file, and certificates.
//!
//! A connection file is a JSON object that an administrator hands to clients and installers. Keys that this
//! release does not know are passed over, so that newer ones can be added.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::address::{AddressError, ServerAddress};
use crate::options::Options;
use crate::tls::{ClientCertificate, Pem, Remedy, Tls};

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

/// The form of connection files that this release writes and reads.
const FORMAT: u32 = 1;

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
}

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
}

/// Why it is not clear how to connect.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Not text.
    #[error("{SERVER_VARIABLE} or --server is not UTF-8 text ({0:?}); write a host name or an IP address")]
    NotText(OsString),
    /// The connection file cannot be read.
    #[error("the connection file {} cannot be read: {source}; check its path", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It is no connection file.
    #[error("{} is not a connection file: {problem}; make one with `leasehold client-config`", .path.display())]
    NotAConnectionFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate without its key, or the other way round.
    #[error("a client certificate and its key go together; give both, or none")]
    HalfACertificate,
    /// A certificate that nothing asks for.
    #[error("a {0} is given and no CA, so the connection would be plain text; give the CA of the server too")]
    NoCa(&'static str),
}

impl ConnectionError {
    /// What to give, where that would mend it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::HalfACertificate => Some(Remedy::Certificate),
            Self::NoCa(_) => Some(Remedy::Ca),
            _ => None,
        }
    }
}

impl Connection {
    /// What the environment variables say. An empty one counts as unset.
    pub fn from_env() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            server: variable(SERVER_VARIABLE),
            ca: variable(CA_VARIABLE).map(Into::into),
            certificate: variable(CERT_VARIABLE).map(Into::into),
            key: variable(KEY_VARIABLE).map(Into::into),
            server_name: variable(SERVER_NAME_VARIABLE).map(|name| name.to_string_lossy().into_owned()),
        }
    }

    /// The options of a client that connects so. Reads the connection file. Blocking.
    pub fn options(&self) -> Result<Options, ConnectionError> {
        let mut options = match self.server.clone().filter(|server| !server.is_empty()) {
            None => Options::new(ServerAddress::localhost()),
            Some(server) if is_path(&server) => ConnectionFile::read(Path::new(&server))?,
            Some(server) => Options::new(server.into_string().map_err(ConnectionError::NotText)?.parse()?),
        };
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
        Ok(options)
    }
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
        }
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("texts and numbers can be written as JSON");
        text + "\n"
    }

    /// The options of a client that connects as a file says. Blocking.
    fn read(path: &Path) -> Result<Options, ConnectionError> {
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
        Ok(options)
    }
}

fn is_path(server: &OsString) -> bool {
    let text = server.to_string_lossy();
    let is_json =
        Path::new(server).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    is_json || text.contains(std::path::is_separator) && !text.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Connection {
        Connection { server: Some(text.into()), ..Connection::default() }
    }

    fn file(text: &str) -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("licences.json");
        std::fs::write(&path, text).unwrap();
        (folder, Connection { server: Some(path.into()), ..Connection::default() })
    }

    #[test]
    fn an_address_is_taken_or_this_machine_is_meant() {
        let address = |text: &str| server(text).options().map(|options| options.server.to_string());
        assert_eq!(address("licences:7").unwrap(), "licences:7");
        assert_eq!(address("").unwrap(), "localhost:16770");
        assert_eq!(Connection::default().options().unwrap().server, ServerAddress::localhost());
        assert!(address("http://licences").unwrap_err().to_string().contains("is a URL"));
    }

    #[test]
    fn a_connection_file_says_everything() {
        let addresses = ["licences.example.com".parse().unwrap(), "[::1]:7".parse().unwrap()];
        let written = ConnectionFile::new(&addresses, Some("PEM".into())).to_json();
        let written = written.replacen('{', "{\n  \"vendor_root\": \"of a newer release\",", 1);
        let written =
            written.replacen('{', "{\"client_certificate\":\"me.pem\",\"client_key\":\"/me-key.pem\",", 1);
        let (folder, connection) = file(&written);
        let options = connection.options().unwrap();
        assert_eq!(options.server, addresses[0]);
        assert_eq!(options.more_servers, addresses[1..]);
        let mut tls = options.tls.unwrap();
        assert_eq!((tls.ca, tls.server_name), (Pem::Text("PEM".into()), None));
        let own = tls.certificate.take().unwrap();
        assert_eq!((own.certificate, own.key), (folder.path().join("me.pem"), "/me-key.pem".into()));
    }

    #[test]
    fn flags_overrule_the_file() {
        let (_folder, mut connection) =
            file(&ConnectionFile::new(&[ServerAddress::localhost()], None).to_json());
        assert_eq!(connection.options().unwrap().tls, None);
        connection.ca = Some("ca.pem".into());
        connection.certificate = Some("me.pem".into());
        assert!(matches!(connection.options(), Err(ConnectionError::HalfACertificate)));
        connection.key = Some("me-key.pem".into());
        connection.server_name = Some("licences".into());
        let tls = connection.options().unwrap().tls.unwrap();
        assert_eq!((tls.ca, tls.server_name.as_deref()), (Pem::File("ca.pem".into()), Some("licences")));
        assert_eq!(tls.certificate.unwrap().certificate, Path::new("me.pem"));
        connection.ca = None;
        assert!(matches!(connection.options(), Err(ConnectionError::NoCa("client certificate"))));
    }

    #[test]
    fn what_is_no_connection_file_is_told() {
        for (text, part) in [
            ("licences.example.com\n", "is not a connection file"),
            ("{\"format\": 1, \"addresses\": []}", "it has no address"),
            ("{\"format\": 2, \"addresses\": [\"a\"]}", "its format is 2"),
            ("{\"format\": 1, \"addresses\": [\"a b\"]}", "is not a host name"),
        ] {
            let error = file(text).1.options().unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("licences.json"), "{error}");
        }
        let error = server("./nowhere").options().unwrap_err().to_string();
        assert!(error.starts_with("the connection file ./nowhere cannot be read"), "{error}");
    }
}
