//! The admin listener: whether the process lives and is ready, its metrics, and its log levels, over HTTP/1.
//!
//! It is a listener of its own, so that it answers whatever the services are busy with and while they drain.
//! It asks nobody who they are: it belongs on the loopback address or an inner network.

mod pages;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::server::{BindError, bind};
use crate::telemetry::Levels;

/// The configuration key of the address.
const SETTING: &str = "admin.listen";
/// Connections at a time; further ones wait.
const CONNECTIONS: usize = 64;
/// How long the head of a request, and a connection's next request, may take to arrive.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long a request may take to be answered, its body included.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// How long requests under way may take when the process stops.
const STOP_DEADLINE: Duration = Duration::from_secs(1);
/// How long to wait after a connection could not be accepted, for want of file handles usually.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the listener shows and changes.
#[derive(Clone)]
pub struct Pages {
    /// For `/ready`.
    pub readiness: Readiness,
    /// For `/metrics`.
    pub metrics: Metrics,
    /// For `/log-level`; `None` where the process does not log by [`crate::telemetry::init`].
    pub levels: Option<Levels>,
}

/// A listener that is bound and does not answer yet.
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

impl Admin {
    /// Listens; port 0 is any free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listener = bind(address, SETTING).await?;
        let address =
            listener.local_addr().map_err(|source| BindError::Other { address, setting: SETTING, source })?;
        Ok(Self { listener, address })
    }

    /// Where it listens, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until told to stop: a background task, which outlives the server, so that `/ready` says 503
    /// while that drains.
    pub async fn run(self, pages: Pages, stopping: CancellationToken) {
        let (pages, places) = (Arc::new(pages), Arc::new(Semaphore::new(CONNECTIONS)));
        let connections = TaskTracker::new();
        let accepting = async {
            loop {
                let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
                let connection = match self.listener.accept().await {
                    Ok((connection, _)) => connection,
                    Err(error) => {
                        tracing::warn!(%error, "a connection to the admin listener could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                let (pages, stopping) = (Arc::clone(&pages), stopping.clone());
                connections.spawn(async move {
                    serve(connection, pages, stopping).await;
                    drop(place);
                });
            }
        };
        stopping.run_until_cancelled(accepting).await;
        connections.close();
        // What is not done by then ends with the process.
        let _ = timeout(STOP_DEADLINE, connections.wait()).await;
    }
}

/// Answers the requests of one connection, until it ends or the process does.
async fn serve(connection: TcpStream, pages: Arc<Pages>, stopping: CancellationToken) {
    let service = service_fn(move |request| {
        let pages = Arc::clone(&pages);
        async move {
            let answer = timeout(REQUEST_DEADLINE, pages::answer(&pages, request)).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|_| pages::late()))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .serve_connection(TokioIo::new(connection), service);
    let mut connection = pin!(connection);
    // A caller that breaks off or talks nonsense is nobody's problem here.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
