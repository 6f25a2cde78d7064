//! How connections to the database are made: where it is, and the settings that durability rests on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

/// Read connections. They only serve lists and background work; the hot path is the writer.
const READERS: u32 = 3;

/// How long a statement waits for another program that has the file, a backup for instance, and a read for
/// its turn.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages that the write-ahead log gathers (16 MiB) before a commit also moves them into the file. Rare moves
/// write a page that many commits changed only once.
const CHECKPOINT_PAGES: &str = "4000";

/// Page cache of the writer and of each reader: negative numbers are KiB.
const WRITER_CACHE: &str = "-32768";
const READER_CACHE: &str = "-8192";

/// Where a database is.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    /// In a file.
    File(PathBuf),
    /// In the memory of its only connection.
    Memory,
}

impl Location {
    /// The path, or what stands for it in memory.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Memory => PathBuf::from(":memory:"),
        }
    }

    /// A connection that writes, and makes the database where there is none.
    pub(crate) fn writer(&self) -> SqliteConnectOptions {
        let options = SqliteConnectOptions::new()
            .foreign_keys(true)
            .pragma("cache_size", WRITER_CACHE)
            .pragma("temp_store", "MEMORY")
            .row_buffer_size(1024);
        match self {
            Self::File(path) => options
                .filename(path)
                .create_if_missing(true)
                .busy_timeout(BUSY_TIMEOUT)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                // Where the system distinguishes, let a sync reach the disk and not only its cache.
                .pragma("fullfsync", "ON")
                .pragma("checkpoint_fullfsync", "ON")
                .pragma("wal_autocheckpoint", CHECKPOINT_PAGES),
            Self::Memory => options.in_memory(true),
        }
    }
}

/// A connection that only reads the database in this file.
pub(crate) fn reader(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", READER_CACHE)
        .row_buffer_size(256)
}

/// A connection that only looks at the database in this file, and leaves nothing beside it.
pub(crate) fn looker(file: &Path) -> SqliteConnectOptions {
    // Whoever works on it has its write-ahead log there. Without one the file is all there is, and needs no lock.
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    reader(file).immutable(!Path::new(&log).exists())
}

/// The connections that read the database in this file.
pub(crate) fn readers(file: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(BUSY_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(reader(file))
}
