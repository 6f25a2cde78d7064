//! TLS to Redis: whom it is trusted by, the handshake, and what is wrong where there is none.
//!
//! The certificates are read once, when the settings are; another CA takes effect at the next start.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{
    self, AlertDescription, CertificateError, ClientConfig, InvalidMessage, RootCertStore,
};

/// How the connections to one server are secured.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// For a server that is called `host` and has a certificate of a CA in the file; without a file, of one that this
    /// system trusts. The error says what to do.
    pub(super) fn new(host: &str, ca: Option<&Path>) -> Result<Self, String> {
        let roots = match ca {
            Some(path) => of_file(path)?,
            None => of_system()?,
        };
        Self::trusting(roots, host)
    }

    fn trusting(roots: RootCertStore, host: &str) -> Result<Self, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            format!("a certificate cannot have the name {host:?}; give a host name or an IP address")
        })?;
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has cipher suites of every version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), name })
    }

    /// Secures a new connection, or says why it is none to be trusted.
    pub(super) async fn secure(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream).await
    }
}

fn of_file(path: &Path) -> Result<RootCertStore, String> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| format!("{shown} cannot be read: {error}; check redis.ca"))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = read.map_err(|error| format!("{shown} cannot be read as PEM: {error}; check redis.ca"))?;
    let mut roots = RootCertStore::empty();
    for certificate in found {
        let added = roots.add(certificate);
        added.map_err(|error| format!("{shown} holds no CA that can be used: {error}; check redis.ca"))?;
    }
    if roots.is_empty() {
        return Err(format!("{shown} holds no certificate in PEM form; check redis.ca"));
    }
    Ok(roots)
}

fn of_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // One that cannot be used is one CA less; a system has a hundred of them.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let because = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(format!(
            "this system trusts no CA{because}; install its CA certificates, or name the CA of Redis as redis.ca"
        ));
    }
    Ok(roots)
}

/// What is wrong with TLS, and what to do; `None` where the network is to blame.
pub(super) fn problem(error: &io::Error) -> Option<String> {
    let cause = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match cause {
        rustls::Error::InvalidCertificate(problem) => certificate_problem(problem),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => PLAIN.to_owned(),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "Redis asks for a client certificate, and there is none to show; set `tls-auth-clients no` in its \
             configuration and use a password"
                .to_owned()
        }
        other => other.to_string(),
    })
}

/// The same of what a client of Redis says.
pub(super) fn problem_behind(error: &redis::RedisError) -> Option<String> {
    let source = std::error::Error::source(error)?;
    // It shares its source.
    let shared = source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?;
    problem(shared.downcast_ref::<io::Error>()?)
}

fn certificate_problem(problem: &CertificateError) -> String {
    match problem {
        // A CA of the same name with another key is another CA.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is of no CA that is trusted; name the file of its CA as redis.ca".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("{problem}; call Redis in redis.url by a name that its certificate has")
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            format!("{problem}; give Redis a new certificate, and check this machine's clock")
        }
        other => format!("its certificate is not good: {other}; give Redis another one"),
    }
}

/// What to tell whom asks for TLS where there is none.
const PLAIN: &str = "Redis does not speak TLS at this port; give the port that does (`tls-port`), or write redis:// \
                     where the network is trusted";
/// What to tell whom does not ask for it where there is.
const SECURE: &str = "Redis speaks TLS at this port; write rediss:// in place of redis://";

/// Why nothing came of a connection to this server, where the one side speaks TLS and the other does not.
pub(super) async fn misunderstanding(host: &str, port: u16, wants_tls: bool) -> Option<&'static str> {
    let mut stream = TcpStream::connect((host, port)).await.ok()?;
    if wants_tls {
        stream.write_all(b"PING\r\n").await.ok()?;
        // An answer or an error of Redis' protocol, never the beginning of a TLS record.
        return matches!(stream.read_u8().await, Ok(b'+' | b'-')).then_some(PLAIN);
    }
    // It is only asked for its certificate.
    let nobody = Tls::trusting(RootCertStore::empty(), host).ok()?;
    let error = nobody.secure(stream).await.err()?;
    let cause = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    matches!(cause, rustls::Error::InvalidCertificate(_)).then_some(SECURE)
}
