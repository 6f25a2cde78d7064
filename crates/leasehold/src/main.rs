//! The `leasehold` command: reads the command line, runs one command, and turns its end into an exit code.

mod cmd;
mod exit;
mod output;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// A request takes and gives back many small pieces on several threads, which it does in fewer steps than the
/// system's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // A wrong command line ends here, with exit code 2; `--help` and `--version` with 0.
    let cli = cmd::Cli::parse();
    match cmd::run(cli) {
        Ok(code) => code,
        Err(failure) => {
            output::say(&format!("error: {failure}"));
            failure.exit.into()
        }
    }
}
