//! Configuration: built-in defaults, then files, then environment variables, then flags.
//!
//! Responsible for reading them, for saying exactly which key of which source is wrong, and for typed
//! values. Not responsible for what a service does with a value.

mod document;
mod error;
mod gateway;
mod layers;
mod schema;
mod secret;
mod sections;
mod security;
mod services;
mod source;
mod stores;
mod updates;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::{env, io};

pub use error::{ConfigError, Origin};
pub use gateway::{Gateway, Network};
pub use schema::DEFAULTS;
pub use sections::{Admin, Licensing, LogFormat, Logging, Runtime, Telemetry};
pub use security::{CallerName, ClientAuth, Security, Tls};
pub use services::{BackOffice, Services, SyncInterval, Synchronization};

pub use stores::{Migrate, Postgres, Redis};
pub use updates::Updates;

use schema::Schema;
use source::{Entry, Outcome};
pub(crate) use value::log_levels;

/// The file that is read where none is given and it exists.
const DEFAULT_FILE: &str = "leasehold.toml";

/// Where settings may come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Where `leasehold.toml` is looked for if `files` is empty; empty is the current directory.
    pub directory: PathBuf,
    /// Configuration files, later ones overruling earlier ones.
    pub files: Vec<PathBuf>,
    /// Environment variables; those not called `LEASEHOLD__…` are passed over.
    pub environment: Vec<(OsString, OsString)>,
    /// Key (`section.key`) and value of each flag, later ones overruling earlier ones.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// These files and flags, with the process' environment and current directory.
    pub fn from_process(files: Vec<PathBuf>, flags: Vec<(String, String)>) -> io::Result<Self> {
        Ok(Self { directory: env::current_dir()?, files, environment: env::vars_os().collect(), flags })
    }

    /// What each source says, item by item. The error is one of a file as a whole.
    fn outcomes(&self, schema: &Schema) -> Result<Vec<Vec<Outcome>>, ConfigError> {
        let implied = self.directory.join(DEFAULT_FILE);
        let mut layers = vec![schema.defaults().into_iter().map(Ok).collect()];
        if !self.files.is_empty() {
            for file in &self.files {
                layers.push(source::file(file, schema)?);
            }
        } else if implied.exists() {
            layers.push(source::file(&implied, schema)?);
        }
        layers.push(source::environment(&self.environment, schema));
        layers.push(source::flags(&self.flags, schema));
        Ok(layers)
    }

    fn entries(&self, schema: &Schema) -> Result<Vec<Vec<Entry>>, ConfigError> {
        self.outcomes(schema)?.into_iter().map(|layer| layer.into_iter().collect()).collect()
    }
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// The process.
    pub runtime: Runtime,
    /// Its logs.
    pub logging: Logging,
    /// How it is watched.
    pub admin: Admin,
    /// Its traces.
    pub telemetry: Telemetry,
    /// The licensing service.
    pub licensing: Licensing,
    /// The synchronisation service.
    pub sync: Synchronization,
    /// The service for updates.
    pub updates: Updates,
    /// The vendor's back office.
    pub backoffice: BackOffice,
    /// The gateway.
    pub gateway: Gateway,
    /// Where the other services are.
    pub services: Services,
    /// The database of licence state.
    pub postgres: Postgres,
    /// The store of leases.
    pub redis: Redis,
    /// How connections are secured.
    pub tls: Tls,
    /// Who may do what.
    pub security: Security,
    rows: Vec<Row>,
}

/// One key of the configuration in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `section.key`.
    pub key: String,
    /// The value as it was written, without secrets; elements of a list with commas between.
    pub value: String,
    /// Where the value comes from.
    pub origin: Origin,
}

impl Config {
    /// Reads and checks every source. The first thing that is wrong is the error.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        Self::read(&sources.entries(&Schema::built_in())?)
    }

    /// Everything that is wrong, for whoever mends it; nothing where it loads. What is wrong is left out to see the next.
    pub fn problems(sources: &Sources) -> Vec<ConfigError> {
        let outcomes = match sources.outcomes(&Schema::built_in()) {
            Ok(outcomes) => outcomes,
            Err(error) => return vec![error],
        };
        let mut found = Vec::new();
        let mut layers: Vec<Vec<Entry>> = Vec::new();
        for layer in outcomes {
            layers.push(
                layer.into_iter().filter_map(|entry| entry.map_err(|error| found.push(error)).ok()).collect(),
            );
        }
        while let Err(error) = Self::read(&layers) {
            let ConfigError::Value { key, .. } = &error else {
                found.push(error);
                break;
            };
            // A secret is wrong where its file is.
            let file = format!("{key}_file");
            let count = |layers: &[Vec<Entry>]| layers.iter().map(Vec::len).sum::<usize>();
            let before = count(&layers);
            for layer in layers.iter_mut().skip(1) {
                layer.retain(|entry| entry.key != *key && entry.key != file);
            }
            let stuck = count(&layers) == before;
            found.push(error);
            if stuck {
                break;
            }
        }
        found
    }

    fn read(layers: &[Vec<Entry>]) -> Result<Self, ConfigError> {
        let winners: BTreeMap<&str, &Entry> =
            layers.iter().flatten().map(|entry| (entry.key.as_str(), entry)).collect();
        let mut sections = layers::merge(layers, &winners)?;
        for outcome in
            [sections.postgres.read_secret(), sections.redis.read_secret(), sections.security.read_secret()]
        {
            outcome.map_err(|error| {
                let origin =
                    winners.get(error.key.as_str()).map_or(Origin::Default, |entry| entry.origin.clone());
                ConfigError::Value { key: error.key, origin, problem: error.problem }
            })?;
        }
        let rows = winners
            .values()
            .map(|entry| Row {
                key: entry.key.clone(),
                value: secret::shown(&entry.key, entry.value.to_string()),
                origin: entry.origin.clone(),
            })
            .collect();
        Ok(Self {
            runtime: sections.runtime,
            logging: sections.logging,
            admin: sections.admin,
            telemetry: sections.telemetry,
            licensing: sections.licensing,
            sync: sections.sync,
            updates: sections.updates,
            backoffice: sections.backoffice,
            gateway: sections.gateway,
            services: sections.services,
            postgres: sections.postgres,
            redis: sections.redis,
            tls: sections.tls,
            security: sections.security,
            rows,
        })
    }

    /// Serves the admin listener of a process of another kind on this port, where nobody has said where: two kinds on one
    /// machine are not to meet on the built-in one.
    pub fn set_default_admin_port(&mut self, port: u16) {
        let row = self.rows.iter_mut().find(|row| row.key == "admin.listen");
        if let (Some(row), Some(listen)) =
            (row.filter(|row| row.origin == Origin::Default), &mut self.admin.listen)
        {
            listen.set_port(port);
            row.value = listen.to_string();
        }
    }

    /// Every key with its value and where that comes from, by key.
    pub fn effective(&self) -> &[Row] {
        &self.rows
    }
}

#[cfg(test)]
mod tests;
