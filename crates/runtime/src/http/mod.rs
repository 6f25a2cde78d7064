//! The HTTP server: an [`axum::Router`] over a listener, with what holds for every request.
//!
//! Responsible for connections and their limits, for request ids, logs, metrics and traces, for deadlines and panics, and
//! for draining. Not responsible for any page, nor for who asks: it only says where from.

mod body;
mod connection;
mod content;
mod patient;
mod problem;
mod record;
mod stack;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::StreamExt;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use axum;
pub use content::{Content, Freshness, Selected};
pub use problem::{CONTENT_TYPE as PROBLEM_CONTENT_TYPE, Problem};
pub use record::{DURATION, IN_FLIGHT, REQUESTS};

use crate::server::Drained;
use crate::tls::{self, Transport};
use connection::Ends;

/// What a server allows those who connect to it.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a stopping server waits for requests under way.
    pub grace: Duration,
    /// How long a request may take until its answer begins, its body included. [`Server::deadline`] sets another one.
    pub deadline: Duration,
    /// Connections at a time; further ones wait to be accepted.
    pub max_connections: usize,
    /// Requests at a time over one connection of HTTP/2.
    pub max_concurrent_streams: u32,
    /// Bytes of a request's headers.
    pub max_header_size: usize,
    /// How long they may take to arrive, and how long a connection may stand without a request.
    pub header_deadline: Duration,
    /// Bytes of a body that is read as a whole; a route overrules it with [`axum::extract::DefaultBodyLimit`]. A handler
    /// that takes the body as a stream sets its own limit.
    pub max_body_size: usize,
    /// How long whoever reads an answer may read nothing of it.
    pub stall_deadline: Duration,
    /// Whether the router has `/api/docs` and a page `/problems/REASON` for each reason: then problems lead there.
    pub explains_problems: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10),
            deadline: Duration::from_secs(30),
            max_connections: 1_024,
            max_concurrent_streams: 100,
            max_header_size: 16 << 10,
            header_deadline: Duration::from_secs(15),
            max_body_size: 1 << 20,
            stall_deadline: Duration::from_secs(30),
            explains_problems: false,
        }
    }
}

/// Where a request comes from: an extension of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The other end of the connection: whoever asks, or a proxy.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

/// A server that is ready to run.
pub struct Server {
    name: &'static str,
    router: Router,
    options: Options,
    deadlines: HashMap<&'static str, Duration>,
}

impl Server {
    /// Serves this router. `name` is the service's, for metrics and traces.
    pub fn new(name: &'static str, router: Router, options: Options) -> Self {
        Self { name, router, options, deadlines: HashMap::new() }
    }

    /// Gives a route, by its template, longer or shorter than the others.
    #[must_use]
    pub fn deadline(mut self, route: &'static str, deadline: Duration) -> Self {
        self.deadlines.insert(route, deadline);
        self
    }

    /// Serves until `shutdown` is cancelled, then drains: takes no new connections, waits for requests under way, and
    /// ends answers that go on for ever after a quarter of the grace period.
    pub async fn run(
        self,
        listener: TcpListener,
        transport: Transport,
        shutdown: CancellationToken,
    ) -> Drained {
        let Self { name, router, options, deadlines } = self;
        let ends = Ends { drain: shutdown.clone(), cut: CancellationToken::new() };
        let end_bodies = CancellationToken::new();
        let router = stack::around(router, name, &options, deadlines, end_bodies.clone());
        let (grace, options) = (options.grace, Arc::new(options));
        let places = Arc::new(Semaphore::new(options.max_connections));
        let connections = TaskTracker::new();
        let accepting = async {
            let mut arriving = tls::connections(listener, transport).boxed();
            loop {
                let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
                // The stream has no end, and what fails in it is not told here.
                let Some(Ok(arrived)) = arriving.next().await else { continue };
                let serving = connection::serve(arrived, router.clone(), Arc::clone(&options), ends.clone());
                connections.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
        };
        shutdown.run_until_cancelled(accepting).await;
        connections.close();
        let notice = grace / 4;
        if timeout(notice, connections.wait()).await.is_ok() {
            return Drained::Complete;
        }
        end_bodies.cancel();
        let drained = timeout(grace.saturating_sub(notice), connections.wait()).await;
        ends.cut.cancel();
        if drained.is_ok() { Drained::Complete } else { Drained::CutOff }
    }
}
