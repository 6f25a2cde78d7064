//! Answers that become ready together leave together.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, stream};
use leasehold_proto::licensing::v1::ReleaseRequest;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_runtime::Caller;
use leasehold_runtime::server::Options;
use leasehold_runtime::tls::Connection;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use crate::service::{LONG_ANSWER, Obedient};

const CALLS: usize = 64;

/// One end of a connection, which counts how often something is written.
struct Counted {
    stream: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A client of a server over one connection within the process, and how often the server has written to it.
async fn served(service: &Obedient) -> (Channel, Arc<AtomicUsize>) {
    let ((near, far), writes) = (duplex(1 << 20), Arc::new(AtomicUsize::new(0)));
    let far = Counted { stream: far, writes: Arc::clone(&writes) };
    let incoming =
        stream::iter([Ok(Connection::in_process(far, Caller::service("sync")))]).chain(stream::pending());
    let server = service.server(Options::default()).await;
    tokio::spawn(server.run_on(incoming, CancellationToken::new()));
    let mut near = Some(hyper_util::rt::TokioIo::new(near));
    let connect = move |_| std::future::ready(near.take().ok_or_else(|| io::Error::other("used up")));
    let channel = Endpoint::from_static("http://in.process")
        .connect_with_connector(tower::service_fn(connect))
        .await
        .unwrap();
    (channel, writes)
}

/// How often the server writes to answer so many calls that are ready at the same time.
async fn writes_for(command: &str) -> usize {
    let service = Obedient::default();
    let (channel, writes) = served(&service).await;
    let calls = (0..CALLS).map(|_| {
        let mut client = LicensingServiceClient::new(channel.clone());
        let request = ReleaseRequest { instance: command.to_owned(), ..ReleaseRequest::default() };
        tokio::spawn(async move { client.release(request).await })
    });
    let calls: Vec<_> = calls.collect();
    while service.waits.load(Ordering::Relaxed) < CALLS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    writes.store(0, Ordering::Relaxed);
    service.go_on.notify_waiters();
    let answers = tokio::time::timeout(Duration::from_secs(30), join_all(calls)).await.unwrap();
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
    writes.load(Ordering::Relaxed)
}

// One worker, which runs a connection right after each task that has written to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn answers_that_are_ready_together_are_sent_by_few_writes() {
    let writes = writes_for("wait").await;
    assert!(writes <= CALLS / 4, "{writes} writes for {CALLS} answers");
}

// The HTTP/2 library flushes after each frame of this size.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn long_answers_are_sent_together_too() {
    const { assert!(CALLS * LONG_ANSWER > 64 << 10, "more than a connection holds") };
    let writes = writes_for("wait for long").await;
    assert!(writes <= CALLS / 4, "{writes} writes for {CALLS} answers");
}
