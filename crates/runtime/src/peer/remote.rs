//! A way to a service in another process, over mutually authenticated TLS.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::transport::{Channel, Endpoint, Uri};

use super::secured::{client_config, handshake_problem};
use crate::config::{Services, Tls};

/// How long a connection and its handshake may take together.
const CONNECT: Duration = Duration::from_secs(5);
/// Silent for both of these together, and the connection is taken for dead.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no way to another service.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Not an address.
    #[error("`{setting}` = {address} is no address; give https://HOST:PORT")]
    Address {
        /// The key.
        setting: &'static str,
        /// Its value.
        address: String,
    },
    /// TLS without a certificate to show, or without a CA to trust.
    #[error(
        "`{setting}` asks for TLS and `{missing}` is not set; `leasehold certs init` makes what is needed"
    )]
    Incomplete {
        /// The key.
        setting: &'static str,
        /// What it needs.
        missing: &'static str,
    },
}

/// Files that are read again for each connection.
#[derive(Clone)]
struct Papers {
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

/// A channel to the service at `address`, which the key `setting` gave. It connects by itself, and again whenever the
/// connection broke; with `https` it shows the certificate of `[tls]` and reads the files anew each time.
pub fn remote(
    address: &str,
    setting: &'static str,
    tls: &Tls,
    services: &Services,
) -> Result<Channel, PeerError> {
    let wrong = || PeerError::Address { setting, address: address.to_owned() };
    let uri: Uri = address.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let missing = |missing| PeerError::Incomplete { setting, missing };
    let papers = if secure {
        Some(Papers {
            ca: services
                .ca
                .clone()
                .or_else(|| tls.client_ca.clone())
                .ok_or_else(|| missing("services.ca"))?,
            certificate: tls.certificate.clone().ok_or_else(|| missing("tls.certificate"))?,
            key: tls.key.clone().ok_or_else(|| missing("tls.key"))?,
        })
    } else {
        None
    };
    let endpoint = Endpoint::from_static("http://service")
        .origin(uri)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    let connect = move |_| {
        let (host, papers) = (host.clone(), papers.clone());
        async move {
            let late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time"));
            timeout(CONNECT, open(host, port, papers)).await.unwrap_or_else(late).map(TokioIo::new)
        }
    };
    Ok(endpoint.connect_with_connector_lazy(tower::service_fn(connect)))
}

/// A connection of either kind.
type Stream = Box<dyn Both>;
trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Both for S {}

async fn open(host: String, port: u16, papers: Option<Papers>) -> io::Result<Stream> {
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?;
    let Some(papers) = papers else { return Ok(Box::new(stream)) };
    let Papers { ca, certificate, key } = papers;
    let read = move || client_config(Some(&ca), Some((&certificate, &key)));
    let config = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?;
    let config = config.map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
    let name =
        ServerName::try_from(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let secured = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let secured =
        secured.map_err(|error| io::Error::new(error.kind(), handshake_problem(&error, "services.ca")))?;
    Ok(Box::new(secured))
}
