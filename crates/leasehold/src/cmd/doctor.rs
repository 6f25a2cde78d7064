//! `leasehold doctor`: whether a machine and an installation are fit to serve.

use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use leasehold::doctor::{self, Finding, Options, Verdict};
use leasehold_runtime::SystemClock;
use serde::Serialize;

use super::settings::{DataDirFlag, Files};
use crate::exit::{Exit, Failure};
use crate::output::{Column, Format, List, Row, left, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which services run on this machine; all of them where none is named
    #[arg(value_name = "SERVICE", value_parser = PossibleValuesParser::new(doctor::SERVICES))]
    services: Vec<String>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    data_dir: DataDirFlag,
    /// Print one JSON document; the same as `-o json`
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let flags = args.data_dir.setting()?.into_iter().collect();
    let sources = args.files.sources(flags)?;
    let options = Options { sources, services: args.services, clock: Arc::new(SystemClock::new()) };
    let findings = Box::pin(doctor::examine(&options)).await;
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let [passed, warnings, failed] = [Verdict::Passed, Verdict::Warning, Verdict::Failed].map(count);
    let format = if args.json { Format::Json } else { args.output };
    let total = findings.len() as u64;
    List { rows: findings.into_iter().map(FindingRow).collect(), total }.print(format)?;
    say(&format!("{passed} passed, {warnings} to look at, {failed} failed."));
    // What failed stands above, and is no error of this command.
    Ok(if failed == 0 { ExitCode::SUCCESS } else { Exit::Error.into() })
}

/// What a check has found.
#[derive(Serialize)]
#[serde(transparent)]
struct FindingRow(Finding);

impl Row for FindingRow {
    const NAME: &'static str = "checks";
    const COLUMNS: &'static [Column] = &[left("RESULT"), left("CHECK"), left("FOUND")];
    const EMPTY: &'static str = "There is nothing to check.";

    fn cells(&self) -> Vec<String> {
        let Finding { check, verdict, found, remedy } = &self.0;
        let result = match verdict {
            Verdict::Passed => "passed",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
        };
        let text = remedy.as_ref().map_or_else(|| found.clone(), |remedy| format!("{found}; {remedy}"));
        vec![result.to_owned(), check.replace('_', " "), text]
    }
}
