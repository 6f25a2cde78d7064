//! A connection of any kind that knows whom it comes from.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::caller::Caller;

/// The other end of a connection: an extension of each of its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address; `None` within one process.
    pub address: Option<SocketAddr>,
    /// Who it is.
    pub caller: Caller,
}

/// A connection that knows whom it comes from.
pub struct Connection<S> {
    stream: S,
    peer: Peer,
    /// Resolves when the certificate that was shown is over.
    end: Option<Pin<Box<Sleep>>>,
}

/// A connection over the network, or within the process.
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Memory(DuplexStream),
}

impl<S> Connection<S> {
    /// A connection within one process, wired for this caller.
    pub fn in_process(stream: S, caller: Caller) -> Self {
        Self { stream, peer: Peer { address: None, caller }, end: None }
    }

    pub(super) fn new(stream: S, peer: Peer) -> Self {
        Self { stream, peer, end: None }
    }

    /// Ends the connection after `left`, so that nobody goes on under a certificate that is over. Its owner
    /// connects again with a newer one.
    pub(super) fn ending_after(mut self, left: Duration) -> Self {
        self.end = Some(Box::pin(sleep(left)));
        self
    }
}

impl Connection<Wire> {
    /// Whether it is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.stream, Wire::Tls(_))
    }

    /// Whether the handshake agreed on HTTP/2.
    pub(crate) fn agreed_on_http2(&self) -> bool {
        match &self.stream {
            Wire::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
            Wire::Plain(_) | Wire::Memory(_) => false,
        }
    }
}

impl<S> Connected for Connection<S> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            return Poll::Ready(Err(io::Error::other("the caller's certificate is over")));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Passes a call on to whichever kind it is.
macro_rules! either {
    ($self:ident, $name:ident ( $($argument:expr),* )) => {
        match $self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).$name($($argument),*),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).$name($($argument),*),
            Wire::Memory(stream) => Pin::new(stream).$name($($argument),*),
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, poll_read(context, buffer))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_shutdown(context))
    }
}
