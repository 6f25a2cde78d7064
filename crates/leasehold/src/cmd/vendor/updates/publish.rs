//! `leasehold vendor updates publish`: what is staged is shown to everybody, at once.

use leasehold_artifacts::Published;
use serde::Serialize;

use super::place::{Place, failure, now, rng};
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, right};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let published = args.place.open()?.publish(now(), &mut rng()).map_err(|error| failure(&error))?;
    List { rows: vec![PublicationRow::of(published)], total: 1 }.print(args.output)
}

/// A publication.
#[derive(Serialize)]
struct PublicationRow {
    timestamp_version: u64,
    root_version: u64,
    added: Vec<String>,
    withdrawn: Vec<String>,
    good_until: String,
}

impl PublicationRow {
    fn of(published: Published) -> Self {
        Self {
            timestamp_version: published.versions.timestamp,
            root_version: published.versions.root,
            added: published.added,
            withdrawn: published.withdrawn,
            good_until: published.expires.to_string(),
        }
    }
}

impl Row for PublicationRow {
    const NAME: &'static str = "publications";
    const COLUMNS: &'static [Column] =
        &[right("PUBLICATION"), left("ADDED"), left("TAKEN BACK"), left("GOOD UNTIL")];
    const EMPTY: &'static str = "Nothing was published.";

    fn cells(&self) -> Vec<String> {
        let paths = |paths: &[String]| if paths.is_empty() { "-".to_owned() } else { paths.join(", ") };
        vec![
            self.timestamp_version.to_string(),
            paths(&self.added),
            paths(&self.withdrawn),
            self.good_until.clone(),
        ]
    }
}
