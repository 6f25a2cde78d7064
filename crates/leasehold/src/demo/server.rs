//! The licence server of the demonstration: its settings, and where it is found.
//!
//! The one place that says which services run and where: whoever adds one adds its port to [`settings`] and its address
//! to [`Addresses`].

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use leasehold_runtime::Clock;
use leasehold_runtime::config::{Config, ConfigError, Sources};
use rand::RngExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::books::Books;
use super::place::Place;
use super::{Error, Stores, ports, seller};
use crate::app::{self, AppOptions, Observed, Running};

/// The usual ports.
const LICENSING: u16 = 16770;
const SYNC: u16 = 16772;
const UPDATES: u16 = 16771;
const UPDATES_HTTP: u16 = 16773;
const GATEWAY: u16 = 7070;
const ADMIN: u16 = 9090;
/// The licensing database in an embedded server's data directory.
const LICENSING_DB: &str = "licensing.db";
/// What makes things move: the shortest time to live that there is, and renewals every few seconds.
const LIVELY: [(&str, &str); 5] = [
    ("licensing.lease_ttl", "10s"),
    ("licensing.response_lifetime", "1min"),
    ("licensing.allow_device_drop", "true"),
    ("updates.interval", "1min"),
    ("runtime.shutdown_grace", "5s"),
];

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// What programs call.
    pub licensing: SocketAddr,
    /// Synchronisation.
    pub sync: SocketAddr,
    /// Updates: check-ins of clients.
    pub updates: SocketAddr,
    /// The mirror and the definition files, over HTTP.
    pub mirror: SocketAddr,
    /// Health and metrics, where they are served.
    pub admin: Option<SocketAddr>,
    /// The vendor's back office.
    pub vendor: SocketAddr,
    /// The vendor's update repository.
    pub repository: SocketAddr,
    /// The console's address and the code that makes the first administrator, where there is a console.
    pub console: Option<Console>,
    /// The data directory, where it is kept.
    pub data_dir: Option<String>,
    /// Which of the usual ports, where they are wanted, it does not listen on.
    pub elsewhere: Vec<u16>,
}

impl Addresses {
    /// The usual ports that it does not listen on.
    pub(super) fn off_the_usual(&self, console: SocketAddr) -> Vec<u16> {
        let all = [
            (Some(self.licensing), LICENSING),
            (Some(self.sync), SYNC),
            (Some(self.updates), UPDATES),
            (Some(self.mirror), UPDATES_HTTP),
            (Some(console), GATEWAY),
            (self.admin, ADMIN),
            (Some(self.vendor), seller::PORT),
            (Some(self.repository), seller::REPOSITORY_PORT),
        ];
        let is_off = |(at, usual): &(Option<SocketAddr>, u16)| at.is_some_and(|at| at.port() != *usual);
        all.into_iter().filter(is_off).map(|(_, usual)| usual).collect()
    }
}

/// The way into the console.
#[derive(Clone, Debug)]
pub struct Console {
    /// Its address, for a browser.
    pub url: String,
    /// What makes the first administrator, once; empty where there is one.
    pub code: String,
}

/// A licence server that runs.
pub(super) struct Started {
    pub(super) running: Running,
    pub(super) admin: Option<SocketAddr>,
    pub(super) books: Books,
    pub(super) console: Console,
    /// The newest code that makes the first administrator; empty where there was none.
    pub(super) code: watch::Receiver<String>,
    /// Cancelled where the server stops by itself.
    pub(super) shutdown: CancellationToken,
}

/// The configuration of a part that keeps its data in this directory. Neither files nor the environment have a say: a
/// demonstration must not meet somebody's data by accident.
pub(super) fn config(directory: &Path, settings: Vec<(String, String)>) -> Result<Config, ConfigError> {
    let sources = Sources { directory: directory.to_owned(), flags: settings, ..Sources::default() };
    Config::load(&sources)
}

/// Starts the licence server of a place.
pub(super) async fn start(
    place: &Place,
    stores: &Stores,
    usual_ports: bool,
    observed: Option<Observed>,
    clock: Arc<dyn Clock>,
) -> Result<Started, Error> {
    let directory = place.server();
    let admin = observed.is_some().then(|| listen(ADMIN, usual_ports)).transpose()?;
    let mut settings = settings(&directory, usual_ports, admin)?;
    let books = match stores {
        Stores::Embedded => {
            app::create_data_dir(&directory, Arc::clone(&clock)).await?;
            Books::Sqlite(directory.join(LICENSING_DB))
        }
        Stores::Postgres { database_url, redis_url } => {
            settings.push(("postgres.url".to_owned(), database_url.clone()));
            settings.push(("redis.url".to_owned(), redis_url.clone()));
            Books::Postgres(database_url.clone())
        }
    };
    let mut config = config(&directory, settings)?;
    if matches!(stores, Stores::Postgres { .. }) {
        // The database is emptied at each start, so nothing in it was sealed with another key.
        config.security.set_master_key(&fresh_key());
    }
    let mut options = AppOptions::new(config, clock);
    options.observed = observed;
    let shutdown = options.shutdown.clone();
    let (told, mut code) = watch::channel(String::new());
    options.announce = Arc::new(move |first| {
        told.send_replace(first.code.clone());
    });
    let running = app::start(options).await?;
    let url = format!("http://{}/", running.gateway_addr());
    let console = Console { url, code: code.borrow_and_update().clone() };
    Ok(Started { running, admin, books, console, code, shutdown })
}

/// Where each service listens and keeps its data.
fn settings(
    directory: &Path,
    usual_ports: bool,
    admin: Option<SocketAddr>,
) -> Result<Vec<(String, String)>, Error> {
    let listen = |port| listen(port, usual_ports);
    let mut settings = vec![
        ("runtime.data_dir", directory.display().to_string()),
        ("licensing.listen", listen(LICENSING)?.to_string()),
        ("sync.listen", listen(SYNC)?.to_string()),
        ("updates.listen", listen(UPDATES)?.to_string()),
        ("updates.http_listen", listen(UPDATES_HTTP)?.to_string()),
        ("gateway.listen", listen(GATEWAY)?.to_string()),
        ("admin.listen", admin.map(|address| address.to_string()).unwrap_or_default()),
    ];
    settings.extend(LIVELY.map(|(key, value)| (key, value.to_owned())));
    Ok(settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// An address with this port, where it is wanted and free.
fn listen(port: u16, usual_ports: bool) -> Result<SocketAddr, Error> {
    ports::pick(usual_ports.then_some(port))
}

/// A master key of 64 hexadecimal digits.
fn fresh_key() -> String {
    let mut rng: rand::rngs::StdRng = rand::make_rng();
    format!("{:032x}{:032x}", rng.random::<u128>(), rng.random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_are_not_the_usual_ones_are_named() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut addresses = Addresses {
            licensing: at(LICENSING),
            sync: at(SYNC),
            updates: at(UPDATES),
            mirror: at(UPDATES_HTTP),
            admin: Some(at(ADMIN)),
            vendor: at(seller::PORT),
            repository: at(seller::REPOSITORY_PORT),
            console: None,
            data_dir: None,
            elsewhere: Vec::new(),
        };
        assert!(addresses.off_the_usual(at(GATEWAY)).is_empty());
        (addresses.sync, addresses.admin, addresses.repository) = (at(1), None, at(2));
        assert_eq!(addresses.off_the_usual(at(3)), [SYNC, GATEWAY, seller::REPOSITORY_PORT]);
    }
}
