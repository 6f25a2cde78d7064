//! `leasehold vendor updates list`: what is published, staged and taken back.

use leasehold_artifacts::Listed;
use serde::Serialize;

use super::super::super::value::or_dash;
use super::place::{Place, failure};
use crate::exit::Failure;
use crate::output::{Column, Format, List, Row, left, right};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Show so many at most
    #[arg(long, default_value_t = 1_000, value_name = "COUNT")]
    limit: usize,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let listed = args.place.open()?.list().map_err(|error| failure(&error))?;
    let total = listed.len() as u64;
    List { rows: listed.into_iter().take(args.limit).map(UpdateRow::of).collect(), total }.print(args.output)
}

/// A file, and how it stands.
#[derive(Serialize)]
pub(super) struct UpdateRow {
    path: String,
    state: &'static str,
    product: Option<String>,
    version: Option<String>,
    kind: Option<&'static str>,
    channel: Option<String>,
    criticality: Option<&'static str>,
    features: Vec<String>,
    length: Option<u64>,
    sha256: Option<String>,
    released_at: Option<String>,
    reason: Option<String>,
}

impl UpdateRow {
    pub(super) fn of(listed: Listed) -> Self {
        let Some(release) = listed.release else {
            return Self {
                path: listed.path,
                state: listed.state.as_str(),
                reason: listed.reason,
                product: None,
                version: None,
                kind: None,
                channel: None,
                criticality: None,
                features: Vec::new(),
                length: None,
                sha256: None,
                released_at: None,
            };
        };
        Self {
            path: listed.path,
            state: listed.state.as_str(),
            product: Some(release.product),
            version: Some(release.version),
            kind: Some(release.kind.as_str()),
            channel: Some(release.channel),
            criticality: Some(release.criticality.as_str()),
            features: release.features,
            length: Some(listed.length),
            sha256: Some(listed.sha256.to_string()),
            released_at: release.released_at.map(|at| at.to_string()),
            reason: listed.reason,
        }
    }
}

impl Row for UpdateRow {
    const NAME: &'static str = "updates";
    const COLUMNS: &'static [Column] = &[
        left("PATH"),
        left("STATE"),
        left("KIND"),
        left("CHANNEL"),
        right("BYTES"),
        left("RELEASED"),
        left("REASON"),
    ];
    const EMPTY: &'static str =
        "Nothing is published or staged. `leasehold vendor updates add` stages a file.";

    fn cells(&self) -> Vec<String> {
        let text = |text: &Option<String>| or_dash(text.as_deref().unwrap_or_default());
        vec![
            self.path.clone(),
            self.state.to_owned(),
            self.kind.unwrap_or("-").to_owned(),
            text(&self.channel),
            self.length.map_or("-".to_owned(), |length| length.to_string()),
            text(&self.released_at),
            text(&self.reason),
        ]
    }
}
