//! `leasehold vendor certify`: a new online key, certified by the root key.

use std::path::PathBuf;

use leasehold::app::backoffice::renew_online_key;
use leasehold_runtime::{Clock, SystemClock};
use serde::Serialize;

use super::place::{Settings, failure, place};
use crate::exit::{Exit, Failure};
use crate::output::{Column, Format, List, Row, left};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The vendor's directory, where no database is named; no back office may run in it
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The root key's file; `vendor-root.key` in the directory where it is left out
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let config = args.settings.load(Vec::new())?;
    let root = args.root.or_else(|| args.dir.as_ref().map(|dir| dir.join("vendor-root.key")));
    let Some(root) = root else {
        return Err(Failure::new(Exit::Usage, "say where the root key is: --root FILE, or --dir DIR"));
    };
    let place = place(&config, args.dir)?;
    let renewed = renew_online_key(&config, &place, Some(&root), SystemClock::new().now()).await;
    let not_after = renewed.map_err(|error| failure(&error))?;
    List { rows: vec![RenewedRow { online_not_after: not_after.to_string() }], total: 1 }.print(args.output)
}

/// An online key that was renewed.
#[derive(Serialize)]
struct RenewedRow {
    online_not_after: String,
}

impl Row for RenewedRow {
    const NAME: &'static str = "online_keys";
    const COLUMNS: &'static [Column] = &[left("GOOD UNTIL")];
    const EMPTY: &'static str = "Nothing was renewed.";

    fn cells(&self) -> Vec<String> {
        vec![self.online_not_after.clone()]
    }
}
