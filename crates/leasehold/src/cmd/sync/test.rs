//! `leasehold sync test`: walks the steps to the vendor.

use std::time::Duration;

use leasehold_proto::sync::v1::{ConnectionStep, TestConnectionRequest};
use serde::Serialize;

use super::super::value::without_prefix;
use super::connection::ServerArgs;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Format, List, Row, left, right};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    /// How to print the steps
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let service = args.server.connect().await?;
    let request = TestConnectionRequest { instance: args.server.instance };
    let answer =
        service.call(request, |mut stub, request| async move { stub.test_connection(request).await }).await?;
    let rows: Vec<StepRow> = answer.steps.iter().map(StepRow::of).collect();
    let failed = rows.iter().find(|row| !row.ok).map(|row| format!("{}: {}", row.step, row.message));
    List { total: rows.len() as u64, rows }.print(args.output)?;
    match failed {
        Some(failed) => {
            Err(Failure::new(Exit::Unavailable, format!("the vendor cannot be reached at {failed}")))
        }
        None => Ok(()),
    }
}

/// One step of the way to the vendor.
#[derive(Serialize)]
struct StepRow {
    step: String,
    ok: bool,
    took_ms: u64,
    message: String,
}

impl StepRow {
    fn of(message: &ConnectionStep) -> Self {
        let took = message.took.and_then(|took| Duration::try_from(took).ok()).unwrap_or_default();
        Self {
            step: without_prefix(message.step().as_str_name(), "SYNC_STEP_"),
            ok: message.ok,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            message: message.message.clone(),
        }
    }
}

impl Row for StepRow {
    const NAME: &'static str = "steps";
    const COLUMNS: &'static [Column] = &[left("STEP"), left("OK"), right("MS"), left("MESSAGE")];
    const EMPTY: &'static str = "There is no step.";

    fn cells(&self) -> Vec<String> {
        let ok = if self.ok { "yes" } else { "no" };
        vec![self.step.clone(), ok.to_owned(), self.took_ms.to_string(), self.message.clone()]
    }
}
