//! The way out to a vendor, its back office or its update repository, step by step, so that a failure says which step it
//! was.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::transport::{Channel, Endpoint, Uri};

use super::secured::{client_config, handshake_problem};

/// How long each step may take.
const STEP: Duration = Duration::from_secs(10);
/// Silent for both of these together, and the connection is taken for dead.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A step of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutwardStep {
    /// The host's name is looked up.
    Resolve,
    /// A connection is made.
    Connect,
    /// It is secured.
    Tls,
}

/// Why there is no way, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OutwardError {
    /// Where it ended.
    pub step: OutwardStep,
    /// Why, and what to do.
    pub message: String,
    /// The steps before it, with the time that each took.
    pub passed: Vec<(OutwardStep, Duration)>,
}

/// An open way: one connection, which is not made again when it breaks.
#[derive(Debug)]
pub struct OpenWay {
    /// Calls go over it.
    pub channel: Channel,
    /// The steps, with the time that each took.
    pub passed: Vec<(OutwardStep, Duration)>,
}

/// A connection that is open, for whatever is spoken over it.
pub struct OpenStream {
    /// Bytes go over it.
    pub stream: Box<dyn Duplex>,
    /// The steps, with the time that each took.
    pub passed: Vec<(OutwardStep, Duration)>,
}

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// What is spoken to a vendor's server, and so what it may be asked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    /// gRPC with a back office. In plain text on the same machine alone.
    Grpc,
    /// HTTP/1.1 with an update repository, which everything is verified of that comes: plain text does no harm.
    Http,
}

/// Makes ways out.
#[derive(Clone, Debug)]
pub struct Outward {
    ca: Option<PathBuf>,
    /// The key that names the CAs.
    setting: &'static str,
    speech: Speech,
}

impl Outward {
    /// To a back office. Trusts the CAs in this PEM file, or those of the system.
    pub fn new(ca: Option<PathBuf>) -> Self {
        Self { ca, setting: "sync.vendor_ca", speech: Speech::Grpc }
    }

    /// To a server of HTTP/1.1. Trusts the CAs in the PEM file that the key `setting` gave, or those of the system.
    pub fn http(ca: Option<PathBuf>, setting: &'static str) -> Self {
        Self { ca, setting, speech: Speech::Http }
    }

    /// Opens a way to `https://HOST[:443]`, or in plain text to `http://HOST[:80]`, which is for the same machine.
    pub async fn open(&self, address: &str) -> Result<OpenWay, OutwardError> {
        let mut walk = Walk { passed: Vec::with_capacity(3) };
        let uri = target(self.speech, address).map_err(|problem| walk.fail(OutwardStep::Resolve, problem))?.0;
        let stream = self.walk(&mut walk, address).await?;
        let last = walk.passed.last().map_or(OutwardStep::Connect, |(step, _)| *step);
        walk.channel(uri, stream, last).await
    }

    /// Opens a connection, to speak over it whatever this way is for.
    pub async fn connect(&self, address: &str) -> Result<OpenStream, OutwardError> {
        let mut walk = Walk { passed: Vec::with_capacity(3) };
        let stream = self.walk(&mut walk, address).await?;
        Ok(OpenStream { stream, passed: walk.passed })
    }

    async fn walk(&self, walk: &mut Walk, address: &str) -> Result<Box<dyn Duplex>, OutwardError> {
        let (uri, host, port) =
            target(self.speech, address).map_err(|problem| walk.fail(OutwardStep::Resolve, problem))?;
        let secure = uri.scheme_str() == Some("https");

        let start = Instant::now();
        let found = timeout(STEP, tokio::net::lookup_host((host.as_str(), port))).await;
        let found: Vec<SocketAddr> = match found {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(error)) => return Err(walk.fail(OutwardStep::Resolve, unresolved(&host, &error))),
            Err(_) => return Err(walk.fail(OutwardStep::Resolve, unresolved(&host, &late()))),
        };
        let is_here = || found.iter().all(|address| address.ip().to_canonical().is_loopback());
        if !secure && self.speech == Speech::Grpc && !is_here() {
            let problem =
                format!("{host} is another machine, and `{address}` asks for plain text; write https://");
            return Err(walk.fail(OutwardStep::Resolve, problem));
        }
        walk.pass(OutwardStep::Resolve, start);

        let start = Instant::now();
        let connected = timeout(STEP, connect(&found)).await.unwrap_or_else(|_| Err(late()));
        let stream = connected.map_err(|error| {
            let problem = format!(
                "no connection to {host}, port {port}: {error}; check that it runs and that no firewall is between"
            );
            walk.fail(OutwardStep::Connect, problem)
        })?;
        walk.pass(OutwardStep::Connect, start);
        if !secure {
            return Ok(Box::new(stream));
        }

        let start = Instant::now();
        let stream =
            self.secure(&host, stream).await.map_err(|problem| walk.fail(OutwardStep::Tls, problem))?;
        walk.pass(OutwardStep::Tls, start);
        Ok(Box::new(stream))
    }

    async fn secure(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
        let (ca, setting) = (self.ca.clone(), self.setting);
        let mut config = tokio::task::spawn_blocking(move || client_config(ca.as_deref(), None))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|problem| format!("{problem}; check {setting}"))?;
        if self.speech == Speech::Http {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            format!("a certificate cannot have the name {host:?}; correct the vendor's address")
        })?;
        let shaken = timeout(STEP, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
        shaken.unwrap_or_else(|_| Err(late())).map_err(|error| {
            format!("the connection to {host} cannot be secured: {}", handshake_problem(&error, setting))
        })
    }
}

struct Walk {
    passed: Vec<(OutwardStep, Duration)>,
}

impl Walk {
    fn pass(&mut self, step: OutwardStep, start: Instant) {
        self.passed.push((step, start.elapsed()));
    }

    fn fail(&self, step: OutwardStep, message: String) -> OutwardError {
        OutwardError { step, message, passed: self.passed.clone() }
    }

    /// A channel over this one stream.
    async fn channel(
        self,
        uri: Uri,
        stream: Box<dyn Duplex>,
        last: OutwardStep,
    ) -> Result<OpenWay, OutwardError> {
        let mut stream = Some(TokioIo::new(stream));
        let connect = move |_| {
            let taken = stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted));
            async move { taken }
        };
        let origin = uri.clone();
        let plain = Endpoint::from_static("http://vendor")
            .origin(origin)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        match timeout(STEP, plain.connect_with_connector(tower::service_fn(connect))).await {
            Ok(Ok(channel)) => Ok(OpenWay { channel, passed: self.passed }),
            Ok(Err(error)) => Err(self.fail(
                last,
                format!("{uri} does not answer as a back office does: {error}; check the address"),
            )),
            Err(_) => Err(self.fail(last, format!("{uri} does not answer: {}; check the address", late()))),
        }
    }
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addresses).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn target(speech: Speech, address: &str) -> Result<(Uri, String, u16), String> {
    let what = match speech {
        Speech::Grpc => "a back office",
        Speech::Http => "a repository",
    };
    let wrong = || format!("`{address}` is no address of {what}; give https://HOST or https://HOST:PORT");
    let uri: Uri = address.parse().map_err(|_| wrong())?;
    let port = match uri.scheme_str() {
        Some("https") => 443,
        Some("http") => 80,
        _ => return Err(wrong()),
    };
    let host = uri.host().ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
    let port = uri.port_u16().unwrap_or(port);
    Ok((uri, host, port))
}

fn unresolved(host: &str, error: &io::Error) -> String {
    format!("the name {host} cannot be looked up: {error}; check the vendor's address and this machine's DNS")
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("nothing within {} s", STEP.as_secs()))
}
