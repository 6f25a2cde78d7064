//! One connection: HTTP/1.1 or, where the handshake agreed on it, HTTP/2.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected as _;
use tower::Service as _;

use super::patient::Patient;
use super::{Client, Options};
use crate::tls::{Connection, Wire};

/// How long a connection that is asked to end may take when nothing is under way on it.
const PARTING: Duration = Duration::from_secs(2);
/// How long a connection of HTTP/2 may be silent before it is asked whether it lives, and has to answer that.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// What ends connections.
#[derive(Clone)]
pub(super) struct Ends {
    /// Answer what is under way, and take nothing new.
    pub(super) drain: CancellationToken,
    /// At once.
    pub(super) cut: CancellationToken,
}

/// What is under way on a connection, and what was.
#[derive(Default)]
struct Traffic {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// One request under way: until the last clone is dropped, which goes with the answer's body.
#[derive(Clone)]
pub(super) struct UnderWay(#[expect(dead_code, reason = "it counts when it is dropped")] Arc<Mark>);

struct Mark(Arc<Traffic>);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Traffic {
    fn begin(this: &Arc<Self>) -> UnderWay {
        this.begun.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::new(Mark(Arc::clone(this))))
    }

    /// Resolves when nothing was under way for a whole period.
    async fn idle(&self, period: Duration) {
        let mut seen = u64::MAX;
        loop {
            sleep(period).await;
            let (begun, ended) = (self.begun.load(Ordering::Relaxed), self.ended.load(Ordering::Relaxed));
            if begun == ended && begun == seen {
                return;
            }
            // A connection on which nothing ever came is idle from its beginning.
            if begun == 0 && seen == u64::MAX {
                return;
            }
            seen = begun;
        }
    }
}

/// Answers the requests of one connection until it ends or the server does.
pub(super) async fn serve(connection: Connection<Wire>, router: Router, options: Arc<Options>, ends: Ends) {
    let peer = connection.connect_info();
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let client = Client { address: peer.address.unwrap_or(nowhere), tls: connection.is_tls() };
    let http2 = connection.agreed_on_http2();
    let traffic = Arc::<Traffic>::default();
    let requests = Arc::clone(&traffic);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(Traffic::begin(&requests));
        let mut router = router.clone();
        async move {
            Ok::<Response<Body>, Infallible>(
                router.call(request).await.unwrap_or_else(|never| match never {}),
            )
        }
    });
    let io = TokioIo::new(Patient::new(connection, options.stall_deadline));
    let idle = traffic.idle(options.header_deadline * 2);
    if http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(options.max_concurrent_streams)
            .max_header_list_size(u32::try_from(options.max_header_size).unwrap_or(u32::MAX))
            .keep_alive_interval(KEEPALIVE.0)
            .keep_alive_timeout(KEEPALIVE.1);
        drive(pin!(builder.serve_connection(io, service)), http2::Connection::graceful_shutdown, idle, &ends)
            .await;
    } else {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .half_close(false)
            .header_read_timeout(options.header_deadline)
            .max_header_size(options.max_header_size);
        drive(pin!(builder.serve_connection(io, service)), http1::Connection::graceful_shutdown, idle, &ends)
            .await;
    }
}

/// Runs a connection. One that breaks off or talks nonsense is nobody's problem here.
async fn drive<C: Future>(
    mut connection: Pin<&mut C>,
    shut_down: impl Fn(Pin<&mut C>),
    idle: impl Future<Output = ()>,
    ends: &Ends,
) {
    tokio::select! {
        _ = connection.as_mut() => return,
        () = ends.drain.cancelled() => {}
        () = idle => {
            shut_down(connection.as_mut());
            let _ = timeout(PARTING, connection).await;
            return;
        }
    }
    shut_down(connection.as_mut());
    tokio::select! {
        _ = connection => {}
        () = ends.cut.cancelled() => {}
    }
}
