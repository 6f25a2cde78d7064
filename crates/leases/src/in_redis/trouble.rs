//! What can go wrong between here and Redis, for the log.

use std::sync::Arc;

use redis::RedisError;

use crate::LeaseError;

/// Why Redis was not asked, or did not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{0}")]
    Redis(#[from] RedisError),
    #[error("Redis {0} is too old; 6.2 or newer is needed")]
    TooOld(String),
    #[error("the connection to Redis cannot be secured: {0}")]
    Tls(Arc<str>),
    #[error("database {number} cannot be used: {said}")]
    NoDatabase { number: i64, said: Arc<str> },
    #[error("no connection to Redis within {0:?}")]
    TooSlow(std::time::Duration),
    #[error("{0} (a moment ago; it is asked again soon)")]
    Away(Arc<str>),
    #[error(
        "Redis forgot who was heard, its clock was set back, or it was asked too late; it is looked at again soon"
    )]
    Changed,
    #[error("Redis answered something that was not asked for: {0}")]
    Answer(&'static str),
    #[error("the service is stopping")]
    Stopping,
}

impl From<Trouble> for LeaseError {
    fn from(trouble: Trouble) -> Self {
        Self::Unavailable { source: Box::new(trouble) }
    }
}
