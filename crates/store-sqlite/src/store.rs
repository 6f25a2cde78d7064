//! Licensing's store: the writer, the readers, and what each call asks of them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::RwLock;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::cell::LineItemState;
use leasehold_domain::{Activity, FencingToken, Grant, GrantId, Group, HostId, InstanceId};
use leasehold_store::licensing::{DeviceRow, GrantFilter, Instance, Page, PageQuery, Silent};
use leasehold_store::{LicensingBatch, LicensingStore, StoreError};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteRow;

use crate::batch::SqliteBatch;
use crate::connect::{Location, readers};
use crate::decode::Columns;
use crate::encode::{self, Document, micros, whole};
use crate::error::store_error;
use crate::lists::{self, List};
use crate::open::{OpenError, open};
use crate::reader::Reader;
use crate::tables::{devices, grants, line_items};
use crate::writer::{Query, Writer};

/// Licensing's database: one file, or one in memory.
pub struct SqliteLicensingStore {
    writer: Writer,
    /// `None` in memory.
    readers: Option<SqlitePool>,
    /// The short numbers of instances. They never change, and instances are never removed.
    numbers: RwLock<HashMap<InstanceId, i64>>,
}

pub(crate) const SILENT: &str = "SELECT id, fencing_token FROM grants \
      WHERE instance = $1 AND mode = 0 AND floor_deadline <= $2 \
      ORDER BY floor_deadline, id LIMIT $3";

pub(crate) const OVERDUE: &str = "SELECT id FROM grants \
      WHERE instance = $1 AND first_end <= $2 \
      ORDER BY first_end, id LIMIT $3";

pub(crate) const MOVE_FLOORS: &str = "UPDATE grants SET floor_deadline = moved.floor \
      FROM (SELECT substr($3, value ->> 0, 16) AS id, value ->> 1 AS token, value ->> 2 AS floor \
              FROM jsonb_each($2)) AS moved \
     WHERE grants.instance = $1 AND grants.id = moved.id AND grants.mode = 0 \
       AND grants.fencing_token = moved.token AND grants.floor_deadline < moved.floor; \
    COMMIT";

pub(crate) const FORGET_ANSWERS: &str = "DELETE FROM answers WHERE rowid IN ( \
        SELECT rowid FROM answers WHERE instance = $1 AND at < $2 ORDER BY at LIMIT $3)";

pub(crate) const FORGET_ACTIVITY: &str = "DELETE FROM activity WHERE instance = $1 AND (at, id) IN ( \
        SELECT at, id FROM activity WHERE instance = $1 AND at < $2 ORDER BY at, id LIMIT $3)";

impl SqliteLicensingStore {
    /// Opens the database in this file, makes it where there is none, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let location = Location::File(path.to_owned());
        let connection = open(&location).await?;
        let writer = Writer::new(connection, Some(location.writer()));
        Ok(Self { writer, readers: Some(readers(path)), numbers: RwLock::default() })
    }

    /// Opens an empty database in memory. It is gone with this value. It has one connection for everything: a
    /// read waits until no batch is open, and fails after some seconds.
    pub async fn open_in_memory() -> Result<Self, OpenError> {
        let writer = Writer::new(open(&Location::Memory).await?, None);
        Ok(Self { writer, readers: None, numbers: RwLock::default() })
    }

    /// Waits for the open batch, then closes all connections, which tidies the file up. Calls that come later
    /// fail.
    pub async fn close(&self) -> Result<(), StoreError> {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        self.writer.close().await.map_err(store_error)
    }

    async fn reader(&self) -> Result<Reader, StoreError> {
        Reader::acquire(self.readers.as_ref(), &self.writer).await.map_err(store_error)
    }

    /// The short number of an instance, if there is such an instance.
    async fn number(&self, instance: InstanceId) -> Result<Option<i64>, StoreError> {
        let known = self.numbers.read().expect("nothing panics with this lock").get(&instance).copied();
        if known.is_some() {
            return Ok(known);
        }
        let query =
            sqlx::query("SELECT no FROM instances WHERE id = $1").bind(instance.0.as_bytes().to_vec());
        let found: Vec<i64> = self.fetch(query, |row| Columns::of("instances", row).plain()).await?;
        let number = found.first().copied();
        if let Some(number) = number {
            self.numbers.write().expect("nothing panics with this lock").insert(instance, number);
        }
        Ok(number)
    }

    async fn fetch<T>(
        &self,
        query: Query<'_>,
        read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut reader = self.reader().await?;
        let connection = reader.connection().map_err(store_error)?;
        let rows = query.fetch_all(connection).await.map_err(store_error)?;
        rows.iter().map(read).collect()
    }

    async fn list<T>(&self, list: List<T>) -> Result<Page<T>, StoreError> {
        let mut reader = self.reader().await?;
        list.fetch(reader.connection().map_err(store_error)?).await
    }

    /// Runs statements of which the last is `COMMIT`, in a transaction of their own.
    async fn write(&self, query: Query<'_>) -> Result<(), StoreError> {
        let transaction = self.writer.begin().await.map_err(store_error)?;
        transaction.execute_last(query).await.map_err(store_error)
    }
}

#[async_trait]
impl LicensingStore for SqliteLicensingStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.fetch(sqlx::query("SELECT 1"), |_| Ok(())).await.map(drop)
    }

    async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        let query = sqlx::query("SELECT id, name, is_default FROM instances ORDER BY name");
        self.fetch(query, |row| {
            let columns = &mut Columns::of("instances", row);
            Ok(Instance {
                id: InstanceId(columns.uuid()?),
                name: columns.text()?,
                is_default: columns.plain()?,
            })
        })
        .await
    }

    async fn create_instance(&self, instance: &Instance) -> Result<(), StoreError> {
        let query = sqlx::query("INSERT INTO instances (id, name, is_default) VALUES ($1, $2, $3); COMMIT")
            .bind(instance.id.0.as_bytes().to_vec())
            .bind(&instance.name)
            .bind(instance.is_default);
        self.write(query).await
    }

    async fn begin(&self, instance: InstanceId) -> Result<Box<dyn LicensingBatch>, StoreError> {
        let number = self.number(instance).await?.ok_or_else(|| StoreError::Constraint {
            constraint: format!("there is no instance {instance}"),
            source: "no such row in instances".into(),
        })?;
        let transaction = self.writer.begin().await.map_err(store_error)?;
        Ok(Box::new(SqliteBatch::new(transaction, number)))
    }

    async fn line_items(&self, instance: InstanceId) -> Result<Vec<LineItemState>, StoreError> {
        let number = self.number(instance).await?;
        self.fetch(sqlx::query(line_items::ALL).bind(number), line_items::read).await
    }

    async fn grants_by_id(&self, instance: InstanceId, ids: &[GrantId]) -> Result<Vec<Grant>, StoreError> {
        let number = self.number(instance).await?;
        let (ids, bytes) = encode::ids(ids.iter().map(|id| &id.0))?;
        let query = sqlx::query(grants::load!()).bind(number).bind("[]").bind(ids).bind(bytes);
        self.fetch(query, grants::read).await
    }

    async fn grants(
        &self,
        instance: InstanceId,
        filter: &GrantFilter,
        page: &PageQuery,
    ) -> Result<Page<Grant>, StoreError> {
        let number = self.number(instance).await?;
        self.list(lists::grants(number, filter, page)).await
    }

    async fn devices(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<DeviceRow>, StoreError> {
        let number = self.number(instance).await?;
        self.list(lists::devices(number, page)).await
    }

    async fn device(&self, instance: InstanceId, hostid: &HostId) -> Result<Option<DeviceRow>, StoreError> {
        let number = self.number(instance).await?;
        let query = sqlx::query(lists::DEVICE).bind(number).bind(hostid.to_string());
        Ok(self.fetch(query, devices::read_summed).await?.pop())
    }

    async fn groups(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<Group>, StoreError> {
        let number = self.number(instance).await?;
        self.list(lists::groups(number, page)).await
    }

    async fn activity(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<Activity>, StoreError> {
        let number = self.number(instance).await?;
        self.list(lists::activity(number, page)).await
    }

    async fn silent(
        &self,
        instance: InstanceId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Silent>, StoreError> {
        let number = self.number(instance).await?;
        self.fetch(sqlx::query(SILENT).bind(number).bind(micros(now)).bind(limit), |row| {
            let columns = &mut Columns::of("grants", row);
            Ok(Silent { id: GrantId(columns.uuid()?), fencing_token: FencingToken(columns.number()?) })
        })
        .await
    }

    async fn overdue(
        &self,
        instance: InstanceId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<GrantId>, StoreError> {
        let number = self.number(instance).await?;
        let query = sqlx::query(OVERDUE).bind(number).bind(micros(now)).bind(limit);
        self.fetch(query, |row| Columns::of("grants", row).uuid().map(GrantId)).await
    }

    async fn count_online(&self, instance: InstanceId) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        let query = sqlx::query("SELECT count(*) FROM grants WHERE instance = $1 AND mode = 0").bind(number);
        let counts: Vec<u64> = self.fetch(query, |row| Columns::of("grants", row).number()).await?;
        Ok(counts.into_iter().sum())
    }

    async fn move_floors(
        &self,
        instance: InstanceId,
        floors: &[(GrantId, FencingToken, Timestamp)],
    ) -> Result<(), StoreError> {
        // Of several floors for one grant the latest counts; the statement would take any.
        let mut latest: BTreeMap<(GrantId, FencingToken), Timestamp> = BTreeMap::new();
        for (id, token, floor) in floors {
            let known = latest.entry((*id, *token)).or_insert(*floor);
            *known = (*known).max(*floor);
        }
        if latest.is_empty() {
            return Ok(());
        }
        let mut moved = Document::new();
        for ((id, token), floor) in latest {
            let id = moved.bytes(id.0.as_bytes());
            moved.row((id, whole(token.0)?, micros(floor)))?;
        }
        let (rows, bytes) = moved.finish()?;
        let number = self.number(instance).await?;
        self.write(sqlx::query(MOVE_FLOORS).bind(number).bind(rows).bind(bytes)).await
    }

    async fn forget_answers(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        let mut transaction = self.writer.begin().await.map_err(store_error)?;
        let query = sqlx::query(FORGET_ANSWERS).bind(number).bind(micros(before)).bind(limit);
        let forgotten = transaction.execute(query).await.map_err(store_error)?;
        transaction.execute_last(sqlx::query("COMMIT")).await.map_err(store_error)?;
        Ok(forgotten)
    }

    async fn forget_activity(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        let mut transaction = self.writer.begin().await.map_err(store_error)?;
        let query = sqlx::query(FORGET_ACTIVITY).bind(number).bind(micros(before)).bind(limit);
        let forgotten = transaction.execute(query).await.map_err(store_error)?;
        let count =
            sqlx::query("UPDATE instances SET activity_rows = activity_rows - $2 WHERE no = $1; COMMIT");
        transaction.execute_last(count.bind(number).bind(whole(forgotten)?)).await.map_err(store_error)?;
        Ok(forgotten)
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
