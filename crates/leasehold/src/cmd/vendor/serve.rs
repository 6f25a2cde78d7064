//! `leasehold vendor serve`: the back office, until it is told to stop.

use std::path::PathBuf;
use std::sync::Arc;

use leasehold::app::Observed;
use leasehold::app::backoffice::{VendorOptions, start_vendor};
use leasehold_runtime::{SystemClock, lifecycle, metrics, telemetry};

use super::place::{Settings, failure, place};
use crate::exit::Failure;

/// Where the admin listener is, unless the configuration says it.
const ADMIN_PORT: u16 = 9093;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The vendor's directory, where no database is named
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Serve on this IP address and port, whatever `backoffice.listen` says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where licence servers reach it, whatever the vendor was set up with: `https://HOST[:PORT]`
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    address: String,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let listen = args.listen.map(|address| ("backoffice.listen".to_owned(), address));
    let mut config = args.settings.load(listen.into_iter().collect())?;
    config.set_default_admin_port(ADMIN_PORT);
    let place = place(&config, args.dir)?;
    let clock = Arc::new(SystemClock::new());
    // Nobody would read what is recorded without the listener.
    let metrics = config.admin.listen.map(|_| metrics::install()).transpose().map_err(Failure::error)?;
    metrics::record_process(&config, &clock);
    let telemetry = telemetry::init(&config.logging, &config.telemetry).map_err(Failure::error)?;
    let signals = lifecycle::on_signals()
        .map_err(|error| Failure::error(format!("signals cannot be received: {error}")))?;
    let options = VendorOptions {
        config,
        clock,
        place,
        address: args.address,
        observed: metrics.map(|metrics| Observed { metrics, levels: Some(telemetry.levels()) }),
        shutdown: signals.child_token(),
    };
    let running = start_vendor(options).await.map_err(|error| failure(&error))?;
    let ended = running.wait().await;
    telemetry.finish().await;
    ended.map_err(Failure::error)?;
    if signals.is_cancelled() {
        return Ok(());
    }
    Err(Failure::error("the back office has stopped by itself; its log says why"))
}
