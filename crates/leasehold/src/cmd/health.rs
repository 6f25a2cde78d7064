//! `leasehold health`: whether a server on this machine is ready, for health checks where there is no `curl`.

use std::net::SocketAddr;
use std::time::Duration;

use leasehold::probe::{self, Condition, Question};

use super::settings::Files;
use crate::exit::{Exit, Failure};
use crate::output::print;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Ask only whether the process lives, not whether it is ready for calls
    #[arg(long)]
    live: bool,
    /// The IP address and port of the admin listener; where it is left out, `admin.listen` of the configuration
    #[arg(long, value_name = "ADDRESS")]
    address: Option<SocketAddr>,
    /// Give up when there is no answer after so many seconds
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    files: Files,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let address = match args.address {
        Some(address) => address,
        None => configured(args.files)?,
    };
    let question = if args.live { Question::Live } else { Question::Ready };
    match probe::ask(address, question, Duration::from_secs(args.timeout)).await {
        Condition::Well(line) | Condition::Degraded(line) => print(&format!("{line}\n")),
        Condition::NotReady(line) | Condition::Nobody(line) | Condition::Strange(line) => {
            Err(Failure::new(Exit::Unavailable, line))
        }
    }
}

/// Where the configuration has the listener.
fn configured(files: Files) -> Result<SocketAddr, Failure> {
    let Some(address) = files.load(Vec::new())?.admin.listen else {
        let text =
            "`admin.listen` is empty, so that nobody can be asked; set it, or name a listener with --address";
        return Err(Failure::error(text));
    };
    Ok(probe::reachable(address))
}
