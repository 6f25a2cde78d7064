//! Licensing's store: the connections, and what each call asks of them.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::cell::LineItemState;
use leasehold_domain::turn::Beat;
use leasehold_domain::{
    Activity, FeatureName, FencingToken, Grant, GrantId, Group, HostId, InstanceId, LineItemId,
};
use leasehold_store::licensing::{
    AnswerKey, DenialTally, Denials, DeviceRow, Ending, ForgetTallies, GrantFilter, Held, Instance, Notices,
    Page, PageQuery, Pending, Periods, Promotion, Silent, Standing, Tallies, UsageTally,
};
use leasehold_store::{LicensingBatch, LicensingStore, StoreError};
use sqlx::postgres::PgArguments;
use uuid::Uuid;

use crate::arguments::add;
use crate::batch::PostgresBatch;
use crate::calls::Calls;
use crate::connections::Connections;
use crate::decode::{self, Columns};
use crate::encode::micros;
use crate::error::store_error;
use crate::flushing::Flushing;
use crate::instances::{self, Instances};
use crate::open::OpenError;
use crate::settings::Settings;
use crate::tables::{answer_keys, devices, endings, grants, line_items, notices, tallies, vendor};
use crate::transaction::Transaction;
use crate::{floors, lists, schema};

/// Licensing's schema in a Postgres database.
pub struct PostgresLicensingStore {
    connections: Arc<Connections>,
    flushing: Arc<Flushing>,
    calls: Calls,
    /// Names this process to others, for as long as the store is open.
    me: Uuid,
    instances: Instances,
}

/// With a part of one of the line items `$4`, where that is not null.
pub(crate) const OVERDUE: &str = "SELECT record_send(ROW(id)) FROM licensing.grants \
     WHERE instance = $1 AND first_end <= $2 \
       AND ($4::text[] IS NULL OR EXISTS ( \
            SELECT FROM unnest(parts) AS p WHERE p.ends_at <= $2 AND p.line_item = ANY ($4))) \
     ORDER BY first_end, id LIMIT $3";

/// Moves an instance's counter on, where `$2` holds it, nobody does, or it stands at `$3`. It writes in any case,
/// because only what a statement writes it is sure to see.
pub(crate) const BEAT: &str = "INSERT INTO licensing.turns AS t (instance, holder, count) VALUES ($1, $2, 1) \
         ON CONFLICT (instance) DO UPDATE \
        SET holder = CASE WHEN t.count = $3 THEN excluded.holder ELSE t.holder END, \
            count = t.count + CASE WHEN t.holder = excluded.holder OR t.count = $3 THEN 1 ELSE 0 END \
     RETURNING record_send(ROW(holder, count))";

impl PostgresLicensingStore {
    /// Connects, and brings the schema up to date.
    pub async fn open(settings: &Settings) -> Result<Self, OpenError> {
        let options = settings.connect_options()?;
        let me = schema::set_up(&options, settings).await?;
        let connections = Arc::new(Connections::new(options.clone(), settings.clone()));
        let calls = Calls::listen(options, settings.acquire_timeout, me);
        let flushing = Arc::new(Flushing::new(&connections, settings.quick_disk));
        Ok(Self { connections, flushing, calls, me, instances: Instances::default() })
    }

    /// Closes all connections; those in use, when they are not any more. Calls that come later fail.
    pub async fn close(&self) {
        self.calls.stop();
        self.flushing.close().await;
        self.connections.close().await;
    }

    async fn number(&self, instance: InstanceId) -> Result<Option<i32>, StoreError> {
        self.instances.number(&self.connections, instance).await
    }

    /// The arguments of a statement that begin with the instance; one that does not exist is 0, which none is.
    async fn of(&self, instance: InstanceId) -> Result<PgArguments, StoreError> {
        let mut arguments = PgArguments::default();
        add(&mut arguments, self.number(instance).await?.unwrap_or(0))?;
        Ok(arguments)
    }

    /// The same with a time and a number of rows.
    async fn until(
        &self,
        instance: InstanceId,
        time: Timestamp,
        limit: u32,
    ) -> Result<PgArguments, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, micros(time))?;
        add(&mut arguments, i64::from(limit))?;
        Ok(arguments)
    }

    async fn list<T>(&self, list: Result<lists::List<T>, StoreError>) -> Result<Page<T>, StoreError> {
        list?.fetch(&self.connections).await
    }
}

#[async_trait]
impl LicensingStore for PostgresLicensingStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.connections.execute("SELECT 1", PgArguments::default()).await.map(drop)
    }

    async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        self.connections.fetch(instances::ALL, PgArguments::default(), instances::read).await
    }

    async fn create_instance(&self, instance: &Instance) -> Result<(), StoreError> {
        instances::create(&self.connections, instance).await
    }

    async fn standing(&self, instance: InstanceId) -> Result<Standing, StoreError> {
        let arguments = self.of(instance).await?;
        Ok(self.connections.fetch(vendor::STANDING, arguments, vendor::read).await?.pop().unwrap_or_default())
    }

    async fn number_addresses(
        &self,
        instance: InstanceId,
        addresses: &[String],
        least: u64,
    ) -> Result<u64, StoreError> {
        let number = self.instances.existing(&self.connections, instance).await?;
        let arguments = vendor::addresses(number, addresses, least)?;
        self.connections.count(vendor::NUMBER_ADDRESSES, arguments).await
    }

    async fn answer_keys(&self, instance: InstanceId, limit: u32) -> Result<Vec<AnswerKey>, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, i64::from(limit))?;
        self.connections.fetch(answer_keys::NEWEST, arguments, answer_keys::read).await
    }

    async fn add_answer_key(&self, instance: InstanceId, key: &AnswerKey) -> Result<(), StoreError> {
        let number = self.instances.existing(&self.connections, instance).await?;
        answer_keys::add_one(&self.connections, number, key).await
    }

    async fn forget_answer_keys(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, micros(before))?;
        self.connections.execute(answer_keys::FORGET, arguments).await
    }

    async fn notices(&self, instance: InstanceId) -> Result<Notices, StoreError> {
        let rows = self.connections.fetch(notices::ALL, self.of(instance).await?, notices::read).await?;
        Ok(notices::gather(rows))
    }

    async fn forget_notices(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, micros(before))?;
        self.connections.execute(notices::FORGET, arguments).await
    }

    async fn add_tallies(&self, instance: InstanceId, tallies: &Tallies) -> Result<(), StoreError> {
        let number = self.instances.existing(&self.connections, instance).await?;
        let statements = tallies::add_all(number, tallies)?;
        if statements.is_empty() {
            return Ok(());
        }
        // In a transaction that is known to have begun: what is added twice counts twice.
        let mut transaction = Transaction::new(&self.connections, None);
        transaction.begin("").await.map_err(store_error)?;
        for (sql, arguments) in statements {
            transaction.fetch(sql, arguments).await.map_err(store_error)?;
        }
        transaction.commit().await.map_err(store_error)
    }

    async fn usage(
        &self,
        instance: InstanceId,
        features: &[FeatureName],
        periods: Periods,
    ) -> Result<Vec<UsageTally>, StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        let arguments = tallies::of_features(number, features, periods)?;
        self.connections.fetch(tallies::USAGE, arguments, tallies::read_usage).await
    }

    async fn denials(
        &self,
        instance: InstanceId,
        features: &[FeatureName],
        periods: Periods,
    ) -> Result<Vec<DenialTally>, StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        let arguments = tallies::of_features(number, features, periods)?;
        self.connections.fetch(tallies::DENIALS, arguments, tallies::read_denials).await
    }

    async fn denial_sums(
        &self,
        instance: InstanceId,
        feature: Option<&FeatureName>,
        periods: Periods,
        limit: u32,
    ) -> Result<Vec<Denials>, StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        let arguments = tallies::sums(number, feature, periods, limit)?;
        self.connections.fetch(tallies::SUMS, arguments, tallies::read_sums).await
    }

    async fn held_since(
        &self,
        instance: InstanceId,
        device: &HostId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Held>, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, device.to_string())?;
        add(&mut arguments, micros(since))?;
        add(&mut arguments, i64::from(limit))?;
        self.connections.fetch(tallies::HELD, arguments, tallies::read_held).await
    }

    async fn forget_tallies(
        &self,
        instance: InstanceId,
        forget: ForgetTallies,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        let mut forgotten = 0;
        for (sql, arguments) in tallies::forget(number, forget, limit)? {
            forgotten += self.connections.execute(sql, arguments).await?;
        }
        Ok(forgotten)
    }

    async fn begin(&self, instance: InstanceId) -> Result<Box<dyn LicensingBatch>, StoreError> {
        let number = self.instances.existing(&self.connections, instance).await?;
        let turn = self.instances.turn(number).await;
        let transaction = Transaction::new(&self.connections, Some(turn));
        let patience = self.connections.idle_timeout();
        Ok(Box::new(PostgresBatch::new(transaction, number, self.me, patience, &self.flushing)))
    }

    async fn settle(&self, pending: Pending) -> Result<(), StoreError> {
        self.flushing.settle(pending).await
    }

    async fn line_items(&self, instance: InstanceId) -> Result<Vec<LineItemState>, StoreError> {
        self.connections.fetch(line_items::ALL, self.of(instance).await?, line_items::read).await
    }

    async fn grants_by_id(&self, instance: InstanceId, ids: &[GrantId]) -> Result<Vec<Grant>, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, ids.iter().map(|id| id.0).collect::<Vec<Uuid>>())?;
        self.connections.fetch(grants::BY_ID, arguments, grants::read).await
    }

    async fn grants_of(
        &self,
        instance: InstanceId,
        device: &HostId,
        limit: u32,
    ) -> Result<Vec<Grant>, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, device.to_string())?;
        add(&mut arguments, i64::from(limit))?;
        self.connections.fetch(lists::OF_DEVICE, arguments, grants::read).await
    }

    async fn grants(
        &self,
        instance: InstanceId,
        filter: &GrantFilter,
        page: &PageQuery,
    ) -> Result<Page<Grant>, StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        self.list(lists::grants(number, filter, page)).await
    }

    async fn devices(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<DeviceRow>, StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        self.list(lists::devices(number, page)).await
    }

    async fn device(&self, instance: InstanceId, hostid: &HostId) -> Result<Option<DeviceRow>, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, hostid.to_string())?;
        Ok(self.connections.fetch(lists::DEVICE, arguments, devices::read_summed).await?.pop())
    }

    async fn groups(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<Group>, StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        self.list(lists::groups(number, page)).await
    }

    async fn activity(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<Activity>, StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        self.list(lists::activity(number, page)).await
    }

    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT record_send(ROW((extract(epoch FROM clock_timestamp()) * 1000000)::bigint))";
        let read = |row: &[u8]| Columns::of("clock", "time", row)?.read(decode::time);
        Ok(self.connections.fetch(sql, PgArguments::default(), read).await?.pop())
    }

    async fn beat(&self, instance: InstanceId, me: Uuid, overdue: Option<u64>) -> Result<Beat, StoreError> {
        let mut arguments = PgArguments::default();
        add(&mut arguments, self.instances.existing(&self.connections, instance).await?)?;
        add(&mut arguments, me)?;
        add(&mut arguments, overdue.and_then(|count| i64::try_from(count).ok()))?;
        let read = |row: &[u8]| {
            let columns = &mut Columns::of("turns", "holder, count", row)?;
            Ok(Beat { holder: columns.plain()?, count: columns.number()? })
        };
        let beat = self.connections.fetch(BEAT, arguments, read).await?.pop();
        beat.ok_or_else(|| decode::corrupt("turns", "holder", "no row came back"))
    }

    async fn silent(
        &self,
        instance: InstanceId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Silent>, StoreError> {
        let arguments = self.until(instance, now, limit).await?;
        self.connections.fetch(floors::SILENT, arguments, floors::read).await
    }

    async fn overdue(
        &self,
        instance: InstanceId,
        now: Timestamp,
        of: Option<&[LineItemId]>,
        limit: u32,
    ) -> Result<Vec<GrantId>, StoreError> {
        let read = |row: &[u8]| Columns::of("grants", "id", row)?.plain().map(GrantId);
        let mut arguments = self.until(instance, now, limit).await?;
        add(&mut arguments, of.map(|items| items.iter().map(LineItemId::as_str).collect::<Vec<_>>()))?;
        self.connections.fetch(OVERDUE, arguments, read).await
    }

    async fn count_online(&self, instance: InstanceId) -> Result<u64, StoreError> {
        self.connections.count(floors::COUNT_ONLINE, self.of(instance).await?).await
    }

    async fn count_silent(&self, instance: InstanceId, by: Timestamp) -> Result<u64, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, micros(by))?;
        self.connections.count(floors::COUNT_SILENT, arguments).await
    }

    async fn move_floors(
        &self,
        instance: InstanceId,
        floors: &[(GrantId, FencingToken, Timestamp)],
    ) -> Result<(), StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        for arguments in floors::earned(number, floors)? {
            self.connections.execute(floors::MOVE, arguments).await?;
        }
        Ok(())
    }

    async fn promote(&self, instance: InstanceId, promotions: &[Promotion]) -> Result<(), StoreError> {
        let number = self.number(instance).await?.unwrap_or(0);
        for arguments in floors::promoted(number, promotions)? {
            self.connections.execute(floors::MOVE, arguments).await?;
        }
        Ok(())
    }

    async fn clamp_floors(&self, instance: InstanceId, now: Timestamp) -> Result<u64, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, micros(now))?;
        let ttls = self.connections.fetch(floors::TTLS, arguments, floors::read_ttl).await?;
        let number = self.number(instance).await?.unwrap_or(0);
        self.connections.count(floors::CLAMP, floors::clamped(number, &ttls, now)?).await
    }

    async fn endings(&self, instance: InstanceId, after: u64, limit: u32) -> Result<Vec<Ending>, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, i64::try_from(after).unwrap_or(i64::MAX))?;
        add(&mut arguments, i64::from(limit))?;
        self.connections.fetch(endings::AFTER, arguments, endings::read).await
    }

    async fn endings_of(&self, instance: InstanceId, grants: &[GrantId]) -> Result<Vec<Ending>, StoreError> {
        let mut arguments = self.of(instance).await?;
        add(&mut arguments, grants.iter().map(|id| id.0).collect::<Vec<Uuid>>())?;
        self.connections.fetch(endings::OF, arguments, endings::read).await
    }

    async fn forget_endings(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.connections.execute(endings::FORGET, self.until(instance, before, limit).await?).await
    }

    async fn woken(&self) {
        self.calls.woken().await;
    }

    async fn forget_answers(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let sql = "SELECT licensing.forget_answers($1, $2, $3)";
        self.connections.count(sql, self.until(instance, before, limit).await?).await
    }

    async fn forget_activity(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let sql = "SELECT licensing.forget_activity($1, $2, $3)";
        self.connections.count(sql, self.until(instance, before, limit).await?).await
    }
}
