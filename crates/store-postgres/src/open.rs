//! Opening a store: what may be wrong with the database.

/// Why a database cannot be opened. No message holds the address's password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error("the database's address cannot be read: {reason}; give it as postgres://user@host:5432/database")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// There is no server, it is starting or too busy, or it broke off. It may get better.
    #[error("cannot use the database {database} at {server}: {reason}; check that PostgreSQL runs there")]
    Cannot {
        /// The database's name.
        database: String,
        /// The server's host and port.
        server: String,
        /// What the system or the server said.
        reason: String,
        /// What the back end said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server answers, and refuses: waiting does not help.
    #[error("PostgreSQL at {server} refuses the database {database}: {reason}; {remedy}")]
    Refused {
        /// The database's name.
        database: String,
        /// The server's host and port.
        server: String,
        /// What the server said.
        reason: String,
        /// What to do.
        remedy: String,
        /// What the back end said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no secure connection to be had as the address wants it.
    #[error("the connection to PostgreSQL at {server} cannot be secured: {problem}")]
    Tls {
        /// The server's host and port.
        server: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The server is too old.
    #[error(
        "the server at {server} is PostgreSQL {found}; PostgreSQL {} or later is needed; upgrade the server",
        crate::schema::OLDEST_SERVER
    )]
    ServerTooOld {
        /// The server's host and port.
        server: String,
        /// Its major version.
        found: u32,
    },
    /// The user may not make or change the schema.
    #[error(
        "the user may not set up the schema `licensing` in the database {database}: {reason}; make the user the \
         owner of the database, or of a schema of this name"
    )]
    NotAllowed {
        /// The database's name.
        database: String,
        /// What the server said.
        reason: String,
    },
    /// The schema's name is taken by something else.
    #[error(
        "the database {database} has a schema `licensing` that is not Leasehold's; nothing was changed; give \
         Leasehold a database of its own, or rename that schema"
    )]
    Foreign {
        /// The database's name.
        database: String,
    },
    /// A newer release has changed the schema.
    #[error(
        "the schema `licensing` in the database {database} was written by a newer release: it is version {found}, \
         this release knows versions up to {known}; nothing was changed; upgrade Leasehold"
    )]
    Newer {
        /// The database's name.
        database: String,
        /// The schema's version.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// A step of the schema is not the one that this release has.
    #[error(
        "the schema `licensing` in the database {database} was made by another build: its version {version} \
         differs from this release's; nothing was changed; use the release that made it, or restore a backup"
    )]
    Changed {
        /// The database's name.
        database: String,
        /// The step's version.
        version: i64,
    },
}

impl OpenError {
    /// Whether the same may succeed a little later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Cannot { .. })
    }
}
