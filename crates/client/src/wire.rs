//! A connection to the server, plain or secured, whose failures speak to people.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::client::TlsStream;

use crate::tls::{self, GIVE_CA};

/// How a failure begins that is a matter of certificates or of the lack of them.
pub(crate) const INSECURE: &str = "the connection cannot be secured: ";

/// How every TLS alert begins, and no frame of HTTP/2 does.
const ALERT: [u8; 2] = [0x15, 0x03];

/// The call that a connection was made for is handed to it a moment later; whoever fails before that tells nobody why.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection to the server.
#[derive(Debug)]
pub(crate) enum Wire {
    /// Without TLS.
    Plain {
        /// The connection.
        stream: TcpStream,
        /// Whether the server has said anything.
        heard: bool,
        /// Runs from when the server was heard to speak TLS.
        pause: Option<Pin<Box<Sleep>>>,
    },
    /// With TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// A connection without TLS of which nothing was heard yet.
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self::Plain { stream, heard: false, pause: None }
    }
}

/// A failure that is a matter of certificates.
pub(crate) fn insecure(problem: &str) -> io::Error {
    io::Error::other(format!("{INSECURE}{problem}"))
}

/// The same failure, in words where it is one of TLS.
pub(crate) fn in_words(error: io::Error) -> io::Error {
    match tls::problem(&error) {
        Some(problem) => insecure(&problem),
        None => error,
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => {
                // A server judges a client's certificate after the client has finished its handshake.
                Pin::new(stream.as_mut()).poll_read(context, buffer).map_err(in_words)
            }
            Self::Plain { stream, heard, pause } => {
                if pause.is_none() {
                    let before = buffer.filled().len();
                    let read = Pin::new(stream).poll_read(context, buffer);
                    let bytes = &buffer.filled()[before..];
                    if *heard || !bytes.starts_with(&ALERT) {
                        *heard |= !bytes.is_empty();
                        return read;
                    }
                    buffer.set_filled(before);
                }
                ready!(pause.get_or_insert_with(|| Box::pin(sleep(PAUSE))).as_mut().poll(context));
                Poll::Ready(Err(insecure(&format!("the server speaks TLS; {GIVE_CA}"))))
            }
        }
    }
}

/// Passes a call on to whichever kind it is.
macro_rules! either {
    ($self:ident, $name:ident ( $($argument:expr),* )) => {
        match $self.get_mut() {
            Wire::Plain { stream, .. } => Pin::new(stream).$name($($argument),*),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).$name($($argument),*),
        }
    };
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain { stream, .. } => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_shutdown(context))
    }
}
