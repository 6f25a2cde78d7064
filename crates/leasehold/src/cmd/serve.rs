//! `leasehold serve`: the server, until it is told to stop.

use std::sync::Arc;

use leasehold::app::{self, AppOptions, Chosen, FirstCode, Observed, StartError};
use leasehold_runtime::{Config, SystemClock, lifecycle, metrics, telemetry};

use super::notify;
use super::settings::{DataDirFlag, Files};
use crate::exit::{Exit, Failure};
use crate::output::say;

/// Where the admin listener of a process without licensing is, by its first service, unless the configuration says it.
const ADMIN_PORTS: [(Service, u16); 3] =
    [(Service::Updates, 9091), (Service::Sync, 9092), (Service::Gateway, 9094)];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to run in this process
    #[arg(value_enum, default_value = "all", value_name = "SERVICE")]
    services: Vec<Service>,
    #[command(flatten)]
    files: Files,
    /// Serve licensing on this IP address and port, whatever `licensing.listen` says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Serve synchronisation on this IP address and port, whatever `sync.listen` says
    #[arg(long, value_name = "ADDRESS")]
    sync_listen: Option<String>,
    /// Serve updates on this IP address and port, whatever `updates.listen` says
    #[arg(long, value_name = "ADDRESS")]
    updates_listen: Option<String>,
    /// Serve the mirror of updates over HTTP on this IP address and port, whatever `updates.http_listen` says
    #[arg(long, value_name = "ADDRESS")]
    updates_http_listen: Option<String>,
    /// Serve the HTTP API and the console on this IP address and port, whatever `gateway.listen` says
    #[arg(long, value_name = "ADDRESS")]
    gateway_listen: Option<String>,
    #[command(flatten)]
    data_dir: DataDirFlag,
    /// Keep licence state in this Postgres database, whatever `postgres.url` says
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Keep leases in this Redis, whatever `redis.url` says
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// Licence state was restored from a backup: take no silent grant back and grant no borrow until confirmed
    ///
    /// It stays so, over restarts too, until `leasehold instance confirm-restored`.
    #[arg(long)]
    restored: bool,
}

/// What runs in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Service {
    /// The licensing service; needs a database
    Licensing,
    /// Synchronisation with the vendor; needs a database
    Sync,
    /// Updates; needs a database
    Updates,
    /// The HTTP API and the console; needs a database
    Gateway,
    /// Every service
    All,
}

impl Service {
    /// All of these.
    fn chosen(services: &[Self]) -> Chosen {
        let mut chosen = Chosen::NONE;
        for service in services {
            match service {
                Self::Licensing => chosen.licensing = true,
                Self::Sync => chosen.sync = true,
                Self::Updates => chosen.updates = true,
                Self::Gateway => chosen.gateway = true,
                Self::All => chosen = Chosen::ALL,
            }
        }
        chosen
    }
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let services = Service::chosen(&args.services);
    let mut flags: Vec<(String, String)> = args.data_dir.setting()?.into_iter().collect();
    flags.extend(args.listen.map(|address| ("licensing.listen".to_owned(), address)));
    flags.extend(args.sync_listen.map(|address| ("sync.listen".to_owned(), address)));
    flags.extend(args.updates_listen.map(|address| ("updates.listen".to_owned(), address)));
    flags.extend(args.updates_http_listen.map(|address| ("updates.http_listen".to_owned(), address)));
    flags.extend(args.gateway_listen.map(|address| ("gateway.listen".to_owned(), address)));
    flags.extend(args.database_url.map(|url| ("postgres.url".to_owned(), url)));
    flags.extend(args.redis_url.map(|url| ("redis.url".to_owned(), url)));
    let mut config = args.files.load(flags)?;
    let first = ADMIN_PORTS.iter().find(|(service, _)| args.services.contains(service));
    if let Some((_, port)) = first.filter(|_| !services.licensing) {
        config.set_default_admin_port(*port);
    }
    let clock = Arc::new(SystemClock::new());
    // Nobody would read what is recorded without the listener.
    let metrics = config.admin.listen.map(|_| metrics::install()).transpose().map_err(Failure::error)?;
    metrics::record_process(&config, &clock);
    let telemetry = telemetry::init(&config.logging, &config.telemetry).map_err(Failure::error)?;
    let signals = lifecycle::on_signals()
        .map_err(|error| Failure::error(format!("signals cannot be received: {error}")))?;

    let mut options = AppOptions::new(config, clock);
    options.shutdown = signals.child_token();
    options.services = services;
    options.restored = args.restored;
    let console = console(&options.config);
    options.announce = Arc::new(move |first| announce(first, &console));
    options.observed = metrics.map(|metrics| Observed { metrics, levels: Some(telemetry.levels()) });
    let running = app::start(options).await.map_err(|error| Failure::new(exit(&error), error))?;
    notify::tell(notify::READY);
    let told = signals.clone();
    tokio::spawn(async move {
        told.cancelled().await;
        notify::tell(notify::STOPPING);
    });
    let ended = running.wait().await;
    telemetry.finish().await;
    ended.map_err(Failure::error)?;
    if signals.is_cancelled() {
        return Ok(());
    }
    Err(Failure::error("the server has stopped by itself; its log says why"))
}

/// Where the console is, as a browser on this machine can reach it.
fn console(config: &Config) -> String {
    let (tls, _) = config.gateway.tls(&config.tls);
    let scheme = if tls.certificate.is_some() { "https" } else { "http" };
    let listen = config.gateway.listen;
    match listen.port() {
        0 => "the console".to_owned(),
        port if listen.ip().is_unspecified() => format!("{scheme}://localhost:{port}/"),
        _ => format!("{scheme}://{listen}/"),
    }
}

/// Tells whoever sees the log how the first administrator is made.
fn announce(first: &FirstCode, console: &str) {
    let FirstCode { code, expires_at } = first;
    let what =
        format!("nobody can sign in to the console yet; open {console} and give this code, which works once");
    if tracing::enabled!(tracing::Level::INFO) {
        tracing::info!(code, %expires_at, "{what}");
    } else {
        // Without it nobody could ever sign in, however little the log says.
        say(&format!("{what}: {code}"));
    }
}

fn exit(error: &StartError) -> Exit {
    if error.is_taken() { Exit::Unavailable } else { Exit::Error }
}
