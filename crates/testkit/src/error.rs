//! What can go wrong with a throw-away process, told so that the log of a failed test suffices.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a process could not be started, or did not do what the test waited for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres's server is not on this machine.
    #[error(
        "the programs of the PostgreSQL server are not installed: no folder on PATH and none of \
         /usr/lib/postgresql/*/bin has both initdb and postgres; on Debian: sudo apt-get install postgresql"
    )]
    PostgresNotInstalled,
    /// Postgres does not run as root, and no user is there to run it as.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has no user `postgres`: make one, or be another user"
    )]
    NoUserForPostgres,
    /// Redis' server is not on this machine.
    #[error(
        "redis-server is not installed: no folder on PATH has it, nor one of the usual ones; on Debian: sudo \
         apt-get install redis-server"
    )]
    RedisNotInstalled,
    /// Redis answered a command with an error.
    #[error("Redis answered {command}: {error}")]
    RedisAnswered {
        /// The command's name.
        command: String,
        /// What it said.
        error: String,
    },
    /// Nothing of what was to be caught came in time.
    #[error("nothing that was to be caught came through the proxy within {within:?}")]
    NothingCaught {
        /// How long it was waited for.
        within: Duration,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program as it was named.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// A process ended while the test waited for something else.
    #[error("{program} ended ({status}) instead of: {awaited}. Its output ends so:\n{output}")]
    Ended {
        /// The program as it was named.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it was waited for.
        awaited: String,
        /// The last lines that it wrote.
        output: String,
    },
    /// A process did not do in time what the test waited for.
    #[error("{program} took longer than {within:?} for: {awaited}. Its output ends so:\n{output}")]
    TooSlow {
        /// The program as it was named.
        program: String,
        /// How long it had.
        within: Duration,
        /// What it was waited for.
        awaited: String,
        /// The last lines that it wrote.
        output: String,
    },
    /// Something of the operating system failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// Wraps an error of the operating system: `map_err(Error::system("cannot make a folder"))`.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        |source| Self::System { what, source }
    }
}
