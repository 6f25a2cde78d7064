//! `leasehold vendor updates withdraw`: a file is to be taken back.

use serde::Serialize;

use super::place::{Place, failure, now};
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The path, as `list` shows it
    path: String,
    #[command(flatten)]
    place: Place,
    /// Why; administrators of licence servers see it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let withdrawn = args.place.open()?.withdraw(&args.path, &args.reason, now());
    let state = withdrawn.map_err(|error| failure(&error))?.as_str();
    if args.output == Format::Table && state == "withdrawing" {
        say("It is taken back by the next `leasehold vendor updates publish`.");
    }
    List { rows: vec![StateRow { path: args.path.clone(), state }], total: 1 }.print(args.output)
}

/// How a path stands.
#[derive(Serialize)]
struct StateRow {
    path: String,
    state: &'static str,
}

impl Row for StateRow {
    const NAME: &'static str = "updates";
    const COLUMNS: &'static [Column] = &[left("PATH"), left("STATE")];
    const EMPTY: &'static str = "Nothing was taken back.";

    fn cells(&self) -> Vec<String> {
        vec![self.path.clone(), self.state.to_owned()]
    }
}
