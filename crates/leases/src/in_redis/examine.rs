//! How a Redis stands, for whoever looks after it. Not responsible for what of that is good.

use std::time::Duration;

use super::link::{Link, info_line};
use super::settings::{ConnectError, Settings};
use super::trouble::Trouble;

/// How a Redis stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its host and port.
    pub address: String,
    /// Its version.
    pub version: String,
    /// Whether it takes changes: a replica does not.
    pub takes_changes: bool,
    /// What it does when its memory is full; `noeviction` refuses changes.
    pub eviction_policy: String,
    /// Bytes in use.
    pub memory_used: u64,
    /// Most bytes that it uses; 0 is no limit of its own.
    pub memory_limit: u64,
    /// Whether each change is written to a file.
    pub appends: bool,
    /// Its clock, since the start of 1970.
    pub now: Duration,
}

/// Why it is not known how a Redis stands.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// What waiting does not mend.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It does not answer, or not in time.
    #[error("Redis at {server} does not answer: {problem}; check that it runs there, and redis.url")]
    Away {
        /// Its host and port.
        server: String,
        /// What was met.
        problem: String,
    },
}

/// Asks a Redis how it stands. Changes nothing. Takes as long as a connection and two answers may take.
pub async fn examine(settings: &Settings) -> Result<Standing, ExamineError> {
    let link = Link::new(settings)?;
    match ask(&link).await {
        Ok(standing) => Ok(standing),
        Err(trouble) => {
            let (server, problem) = (link.address(), trouble.to_string());
            let known = ConnectError::of(link.explain(trouble).await, server.clone());
            Err(known.map_or(ExamineError::Away { server, problem }, ExamineError::Connect))
        }
    }
}

async fn ask(link: &Link) -> Result<Standing, Trouble> {
    let connection = link.connection().await?;
    let info = link.ask(&connection, &redis::cmd("INFO")).await?;
    let info: String = redis::from_redis_value(info).map_err(|_| Trouble::Answer("no text for INFO"))?;
    let time = link.ask(&connection, &redis::cmd("TIME")).await?;
    let (seconds, micros): (u64, u64) =
        redis::from_redis_value(time).map_err(|_| Trouble::Answer("no time for TIME"))?;
    let text = |name| info_line(&info, name).unwrap_or_default().to_owned();
    let number = |name| info_line(&info, name).and_then(|value| value.parse().ok()).unwrap_or(0);
    Ok(Standing {
        address: link.address(),
        version: text("redis_version"),
        takes_changes: info_line(&info, "role") != Some("slave"),
        eviction_policy: text("maxmemory_policy"),
        memory_used: number("used_memory"),
        memory_limit: number("maxmemory"),
        appends: info_line(&info, "aof_enabled") == Some("1"),
        now: Duration::from_secs(seconds) + Duration::from_micros(micros),
    })
}
