//! `leasehold sync`: who this server is to its vendor, and synchronising with it, over the network or by files.

mod connection;
mod enrol;
pub(super) mod enrolment_file;
mod exchange;
mod export;
mod history;
mod identity;
mod import;
mod now;
mod test;

use crate::exit::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make this server one of a vendor's, with what the vendor sent
    ///
    /// The server makes its keys then, and the vendor's root key is pinned: nobody else's rights are taken from there
    /// on. Before the first bundle it can be repeated with something else.
    #[command(visible_alias = "enroll")]
    Enrol(enrol::Args),
    /// Show who this server is to its vendor: ids, fingerprint, deadline, and how to reach the vendor
    Identity(identity::Args),
    /// Synchronise with the vendor over the network, and say what changed
    Now(now::Args),
    /// Walk the steps to the vendor, one by one, and change nothing
    Test(test::Args),
    /// Write a request file, to be sent to the vendor
    Export(export::Args),
    /// Take the vendor's response file, and say what changed
    Import(import::Args),
    /// List every exchange with the vendor, newest first
    History(history::Args),
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Enrol(args) => enrol::run(args).await,
        Command::Identity(args) => identity::run(args).await,
        Command::Now(args) => now::run(args).await,
        Command::Test(args) => test::run(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::History(args) => history::run(args).await,
    }
}
