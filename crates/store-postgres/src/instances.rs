//! Instances: their short numbers, and the turns of their batches within this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use leasehold_domain::InstanceId;
use leasehold_store::StoreError;
use leasehold_store::licensing::Instance;
use sqlx::postgres::PgArguments;

use crate::arguments::add;
use crate::connections::Connections;
use crate::decode::Columns;
use crate::error::store_error;
use crate::transaction::{Guard, Transaction};

/// Every instance, by name.
pub(crate) const ALL: &str =
    "SELECT record_send(ROW(id, name, is_default)) FROM licensing.instances ORDER BY name";

const CREATE: &str = "WITH made AS ( \
         INSERT INTO licensing.instances (id, name, is_default) VALUES ($1, $2, $3) RETURNING no) \
     INSERT INTO licensing.totals (instance) SELECT no FROM made";

/// What a process knows of instances.
#[derive(Default)]
pub(crate) struct Instances {
    /// The short numbers. They never change, and instances are never removed.
    numbers: RwLock<HashMap<InstanceId, i32>>,
    /// Batches of one instance follow each other here already, so that waiting ones hold no connection.
    turns: Mutex<HashMap<i32, Arc<tokio::sync::Mutex<()>>>>,
}

impl Instances {
    /// The short number of an instance, if there is such an instance.
    pub(crate) async fn number(
        &self,
        connections: &Connections,
        instance: InstanceId,
    ) -> Result<Option<i32>, StoreError> {
        let known = self.numbers.read().unwrap_or_else(PoisonError::into_inner).get(&instance).copied();
        if known.is_some() {
            return Ok(known);
        }
        let mut arguments = PgArguments::default();
        add(&mut arguments, instance.0)?;
        let sql = "SELECT record_send(ROW(no::bigint)) FROM licensing.instances WHERE id = $1";
        let read = |row: &[u8]| Columns::of("instances", "no", row)?.number();
        let found = connections.fetch(sql, arguments, read).await?.pop();
        if let Some(number) = found {
            self.numbers.write().unwrap_or_else(PoisonError::into_inner).insert(instance, number);
        }
        Ok(found)
    }

    /// The short number of an instance that something is to be written to.
    pub(crate) async fn existing(
        &self,
        connections: &Connections,
        instance: InstanceId,
    ) -> Result<i32, StoreError> {
        self.number(connections, instance).await?.ok_or_else(|| StoreError::Constraint {
            constraint: format!("there is no instance {instance}"),
            source: "no such row in instances".into(),
        })
    }

    /// Waits until no other batch of this process has the instance.
    pub(crate) async fn turn(&self, number: i32) -> Guard {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(number).or_default())
        };
        Box::new(turn.lock_owned().await)
    }
}

/// Reads a row of [`ALL`].
pub(crate) fn read(row: &[u8]) -> Result<Instance, StoreError> {
    let columns = &mut Columns::of("instances", "id, name, is_default", row)?;
    let (id, name) = (InstanceId(columns.plain()?), columns.text()?);
    Ok(Instance { id, name, is_default: columns.plain()? })
}

/// Adds an instance.
pub(crate) async fn create(connections: &Arc<Connections>, instance: &Instance) -> Result<(), StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance.id.0)?;
    add(&mut arguments, instance.name.clone())?;
    add(&mut arguments, instance.is_default)?;
    // In a transaction that is known to have begun, because twice is once too often.
    let mut transaction = Transaction::new(connections, None);
    transaction.begin("").await.map_err(store_error)?;
    transaction.fetch(CREATE, arguments).await.map_err(store_error)?;
    transaction.commit().await.map_err(store_error)
}
