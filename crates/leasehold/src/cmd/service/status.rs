//! `leasehold service status`.

use serde::Serialize;

use super::place::Which;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Format, List, Row, left, right};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let which = &args.which;
    which.installed()?;
    let asked = "--property=ActiveState,SubState,UnitFileState,MainPID,NRestarts,StateChangeTimestamp";
    let told = which.manager().run(&["show", asked, &which.unit()])?;
    let value = |name: &str| {
        let found = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().to_owned()
    };
    let row = ServiceRow {
        service: which.name.clone(),
        state: value("ActiveState"),
        detail: value("SubState"),
        starts_with_the_machine: value("UnitFileState") == "enabled",
        pid: value("MainPID").parse().ok().filter(|pid| *pid > 0),
        restarts: value("NRestarts").parse().unwrap_or(0),
        since: value("StateChangeTimestamp"),
    };
    let (running, unit) = (row.state == "active", which.unit());
    List { rows: vec![row], total: 1 }.print(args.output)?;
    if running {
        return Ok(());
    }
    let text = format!(
        "{unit} does not run; `leasehold service start` starts it, and `journalctl --unit {unit}` has its log"
    );
    Err(Failure::new(Exit::Unavailable, text))
}

/// A service, and how it stands.
#[derive(Serialize)]
struct ServiceRow {
    service: String,
    state: String,
    detail: String,
    starts_with_the_machine: bool,
    pid: Option<u32>,
    restarts: u32,
    since: String,
}

impl Row for ServiceRow {
    const NAME: &'static str = "services";
    const COLUMNS: &'static [Column] =
        &[left("SERVICE"), left("STATE"), left("AT BOOT"), right("PID"), right("RESTARTS"), left("SINCE")];
    const EMPTY: &'static str = "There is no service.";

    fn cells(&self) -> Vec<String> {
        vec![
            self.service.clone(),
            format!("{} ({})", self.state, self.detail),
            if self.starts_with_the_machine { "yes" } else { "no" }.to_owned(),
            self.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            self.restarts.to_string(),
            self.since.clone(),
        ]
    }
}
