//! `leasehold serve`: the server, until it is told to stop.

use std::path::PathBuf;
use std::sync::Arc;

use leasehold::app::{self, AppOptions, StartError};
use leasehold::estate_file::EstateFile;
use leasehold_runtime::{SystemClock, lifecycle, telemetry};

use super::settings::{DataDirFlag, Files};
use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to run in this process
    #[arg(value_enum, default_value_t)]
    services: Services,
    #[command(flatten)]
    files: Files,
    /// Serve gRPC on this IP address and port, whatever `licensing.listen` says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    data_dir: DataDirFlag,
    /// Put the line items and reservations of this file in force, for development only
    #[arg(long, value_name = "FILE")]
    development_estate: Option<PathBuf>,
}

/// What runs in one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Services {
    /// The licensing service
    Licensing,
    /// Every service
    #[default]
    All,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    // Both are one service so far, in one wiring.
    let (Services::Licensing | Services::All) = args.services;
    let mut flags: Vec<(String, String)> = args.data_dir.setting()?.into_iter().collect();
    flags.extend(args.listen.map(|address| ("licensing.listen".to_owned(), address)));
    let config = args.files.load(flags)?;
    let estate =
        args.development_estate.map(|path| EstateFile::read(&path)).transpose().map_err(Failure::error)?;
    telemetry::init(&config.logging).map_err(Failure::error)?;
    let signals = lifecycle::on_signals()
        .map_err(|error| Failure::error(format!("signals cannot be received: {error}")))?;

    let mut options = AppOptions::new(config, Arc::new(SystemClock::new()));
    options.shutdown = signals.child_token();
    options.development_estate = estate;
    let running = app::start(options).await.map_err(|error| Failure::new(exit(&error), error))?;
    running.wait().await.map_err(Failure::error)?;
    if signals.is_cancelled() {
        return Ok(());
    }
    Err(Failure::error("the server has stopped by itself; its log says why"))
}

fn exit(error: &StartError) -> Exit {
    if error.is_taken() { Exit::Unavailable } else { Exit::Error }
}
