//! Licensing's store: the writer, the readers, and what each call asks of them.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::RwLock;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::cell::LineItemState;
use leasehold_domain::turn::Beat;
use leasehold_domain::{
    Activity, FeatureName, FencingToken, Grant, GrantId, Group, HostId, InstanceId, LineItemId,
};
use leasehold_store::licensing::{
    AnswerKey, DenialTally, Denials, DeviceRow, Ending, ForgetTallies, GrantFilter, Held, Instance, Notices,
    Page, PageQuery, Periods, Promotion, Silent, Standing, Tallies, UsageTally,
};
use leasehold_store::{LicensingBatch, LicensingStore, StoreError};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::batch::SqliteBatch;
use crate::connect::{Location, readers};
use crate::decode::{self, Columns};
use crate::encode::{self, micros, whole};
use crate::error::store_error;
use crate::floors;
use crate::lists::{self, List};
use crate::open::{OpenError, open};
use crate::reader::Reader;
use crate::tables::{answer_keys, devices, endings, grants, line_items, notices, tallies, vendor};
use crate::writer::{Query, Writer};

/// Licensing's database: one file, or one in memory.
pub struct SqliteLicensingStore {
    writer: Writer,
    /// `None` in memory.
    readers: Option<SqlitePool>,
    /// The short numbers of instances. They never change, and instances are never removed.
    numbers: RwLock<HashMap<InstanceId, i64>>,
}

/// With a part of one of the line items `$4`, where that is not null.
pub(crate) const OVERDUE: &str = "SELECT id FROM grants AS g \
      WHERE instance = $1 AND first_end <= $2 \
        AND ($4 IS NULL OR EXISTS ( \
             SELECT 1 FROM parts AS p \
              WHERE p.instance = g.instance AND p.grant_id = g.id AND p.ends_at <= $2 \
                AND p.line_item IN (SELECT value FROM json_each($4)))) \
      ORDER BY first_end, id LIMIT $3";

/// Moves an instance's counter on, where `$2` holds it, nobody does, or it stands at `$3`.
pub(crate) const BEAT: &str = "INSERT INTO turns (instance, holder, count) VALUES ($1, $2, 1) \
         ON CONFLICT (instance) DO UPDATE SET holder = excluded.holder, count = turns.count + 1 \
      WHERE turns.holder = excluded.holder OR turns.count = $3";

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

    /// The short number of an instance that has to be there.
    async fn number_of(&self, instance: InstanceId) -> Result<i64, StoreError> {
        self.number(instance).await?.ok_or_else(|| StoreError::Constraint {
            constraint: format!("there is no instance {instance}"),
            source: "no such row in instances".into(),
        })
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

    async fn count(&self, query: Query<'_>) -> Result<u64, StoreError> {
        let counts: Vec<u64> = self.fetch(query, |row| Columns::of("count", row).number()).await?;
        Ok(counts.into_iter().sum())
    }

    /// Runs one statement in a transaction of its own; says how many rows it changed.
    async fn change(&self, query: Query<'_>) -> Result<u64, StoreError> {
        let mut transaction = self.writer.begin().await.map_err(store_error)?;
        let changed = transaction.execute(query).await.map_err(store_error)?;
        transaction.execute_last(sqlx::query("COMMIT")).await.map_err(store_error)?;
        Ok(changed)
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

    async fn standing(&self, instance: InstanceId) -> Result<Standing, StoreError> {
        let number = self.number(instance).await?;
        let found = self.fetch(sqlx::query(vendor::STANDING).bind(number), vendor::read).await?.pop();
        Ok(found.unwrap_or_default())
    }

    async fn number_addresses(
        &self,
        instance: InstanceId,
        addresses: &[String],
        least: u64,
    ) -> Result<u64, StoreError> {
        let query = sqlx::query(vendor::NUMBER_ADDRESSES)
            .bind(self.number_of(instance).await?)
            .bind(encode::texts(addresses)?)
            .bind(whole(least)?);
        let mut transaction = self.writer.begin().await.map_err(store_error)?;
        let rows = transaction.fetch_all(query).await.map_err(store_error)?;
        transaction.execute_last(sqlx::query("COMMIT")).await.map_err(store_error)?;
        let row = rows.first().ok_or_else(|| decode::corrupt("instances", "no", "no row"))?;
        Columns::of("instances", row).number()
    }

    async fn answer_keys(&self, instance: InstanceId, limit: u32) -> Result<Vec<AnswerKey>, StoreError> {
        let number = self.number(instance).await?;
        self.fetch(sqlx::query(answer_keys::NEWEST).bind(number).bind(limit), answer_keys::read).await
    }

    async fn add_answer_key(&self, instance: InstanceId, key: &AnswerKey) -> Result<(), StoreError> {
        self.write(answer_keys::add(self.number_of(instance).await?, key)).await
    }

    async fn forget_answer_keys(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        self.change(answer_keys::forget(number, before)).await
    }

    async fn notices(&self, instance: InstanceId) -> Result<Notices, StoreError> {
        let number = self.number(instance).await?;
        Ok(notices::gather(self.fetch(sqlx::query(notices::ALL).bind(number), notices::read).await?))
    }

    async fn forget_notices(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        self.change(notices::forget(number, before)).await
    }

    async fn add_tallies(&self, instance: InstanceId, tallies: &Tallies) -> Result<(), StoreError> {
        self.write(tallies::add(self.number_of(instance).await?, tallies)?).await
    }

    async fn usage(
        &self,
        instance: InstanceId,
        features: &[FeatureName],
        periods: Periods,
    ) -> Result<Vec<UsageTally>, StoreError> {
        let number = self.number(instance).await?;
        let query = tallies::of_features(tallies::USAGE, number, features, periods)?;
        self.fetch(query, tallies::read_usage).await
    }

    async fn denials(
        &self,
        instance: InstanceId,
        features: &[FeatureName],
        periods: Periods,
    ) -> Result<Vec<DenialTally>, StoreError> {
        let number = self.number(instance).await?;
        let query = tallies::of_features(tallies::DENIALS, number, features, periods)?;
        self.fetch(query, tallies::read_denials).await
    }

    async fn denial_sums(
        &self,
        instance: InstanceId,
        feature: Option<&FeatureName>,
        periods: Periods,
        limit: u32,
    ) -> Result<Vec<Denials>, StoreError> {
        let number = self.number(instance).await?;
        self.fetch(tallies::sums(number, feature, periods, limit), tallies::read_sums).await
    }

    async fn held_since(
        &self,
        instance: InstanceId,
        device: &HostId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Held>, StoreError> {
        let number = self.number(instance).await?;
        self.fetch(tallies::held(number, device, since, limit), tallies::read_held).await
    }

    async fn forget_tallies(
        &self,
        instance: InstanceId,
        forget: ForgetTallies,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        let mut forgotten = 0;
        for query in tallies::forget(number, forget, limit) {
            forgotten += self.change(query).await?;
        }
        Ok(forgotten)
    }

    async fn begin(&self, instance: InstanceId) -> Result<Box<dyn LicensingBatch>, StoreError> {
        let number = self.number_of(instance).await?;
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

    async fn grants_of(
        &self,
        instance: InstanceId,
        device: &HostId,
        limit: u32,
    ) -> Result<Vec<Grant>, StoreError> {
        let number = self.number(instance).await?;
        let query = sqlx::query(lists::OF_DEVICE).bind(number).bind(device.to_string()).bind(limit);
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
        self.fetch(sqlx::query(floors::SILENT).bind(number).bind(micros(now)).bind(limit), floors::read).await
    }

    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn beat(&self, instance: InstanceId, me: Uuid, overdue: Option<u64>) -> Result<Beat, StoreError> {
        let number = self.number_of(instance).await?;
        let query = sqlx::query(BEAT).bind(number).bind(me.as_bytes().to_vec());
        let mut transaction = self.writer.begin().await.map_err(store_error)?;
        transaction.execute(query.bind(overdue.map(whole).transpose()?)).await.map_err(store_error)?;
        let query = sqlx::query("SELECT holder, count FROM turns WHERE instance = $1").bind(number);
        let rows = transaction.fetch_all(query).await.map_err(store_error)?;
        transaction.execute_last(sqlx::query("COMMIT")).await.map_err(store_error)?;
        let row = rows.first().ok_or_else(|| decode::corrupt("turns", "instance", "no row"))?;
        let columns = &mut Columns::of("turns", row);
        Ok(Beat { holder: columns.uuid()?, count: columns.number()? })
    }

    async fn overdue(
        &self,
        instance: InstanceId,
        now: Timestamp,
        of: Option<&[LineItemId]>,
        limit: u32,
    ) -> Result<Vec<GrantId>, StoreError> {
        let number = self.number(instance).await?;
        let of = of.map(|items| encode::texts(items.iter().map(LineItemId::as_str))).transpose()?;
        let query = sqlx::query(OVERDUE).bind(number).bind(micros(now)).bind(limit).bind(of);
        self.fetch(query, |row| Columns::of("grants", row).uuid().map(GrantId)).await
    }

    async fn count_online(&self, instance: InstanceId) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        let query = sqlx::query("SELECT count(*) FROM grants WHERE instance = $1 AND mode = 0").bind(number);
        self.count(query).await
    }

    async fn move_floors(
        &self,
        instance: InstanceId,
        floors: &[(GrantId, FencingToken, Timestamp)],
    ) -> Result<(), StoreError> {
        let number = self.number(instance).await?;
        match floors::earned(number, floors)? {
            Some(query) => self.write(query).await,
            None => Ok(()),
        }
    }

    async fn count_silent(&self, instance: InstanceId, by: Timestamp) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        self.count(sqlx::query(floors::COUNT_SILENT).bind(number).bind(micros(by))).await
    }

    async fn promote(&self, instance: InstanceId, promotions: &[Promotion]) -> Result<(), StoreError> {
        let number = self.number(instance).await?;
        match floors::promoted(number, promotions)? {
            Some(query) => self.write(query).await,
            None => Ok(()),
        }
    }

    async fn clamp_floors(&self, instance: InstanceId, now: Timestamp) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        self.change(floors::clamped(number, now)).await
    }

    async fn endings(&self, instance: InstanceId, after: u64, limit: u32) -> Result<Vec<Ending>, StoreError> {
        let number = self.number(instance).await?;
        let query = sqlx::query(endings::AFTER)
            .bind(number)
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(limit);
        self.fetch(query, endings::read).await
    }

    async fn endings_of(&self, instance: InstanceId, grants: &[GrantId]) -> Result<Vec<Ending>, StoreError> {
        let number = self.number(instance).await?;
        let once: BTreeSet<&GrantId> = grants.iter().collect();
        let (ids, bytes) = encode::ids(once.into_iter().map(|id| &id.0))?;
        self.fetch(sqlx::query(endings::OF).bind(number).bind(ids).bind(bytes), endings::read).await
    }

    async fn forget_endings(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        self.change(sqlx::query(endings::FORGET).bind(number).bind(micros(before)).bind(limit)).await
    }

    async fn forget_answers(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let number = self.number(instance).await?;
        self.change(sqlx::query(FORGET_ANSWERS).bind(number).bind(micros(before)).bind(limit)).await
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
