//! Measures and checks a server from outside: conformance scenarios, and figures side by side with what they are
//! compared to. `cargo xtask conformance` and `cargo xtask bench` start it.

mod conformance;
mod figures;
mod load;
mod servers;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// The product's, so that the empty call that it is compared to has it too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A check did not pass, or a measurement could not be made.
const FAILED: u8 = 1;
/// The command line or a file is not what it should be.
const USAGE: u8 = 2;

/// Conformance scenarios and benches of the Leasehold server
#[derive(Debug, Parser)]
#[command(name = "leasehold-bench", version)]
enum Cli {
    /// Run files of conformance scenarios, each against a fresh server
    Conformance(conformance::Command),
    /// Measure, side by side with what each figure is compared to
    Bench(figures::Command),
    /// Answer empty calls: what some figures are compared to
    #[command(name = figures::empty::WORD, hide = true)]
    ServeEmptyCalls(figures::empty::Command),
}

/// Why there is no result, as the sentence that the user reads.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// What was asked for does not make sense.
    #[error("{0}")]
    Usage(String),
    /// It could not be carried out.
    #[error("{0}")]
    Run(String),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse() {
        Cli::Conformance(command) => command.run().await,
        Cli::Bench(command) => command.run().await,
        Cli::ServeEmptyCalls(command) => command.run().await,
    };
    result.unwrap_or_else(|failure| {
        tell(&format!("error: {failure}"));
        ExitCode::from(match failure {
            Failure::Usage(_) => USAGE,
            Failure::Run(_) => FAILED,
        })
    })
}

/// Progress and errors, beside the results on standard output.
#[allow(clippy::print_stderr, reason = "a command line tool speaks through it")]
fn tell(line: &str) {
    eprintln!("{line}");
}
