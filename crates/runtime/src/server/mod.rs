//! The gRPC server: one stack of layers, health and reflection for whatever services are put on it.
//!
//! Responsible for what holds for every call, and for draining. Not responsible for any method.

mod bind;
mod body;
mod corked;
mod deadline;
mod details;
mod health;
mod record;
mod services;
mod stack;

use std::io;
use std::time::Duration;

use futures::stream::select_all;
use futures::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::Connected;

pub use bind::{BindError, bind};
pub use health::Health;
pub(crate) use record::name as code_name;
pub use services::Services;
#[doc(hidden)]
pub use tonic::codec::CompressionEncoding;

use crate::peer::Arrivals;
use crate::tls::{self, Peer, Transport};
use corked::Corked;
use stack::StackLayer;

/// What a server allows its callers.
#[derive(Clone, Debug)]
pub struct Options {
    /// When a unary call ends whose caller set no deadline.
    pub default_deadline: Duration,
    /// How long a stopping server waits for calls in flight.
    pub grace: Duration,
    /// Calls at a time over one connection.
    pub max_concurrent_streams: u32,
    /// Bytes of a call's headers.
    pub max_header_list_size: u32,
    /// How long a connection may be silent before it is asked whether it lives.
    pub keepalive_interval: Duration,
    /// How long it has to answer that.
    pub keepalive_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            default_deadline: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            max_concurrent_streams: 2_048,
            max_header_list_size: 16 * 1_024,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
        }
    }
}

/// Why a server could not be built or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes that are not a descriptor set.
    #[error("a descriptor set cannot be read: {0}; generate the code of the contracts again")]
    Descriptor(String),
    /// A service or method that no descriptor set describes.
    #[error("{0} is in no descriptor set; register the service with the set that describes it")]
    Undescribed(String),
    /// The transport failed.
    #[error("the server's transport failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every call was answered.
    Complete,
    /// The grace period ended before the last calls did.
    CutOff,
}

/// A server that is ready to run.
pub struct Server {
    stack: StackLayer,
    health: Health,
    options: Options,
    stop_streams: CancellationToken,
    arrivals: Vec<Arrivals>,
}

impl Server {
    /// Puts the stack, health and reflection around the services. Every service is `NOT_SERVING` until
    /// [`Health::serving`].
    pub async fn new(services: Services, options: Options) -> Result<Self, Error> {
        let health = Health::new(services.names()).await;
        let services = services.with_health(&health).with_reflection()?;
        let methods = services.methods()?;
        let stop_streams = CancellationToken::new();
        let stack = StackLayer::new(methods, options.default_deadline, stop_streams.clone());
        Ok(Self { stack, health, options, stop_streams, arrivals: Vec::new() })
    }

    /// Serves those as well who call from within the process.
    #[must_use]
    pub fn with_arrivals(mut self, arrivals: impl IntoIterator<Item = Arrivals>) -> Self {
        self.arrivals.extend(arrivals);
        self
    }

    /// What says whether the services can be used.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Serves until `shutdown` is cancelled, then drains: says `NOT_SERVING`, takes no new calls, waits for
    /// those in flight, and ends streams that have not ended themselves after a quarter of the grace period.
    pub async fn run(
        mut self,
        listener: TcpListener,
        transport: Transport,
        shutdown: CancellationToken,
    ) -> Result<Drained, Error> {
        let inside = std::mem::take(&mut self.arrivals).into_iter().map(|from| from.connections().boxed());
        let outside = tls::connections(listener, transport).boxed();
        self.run_on(select_all(inside.chain([outside])), shutdown).await
    }

    /// The same for those alone who call from within the process.
    pub async fn run_inside(mut self, shutdown: CancellationToken) -> Result<Drained, Error> {
        let inside = std::mem::take(&mut self.arrivals).into_iter().map(|from| from.connections().boxed());
        // A stream that ended would end the server, and callers may come back.
        self.run_on(select_all(inside).chain(futures::stream::pending()), shutdown).await
    }

    /// The same over connections of any kind that say whom they come from.
    pub async fn run_on<I, C>(self, connections: I, shutdown: CancellationToken) -> Result<Drained, Error>
    where
        I: Stream<Item = io::Result<C>>,
        C: AsyncRead + AsyncWrite + Connected<ConnectInfo = Peer> + Unpin + Send + 'static,
    {
        let Options { grace, .. } = self.options;
        let drain = CancellationToken::new();
        let serving = tonic::transport::Server::builder()
            .tcp_nodelay(true)
            .http2_keepalive_interval(Some(self.options.keepalive_interval))
            .http2_keepalive_timeout(Some(self.options.keepalive_timeout))
            .max_concurrent_streams(self.options.max_concurrent_streams)
            .http2_max_header_list_size(self.options.max_header_list_size)
            .layer(self.stack)
            // Nothing comes to tonic's own router: the stack takes its place.
            .add_routes(Routes::default())
            .serve_with_incoming_shutdown(connections.map(|made| made.map(Corked::new)), drain.cancelled());
        tokio::pin!(serving);

        tokio::select! {
            ended = &mut serving => return Ok(ended.map(|()| Drained::Complete)?),
            () = shutdown.cancelled() => {}
        }
        self.health.drain().await;
        drain.cancel();
        let notice = grace / 4;
        if let Ok(ended) = timeout(notice, &mut serving).await {
            return Ok(ended.map(|()| Drained::Complete)?);
        }
        self.stop_streams.cancel();
        match timeout(grace.saturating_sub(notice), &mut serving).await {
            Ok(ended) => Ok(ended.map(|()| Drained::Complete)?),
            Err(_) => Ok(Drained::CutOff),
        }
    }
}
