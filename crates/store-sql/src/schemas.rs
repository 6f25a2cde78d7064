//! Every schema that is made here, in one table: what brings databases up to date without a server goes through it.

use std::fmt;

use leasehold_store::SchemaVersion;

use crate::database::{Database, OpenError, Place};
use crate::schema::{self, Step};
use crate::{backoffice, gateway, sync, updates};

/// The tables of one service.
#[derive(Clone, Copy)]
pub struct Schema {
    service: &'static str,
    steps: &'static [Step],
    is_vendors: bool,
}

/// One for each service.
pub const SCHEMAS: &[Schema] = &[
    Schema::of_server(gateway::SERVICE, gateway::STEPS),
    Schema::of_server(sync::SERVICE, sync::STEPS),
    Schema::of_server(updates::SERVICE, updates::STEPS),
    Schema::of_vendor(backoffice::SERVICE, backoffice::STEPS),
];

impl Schema {
    /// Of a service of the licence server.
    const fn of_server(service: &'static str, steps: &'static [Step]) -> Self {
        Self { service, steps, is_vendors: false }
    }

    /// Of a service of the vendor, which has a database of its own.
    const fn of_vendor(service: &'static str, steps: &'static [Step]) -> Self {
        Self { service, steps, is_vendors: true }
    }

    /// The service's name, which is the schema's in `PostgreSQL`.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Whether the vendor has it, and no licence server.
    pub fn is_vendors(&self) -> bool {
        self.is_vendors
    }

    /// The newest version that this release has.
    pub fn known(&self) -> i64 {
        schema::known(self.steps)
    }

    /// Where the tables stand. Changes nothing, makes nothing, and needs no right but to read.
    pub async fn look(&self, place: &Place) -> Result<SchemaVersion, OpenError> {
        Database::look(place, self.service, self.steps).await
    }

    /// Brings the tables up to date, and says where they stood before. Several at once follow each other.
    pub async fn migrate(&self, place: &Place) -> Result<SchemaVersion, OpenError> {
        let (database, before) = Database::open_from(place, self.service, self.steps).await?;
        database.close().await;
        Ok(before)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Schema").field(&self.service).finish()
    }
}
