//! One transaction on one instance, as [`LicensingBatch`].
//!
//! What it reads and writes takes the same number of statements however many requests are in it: the work is done
//! by functions in the database, and rows travel as arrays.

use std::collections::BTreeSet;
use std::fmt::Write;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::{Changes, Estate, HostId, LineItemId, Policies, RequestId, Source};
use leasehold_store::licensing::{Rights, RightsChange, StoredAnswer, Touched};
use leasehold_store::{LicensingBatch, StoreError};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, Row};
use uuid::Uuid;

use crate::connections::Types;
use crate::decode::corrupt;
use crate::encode::{SourceText, json, micros, texts};
use crate::error::{internal, store_error};
use crate::tables::{activity, answers, devices, endings, grants, groups, line_items};
use crate::transaction::Transaction;

const LOAD: &str = "SELECT kind, content FROM licensing.load($1, $2, $3, $4, $5, $6, $7)";
const SAVE: &str = "SELECT licensing.save($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const SAVE_RIGHTS: &str = "SELECT licensing.save_rights($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// A transaction on one instance. It begins with its first call.
pub(crate) struct PostgresBatch {
    transaction: Transaction,
    instance: i32,
    /// Which process this is, for others that hear of endings.
    sender: Uuid,
    forgotten_devices: Vec<HostId>,
}

impl PostgresBatch {
    /// A batch in this transaction, on the instance of this number.
    pub(crate) fn new(transaction: Transaction, instance: i32, sender: Uuid) -> Self {
        Self { transaction, instance, sender, forgotten_devices: Vec::new() }
    }

    /// Begins the transaction and waits for its turn, unless that has been done.
    async fn turn(&mut self) -> Result<Types, StoreError> {
        if !self.transaction.is_open() {
            let take = format!("SELECT licensing.take_turn({})", self.instance);
            self.transaction.begin(&take).await.map_err(store_error)?;
        }
        self.transaction.types().map_err(store_error)
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
        if self.transaction.is_open() {
            let mut arguments = PgArguments::default();
            add(&mut arguments, self.instance)?;
            add(&mut arguments, ids.iter().map(|id| id.0).collect::<Vec<Uuid>>())?;
            let rows = self.transaction.fetch("SELECT licensing.claim($1, $2)", arguments).await;
            return rows.map_err(store_error)?.iter().map(read_answer).collect();
        }
        // Ids are hexadecimal digits and dashes: there is nothing to quote.
        let mut claim = format!("SELECT licensing.claim({}, '{{", self.instance);
        for (place, id) in ids.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(claim, "{comma}{id}").map_err(internal)?;
        }
        claim.push_str("}')");
        let rows = self.transaction.begin(&claim).await.map_err(store_error)?;
        rows.iter().filter(|row| row.len() == 1).map(read_answer).collect()
    }

    async fn load(&mut self, touched: &Touched, policies: &Policies) -> Result<Estate, StoreError> {
        self.turn().await?;
        let holders: BTreeSet<_> = touched.holders.iter().collect();
        let hosts: BTreeSet<_> = touched.holders.iter().map(|holder| &holder.device).collect();
        let features: BTreeSet<_> = touched.features.iter().collect();
        let mut arguments = PgArguments::default();
        add(&mut arguments, self.instance)?;
        add(&mut arguments, texts(holders.iter().map(|holder| &holder.device)))?;
        add(&mut arguments, texts(holders.iter().map(|holder| &holder.place)))?;
        add(&mut arguments, texts(hosts))?;
        add(&mut arguments, touched.grants.iter().map(|id| id.0).collect::<Vec<Uuid>>())?;
        add(&mut arguments, texts(&touched.hostids))?;
        add(&mut arguments, texts(features))?;
        let rows = self.transaction.fetch(LOAD, arguments).await.map_err(store_error)?;

        let (mut found_grants, mut entries) = (Vec::new(), Vec::new());
        let (mut found_devices, mut items) = (Vec::new(), Vec::new());
        for row in &rows {
            let content: &[u8] = row.try_get(1).map_err(store_error)?;
            match row.try_get::<i16, _>(0).map_err(store_error)? {
                1 => found_grants.push(grants::read(content)?),
                2 => entries.push(groups::read_entry(content)?),
                3 => found_devices.push(devices::read(content)?),
                4 => items.push(line_items::read(content)?),
                kind => return Err(corrupt("load", "kind", kind)),
            }
        }
        Ok(Estate::new(policies.clone(), items, entries, found_grants, found_devices))
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
        let types = self.turn().await?;
        let mut arguments = PgArguments::default();
        add(&mut arguments, self.instance)?;
        add(&mut arguments, micros(now))?;
        add(&mut arguments, self.sender.to_string())?;
        add(&mut arguments, devices::write(&types, &changes.devices)?)?;
        add(&mut arguments, changes.ended.iter().map(|(id, _)| id.0).collect::<Vec<Uuid>>())?;
        add(&mut arguments, endings::write(&types, &changes.ended)?)?;
        add(&mut arguments, grants::write(&types, &changes.grants)?)?;
        add(&mut arguments, line_items::write_cells(&types, &changes.cells)?)?;
        let counted: BTreeSet<&str> = changes.cells.iter().map(|(item, ..)| item.as_str()).collect();
        add(&mut arguments, counted.into_iter().collect::<Vec<_>>())?;
        add(&mut arguments, activity::write(&types, &changes.activity)?)?;
        add(&mut arguments, answers::write(&types, answers)?)?;
        add(&mut arguments, texts(&self.forgotten_devices))?;
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

fn read_answer(row: &PgRow) -> Result<StoredAnswer, StoreError> {
    // A simple statement answers in text, of which bytes can only be copied.
    let content: Vec<u8> = row.try_get(0).map_err(store_error)?;
    answers::read(&content)
}
