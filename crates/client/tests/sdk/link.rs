//! The way between client and server, through memory, that a test can cut and mend.

use std::io;
use std::sync::{Arc, Mutex};

use hyper_util::rt::TokioIo;
use leasehold_client::{Client, Options};
use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint, Server, Uri};

use crate::fake::Fake;

const BUFFER: usize = 64 << 10;

/// The way to one server.
#[derive(Clone)]
pub(crate) struct Link {
    incoming: mpsc::UnboundedSender<DuplexStream>,
    /// The connections while there is a way.
    open: Arc<Mutex<Option<JoinSet<()>>>>,
}

impl Link {
    /// Serves `fake` at the other end.
    pub(crate) fn to(fake: &Fake) -> Self {
        let (incoming, arriving) = mpsc::unbounded_channel();
        let arriving = UnboundedReceiverStream::new(arriving).map(Ok::<_, io::Error>);
        tokio::spawn(Server::builder().add_service(fake.service()).serve_with_incoming(arriving));
        Self { incoming, open: Arc::new(Mutex::new(Some(JoinSet::new()))) }
    }

    /// Breaks every connection; there is no new one.
    pub(crate) fn cut(&self) {
        *self.open.lock().unwrap() = None;
    }

    /// There is a way again.
    pub(crate) fn mend(&self) {
        *self.open.lock().unwrap() = Some(JoinSet::new());
    }

    /// A channel that goes this way.
    pub(crate) fn channel(&self) -> Channel {
        let link = self.clone();
        let connect = move |_: Uri| {
            let connected = link.connect();
            async move { connected.map(TokioIo::new) }
        };
        Endpoint::from_static("http://fake").connect_with_connector_lazy(tower::service_fn(connect))
    }

    fn connect(&self) -> io::Result<DuplexStream> {
        let mut open = self.open.lock().unwrap();
        let connections = open.as_mut().ok_or(io::ErrorKind::ConnectionRefused)?;
        let (client, mut near) = duplex(BUFFER);
        let (mut far, server) = duplex(BUFFER);
        self.incoming.send(server).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        connections.spawn(async move {
            let _ = copy_bidirectional(&mut near, &mut far).await;
        });
        Ok(client)
    }
}

/// Options for tests.
pub(crate) fn options() -> Options {
    let mut options = Options::new("licences".parse().unwrap());
    options.hostids = vec!["D1".parse().unwrap()];
    options
}

/// A server, the way to it, and a client.
pub(crate) async fn connected() -> (Fake, Link, Client) {
    let fake = Fake::new();
    let link = Link::to(&fake);
    let client = Client::over(link.channel(), options()).await.unwrap();
    (fake, link, client)
}
