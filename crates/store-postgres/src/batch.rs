//! One transaction on one instance, as [`LicensingBatch`].
//!
//! What it reads and writes takes the same number of statements however many requests are in it: the work is done
//! by functions in the database, and rows travel as arrays.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::steps::Steps;
use leasehold_domain::{
    Changes, Device, Estate, Grant, GrantId, Holder, HostId, LineItemId, Policies, RequestId, Source,
};
use leasehold_store::licensing::{Rights, RightsChange, StoreTime, StoredAnswer, Touched};
use leasehold_store::{LicensingBatch, StoreError};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Row};
use uuid::Uuid;

use crate::connections::Types;
use crate::decode::corrupt;
use crate::encode::{SourceText, json, micros, texts};
use crate::error::store_error;
use crate::steps;
use crate::tables::{activity, answers, devices, endings, grants, groups, line_items};
use crate::transaction::Transaction;

const LOAD: &str = "SELECT kind, content FROM licensing.load($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const SAVE: &str = "SELECT licensing.save($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
const SAVE_RIGHTS: &str = "SELECT licensing.save_rights($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// The longest time that the database takes for a limit, in milliseconds.
const MAX_IDLE_MILLIS: u128 = 2_000_000_000;

/// A transaction on one instance. It begins with its first call.
pub(crate) struct PostgresBatch {
    transaction: Transaction,
    instance: i32,
    /// Which process this is, for others that hear of endings.
    sender: Uuid,
    /// How long the turn may be kept between two statements.
    idle_timeout: Duration,
    /// From when it had its turn.
    time: Option<StoreTime>,
    looked: Looked,
    forgotten_devices: Vec<HostId>,
}

/// What was looked for and what was found: under the instance's lock nothing else is there until this batch writes it.
#[derive(Default)]
struct Looked {
    holders: HashSet<Holder>,
    hosts: HashSet<HostId>,
    found_hosts: HashSet<HostId>,
    found_grants: HashSet<GrantId>,
}

impl Looked {
    fn is_new_device(&self, device: &Device) -> bool {
        self.hosts.contains(&device.hostid) && !self.found_hosts.contains(&device.hostid)
    }

    fn is_new_grant(&self, grant: &Grant) -> bool {
        self.holders.contains(&grant.holder) && !self.found_grants.contains(&grant.id)
    }
}

impl PostgresBatch {
    /// A batch in this transaction, on the instance of this number.
    pub(crate) fn new(transaction: Transaction, instance: i32, sender: Uuid, idle_timeout: Duration) -> Self {
        let (looked, forgotten_devices) = (Looked::default(), Vec::new());
        Self { transaction, instance, sender, idle_timeout, time: None, looked, forgotten_devices }
    }

    /// Begins the transaction and waits for its turn, unless that has been done.
    async fn turn(&mut self) -> Result<Types, StoreError> {
        if self.transaction.is_new() {
            let begin = format!("SELECT licensing.begin_batch({})", self.instance);
            let rows = self.transaction.begin(&begin).await.map_err(store_error)?;
            self.time = steps::of_turn(&rows)?;
        } else if self.transaction.is_held() {
            let keep = format!("SELECT licensing.keep_turn({})", self.instance);
            self.transaction.begin_held(&keep).await.map_err(store_error)?;
        }
        self.transaction.types().map_err(store_error)
    }

    /// Loads with one statement, which takes the turn where nobody did.
    async fn read(
        &mut self,
        claims: &[RequestId],
        touched: &Touched,
        policies: &Policies,
    ) -> Result<(Vec<StoredAnswer>, Estate), StoreError> {
        let arguments = self.load_arguments(claims, touched)?;
        let rows = if self.transaction.is_new() {
            self.transaction.hold(LOAD, arguments).await
        } else {
            self.transaction.fetch(LOAD, arguments).await
        };
        let mut answers = Vec::new();
        let (mut found_grants, mut entries) = (Vec::new(), Vec::new());
        let (mut found_devices, mut items) = (Vec::new(), Vec::new());
        for row in &rows.map_err(store_error)? {
            let content: &[u8] = row.try_get(1).map_err(store_error)?;
            match row.try_get::<i16, _>(0).map_err(store_error)? {
                0 => self.time = Some(steps::read(content)?),
                1 => found_grants.push(grants::read(content)?),
                2 => entries.push(groups::read_entry(content)?),
                3 => found_devices.push(devices::read(content)?),
                4 => items.push(line_items::read(content)?),
                5 => answers.push(answers::read(content)?),
                kind => return Err(corrupt("load", "kind", kind)),
            }
        }
        let looked = &mut self.looked;
        looked.holders.extend(touched.holders.iter().cloned());
        looked.hosts.extend(touched.holders.iter().map(|holder| holder.device.clone()));
        looked.found_hosts.extend(found_devices.iter().map(|device| device.hostid.clone()));
        looked.found_grants.extend(found_grants.iter().map(|grant| grant.id));
        Ok((answers, Estate::new(policies.clone(), items, entries, found_grants, found_devices)))
    }

    fn load_arguments(&self, claims: &[RequestId], touched: &Touched) -> Result<PgArguments, StoreError> {
        let keep = self.idle_timeout.as_millis().clamp(1, MAX_IDLE_MILLIS).to_string();
        let holders: BTreeSet<_> = touched.holders.iter().collect();
        let hosts: BTreeSet<_> = touched.holders.iter().map(|holder| &holder.device).collect();
        let hostids: BTreeSet<_> = touched.hostids.iter().collect();
        let features: BTreeSet<_> = touched.features.iter().collect();
        let mut arguments = PgArguments::default();
        add(&mut arguments, self.instance)?;
        add(&mut arguments, self.transaction.is_new().then_some(keep))?;
        add(&mut arguments, claims.iter().map(|id| id.0).collect::<Vec<Uuid>>())?;
        add(&mut arguments, texts(holders.iter().map(|holder| &holder.device)))?;
        add(&mut arguments, texts(holders.iter().map(|holder| &holder.place)))?;
        add(&mut arguments, texts(hosts))?;
        add(&mut arguments, touched.grants.iter().map(|id| id.0).collect::<Vec<Uuid>>())?;
        add(&mut arguments, texts(hostids))?;
        add(&mut arguments, texts(features))?;
        Ok(arguments)
    }

    fn save_arguments(
        &self,
        types: &Types,
        changes: &Changes,
        answers: &[StoredAnswer],
        now: Timestamp,
    ) -> Result<PgArguments, StoreError> {
        let looked = &self.looked;
        let (new_devices, devices): (Vec<_>, Vec<_>) =
            changes.devices.iter().partition(|device| looked.is_new_device(device));
        let (new_grants, grants): (Vec<_>, Vec<_>) =
            changes.grants.iter().partition(|grant| looked.is_new_grant(grant));
        let mut arguments = PgArguments::default();
        add(&mut arguments, self.instance)?;
        add(&mut arguments, self.transaction.is_held())?;
        add(&mut arguments, micros(now))?;
        add(&mut arguments, self.sender.to_string())?;
        add(&mut arguments, devices::write(types, &new_devices)?)?;
        add(&mut arguments, devices::write(types, &devices)?)?;
        add(&mut arguments, changes.ended.iter().map(|(id, _)| id.0).collect::<Vec<Uuid>>())?;
        add(&mut arguments, endings::write(types, &changes.ended)?)?;
        add(&mut arguments, grants::write(types, &new_grants)?)?;
        add(&mut arguments, grants::write(types, &grants)?)?;
        add(&mut arguments, line_items::write_cells(types, &changes.cells)?)?;
        let counted: BTreeSet<&str> = changes.cells.iter().map(|(item, ..)| item.as_str()).collect();
        add(&mut arguments, counted.into_iter().collect::<Vec<_>>())?;
        add(&mut arguments, activity::write(types, &changes.activity)?)?;
        add(&mut arguments, answers::write(types, answers)?)?;
        add(&mut arguments, texts(&self.forgotten_devices))?;
        Ok(arguments)
    }

    async fn all<T>(
        &mut self,
        sql: &'static str,
        read: impl Fn(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut arguments = PgArguments::default();
        add(&mut arguments, self.instance)?;
        let rows = self.transaction.fetch(sql, arguments).await.map_err(store_error)?;
        rows.iter().map(|row| read(row.try_get(0).map_err(store_error)?)).collect()
    }
}

#[async_trait]
impl LicensingBatch for PostgresBatch {
    async fn claim(&mut self, ids: &[RequestId], _now: Timestamp) -> Result<Vec<StoredAnswer>, StoreError> {
        // No other transaction writes answers of this instance until this one ends: that is claim enough.
        Ok(self.read(ids, &Touched::default(), &Policies::default()).await?.0)
    }

    async fn time(&mut self) -> Result<Option<StoreTime>, StoreError> {
        if self.transaction.is_new() {
            self.turn().await?;
        }
        Ok(self.time.clone())
    }

    async fn record_steps(&mut self, steps: &Steps) -> Result<(), StoreError> {
        self.turn().await?;
        let arguments = steps::write(self.instance, steps)?;
        self.transaction.fetch(steps::RECORD, arguments).await.map_err(store_error)?;
        Ok(())
    }

    async fn load(&mut self, touched: &Touched, policies: &Policies) -> Result<Estate, StoreError> {
        Ok(self.read(&[], touched, policies).await?.1)
    }

    async fn claim_and_load(
        &mut self,
        ids: &[RequestId],
        touched: &Touched,
        policies: &Policies,
        _now: Timestamp,
    ) -> Result<(Vec<StoredAnswer>, Estate), StoreError> {
        self.read(ids, touched, policies).await
    }

    async fn load_rights(&mut self) -> Result<Rights, StoreError> {
        self.turn().await?;
        Ok(Rights {
            items: self.all(line_items::ALL, line_items::read).await?,
            groups: self.all(groups::ALL, groups::read).await?,
        })
    }

    async fn save_rights(&mut self, change: &RightsChange) -> Result<(), StoreError> {
        let types = self.turn().await?;
        let replaced_items =
            change.removed_items.iter().chain(change.items.iter().map(|state| &state.item.id));
        let replaced_items: Vec<&str> = replaced_items.map(LineItemId::as_str).collect();
        let (items, cells) = line_items::write(&types, &change.items)?;
        let replaced_groups =
            change.removed_groups.iter().chain(change.groups.iter().map(|group| &group.id)).map(|id| id.0);
        let written = groups::write(&change.groups)?;
        let gone: Vec<_> = change.gone_entries.iter().map(|entry| Source::Reservation(*entry)).collect();

        let mut arguments = PgArguments::default();
        add(&mut arguments, self.instance)?;
        add(&mut arguments, replaced_items)?;
        add(&mut arguments, json(&items)?)?;
        add(&mut arguments, cells)?;
        add(&mut arguments, replaced_groups.collect::<Vec<Uuid>>())?;
        add(&mut arguments, json(&written.groups)?)?;
        add(&mut arguments, json(&written.reservations)?)?;
        add(&mut arguments, json(&written.entries)?)?;
        add(&mut arguments, texts(gone.iter().map(SourceText)))?;
        add(&mut arguments, activity::write(&types, &change.activity)?)?;
        self.transaction.fetch(SAVE_RIGHTS, arguments).await.map_err(store_error)?;
        Ok(())
    }

    async fn commit(
        mut self: Box<Self>,
        changes: &Changes,
        answers: &[StoredAnswer],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !self.transaction.is_held() {
            self.turn().await?;
        }
        let types = self.transaction.types().map_err(store_error)?;
        let arguments = self.save_arguments(&types, changes, answers, now)?;
        if self.transaction.is_held() {
            return self.transaction.write_held(SAVE, arguments).await.map_err(store_error);
        }
        self.transaction.fetch(SAVE, arguments).await.map_err(store_error)?;
        self.transaction.commit().await.map_err(store_error)
    }

    async fn remove_device(&mut self, hostid: &HostId) -> Result<(), StoreError> {
        self.forgotten_devices.push(hostid.clone());
        Ok(())
    }
}

/// Adds an argument.
pub(crate) fn add<'a, T>(arguments: &mut PgArguments, value: T) -> Result<(), StoreError>
where
    T: sqlx::Encode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    arguments.add(value).map_err(|error| StoreError::Internal { source: error })
}
