//! The commands, one file each. They read flags, call the server or the wiring, and print.

mod backup;
mod certs;
mod client_config;
mod config;
mod connection;
mod demo;
mod device;
mod doctor;
mod feature;
mod grant;
mod health;
mod init;
mod instance;
mod migrate;
mod notify;
mod run;
mod serve;
mod service;
mod settings;
mod sync;
mod value;
mod vendor;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Failure;

/// How the exit codes read, for the help text.
const EXIT_CODES: &str = "Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 not signed in, 5 denied, 6 conflict, \
                          7 unavailable, 8 partial. `run` returns the program's own.";

/// Licence server, and the tools to run and to use it.
#[derive(Debug, Parser)]
#[command(name = "leasehold", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See it work: a licence server, its vendor, and a small firm, in one process
    Demo(demo::Args),
    /// Create the data directory of an embedded server
    Init(init::Args),
    /// Run the server until SIGTERM or Ctrl-C
    Serve(serve::Args),
    /// Bring the tables of every service up to date, and end
    Migrate(migrate::Args),
    /// Ask a server on this machine whether it is ready: for health checks
    Health(health::Args),
    /// Look whether this machine and this installation are fit to serve, and say what to do
    Doctor(doctor::Args),
    /// Back up an embedded server's data, check a backup, or put one back
    #[command(subcommand)]
    Backup(backup::Command),
    /// Make an embedded server a service of this machine, or look at it
    #[command(subcommand)]
    Service(service::Command),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Make certificates for TLS
    #[command(subcommand)]
    Certs(certs::Command),
    /// Write the connection file that clients and installers get
    ClientConfig(client_config::Args),
    /// Check out a feature, run a program with it, and return it
    Run(run::Args),
    /// Look at an instance, or confirm one that was restored
    #[command(subcommand)]
    Instance(instance::Command),
    /// Look at features
    #[command(subcommand)]
    Feature(feature::Command),
    /// Look at devices
    #[command(subcommand)]
    Device(device::Command),
    /// Look at grants, or end one
    #[command(subcommand)]
    Grant(grant::Command),
    /// Synchronise with the vendor, and look at how that stands
    #[command(subcommand)]
    Sync(sync::Command),
    /// The vendor's side: set it up, serve it, give rights
    #[command(subcommand)]
    Vendor(vendor::Command),
}

/// Runs a command to its end.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    match cli.command {
        Command::Demo(args) => wait_for(demo::run(args)),
        Command::Init(args) => wait_for(init::run(args)).map(done),
        Command::Serve(args) => wait_for(serve::run(args)).map(done),
        Command::Migrate(args) => wait_for(migrate::run(args)).map(done),
        Command::Health(args) => wait_for(health::run(args)).map(done),
        Command::Doctor(args) => wait_for(doctor::run(args)),
        Command::Backup(command) => wait_for(backup::run(command)).map(done),
        Command::Service(command) => wait_for(service::run(command)).map(done),
        Command::Config(command) => config::run(command).map(done),
        Command::Certs(command) => certs::run(command).map(done),
        Command::ClientConfig(args) => client_config::run(args).map(done),
        Command::Run(args) => wait_for(run::run(args)),
        Command::Instance(command) => wait_for(instance::run(command)).map(done),
        Command::Feature(command) => wait_for(feature::run(command)).map(done),
        Command::Device(command) => wait_for(device::run(command)).map(done),
        Command::Grant(command) => wait_for(grant::run(command)).map(done),
        Command::Sync(command) => wait_for(sync::run(command)).map(done),
        Command::Vendor(command) => wait_for(vendor::run(command)).map(done),
    }
}

/// Runs a command that waits for things.
fn wait_for<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::error(format!("the process cannot start its threads: {error}")))?;
    runtime.block_on(command)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
