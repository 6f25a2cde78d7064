//! One transaction on one instance, as [`LicensingBatch`].
//!
//! What it reads and writes takes the same number of statements however many requests are in it: the work is done
//! by functions in the database, and rows travel as arrays.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::grant::Lost;
use leasehold_domain::steps::Steps;
use leasehold_domain::{Changes, Estate, HostId, LineItemId, Policies, RequestId, Source};
use leasehold_store::licensing::{
    Bundle, Enrolment, Notice, Notices, Pending, Rights, RightsChange, Standing, StoreTime, StoredAnswer,
    Suspension, Touched,
};
use leasehold_store::{LicensingBatch, StoreError};
use sqlx::Row;
use sqlx::postgres::PgArguments;
use uuid::Uuid;

use crate::arguments::{self, LOAD, Looked, SAVE, Waits, Written, add};
use crate::decode::corrupt;
use crate::encode::{SourceText, json, texts};
use crate::error::store_error;
use crate::flushing::Flushing;
use crate::session::Types;
use crate::steps;
use crate::tables::{activity, answers, devices, grants, groups, line_items, notices, vendor};
use crate::transaction::Transaction;

const SAVE_RIGHTS: &str = "SELECT licensing.save_rights($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// A transaction on one instance. It begins with its first call.
pub(crate) struct PostgresBatch {
    transaction: Transaction,
    instance: i32,
    /// Which process this is, for others that hear of endings.
    sender: Uuid,
    /// How long the turn may be kept between two statements.
    idle_timeout: Duration,
    flushing: Arc<Flushing>,
    /// How the instance stood when it had its turn.
    found: Option<steps::Found>,
    looked: Looked,
    forgotten_devices: Vec<HostId>,
}

impl PostgresBatch {
    /// A batch in this transaction, on the instance of this number.
    pub(crate) fn new(
        transaction: Transaction,
        instance: i32,
        sender: Uuid,
        idle_timeout: Duration,
        flushing: &Arc<Flushing>,
    ) -> Self {
        let (looked, forgotten_devices) = (Looked::default(), Vec::new());
        let flushing = Arc::clone(flushing);
        Self { transaction, instance, sender, idle_timeout, flushing, found: None, looked, forgotten_devices }
    }

    /// Begins the transaction and waits for its turn, unless that has been done.
    async fn turn(&mut self) -> Result<Types, StoreError> {
        if self.transaction.is_new() {
            let begin = format!("SELECT licensing.open_turn({})", self.instance);
            let rows = self.transaction.begin(&begin).await.map_err(store_error)?;
            self.found = Some(steps::of_turn(&rows)?);
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
        let keep = self.transaction.is_new().then_some(self.idle_timeout);
        let arguments = arguments::load(self.instance, keep, claims, touched)?;
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
                0 => self.found = Some(steps::read(content)?),
                1 => found_grants.push(grants::read(content)?),
                2 => entries.push(groups::read_entry(content)?),
                3 => found_devices.push(devices::read(content)?),
                4 => items.push(line_items::read(content)?),
                5 => answers.push(answers::read(content)?),
                kind => return Err(corrupt("load", "kind", kind)),
            }
        }
        let looked = &mut self.looked;
        looked.add(&touched.holders);
        looked.found_hosts.extend(found_devices.iter().map(|device| device.hostid.clone()));
        looked.found_grants.extend(found_grants.iter().map(|grant| grant.id));
        let mut estate = Estate::new(policies.clone(), items, entries, found_grants, found_devices);
        if let Some(found) = &self.found {
            (estate.restored, estate.leave) = (found.restored, found.leave);
            estate.suspended.clone_from(&found.suspended);
        }
        Ok((answers, estate))
    }

    async fn save(
        mut self,
        changes: &Changes,
        answers: &[StoredAnswer],
        now: Timestamp,
        waits: Waits,
    ) -> Result<(), StoreError> {
        if !self.transaction.is_held() {
            self.turn().await?;
        }
        let types = self.transaction.types().map_err(store_error)?;
        let written = Written { changes, answers, forgotten_devices: &self.forgotten_devices, now, waits };
        let (sender, kept) = (self.sender, self.transaction.is_held());
        let arguments = arguments::save(self.instance, kept, sender, &types, &self.looked, &written)?;
        if self.transaction.is_held() {
            return self.transaction.write_held(SAVE, arguments).await.map_err(store_error);
        }
        self.transaction.fetch(SAVE, arguments).await.map_err(store_error)?;
        self.transaction.commit().await.map_err(store_error)
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
        Ok(self.found.as_ref().map(|found| found.time.clone()))
    }

    async fn record_steps(&mut self, steps: &Steps) -> Result<(), StoreError> {
        self.turn().await?;
        let arguments = steps::write(self.instance, steps)?;
        self.transaction.fetch(steps::RECORD, arguments).await.map_err(store_error)?;
        Ok(())
    }

    async fn set_restored(&mut self, restored: bool) -> Result<bool, StoreError> {
        self.turn().await?;
        let mut arguments = PgArguments::default();
        add(&mut arguments, self.instance)?;
        add(&mut arguments, restored)?;
        let changed = self.transaction.fetch(steps::SET_RESTORED, arguments).await.map_err(store_error)?;
        Ok(!changed.is_empty())
    }

    async fn standing(&mut self) -> Result<Standing, StoreError> {
        self.turn().await?;
        Ok(self.all(vendor::STANDING, vendor::read).await?.pop().unwrap_or_default())
    }

    async fn set_enrolment(&mut self, enrolment: &Enrolment) -> Result<(), StoreError> {
        self.turn().await?;
        let arguments = vendor::enrolment(self.instance, enrolment)?;
        self.transaction.fetch(vendor::SET_ENROLMENT, arguments).await.map_err(store_error)?;
        Ok(())
    }

    async fn set_bundle(&mut self, bundle: &Bundle) -> Result<(), StoreError> {
        self.turn().await?;
        let arguments = vendor::bundle(self.instance, bundle)?;
        self.transaction.fetch(vendor::SET_BUNDLE, arguments).await.map_err(store_error)?;
        Ok(())
    }

    async fn set_suspension(&mut self, suspension: Option<&Suspension>) -> Result<(), StoreError> {
        self.turn().await?;
        let arguments = vendor::suspension(self.instance, suspension)?;
        self.transaction.fetch(vendor::SET_SUSPENSION, arguments).await.map_err(store_error)?;
        Ok(())
    }

    async fn notices(&mut self) -> Result<Notices, StoreError> {
        self.turn().await?;
        Ok(notices::gather(self.all(notices::ALL, notices::read).await?))
    }

    async fn put_notice(&mut self, notice: &Notice) -> Result<(), StoreError> {
        self.turn().await?;
        let arguments = notices::put(self.instance, notice)?;
        self.transaction.fetch(notices::PUT, arguments).await.map_err(store_error)?;
        Ok(())
    }

    async fn remove_notice(&mut self, key: &str) -> Result<(), StoreError> {
        self.turn().await?;
        let mut arguments = PgArguments::default();
        add(&mut arguments, self.instance)?;
        add(&mut arguments, key.to_owned())?;
        self.transaction.fetch(notices::REMOVE, arguments).await.map_err(store_error)?;
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
        self: Box<Self>,
        changes: &Changes,
        answers: &[StoredAnswer],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // A transaction that writes nothing waits for nothing by itself, and what it has read may not be on disk yet.
        let is_empty = *changes == Changes::default() && answers.is_empty();
        let waits = if is_empty { Waits::Before } else { Waits::Itself };
        self.save(changes, answers, now, waits).await
    }

    async fn commit_early(
        self: Box<Self>,
        changes: &Changes,
        answers: &[StoredAnswer],
        now: Timestamp,
    ) -> Result<Pending, StoreError> {
        // Other processes remember how far they have read the endings, and the numbers of those that a crash undoes are
        // given once more.
        let ends = changes.ended.iter().any(|(_, lost)| *lost != Lost::Returned);
        let mark = self.transaction.held_on().filter(|_| !ends).and_then(|server| self.flushing.mark(server));
        let Some(mark) = mark else {
            self.commit(changes, answers, now).await?;
            return Ok(Pending::DURABLE);
        };
        self.save(changes, answers, now, Waits::Never).await?;
        Ok(Pending::until(mark))
    }

    async fn remove_device(&mut self, hostid: &HostId) -> Result<(), StoreError> {
        self.forgotten_devices.push(hostid.clone());
        Ok(())
    }
}
