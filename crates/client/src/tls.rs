//! How a connection is secured: whom the client trusts, and what it shows of itself.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    self, AlertDescription, CertificateError, ClientConfig, InvalidMessage, RootCertStore,
};

/// How a connection is secured.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// The CAs that the server's certificate must come from, one or several.
    pub ca: Pem,
    /// What the client shows of itself, where the server asks for it.
    pub certificate: Option<ClientCertificate>,
    /// A name that the server's certificate must have in place of the one that the server is called by.
    pub server_name: Option<String>,
}

/// Certificates in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pem {
    /// In this file, which is read again for each connection.
    File(PathBuf),
    /// This text.
    Text(String),
}

/// A certificate and its private key, two PEM files, which are read again for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, followed by those between it and its CA.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What to give so that a connection can be secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The CA of the server's certificate.
    Ca,
    /// No CA: the server speaks plain text.
    NoCa,
    /// A client certificate and its key, or others.
    Certificate,
    /// The name that the server's certificate has.
    ServerName,
}

// Every problem that one of these would mend says so, and is found by it: a transport hands on nothing but text.
pub(crate) const GIVE_CA: &str = "give the CA of this server";
const GIVE_NO_CA: &str = "connect to it without a CA";
const GIVE_CERTIFICATE: &str = "give a client certificate that it trusts, and its key";
const GIVE_NAME: &str = "give one as the server name";

impl Remedy {
    /// What would mend a problem.
    pub(crate) fn of(problem: &str) -> Option<Self> {
        let remedies = [
            (GIVE_CA, Self::Ca),
            (GIVE_NO_CA, Self::NoCa),
            (GIVE_CERTIFICATE, Self::Certificate),
            (GIVE_NAME, Self::ServerName),
        ];
        remedies.into_iter().find(|(words, _)| problem.contains(words)).map(|(_, remedy)| remedy)
    }
}

impl Tls {
    /// Trusts the server certificates of these CAs, and shows nothing.
    pub fn new(ca: Pem) -> Self {
        Self { ca, certificate: None, server_name: None }
    }

    /// What a handshake is made with. Blocking.
    pub(crate) fn config(&self) -> Result<ClientConfig, String> {
        let roots = self.roots().map_err(|problem| format!("{problem}; {GIVE_CA}"))?;
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .expect("the provider has cipher suites of TLS 1.3")
            .with_root_certificates(roots);
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let (chain, key) = own.read().map_err(|problem| format!("{problem}; {GIVE_CERTIFICATE}"))?;
                builder.with_client_auth_cert(chain, key).map_err(|error| own.unusable(&error))?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        for certificate in self.ca.certificates()? {
            let added = roots.add(certificate);
            added.map_err(|error| format!("{} is no CA that can be used: {error}", self.ca.place()))?;
        }
        Ok(roots)
    }

    /// The name that the server's certificate must have, for a server called `host`.
    pub(crate) fn name(&self, host: &str) -> Result<ServerName<'static>, String> {
        let name = self.server_name.as_deref().unwrap_or(host);
        ServerName::try_from(name.to_owned()).map_err(|_| {
            format!("a certificate cannot have the name {name:?}; give a host name or an IP address")
        })
    }
}

impl ClientCertificate {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let chain = certificates(&read(&self.certificate)?, &self.certificate.display().to_string())?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|error| format!("{} holds no private key in PEM form ({error})", self.key.display()))?;
        Ok((chain, key))
    }

    fn unusable(&self, error: &rustls::Error) -> String {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "the key in {key} does not belong to the certificate in {certificate}; {GIVE_CERTIFICATE}"
            ),
            other => format!("{certificate} cannot be used: {other}; {GIVE_CERTIFICATE}"),
        }
    }
}

impl Pem {
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        match self {
            Self::File(path) => certificates(&read(path)?, &self.place()),
            Self::Text(text) => certificates(text.as_bytes(), &self.place()),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Text(_) => "the CA certificate of the connection".to_owned(),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

fn certificates(bytes: &[u8], place: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    match CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("{place} holds no certificate in PEM form")),
        Err(error) => Err(format!("{place} cannot be read as PEM: {error}")),
    }
}

/// What is wrong with a handshake, and what to do; `None` where the network is to blame.
pub(crate) fn problem(error: &io::Error) -> Option<String> {
    let cause = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match cause {
        rustls::Error::InvalidCertificate(problem) => certificate_problem(problem),
        rustls::Error::AlertReceived(alert) => alert_problem(*alert),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            format!("the server does not speak TLS; {GIVE_NO_CA}, or ask for the port that does")
        }
        other => other.to_string(),
    })
}

fn certificate_problem(problem: &CertificateError) -> String {
    match problem {
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "the server's certificate is not for {}, but for {}; call the server by one of these names, or {GIVE_NAME}",
            expected.to_str(),
            names(presented)
        ),
        // A CA of the same name with another key is another CA.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("the server's certificate is not of the CA that was given; {GIVE_CA}")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; it needs a new one, or this machine's clock is wrong"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; this machine's clock may be wrong".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the server's certificate is not one for servers".to_owned()
        }
        other => format!("the server's certificate is not good: {other}"),
    }
}

/// What a server says when it turns a client away.
fn alert_problem(alert: AlertDescription) -> String {
    let problem = match alert {
        AlertDescription::CertificateRequired => {
            return format!("the server asks for a client certificate; {GIVE_CERTIFICATE}");
        }
        AlertDescription::CertificateExpired => "it has expired, or is not valid yet",
        AlertDescription::UnknownCA => "it is not of a CA that the server trusts",
        AlertDescription::UnsupportedCertificate => "it is not one for clients",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => "it is not good",
        AlertDescription::ProtocolVersion => {
            return "the server does not speak TLS 1.3".to_owned();
        }
        AlertDescription::NoApplicationProtocol => {
            return "the server does not speak HTTP/2 there; is it the port of the licence server?"
                .to_owned();
        }
        other => return format!("the server has broken the handshake off ({other:?})"),
    };
    format!("the server refuses this client's certificate: {problem}; {GIVE_CERTIFICATE}")
}

/// Host names and addresses out of a certificate, as text.
fn names(presented: &[String]) -> String {
    let usable = |name: &String| {
        let (kind, value) = name.split_once('(')?;
        let value = value.trim_end_matches(')').trim_matches('"');
        match kind {
            "DnsName" => Some(value.to_owned()),
            "IpAddress" => {
                Some(value.parse::<IpAddr>().map_or(value.to_owned(), |address| address.to_string()))
            }
            _ => None,
        }
    };
    let names: Vec<String> = presented.iter().filter_map(usable).collect();
    if names.is_empty() { "no host at all".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_certificate_are_listed_for_people() {
        let presented = [
            "DnsName(\"licences\")",
            "IpAddress(10.0.0.5)",
            "IpAddress(0::1)",
            "UniformResourceIdentifier(\"x://y\")",
        ];
        assert_eq!(names(&presented.map(str::to_owned)), "licences, 10.0.0.5, ::1");
        assert_eq!(names(&["DirectoryName".to_owned()]), "no host at all");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let problem = |tls: &Tls| tls.config().unwrap_err();
        let tls = Tls::new(Pem::File("/nowhere/ca.pem".into()));
        assert!(problem(&tls).starts_with("/nowhere/ca.pem cannot be read: "), "{}", problem(&tls));
        let tls = Tls::new(Pem::Text("no PEM".into()));
        assert_eq!(
            problem(&tls),
            "the CA certificate of the connection holds no certificate in PEM form; give the CA of this server"
        );
        assert!(tls.name("kim@licences").unwrap_err().contains("kim@licences"));
        assert!(tls.name("::1").is_ok() && tls.name("licences").is_ok());
        let renamed = Tls { server_name: Some("other".into()), ..tls };
        assert_eq!(renamed.name("licences").unwrap().to_str(), "other");
    }
}
