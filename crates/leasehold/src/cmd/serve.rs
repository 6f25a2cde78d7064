//! `leasehold serve`: the server, until it is told to stop.

use std::sync::Arc;

use leasehold::app::{self, AppOptions, Chosen, Observed, StartError};
use leasehold_runtime::{SystemClock, lifecycle, metrics, telemetry};

use super::settings::{DataDirFlag, Files};
use crate::exit::{Exit, Failure};

/// Where the admin listener of synchronisation alone is, unless the configuration says it.
const SYNC_ADMIN_PORT: u16 = 9092;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to run in this process
    #[arg(value_enum, default_value_t)]
    services: Services,
    #[command(flatten)]
    files: Files,
    /// Serve licensing on this IP address and port, whatever `licensing.listen` says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Serve synchronisation on this IP address and port, whatever `sync.listen` says
    #[arg(long, value_name = "ADDRESS")]
    sync_listen: Option<String>,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Services {
    /// The licensing service; needs a database
    Licensing,
    /// Synchronisation with the vendor; needs a database
    Sync,
    /// Every service
    #[default]
    All,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let services = match args.services {
        Services::Licensing => Chosen { sync: false, ..Chosen::ALL },
        Services::Sync => Chosen { licensing: false, ..Chosen::ALL },
        Services::All => Chosen::ALL,
    };
    let mut flags: Vec<(String, String)> = args.data_dir.setting()?.into_iter().collect();
    flags.extend(args.listen.map(|address| ("licensing.listen".to_owned(), address)));
    flags.extend(args.sync_listen.map(|address| ("sync.listen".to_owned(), address)));
    flags.extend(args.database_url.map(|url| ("postgres.url".to_owned(), url)));
    flags.extend(args.redis_url.map(|url| ("redis.url".to_owned(), url)));
    let mut config = args.files.load(flags)?;
    if !services.licensing {
        config.set_default_admin_port(SYNC_ADMIN_PORT);
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
    options.observed = metrics.map(|metrics| Observed { metrics, levels: Some(telemetry.levels()) });
    let running = app::start(options).await.map_err(|error| Failure::new(exit(&error), error))?;
    let ended = running.wait().await;
    telemetry.finish().await;
    ended.map_err(Failure::error)?;
    if signals.is_cancelled() {
        return Ok(());
    }
    Err(Failure::error("the server has stopped by itself; its log says why"))
}

fn exit(error: &StartError) -> Exit {
    if error.is_taken() { Exit::Unavailable } else { Exit::Error }
}
