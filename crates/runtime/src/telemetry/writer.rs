//! The way of log lines out of the process: a thread of its own writes them, so that a slow terminal, pipe or
//! disk keeps no call waiting.
//!
//! Lines wait in a buffer of bounded size. What does not fit is dropped and counted, never waited for.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ::metrics::Counter;
use tracing_subscriber::fmt::MakeWriter;

use crate::metrics;

/// Bytes of lines that may wait to be written.
pub(super) const CAPACITY: usize = 8 << 20;
/// How long lines are gathered before they are written together.
const GATHER: Duration = Duration::from_millis(2);
/// A buffer that has grown beyond this is given back once it is written.
const KEPT: usize = 1 << 20;

/// Where lines are put to be written. Clones share it.
#[derive(Clone)]
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    /// Names where the lines go, in metrics and in the log.
    sink: &'static str,
    capacity: usize,
    state: Mutex<State>,
    changed: Condvar,
    dropped: Counter,
}

#[derive(Default)]
struct State {
    pending: Vec<u8>,
    /// The thread waits for lines.
    idle: bool,
    /// The thread has lines in hand.
    busy: bool,
    /// Lines dropped since the log last said so.
    dropped: u64,
}

impl Writer {
    /// Starts the thread, which lives as long as the process does.
    pub(super) fn start(
        sink: &'static str,
        capacity: usize,
        out: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let dropped = ::metrics::counter!(metrics::LOG_LINES_DROPPED, "sink" => sink);
        let shared =
            Arc::new(Shared { sink, capacity, state: Mutex::default(), changed: Condvar::new(), dropped });
        let writer = Self(Arc::clone(&shared));
        thread::Builder::new().name(format!("log-{sink}")).spawn(move || shared.write_to(out))?;
        Ok(writer)
    }

    /// Waits until everything that was put here is written, at most `patience`. Whether it was.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut state = self.0.lock();
        while state.busy || !state.pending.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.pending.len() + line.len() > self.capacity {
            state.dropped += 1;
            self.dropped.increment(1);
            return;
        }
        state.pending.extend_from_slice(line);
        if state.idle {
            state.idle = false;
            drop(state);
            self.changed.notify_all();
        }
    }

    fn write_to(&self, mut out: impl Write) {
        let (mut lines, mut failing) = (Vec::new(), false);
        loop {
            let dropped = self.take(&mut lines);
            let written = out.write_all(&lines).and_then(|()| out.flush());
            if written.is_err() {
                self.dropped.increment(count(&lines));
            }
            lines.clear();
            if lines.capacity() > KEPT {
                lines = Vec::new();
            }
            self.lock().busy = false;
            self.changed.notify_all();
            // Said here and not where it happens: these are lines of the log themselves.
            if dropped > 0 {
                tracing::warn!(sink = self.sink, lines = dropped, "log lines were dropped: writing is slow");
            }
            match &written {
                Err(error) if !failing => tracing::error!(
                    sink = self.sink, %error, "the log cannot be written; lines are lost until it can"
                ),
                Ok(()) if failing => tracing::info!(sink = self.sink, "the log can be written again"),
                _ => {}
            }
            failing = written.is_err();
        }
    }

    /// Waits for lines and takes them all, with the number of those that were dropped before.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut state = self.lock();
        while state.pending.is_empty() {
            state.idle = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = false;
        state.busy = true;
        drop(state);
        // A write for each line would cost more than the lines are worth.
        thread::sleep(GATHER);
        let mut state = self.lock();
        std::mem::swap(&mut state.pending, lines);
        std::mem::take(&mut state.dropped)
    }
}

#[expect(clippy::naive_bytecount, reason = "it counts what is lost, after the disk has failed")]
fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// One line under way to the buffer.
pub(super) struct Line<'a>(&'a Shared);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Blocks in each write until it is let go, and hands over what it wrote.
    struct Slow {
        go: mpsc::Receiver<()>,
        wrote: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.go.recv().map_err(io::Error::other)?;
            self.wrote.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_buffer_drops_and_counts_and_never_blocks() {
        let (recorder, metrics) = metrics::Metrics::new();
        let _guard = ::metrics::set_default_local_recorder(&recorder);
        let ((go, wait), (wrote, written)) = (mpsc::channel(), mpsc::channel());
        let writer = Writer::start("test", 100, Slow { go: wait, wrote }).unwrap();
        writer.make_writer().write_all(b"first line\n").unwrap();
        while !writer.0.lock().pending.is_empty() {
            thread::yield_now();
        }
        // The sink holds the first line and is stuck; ten more fit.
        for number in 10..30 {
            writer.make_writer().write_all(format!("number {number}\n").as_bytes()).unwrap();
        }
        assert!(!writer.flush(Duration::from_millis(1)), "the sink is stuck");
        let series = "leasehold_log_lines_dropped_total{sink=\"test\"} 10\n";
        assert!(metrics.render().contains(series), "{}", metrics.render());
        assert_eq!(writer.0.lock().dropped, 10);

        go.send(()).unwrap();
        go.send(()).unwrap();
        assert_eq!(written.recv_timeout(PATIENCE).unwrap(), b"first line\n");
        let rest = String::from_utf8(written.recv_timeout(PATIENCE).unwrap()).unwrap();
        let kept: Vec<_> = (10..20).map(|number| format!("number {number}")).collect();
        assert_eq!(rest.lines().collect::<Vec<_>>(), kept);
        assert!(writer.flush(PATIENCE));
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let (recorder, metrics) = metrics::Metrics::new();
        let _guard = ::metrics::set_default_local_recorder(&recorder);
        let ((go, wait), (wrote, _)) = (mpsc::channel(), mpsc::channel());
        let writer = Writer::start("broken", 100, Slow { go: wait, wrote }).unwrap();
        drop(go);
        writer.make_writer().write_all(b"one\ntwo\n").unwrap();
        assert!(writer.flush(PATIENCE));
        assert!(metrics.render().contains("leasehold_log_lines_dropped_total{sink=\"broken\"} 2\n"));
    }
}
