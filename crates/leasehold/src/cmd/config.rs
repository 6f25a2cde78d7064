//! `leasehold config`: what is in force and where it comes from, and the defaults.

use leasehold_runtime::config::{DEFAULTS, Origin, Row as Setting};
use serde::Serialize;

use super::settings::Files;
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, print};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check the configuration and show every value in force with its source
    Check {
        #[command(flatten)]
        files: Files,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Print the built-in defaults, a commented file to start from
    Defaults,
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Defaults => print(DEFAULTS),
        Command::Check { files, output } => {
            let config = files.load(Vec::new())?;
            let rows: Vec<Effective> = config.effective().iter().map(Effective::of).collect();
            let total = rows.len() as u64;
            List { rows, total }.print(output)
        }
    }
}

/// One value in force.
#[derive(Serialize)]
struct Effective {
    key: String,
    value: String,
    source: String,
}

impl Effective {
    fn of(setting: &Setting) -> Self {
        let source = match &setting.origin {
            Origin::Default => "default".to_owned(),
            Origin::File { path, line } => format!("{}:{line}", path.display()),
            Origin::Environment { name } => name.clone(),
            Origin::Flag => "flag".to_owned(),
        };
        Self { key: setting.key.clone(), value: setting.value.clone(), source }
    }
}

impl Row for Effective {
    const NAME: &'static str = "settings";
    const COLUMNS: &'static [Column] = &[left("KEY"), left("VALUE"), left("SOURCE")];
    const EMPTY: &'static str = "There are no settings.";

    fn cells(&self) -> Vec<String> {
        vec![self.key.clone(), self.value.clone(), self.source.clone()]
    }
}
