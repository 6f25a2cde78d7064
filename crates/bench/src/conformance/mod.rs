//! The conformance runner: scenarios from files, each played against a fresh server over gRPC.
//!
//! Responsible for the form of the files, for playing them and for telling what was not as expected. Not responsible
//! for the rules: what is right stands in the files.

mod file;
mod form;
mod json;
mod observe;
mod report;
mod request;
mod run;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::{FAILED, Failure};
use file::Case;
use report::{Outcome, Tally, Verdict};
use server::Stores;

/// What scenarios with a model come to while no server reads models.
const NO_MODELS: &str = "model language not served yet";

/// Where the server under test keeps its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Store {
    /// A file in a temporary folder.
    Sqlite,
    /// A database of its own in a throw-away Postgres, with leases in a throw-away Redis.
    Postgres,
}

/// Runs files of conformance scenarios against a server.
#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// Files of scenarios: {"scenarios": [...]}
    #[arg(required = true, value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Where the server keeps its state
    #[arg(long, value_enum, default_value = "sqlite")]
    store: Store,
    /// Print one JSON document; the closing line goes to standard error
    #[arg(long)]
    json: bool,
    /// Skip scenarios that need the model language
    #[arg(long)]
    without_models: bool,
}

impl Command {
    /// Runs all scenarios and prints what became of them.
    #[allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks through both")]
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let cases = file::read_all(&self.files).map_err(Failure::Usage)?;
        let stores = match self.store {
            Store::Sqlite => Stores::Files,
            Store::Postgres => Stores::databases().await.map_err(Failure::Run)?,
        };
        let mut verdicts = Vec::with_capacity(cases.len());
        for case in &cases {
            let verdict = judge(&stores, case, self.without_models).await;
            if !self.json {
                println!("{}", report::prose(&verdict));
            }
            verdicts.push(verdict);
        }
        let tally = Tally::of(&verdicts);
        if self.json {
            println!("{}", report::document(&verdicts).map_err(Failure::Run)?);
            eprintln!("{}", tally.line());
        } else {
            println!("{}", tally.line());
        }
        Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
    }
}

async fn judge(stores: &Stores, case: &Case, without_models: bool) -> Verdict {
    let failed = |reason: &str| Outcome::Failed { reason: Some(reason.to_owned()), mismatches: Vec::new() };
    let result = match &case.scenario {
        Err(problem) => failed(problem),
        Ok(_) if case.needs_model && without_models => Outcome::Skipped { reason: NO_MODELS.to_owned() },
        Ok(_) if case.needs_model => failed(NO_MODELS),
        Ok(scenario) => match run::run(stores, scenario).await {
            Err(problem) => failed(&problem),
            Ok(mismatches) if mismatches.is_empty() => Outcome::Passed,
            Ok(mismatches) => Outcome::Failed { reason: None, mismatches },
        },
    };
    Verdict { file: case.file.display().to_string(), name: case.name.clone(), result }
}
