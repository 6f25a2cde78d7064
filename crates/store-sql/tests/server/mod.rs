//! One throw-away server for the tests of a binary, and a database of its own for each test.

#![allow(dead_code, reason = "not every test binary uses all of it")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use leasehold_store_sql::Place;
use leasehold_testkit::Postgres;
use tokio::sync::Mutex;

/// The server, for as long as a test uses it: a value that outlives all tests would never be dropped, and the
/// server would stay.
static SERVER: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// An empty database.
pub(crate) struct Database {
    server: Arc<Postgres>,
    name: String,
}

impl Database {
    /// A new one, on the server that the other tests use.
    pub(crate) async fn new() -> Self {
        let mut shared = SERVER.lock().await;
        let server = match shared.upgrade() {
            Some(server) => server,
            None => {
                let server = Arc::new(Postgres::start().await.unwrap());
                *shared = Arc::downgrade(&server);
                server
            }
        };
        drop(shared);
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let created = server.psql(["-c", &format!("CREATE DATABASE {name}")]).output().unwrap();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        Self { server, name }
    }

    /// Where it is.
    pub(crate) fn place(&self) -> Place {
        let url = self.server.url();
        let (server, _) = url.rsplit_once('/').unwrap();
        Place::Postgres { url: format!("{server}/{}", self.name), password: None, max_connections: 8 }
    }

    /// Runs statements; what they answer, or the server's message.
    pub(crate) fn run(&self, sql: &str) -> Result<String, String> {
        let output = self.server.psql(["--dbname", &self.name, "-c", sql]).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}
