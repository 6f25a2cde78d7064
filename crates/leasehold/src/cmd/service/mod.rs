//! `leasehold service`: an embedded server as a service of this machine.
//!
//! Responsible for the unit and its place, and for telling systemd of it. Not responsible for the server, which is
//! `leasehold serve`.

mod install;
mod place;
mod status;
mod systemd;
mod unit;

use crate::exit::{Exit, Failure};
use crate::output::say;
use place::Which;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make the server a service of this machine, with a data directory, which starts with the machine
    Install(install::Args),
    /// Stop it and take it away; its data stays
    Uninstall(Which),
    /// Start it, and wait until it serves
    Start(Which),
    /// Stop it in order
    Stop(Which),
    /// How it stands
    Status(status::Args),
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::new(
            Exit::Unavailable,
            "services are not supported on this system yet; let its own manager of services run `leasehold serve`",
        ));
    }
    match command {
        Command::Install(args) => install::run(args).await,
        Command::Uninstall(which) => install::uninstall(&which),
        Command::Start(which) => tell(&which, "start", "started"),
        Command::Stop(which) => tell(&which, "stop", "stopped"),
        Command::Status(args) => status::run(&args),
    }
}

fn tell(which: &Which, verb: &str, done: &str) -> Result<(), Failure> {
    which.installed()?;
    which.manager().run(&[verb, &which.unit()])?;
    say(&format!("{} is {done}.", which.unit()));
    Ok(())
}
