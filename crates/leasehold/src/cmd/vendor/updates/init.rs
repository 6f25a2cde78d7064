//! `leasehold vendor updates init`: keys, and an empty first publication.

use std::path::Path;

use leasehold_artifacts::{PublishError, Publisher};
use serde::Serialize;

use super::place::{Place, failure, now, rng};
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, print};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Where licence servers will reach it, which is told to them: `http://HOST[:PORT]` or `https://HOST[:PORT]`
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    address: String,
    /// Where there is a repository already, leave it as it is and end well
    #[arg(long)]
    keep: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let updates = args.place.updates();
    let publisher = match Publisher::create(&updates, &args.address, now(), &mut rng()) {
        Err(PublishError::There { .. }) if args.keep => args.place.open()?,
        made => made.map_err(|error| failure(&error))?,
    };
    let root = publisher.root().map_err(|error| failure(&error))?;
    let row = RepositoryRow {
        directory: updates.display().to_string(),
        root: root.display().to_string(),
        address: publisher.address().to_owned(),
    };
    if args.output == Format::Json {
        return List { rows: vec![row], total: 1 }.print(Format::Json);
    }
    print(&next_steps(&row, args.place.given()))
}

fn next_steps(row: &RepositoryRow, vendor: &Path) -> String {
    let vendor = vendor.display();
    format!(
        "The update repository is in {}.\n\nRoot: {}\n\nWhoever fetches updates pins this file: give it to your customers \
         with the licence server, or build it into\nyour program. The keys are in {}/keys. Keep a copy of the root's in a \
         safe place: nothing replaces it.\n\nNext, publish something:\n  leasehold vendor updates add FILE --dir {vendor} \
         --product NAME --version 1.0 --kind definition\n  leasehold vendor updates publish --dir {vendor}\nand serve it: \
         `leasehold vendor serve --dir {vendor}` does, once it is started again.\n",
        row.directory, row.root, row.directory
    )
}

/// A repository that was made.
#[derive(Serialize)]
struct RepositoryRow {
    directory: String,
    root: String,
    address: String,
}

impl Row for RepositoryRow {
    const NAME: &'static str = "repositories";
    const COLUMNS: &'static [Column] = &[left("DIRECTORY"), left("ROOT"), left("ADDRESS")];
    const EMPTY: &'static str = "No repository was made.";

    fn cells(&self) -> Vec<String> {
        vec![self.directory.clone(), self.root.clone(), self.address.clone()]
    }
}
