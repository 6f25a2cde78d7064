//! Brings the databases of services up to date without serving, or says where they stand.
//!
//! A service's tables are its own, and so are their versions: what is brought up to date is a list of them. Not
//! responsible for the steps, which the stores have.

use std::path::Path;

use leasehold_runtime::Config;
use leasehold_runtime::config::Migrate;
use leasehold_store::SchemaVersion;
use leasehold_store_postgres::{OpenError as PostgresError, schema as postgres_schema};
use leasehold_store_sql::{OpenError as SqlError, Place, SCHEMAS, Schema};
use leasehold_store_sqlite::{DataDir, schema as file_schema};

use super::store::{LICENSING_DB, sql_place};
use super::{Chosen, StartError, StoreChoice, postgres};

/// Licensing, whose tables are made apart from the others'.
const LICENSING: &str = "licensing";

/// A service's tables, and where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceSchema {
    /// The service, which is also the name of its schema.
    pub service: &'static str,
    /// What its database has, or had before it was brought up to date.
    pub version: SchemaVersion,
}

/// Every service that has tables: those of a licence server, then those of a vendor.
pub fn services() -> Vec<&'static str> {
    let of_server = SCHEMAS.iter().filter(|schema| !schema.is_vendors());
    let of_vendor = SCHEMAS.iter().filter(|schema| schema.is_vendors());
    [LICENSING].into_iter().chain(of_server.chain(of_vendor).map(Schema::service)).collect()
}

/// Every service of a licence server that has tables.
pub fn services_of_server() -> Vec<&'static str> {
    services().into_iter().filter(|service| !is_vendors(service)).collect()
}

/// Where the tables of these services stand. Changes nothing, and a data directory may be in use meanwhile.
pub async fn look(config: &Config, services: &[&str]) -> Result<Vec<ServiceSchema>, StartError> {
    match StoreChoice::of(config) {
        StoreChoice::DataDir(path) => {
            DataDir::check(&path)?;
            look_each(&Databases::In(&path), services).await
        }
        _ => look_each(&Databases::Of(config), services).await,
    }
}

/// Where the tables of a licence server's services stand in the files of this directory, whatever else is in it.
pub(crate) async fn look_at_files(path: &Path) -> Result<Vec<ServiceSchema>, StartError> {
    look_each(&Databases::In(path), &services_of_server()).await
}

/// Where the database of synchronisation is, for whoever reads from it.
pub(crate) fn sync_place(config: &Config) -> Place {
    match StoreChoice::of(config) {
        StoreChoice::DataDir(path) => Databases::In(&path).place("sync"),
        _ => Databases::Of(config).place("sync"),
    }
}

/// The newest version of a service's tables in a file; `None` where a licence server has no such service.
pub(crate) fn known(service: &str) -> Option<i64> {
    let of_server = || SCHEMAS.iter().find(|schema| schema.service() == service && !schema.is_vendors());
    if service == LICENSING { Some(file_schema::known()) } else { of_server().map(Schema::known) }
}

/// Brings the tables of these services up to date, and says where each stood before. Nothing is changed where one of
/// them cannot be used. A data directory may not be in use meanwhile; in a database several at once follow each other.
pub async fn migrate(config: &Config, services: &[&str]) -> Result<Vec<ServiceSchema>, StartError> {
    let choice = StoreChoice::of(config);
    let directory = match &choice {
        StoreChoice::DataDir(path) => Some(DataDir::open(path)?),
        _ => None,
    };
    let databases = directory.as_ref().map_or(Databases::Of(config), |locked| Databases::In(locked.path()));
    look_each(&databases, services).await?;
    let mut before = Vec::new();
    for service in each(services) {
        let version = databases.migrate(service).await?;
        if version.is_pending() {
            tracing::info!(
                service,
                from = version.found,
                to = version.known,
                "brought the schema up to date"
            );
        }
        before.push(ServiceSchema { service, version });
    }
    Ok(before)
}

/// Fails where the configuration leaves migrations to somebody else, and that has not happened yet.
pub(super) async fn refuse_pending(config: &Config, services: &[&str]) -> Result<(), StartError> {
    if config.postgres.migrate == Migrate::Apply || config.postgres.url.is_empty() {
        return Ok(());
    }
    let found = look(config, services).await?;
    let pending = found.iter().filter(|schema| schema.version.is_pending());
    let pending: Vec<String> = pending
        .map(|ServiceSchema { service, version }| match version.found {
            0 => format!("{service} (not there yet)"),
            found => format!("{service} (version {found} of {})", version.known),
        })
        .collect();
    if pending.is_empty() { Ok(()) } else { Err(StartError::Pending { schemas: pending.join(", ") }) }
}

/// The services that run here, by the names of their schemas.
pub(super) fn names(services: Chosen) -> Vec<&'static str> {
    // Named one by one, so that a new one is not forgotten.
    let Chosen { licensing, sync, updates, gateway } = services;
    let chosen = [(licensing, LICENSING), (sync, "sync"), (updates, "updates"), (gateway, "gateway")];
    chosen.into_iter().filter(|(runs, _)| *runs).map(|(_, name)| name).collect()
}

/// The ones that were asked for, in the order of the table.
fn each(asked: &[&str]) -> impl Iterator<Item = &'static str> {
    services().into_iter().filter(|service| asked.contains(service))
}

fn is_vendors(service: &str) -> bool {
    SCHEMAS.iter().any(|schema| schema.is_vendors() && schema.service() == service)
}

fn schema_of(service: &str) -> &'static Schema {
    SCHEMAS.iter().find(|schema| schema.service() == service).expect("the names come from the table")
}

async fn look_each(databases: &Databases<'_>, services: &[&str]) -> Result<Vec<ServiceSchema>, StartError> {
    let mut found = Vec::new();
    for service in each(services) {
        found.push(ServiceSchema { service, version: databases.look(service).await? });
    }
    Ok(found)
}

/// Where the databases are. One in Postgres that does not answer yet is waited for.
enum Databases<'a> {
    /// Files of this directory.
    In(&'a Path),
    /// Schemas in the database of this configuration.
    Of(&'a Config),
}

impl Databases<'_> {
    async fn look(&self, service: &str) -> Result<SchemaVersion, StartError> {
        match self {
            Self::In(path) if service == LICENSING => Ok(file_schema::look(&path.join(LICENSING_DB)).await?),
            Self::Of(config) if service == LICENSING => {
                let settings = postgres::settings(&config.postgres);
                Ok(postgres::patiently(|| postgres_schema::look(&settings), PostgresError::may_pass).await?)
            }
            _ => {
                let (schema, place) = (schema_of(service), self.place(service));
                Ok(postgres::patiently(|| schema.look(&place), SqlError::may_pass).await?)
            }
        }
    }

    async fn migrate(&self, service: &str) -> Result<SchemaVersion, StartError> {
        match self {
            Self::In(path) if service == LICENSING => {
                Ok(file_schema::migrate(&path.join(LICENSING_DB)).await?)
            }
            Self::Of(config) if service == LICENSING => {
                Ok(postgres_schema::migrate(&postgres::settings(&config.postgres)).await?)
            }
            _ => Ok(schema_of(service).migrate(&self.place(service)).await?),
        }
    }

    /// The database of a service other than licensing.
    fn place(&self, service: &str) -> Place {
        match self {
            Self::In(path) => Place::File(path.join(format!("{service}.db"))),
            Self::Of(config) => sql_place(&config.postgres),
        }
    }
}
