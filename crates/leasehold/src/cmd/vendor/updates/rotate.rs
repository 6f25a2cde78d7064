//! `leasehold vendor updates rotate`: new keys for old.

use serde::Serialize;

use super::place::{Place, failure, now, rng};
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, right};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A role that gets a new key: `timestamp`, `snapshot`, `targets`, `root` or a product; without any, the two that are
    /// used all the time: `timestamp` and `snapshot`
    #[arg(value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut roles = args.roles.clone();
    if roles.is_empty() {
        roles = ["timestamp", "snapshot"].map(str::to_owned).to_vec();
    }
    let rotated = args.place.open()?.rotate(&roles, now(), &mut rng()).map_err(|error| failure(&error))?;
    let row = RotationRow { roles, root_version: rotated.root, timestamp_version: rotated.timestamp };
    List { rows: vec![row], total: 1 }.print(args.output)
}

/// Keys that were replaced.
#[derive(Serialize)]
struct RotationRow {
    roles: Vec<String>,
    root_version: u64,
    timestamp_version: u64,
}

impl Row for RotationRow {
    const NAME: &'static str = "rotations";
    const COLUMNS: &'static [Column] = &[left("ROLES"), right("ROOT"), right("PUBLICATION")];
    const EMPTY: &'static str = "No key was replaced.";

    fn cells(&self) -> Vec<String> {
        vec![self.roles.join(", "), self.root_version.to_string(), self.timestamp_version.to_string()]
    }
}
