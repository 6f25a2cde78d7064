//! The benches: figures measured side by side with what they are compared to, in one run on one machine.
//!
//! Responsible for measuring and telling. Nothing here judges a build: a figure that misses its bound is shown, and
//! that is all.

mod cpu;
pub(crate) mod empty;
mod machine;
mod measure;
mod peer;
mod product;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use crate::servers::Servers;
use crate::{Failure, tell};
use measure::{Measured, Setting};
use product::Program;

/// Measures figures.
#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// These figures alone, as in P6,P12
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<Id>,
    /// How long each run of a load lasts
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    seconds: u64,
    /// Write the figures to FILE as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The server's program; the one beside this one if left out
    #[arg(long, value_name = "PATH")]
    leasehold: Option<PathBuf>,
}

/// A figure that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    P7,
    P8,
    P9,
    P12,
}

impl Id {
    const ALL: [Self; 10] =
        [Self::P1, Self::P2, Self::P3, Self::P4, Self::P5, Self::P6, Self::P7, Self::P8, Self::P9, Self::P12];

    fn name(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P5 => "P5",
            Self::P6 => "P6",
            Self::P7 => "P7",
            Self::P8 => "P8",
            Self::P9 => "P9",
            Self::P12 => "P12",
        }
    }

    /// Measures it, with servers of its own beside it.
    async fn measure(self, setting: &Setting) -> Result<Measured, String> {
        let servers = Servers::start().await?;
        servers.break_in()?;
        match self {
            Self::P1 => measure::hot(setting, &servers).await,
            Self::P2 => measure::spread(setting, &servers).await,
            Self::P3 => measure::check_outs(setting, &servers).await,
            Self::P4 => measure::single_heartbeats(setting, &servers).await,
            Self::P5 => measure::many_heartbeats(setting, &servers).await,
            Self::P6 => measure::latency(setting, &servers).await,
            Self::P7 => measure::grown(setting, &servers).await,
            Self::P8 => measure::memory(setting, &servers).await,
            Self::P9 => measure::start(setting).await,
            Self::P12 => measure::embedded(setting, &servers).await,
        }
    }
}

impl FromStr for Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|id| id.name().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| {
            format!("there is no figure {text:?}; known are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

impl Command {
    /// Measures, prints the table, and writes it where asked to.
    #[allow(clippy::print_stdout, reason = "a command line tool speaks through it")]
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let program = Program::find(self.leasehold.as_deref()).map_err(Failure::Usage)?;
        if let Some(file) = &self.json {
            // Before minutes are spent on figures that cannot be kept.
            let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
            opened
                .map_err(|error| Failure::Usage(format!("{} cannot be written: {error}", file.display())))?;
        }
        let (facts, measured) = self.measure(program).await.map_err(Failure::Run)?;
        let figures: Vec<_> = measured.iter().flat_map(|measured| measured.figures.clone()).collect();
        for fact in facts {
            println!("{fact}");
        }
        println!("\n{}", table::table(&figures));
        for note in measured.iter().flat_map(|measured| &measured.notes) {
            println!("{note}");
        }
        if let Some(file) = &self.json {
            let text = table::json(&figures).map_err(Failure::Run)? + "\n";
            std::fs::write(file, text)
                .map_err(|error| Failure::Run(format!("{} cannot be written: {error}", file.display())))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn measure(&self, program: Program) -> Result<(Vec<String>, Vec<Measured>), String> {
        if cfg!(debug_assertions) {
            tell("warning: this is a debug build, whose figures say nothing; use `cargo xtask bench`");
        }
        let mut facts = machine::facts(&std::env::temp_dir());
        facts
            .push(format!("{}, against PostgreSQL with fsync and synchronous_commit on", program.version()?));
        let setting = Setting { program, seconds: self.seconds };
        let mut measured = Vec::new();
        for id in Id::ALL.into_iter().filter(|id| self.only.is_empty() || self.only.contains(id)) {
            tell(&format!("{}: preparing", id.name()));
            measured.push(id.measure(&setting).await.map_err(|error| format!("{}: {error}", id.name()))?);
        }
        Ok((facts, measured))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        command: Command,
    }

    fn only(ids: &str) -> Result<Vec<Id>, String> {
        let line = Line::try_parse_from(["bench", "--only", ids]);
        line.map(|line| line.command.only).map_err(|error| error.to_string())
    }

    #[test]
    fn figures_are_picked_by_id() {
        assert_eq!(only("P12,p6").unwrap(), [Id::P12, Id::P6]);
        let error = only("P6,P77").unwrap_err();
        assert!(error.contains("there is no figure \"P77\"; known are P1, P2, P3"), "{error}");
    }
}
