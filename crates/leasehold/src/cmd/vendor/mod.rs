//! `leasehold vendor`: the vendor's side. Setting it up, serving it, and what its staff does.

mod audit;
mod certify;
mod connection;
mod customer;
mod entitlement;
mod init;
mod line_item_flags;
mod place;
mod process;
mod product;
mod serve;
mod server;
mod show;
mod updates;

use crate::exit::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Set a vendor up: its keys, and the database of its back office
    Init(init::Args),
    /// Run the back office until SIGTERM or Ctrl-C
    Serve(serve::Args),
    /// Renew the online key with the root key, while no back office runs in the directory
    Certify(certify::Args),
    /// Show who the vendor is, and how its keys stand
    Show(show::Args),
    /// Add and list what is sold
    #[command(subcommand)]
    Product(product::Command),
    /// Add and list who buys
    #[command(subcommand)]
    Customer(customer::Command),
    /// Add licence servers, look at them, and clear their keys
    #[command(subcommand)]
    Server(server::Command),
    /// Give licence servers rights
    #[command(subcommand)]
    Entitlement(entitlement::Command),
    /// Answer a request file with a response file
    Process(process::Args),
    /// List what was done, newest first
    Audit(audit::Args),
    /// Publish releases and definition files
    #[command(subcommand)]
    Updates(updates::Command),
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Certify(args) => certify::run(args).await,
        Command::Show(args) => show::run(args).await,
        Command::Product(command) => product::run(command).await,
        Command::Customer(command) => customer::run(command).await,
        Command::Server(command) => server::run(command).await,
        Command::Entitlement(command) => entitlement::run(command).await,
        Command::Process(args) => process::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Updates(command) => updates::run(command),
    }
}
