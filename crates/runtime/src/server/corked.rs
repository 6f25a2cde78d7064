//! A connection that holds back what is written until its worker has nothing else to do, and then sends it together.
//!
//! Answers come in crowds: a batch decides hundreds at once, and each is ready a few microseconds after the last one.
//! Left to itself the transport sends each by a system call of its own, which costs more than most of what is in it.
//! Not responsible for what is written, nor for how much of it may be under way: that is HTTP/2's flow control.
//!
//! A flush only books the sending, as one of a socket does: HTTP/2 flushes to make room as well, and has to be able to go
//! on writing. Whoever polls the connection next after its turn has come, to flush or to read, sends.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread::{self, ThreadId};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// Bytes that are held back. With more of them they are sent at once.
const FULL: usize = 64 << 10;
/// A buffer that has grown beyond this is given back once it was sent, so that idle connections keep no more.
const KEPT: usize = 16 << 10;

/// The connection with what was written and not sent.
pub(super) struct Corked<S> {
    stream: S,
    held: Vec<u8>,
    /// How much of it was sent.
    sent: usize,
    cork: Cork,
    turn: Arc<Turn>,
}

/// Whether what is held may be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cork {
    /// Nobody has asked for it to be sent.
    In,
    /// It is sent when the worker comes round that runs this thread.
    Waiting(ThreadId),
    /// It is being sent.
    Out,
}

/// Tells a connection that its worker has come round: whatever else was ready then has run.
#[derive(Default)]
struct Turn {
    came: AtomicBool,
    connection: AtomicWaker,
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.came.store(true, Ordering::Release);
        self.connection.wake();
    }
}

impl<S> Corked<S> {
    /// A connection that holds nothing yet. Its first words leave with the first flush: they tell a caller of another
    /// protocol what this one is, and what comes after them is the end if the caller's were wrong.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, held: Vec::new(), sent: 0, cork: Cork::Out, turn: Arc::default() }
    }
}

impl<S: AsyncWrite + Unpin> Corked<S> {
    /// Whether the worker has come round since this was first asked.
    fn turn_has_come(&mut self, context: &mut Context<'_>) -> bool {
        let here = thread::current().id();
        match self.cork {
            Cork::Out => return true,
            Cork::In => {
                self.turn.came.store(false, Ordering::Release);
                self.turn.connection.register(context.waker());
                self.book(here);
            }
            Cork::Waiting(thread) => {
                self.turn.connection.register(context.waker());
                // The connection has moved on, and the worker that it was with may be busy for long.
                if thread != here {
                    self.book(here);
                }
            }
        }
        if self.turn.came.load(Ordering::Acquire) {
            self.cork = Cork::Out;
        }
        self.cork == Cork::Out
    }

    fn book(&mut self, thread: ThreadId) {
        // Asked in the turn's name and not in the connection's, which others wake as well.
        let turn = Waker::from(Arc::clone(&self.turn));
        let yielded = pin!(tokio::task::yield_now());
        // It only leaves the waker with the worker; what it says is that it has.
        let _ = yielded.poll(&mut Context::from_waker(&turn));
        self.cork = Cork::Waiting(thread);
    }

    /// Sends all that is held, and what the stream below has kept of it: a TLS stream may.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.held.len() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &self.held[self.sent..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.sent = 0;
        self.held.clear();
        if self.held.capacity() > KEPT {
            self.held = Vec::new();
        }
        self.cork = Cork::In;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Corked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cork != Cork::In
            && !self.held.is_empty()
            && self.turn_has_come(context)
            && let Poll::Ready(Err(error)) = self.poll_send(context)
        {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.held.len() >= FULL {
            ready!(self.poll_send(context))?;
        }
        let taken = bytes.len().min(FULL - self.held.len());
        self.held.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() {
            if !self.turn_has_come(context) {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_send(context))?;
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: Connected> Connected for Corked<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::yield_now;

    use super::*;

    /// Counts how often something was written.
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

    /// A connection with room for so many bytes, the number of its writes, and its other end.
    fn corked(room: usize) -> (Corked<Counted>, Arc<AtomicUsize>, DuplexStream) {
        let ((stream, other), writes) = (duplex(room), Arc::new(AtomicUsize::new(0)));
        let connection = Corked::new(Counted { stream, writes: Arc::clone(&writes) });
        // As it is when the first words are sent.
        (Corked { cork: Cork::In, ..connection }, writes, other)
    }

    #[tokio::test]
    async fn the_first_words_are_sent_at_once() {
        let (connection, writes, _other) = corked(1 << 10);
        let mut connection = Corked::new(connection.stream);
        for round in [1, 1] {
            connection.write_all(b"settings").await.unwrap();
            connection.flush().await.unwrap();
            assert_eq!(writes.load(Ordering::Relaxed), round);
        }
    }

    /// Polls the connection as its task does, until what it holds is sent.
    async fn next_poll(connection: &mut Corked<Counted>) {
        let woken = std::future::poll_fn(|context| {
            let mut buffer = [0; 8];
            let read = Pin::new(&mut *connection).poll_read(context, &mut ReadBuf::new(&mut buffer));
            assert!(read.is_pending());
            if connection.cork == Cork::In { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::time::timeout(Duration::from_secs(30), woken).await.expect("the turn wakes the connection");
    }

    #[tokio::test]
    async fn what_is_written_before_the_worker_comes_round_is_sent_together() {
        let (mut connection, writes, mut other) = corked(1 << 10);
        let mut context = Context::from_waker(Waker::noop());
        for word in ["one ", "two ", "three"] {
            connection.write_all(word.as_bytes()).await.unwrap();
            // Others wake the connection as often as they like: it is not their turn that counts.
            assert!(Pin::new(&mut connection).poll_flush(&mut context).is_ready(), "there is room, {word}");
        }
        assert_eq!(writes.load(Ordering::Relaxed), 0, "nothing is sent before");
        yield_now().await;
        connection.flush().await.unwrap();
        assert_eq!(writes.load(Ordering::Relaxed), 1);
        let mut read = [0; 13];
        other.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"one two three");
    }

    #[tokio::test]
    async fn the_turn_wakes_the_connection_which_sends_when_it_reads() {
        let (mut connection, writes, _other) = corked(1 << 10);
        for round in 1..=3 {
            connection.write_all(b"x").await.unwrap();
            connection.flush().await.unwrap();
            assert_eq!(writes.load(Ordering::Relaxed), round - 1, "a flush only books it");
            next_poll(&mut connection).await;
            assert_eq!(writes.load(Ordering::Relaxed), round);
        }
    }

    #[tokio::test]
    async fn a_reader_that_is_slow_gets_everything() {
        let (mut connection, _, mut other) = corked(16);
        connection.write_all(&[7; 1_000]).await.unwrap();
        connection.flush().await.unwrap();
        let reading = tokio::spawn(async move {
            let mut read = vec![0; 1_000];
            other.read_exact(&mut read).await.map(|_| (read, other))
        });
        next_poll(&mut connection).await;
        assert_eq!(reading.await.unwrap().unwrap().0, [7; 1_000]);
    }

    #[tokio::test]
    async fn what_the_stream_below_keeps_is_flushed_with_it() {
        let (stream, mut other) = duplex(1 << 10);
        let stream = tokio::io::BufWriter::new(stream);
        let mut connection = Corked { cork: Cork::In, ..Corked::new(stream) };
        connection.write_all(b"goodbye").await.unwrap();
        connection.flush().await.unwrap();
        yield_now().await;
        let mut context = Context::from_waker(Waker::noop());
        let mut buffer = [0; 8];
        let read = Pin::new(&mut connection).poll_read(&mut context, &mut ReadBuf::new(&mut buffer));
        assert!(read.is_pending());
        let mut arrived = [0; 7];
        let arriving = tokio::time::timeout(Duration::from_secs(30), other.read_exact(&mut arrived));
        arriving.await.expect("it was flushed").unwrap();
        assert_eq!(&arrived, b"goodbye");
    }

    #[tokio::test]
    async fn a_full_connection_sends_at_once_and_waits_for_room() {
        let (mut connection, writes, mut other) = corked(1 << 10);
        let text: Vec<u8> = (0..=u8::MAX).cycle().take(3 * FULL).collect();
        let expected = text.clone();
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            other.read_to_end(&mut read).await.map(|_| read)
        });
        for part in text.chunks(100_000) {
            connection.write_all(part).await.unwrap();
            assert!(connection.held.len() <= FULL, "{} bytes are held", connection.held.len());
        }
        assert!(writes.load(Ordering::Relaxed) > 0, "what is too much is sent without a flush");
        connection.shutdown().await.unwrap();
        drop(connection);
        assert!(reading.await.unwrap().unwrap() == expected, "every byte, once, in order");
    }

    #[tokio::test]
    async fn a_connection_that_is_shut_down_sends_what_it_holds() {
        let (mut connection, _, mut other) = corked(1 << 10);
        connection.write_all(b"goodbye").await.unwrap();
        connection.flush().await.unwrap();
        connection.shutdown().await.unwrap();
        drop(connection);
        let mut read = String::new();
        other.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "goodbye");
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_large_buffer() {
        let (mut connection, _, mut other) = corked(1 << 20);
        connection.write_all(&vec![7; 2 * KEPT]).await.unwrap();
        connection.flush().await.unwrap();
        next_poll(&mut connection).await;
        assert_eq!(connection.held.capacity(), 0);
        let mut read = vec![0; 2 * KEPT];
        other.read_exact(&mut read).await.unwrap();
    }
}
