//! What batches add to the traces of the calls that they decide: a span for the batch, and in each call's span how long
//! it waited and was decided. Where no call of a batch is traced, nothing is done.

use std::time::Duration;

use leasehold_runtime::telemetry::{Place, count};
use tokio::time::Instant;
use tracing::Span;

/// The place of a caller in its trace, and when it began to wait.
pub(super) struct Caller {
    place: Place,
    since: Instant,
}

impl Caller {
    /// The span at work, if it is exported. In a box: there mostly is none, and what waits should be small.
    pub(super) fn current() -> Option<Box<Self>> {
        Some(Box::new(Self { place: Place::current()?, since: Instant::now() }))
    }
}

/// The span of a batch, which ends with this.
pub(super) struct Trace {
    span: Span,
    place: Option<Place>,
    /// With how long each of them had waited.
    callers: Vec<(Place, Duration)>,
    begun: Instant,
}

impl Trace {
    /// Of a batch of `size` pieces of work, which begins now, for these among their callers. It is a part of the first
    /// one's trace, and linked with the others.
    pub(super) fn begin<'a>(size: usize, callers: impl Iterator<Item = &'a Caller>) -> Self {
        let begun = Instant::now();
        let waited = |caller: &Caller| begun.saturating_duration_since(caller.since);
        let callers: Vec<_> = callers.map(|caller| (caller.place.clone(), waited(caller))).collect();
        let mut trace = Self { span: Span::none(), place: None, callers, begun };
        let Some(((first, _), others)) = trace.callers.split_first() else { return trace };
        let (size, calls) = (count(size), count(trace.callers.len()));
        trace.span =
            tracing::debug_span!(parent: None, "licensing.batch", batch.size = size, batch.calls = calls);
        first.adopt(&trace.span);
        trace.place = Place::of(&trace.span);
        for (other, _) in others {
            trace.place.iter().for_each(|place| place.link(other));
        }
        trace
    }

    /// A phase of it has just ended.
    pub(super) fn phase(&self, name: &'static str, took: Duration) {
        if let Some(place) = &self.place {
            place.done(name, took);
        }
    }

    /// Nothing of it has happened, or nobody knows.
    pub(super) fn failed(&self) {
        if let Some(place) = &self.place {
            place.failed("the batch was not decided");
        }
    }

    /// Nothing of it has happened; what is in it is decided by others, which tell the callers of it.
    pub(super) fn split(mut self) {
        self.failed();
        self.callers.clear();
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        for (caller, waited) in &self.callers {
            caller.took("queue.duration.us", *waited);
            caller.took("batch.duration.us", self.begun.elapsed());
        }
    }
}
