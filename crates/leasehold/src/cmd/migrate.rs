//! `leasehold migrate`: brings the tables of every service up to date and ends, or only looks.

use clap::builder::PossibleValuesParser;
use leasehold::app::StartError;
use leasehold::app::migrate::{self, ServiceSchema};
use leasehold_runtime::telemetry;
use serde::Serialize;

use super::settings::{DataDirFlag, Files};
use crate::exit::{Exit, Failure};
use crate::output::{Column, Format, List, Row, left, right};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Whose tables; those of every service of a licence server where none is named
    #[arg(value_name = "SERVICE", value_parser = PossibleValuesParser::new(migrate::services()))]
    services: Vec<String>,
    /// Only look whether any are pending, and change nothing: exit code 6 if so
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    data_dir: DataDirFlag,
    /// Use this Postgres database, whatever `postgres.url` says
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut flags: Vec<(String, String)> = args.data_dir.setting()?.into_iter().collect();
    flags.extend(args.database_url.map(|url| ("postgres.url".to_owned(), url)));
    let config = args.files.load(flags)?;
    let of_server = migrate::services_of_server();
    let asked: Vec<&str> = match args.services.as_slice() {
        [] => of_server.clone(),
        named => named.iter().map(String::as_str).collect(),
    };
    let vendors = asked.iter().find(|service| !of_server.contains(service));
    if let Some(service) = vendors.filter(|_| config.postgres.url.is_empty()) {
        let text = format!(
            "{service} is not in a data directory of a licence server; name its database with --database-url or \
             postgres.url. In a vendor's directory `leasehold vendor serve` brings it up to date by itself"
        );
        return Err(Failure::new(Exit::Usage, text));
    }
    let telemetry = telemetry::init(&config.logging, &config.telemetry).map_err(Failure::error)?;
    let done = if args.check {
        migrate::look(&config, &asked).await
    } else {
        migrate::migrate(&config, &asked).await
    };
    telemetry.finish().await;
    let schemas = done.map_err(|error| failure(&error))?;
    let rows: Vec<SchemaRow> = schemas.iter().map(|schema| SchemaRow::of(schema, args.check)).collect();
    let total = rows.len() as u64;
    let pending = rows.iter().filter(|row| row.state == State::Pending).map(|row| row.service);
    let pending: Vec<&str> = pending.collect();
    List { rows, total }.print(args.output)?;
    if pending.is_empty() {
        return Ok(());
    }
    let text = format!("migrations are pending: {}; run `leasehold migrate`", pending.join(", "));
    Err(Failure::new(Exit::Conflict, text))
}

fn failure(error: &StartError) -> Failure {
    let exit = if error.is_taken() || error.may_pass() { Exit::Unavailable } else { Exit::Error };
    Failure::new(exit, error)
}

/// How a service's tables stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum State {
    /// Nothing was to be done.
    UpToDate,
    /// They were brought up to date.
    Migrated,
    /// Something is to be done.
    Pending,
}

/// A service, and how its tables stand.
#[derive(Serialize)]
struct SchemaRow {
    service: &'static str,
    /// The version in the database; 0 without tables.
    version: i64,
    /// The one before, where it was brought up to date.
    was: i64,
    /// The newest that this release knows.
    newest: i64,
    state: State,
}

impl SchemaRow {
    fn of(schema: &ServiceSchema, only_looked: bool) -> Self {
        let (found, newest) = (schema.version.found, schema.version.known);
        let state = match (schema.version.is_pending(), only_looked) {
            (false, _) => State::UpToDate,
            (true, false) => State::Migrated,
            (true, true) => State::Pending,
        };
        let version = if only_looked { found } else { newest };
        Self { service: schema.service, version, was: found, newest, state }
    }
}

impl Row for SchemaRow {
    const NAME: &'static str = "schemas";
    const COLUMNS: &'static [Column] = &[left("SERVICE"), right("VERSION"), left("STATE")];
    const EMPTY: &'static str = "No service has tables.";

    fn cells(&self) -> Vec<String> {
        let state = match (self.state, self.was) {
            (State::UpToDate, _) => "up to date".to_owned(),
            (State::Migrated, 0) => "made".to_owned(),
            (State::Migrated, was) => format!("migrated from {was}"),
            (State::Pending, 0) => format!("pending: to be made, version {}", self.newest),
            (State::Pending, _) => format!("pending: version {} is there for it", self.newest),
        };
        vec![self.service.to_owned(), self.version.to_string(), state]
    }
}
