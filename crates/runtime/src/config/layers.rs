//! The layers of entries as one typed configuration.

use std::collections::BTreeMap;

use config::{Config, ConfigError as LayerError, Map, Source, ValueKind};
use serde::Deserialize;

use super::error::{ConfigError, Origin};
use super::gateway::Gateway;
use super::sections::{Admin, Licensing, Logging, Runtime, Telemetry};
use super::security::{Security, Tls};
use super::services::{BackOffice, Services, Synchronization};
use super::source::{Entry, Value};
use super::stores::{Postgres, Redis};
use super::updates::Updates;

#[derive(Deserialize)]
pub(super) struct Sections {
    pub(super) runtime: Runtime,
    pub(super) logging: Logging,
    pub(super) admin: Admin,
    pub(super) telemetry: Telemetry,
    pub(super) licensing: Licensing,
    pub(super) sync: Synchronization,
    pub(super) updates: Updates,
    pub(super) backoffice: BackOffice,
    pub(super) gateway: Gateway,
    pub(super) services: Services,
    pub(super) postgres: Postgres,
    pub(super) redis: Redis,
    pub(super) tls: Tls,
    pub(super) security: Security,
}

#[derive(Clone, Debug)]
struct Layer(Vec<Entry>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, config::Value>, LayerError> {
        let pair =
            |entry: &Entry| (entry.key.clone(), config::Value::new(None, ValueKind::from(&entry.value)));
        Ok(self.0.iter().map(pair).collect())
    }
}

impl From<&Value> for ValueKind {
    fn from(value: &Value) -> Self {
        match value {
            Value::Text(text) => Self::from(text.clone()),
            Value::Integer(number) => Self::from(*number),
            Value::Boolean(flag) => Self::from(*flag),
            Value::List(items) => Self::from(items.clone()),
        }
    }
}

/// The sections as the last layer that names each key has it. `winners` are those entries by key.
pub(super) fn merge(
    layers: &[Vec<Entry>],
    winners: &BTreeMap<&str, &Entry>,
) -> Result<Sections, ConfigError> {
    let builder =
        layers.iter().fold(Config::builder(), |builder, layer| builder.add_source(Layer(layer.clone())));
    builder.build().and_then(Config::try_deserialize).map_err(|error| {
        let (key, problem) = explain(error);
        let origin = winners.get(key.as_str()).map_or(Origin::Default, |entry| entry.origin.clone());
        ConfigError::Value { key, origin, problem }
    })
}

/// Key and problem, without the position in a list.
fn explain(error: LayerError) -> (String, String) {
    let (key, problem) = match error {
        LayerError::At { error, key, .. } => (key, error.to_string()),
        LayerError::Type { unexpected, expected, key, .. } => {
            (key, format!("expected {expected}, found {unexpected}"))
        }
        other => (None, other.to_string()),
    };
    let key = key.unwrap_or_default();
    (key.split('[').next().unwrap_or_default().to_owned(), problem)
}
