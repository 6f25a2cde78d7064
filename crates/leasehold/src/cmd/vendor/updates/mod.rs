//! `leasehold vendor updates`: releases and definition files, published for everybody to fetch.
//!
//! They work on files below the vendor's directory, whether or not a back office runs there.

mod add;
mod init;
mod list;
mod place;
mod publish;
mod rotate;
mod withdraw;

use crate::exit::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a repository: its keys, and an empty first publication
    Init(init::Args),
    /// Stage a file, to be published
    Add(add::Args),
    /// Publish what is staged, and sign anew what is about to end
    Publish(publish::Args),
    /// Stage taking a file back
    Withdraw(withdraw::Args),
    /// List what is published, staged and taken back
    List(list::Args),
    /// Give roles new keys, and delete the old ones
    Rotate(rotate::Args),
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(&args),
        Command::Add(args) => add::run(args),
        Command::Publish(args) => publish::run(&args),
        Command::Withdraw(args) => withdraw::run(&args),
        Command::List(args) => list::run(&args),
        Command::Rotate(args) => rotate::run(&args),
    }
}
