//! Accepting connections: many handshakes at a time, none of which delays the others.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, InvalidMessage};
use tokio_rustls::server::TlsStream;

use super::connection::{Connection, Peer, Wire};
use super::{Kind, Secured, Transport, identity};
use crate::caller::Caller;

/// How long to wait after a connection could not be accepted, for want of file handles usually.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Handshakes under way at a time; further connections wait to be accepted.
const MAX_HANDSHAKES: usize = 1_024;
/// How long, and for how many bytes, a caller that is turned away is listened to: closing with something
/// unread would take the reason away from it.
const PARTING_TIME: Duration = Duration::from_secs(1);
const PARTING_BYTES: u64 = 64 * 1_024;

/// The listener's connections, without end. Dropping the stream closes the listener and gives handshakes up.
pub(crate) fn connections(
    listener: TcpListener,
    transport: Transport,
) -> impl Stream<Item = io::Result<Connection<Wire>>> {
    let door = Door { listener, transport, handshakes: JoinSet::new() };
    stream::unfold(door, |mut door| async move {
        let connection = door.next().await;
        Some((Ok(connection), door))
    })
}

struct Door {
    listener: TcpListener,
    transport: Transport,
    handshakes: JoinSet<Option<Connection<Wire>>>,
}

impl Door {
    async fn next(&mut self) -> Connection<Wire> {
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if self.handshakes.len() < MAX_HANDSHAKES => {
                    let (stream, address) = match accepted {
                        Ok(accepted) => accepted,
                        Err(error) => {
                            tracing::warn!(%error, "a connection could not be accepted");
                            tokio::time::sleep(ACCEPT_PAUSE).await;
                            continue;
                        }
                    };
                    // Answers are small and awaited; a connection that is gone already fails on its own.
                    let _ = stream.set_nodelay(true);
                    match &self.transport.0 {
                        Kind::Plain(caller) => {
                            let peer = Peer { address: Some(address), caller: caller.clone() };
                            return Connection::new(Wire::Plain(stream), peer);
                        }
                        Kind::Tls(secured) => {
                            self.handshakes.spawn(secured.clone().handshake(stream, address));
                        }
                    }
                }
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
            }
        }
    }
}

impl Secured {
    async fn handshake(self, stream: TcpStream, address: SocketAddr) -> Option<Connection<Wire>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config.borrow()));
        match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream).into_fallible()).await {
            Ok(Ok(stream)) => self.welcome(stream, address),
            Ok(Err((error, stream))) => {
                match error.kind() {
                    // Whoever only looks whether the port is open does this.
                    ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => {
                        tracing::debug!(peer.address = %address, "a connection ended before its TLS handshake");
                    }
                    _ => tracing::info!(
                        peer.address = %address,
                        error = problem(&error),
                        "a TLS handshake failed"
                    ),
                }
                part(stream).await;
                None
            }
            Err(_) => {
                tracing::info!(peer.address = %address, "a TLS handshake took too long");
                None
            }
        }
    }

    fn welcome(&self, stream: TlsStream<TcpStream>, address: SocketAddr) -> Option<Connection<Wire>> {
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let (caller, left) = match shown.map(|certificate| identity::read(certificate, &self.callers)) {
            None => (Caller::Anonymous, None),
            Some(Some((caller, end))) => {
                let left = end.saturating_sub(self.clock.now().as_second());
                (caller, Some(Duration::from_secs(u64::try_from(left).unwrap_or_default())))
            }
            Some(None) => {
                tracing::warn!(peer.address = %address, "a caller's certificate cannot be read; it is turned away");
                return None;
            }
        };
        let peer = Peer { address: Some(address), caller };
        let connection = Connection::new(Wire::Tls(Box::new(stream)), peer);
        Some(match left {
            Some(left) => connection.ending_after(left),
            None => connection,
        })
    }
}

fn problem(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "the caller does not speak TLS".to_owned()
        }
        Some(rustls::Error::NoCertificatesPresented) => "the caller has shown no certificate".to_owned(),
        Some(other) => other.to_string(),
        None => error.to_string(),
    }
}

/// Closes a connection so that what was sent last arrives.
async fn part(mut stream: TcpStream) {
    let parting = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut (&mut stream).take(PARTING_BYTES), &mut tokio::io::sink()).await
    };
    // Whoever is turned away may be gone already.
    let _ = timeout(PARTING_TIME, parting).await;
}
