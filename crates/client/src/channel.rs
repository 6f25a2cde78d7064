//! The channel to the server: made when it is first needed, and again whenever it broke.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Error};

use crate::address::ServerAddress;
use crate::addresses::Addresses;
use crate::options::Options;
use crate::tls::Tls;
use crate::wire::{Wire, in_words, insecure};

/// Silent for both of these together, and the connection is taken for dead.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the server may send ahead of what was taken in: a process that is killed within a download loses it.
const STREAM_WINDOW: u32 = 512 << 10;

/// How long a server that speaks TLS is listened to before the first call. Ours speaks at once; one that waits
/// for the client to speak first costs a new connection this much.
const FIRST_WORD: Duration = Duration::from_secs(1);

/// Where a channel leads.
#[derive(Debug)]
struct Target {
    /// Tried in this order.
    servers: Vec<ServerAddress>,
    /// Tried after them.
    learnt: Arc<Addresses>,
    tls: Option<Tls>,
    /// For each of them.
    connect_timeout: Duration,
}

/// A channel that connects by itself. To be called on a runtime.
pub(crate) fn lazy(options: &Options, learnt: Arc<Addresses>) -> Result<Channel, Error> {
    let servers: Vec<_> = [&options.server].into_iter().chain(&options.more_servers).cloned().collect();
    // The channel is told of no TLS, which the connections below do by themselves; the server hears of it all the same.
    let mut endpoint = Endpoint::from_shared(format!("http://{}", options.server))?
        .user_agent(concat!("leasehold-client/", env!("CARGO_PKG_VERSION")))?
        .initial_stream_window_size(STREAM_WINDOW)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        // A dead connection is found before the next heartbeat needs it.
        .keep_alive_while_idle(true);
    if options.tls.is_some()
        && let Ok(origin) = format!("https://{}", options.server).parse()
    {
        endpoint = endpoint.origin(origin);
    }
    let (tls, connect_timeout) = (options.tls.clone(), options.connect_timeout);
    let target = Target { servers, learnt, tls, connect_timeout };
    let target = Arc::new(target);
    let connect = tower::service_fn(move |_| {
        let target = Arc::clone(&target);
        async move { target.connect().await.map(TokioIo::new) }
    });
    Ok(endpoint.connect_with_connector_lazy(connect))
}

impl Target {
    /// A connection to the first server that can be reached; else what is wrong with each.
    async fn connect(&self) -> io::Result<Wire> {
        let mut problems = Vec::new();
        let mut first = None;
        let learnt = self.learnt.list();
        let more = learnt.iter().filter(|server| !self.servers.contains(server));
        for server in self.servers.iter().chain(more) {
            let error = match timeout(self.connect_timeout, self.connect_to(server)).await {
                Ok(Ok(wire)) => return Ok(wire),
                Ok(Err(error)) => error,
                Err(_) => {
                    let late = format!("no connection within {:?}", self.connect_timeout);
                    io::Error::new(io::ErrorKind::TimedOut, late)
                }
            };
            problems.push(format!("{server}: {error}"));
            first.get_or_insert(error);
        }
        let first = first.unwrap_or_else(|| io::Error::other("no server is given"));
        if problems.len() < 2 { Err(first) } else { Err(io::Error::new(first.kind(), problems.join("; "))) }
    }

    async fn connect_to(&self, server: &ServerAddress) -> io::Result<Wire> {
        let secured = match &self.tls {
            Some(tls) => {
                Some((self.connector(tls).await?, tls.name(server.host()).map_err(|it| insecure(&it))?))
            }
            None => None,
        };
        let stream = TcpStream::connect((server.host(), server.port())).await?;
        stream.set_nodelay(true)?;
        let Some((connector, name)) = secured else { return Ok(Wire::plain(stream)) };
        let mut stream = connector.connect(name, stream).await.map_err(in_words)?;
        // A server judges a client's certificate after the handshake, and says so in place of its first frame.
        if let Ok(begun) = timeout(FIRST_WORD, stream.fill_buf()).await {
            begun.map_err(in_words)?;
        }
        Ok(Wire::Tls(Box::new(stream)))
    }

    /// Reads the files anew, so that a certificate that was replaced is used from the next connection on.
    async fn connector(&self, tls: &Tls) -> io::Result<TlsConnector> {
        let tls = tls.clone();
        let config = tokio::task::spawn_blocking(move || tls.config()).await.map_err(io::Error::other)?;
        Ok(TlsConnector::from(Arc::new(config.map_err(|problem| insecure(&problem))?)))
    }
}
