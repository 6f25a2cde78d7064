//! Panics: one in a call fails that call alone, every one is logged once and with its place.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::pin::pin;
use std::task::Poll;

thread_local! {
    /// Whether this thread is working for a call, which will log its own panic.
    static IN_CALL: Cell<bool> = const { Cell::new(false) };
    /// The panic of the call, with its place.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes panics go to the log in place of standard error, and counts them.
pub(crate) fn log_panics() {
    let panics = ::metrics::counter!(crate::metrics::PANICS);
    panic::set_hook(Box::new(move |panic| {
        panics.increment(1);
        let text = describe(panic);
        if IN_CALL.get() {
            CAUGHT.set(Some(text));
        } else {
            tracing::error!(panic = text, "a task panicked");
        }
    }));
}

/// Runs one step of a call; the error says what panicked and, with [`log_panics`], where.
pub(crate) fn guard<R>(step: impl FnOnce() -> R) -> Result<R, String> {
    let outer = IN_CALL.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(step));
    IN_CALL.set(outer);
    outcome.map_err(|payload| CAUGHT.take().unwrap_or_else(|| message(&*payload).to_owned()))
}

/// The future, or what panicked in it.
pub(crate) async fn guarded<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    poll_fn(|context| match guard(|| future.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    match panic.location() {
        Some(place) => format!("{} at {place}", message(panic.payload())),
        None => message(panic.payload()).to_owned(),
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_with_its_message() {
        assert_eq!(guarded(async { 7 }).await, Ok(7));
        let late = guarded(async {
            tokio::task::yield_now().await;
            panic!("no seat {}", 3)
        });
        let error: Result<(), String> = late.await;
        assert!(error.unwrap_err().starts_with("no seat 3"));
        assert!(!IN_CALL.get());
    }
}
