//! The benches: figures measured side by side with what they are compared to, in one run on one machine.
//!
//! Responsible for measuring and telling. Nothing here judges a build: a figure that misses its bound is shown, and
//! that is all.

mod machine;
mod measure;
mod peer;
mod product;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use crate::{Failure, tell};
use measure::{Measured, Setting};
use peer::Peer;
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
    P6,
    P9,
    P12,
}

impl Id {
    const ALL: [Self; 3] = [Self::P6, Self::P9, Self::P12];

    fn name(self) -> &'static str {
        match self {
            Self::P6 => "P6",
            Self::P9 => "P9",
            Self::P12 => "P12",
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
        let figures: Vec<_> = measured.iter().map(|measured| measured.figure.clone()).collect();
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
            measured.push(match id {
                Id::P9 => measure::start(&setting).await?,
                Id::P6 => against(async |peer| measure::latency(&setting, peer).await).await?,
                Id::P12 => against(async |peer| measure::throughput(&setting, peer).await).await?,
            });
        }
        Ok((facts, measured))
    }
}

/// Measures beside a fresh peer, and believes the outcome once the peer's own books balance.
async fn against(
    measure: impl AsyncFnOnce(&mut Peer) -> Result<Measured, String>,
) -> Result<Measured, String> {
    let mut peer = Peer::start().await?;
    let measured = measure(&mut peer).await?;
    peer.check()?;
    Ok(measured)
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
        assert!(error.contains("there is no figure \"P77\"; known are P6, P9, P12"), "{error}");
    }
}
