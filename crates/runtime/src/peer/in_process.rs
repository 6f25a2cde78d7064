//! A way within the process: through memory, and through the same layers as over the network.

use std::io;

use futures::Stream;
use hyper_util::rt::TokioIo;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint};

use crate::caller::Caller;
use crate::tls::{Connection, Wire};

/// Bytes that either end may be ahead of the other.
const BUFFER: usize = 64 << 10;

/// The connections that come to a server from within its process.
pub struct Arrivals {
    arriving: mpsc::UnboundedReceiver<DuplexStream>,
    caller: Caller,
}

/// A channel, and where its connections arrive. The server takes them with
/// [`Server::with_arrivals`](crate::Server::with_arrivals); calls wait until it runs. Whoever calls is `caller` there.
pub fn in_process(caller: Caller) -> (Channel, Arrivals) {
    let (sender, arriving) = mpsc::unbounded_channel();
    let connect = move |_| {
        let (near, far) = duplex(BUFFER);
        let sent = sender.send(far).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused));
        async move { sent.map(|()| TokioIo::new(near)) }
    };
    let endpoint = Endpoint::from_static("http://in-process");
    let channel = endpoint.connect_with_connector_lazy(tower::service_fn(connect));
    (channel, Arrivals { arriving, caller })
}

impl Arrivals {
    pub(crate) fn connections(self) -> impl Stream<Item = io::Result<Connection<Wire>>> {
        let Self { arriving, caller } = self;
        UnboundedReceiverStream::new(arriving)
            .map(move |stream| Ok(Connection::in_process(Wire::Memory(stream), caller.clone())))
    }
}
