//! What is logged: the levels in force, which can be changed while the process runs.

use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Registry, reload};

use crate::config::log_levels;

/// The levels in force. Clones share them.
#[derive(Clone)]
pub struct Levels {
    filter: reload::Handle<Targets, Registry>,
    text: Arc<Mutex<String>>,
}

impl Levels {
    /// Levels from text that the configuration has checked, and the filter that obeys them.
    pub(super) fn new(text: &str) -> (Self, reload::Layer<Targets, Registry>) {
        let targets = log_levels(text).unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
        let (filter, handle) = reload::Layer::new(targets);
        (Self { filter: handle, text: Arc::new(Mutex::new(text.to_owned())) }, filter)
    }

    /// The levels in force, as `logging.level` has them: `info,leasehold_licensing=debug`.
    pub fn get(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other levels in force until the process ends. The error says what to give instead.
    pub fn set(&self, text: &str) -> Result<(), String> {
        let targets = log_levels(text)?;
        let mut shown = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        self.filter.reload(targets).map_err(|error| format!("the process does not log ({error})"))?;
        text.clone_into(&mut shown);
        Ok(())
    }
}
