//! One transaction on one instance, as [`LicensingBatch`].
//!
//! What it reads and writes takes the same number of statements however many requests are in it: rows travel
//! as one JSON array for each statement, and the statements of a commit travel together.

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::steps::Steps;
use leasehold_domain::text::FeatureName;
use leasehold_domain::{Changes, Device, Entry, Estate, Grant, HostId, LineItemId, Policies, RequestId};
use leasehold_store::licensing::{
    Bundle, Enrolment, Notice, Notices, Rights, RightsChange, Standing, StoreTime, StoredAnswer, Suspension,
    Touched,
};
use leasehold_store::{LicensingBatch, StoreError};
use sqlx::sqlite::SqliteRow;

use crate::encode::{self, Document, Shown, SourceText, micros};
use crate::error::{internal, store_error};
use crate::tables::{activity, answers, devices, endings, grants, groups, line_items, notices, vendor};
use crate::writer::{Query, Transaction};

/// Everything that a commit writes, and the commit.
pub(crate) const COMMIT: &str = include_str!("sql/commit.sql");

/// Everything that a change of rights or reservations writes.
pub(crate) const SAVE_RIGHTS: &str = include_str!("sql/save_rights.sql");

/// What of a load depends on who asks, and how the instance stands. The line items follow from what it finds.
pub(crate) const LOAD_HOLDERS: &str = concat!(
    grants::load!(),
    "; ",
    groups::load_entries!("$5"),
    "; ",
    devices::load!("$6"),
    "; SELECT restored, bundle_sequence, synchronize_before, suspension FROM instances WHERE no = $1"
);

const SET_RESTORED: &str = "UPDATE instances SET restored = $2 WHERE no = $1 AND restored <> $2";

/// What [`LOAD_HOLDERS`] found.
struct Found {
    grants: Vec<Grant>,
    entries: Vec<Entry>,
    devices: Vec<Device>,
    instance: vendor::Found,
}

/// An open transaction on one instance.
pub(crate) struct SqliteBatch {
    transaction: Transaction,
    instance: i64,
    forgotten_devices: Vec<HostId>,
}

impl SqliteBatch {
    /// A batch in this transaction, on the instance of this number.
    pub(crate) fn new(transaction: Transaction, instance: i64) -> Self {
        Self { transaction, instance, forgotten_devices: Vec::new() }
    }

    async fn fetch<T>(
        &mut self,
        query: Query<'_>,
        read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.transaction.fetch_all(query).await.map_err(store_error)?;
        rows.iter().map(read).collect()
    }

    /// The grants that a batch touches, the entries of its hostids, the devices of its holders, and the instance.
    async fn load_holders(&mut self, touched: &Touched) -> Result<Found, StoreError> {
        let mut holders = Document::new();
        for holder in &touched.holders {
            holders.row((Shown(&holder.device), Shown(&holder.place)))?;
        }
        let hosts: HashSet<&HostId> = touched.holders.iter().map(|holder| &holder.device).collect();
        let query = sqlx::query(LOAD_HOLDERS).bind(self.instance).bind(holders.finish()?.0);
        let query = bind(query, encode::ids(touched.grants.iter().map(|id| &id.0))?)
            .bind(encode::texts(touched.hostids.iter().map(Shown))?)
            .bind(encode::texts(hosts.into_iter().map(Shown))?);
        let found = self.transaction.fetch_each(query).await.map_err(store_error)?;
        let [grants, entries, devices, instance] = &found[..] else {
            return Err(internal(sqlx::Error::Protocol(format!("{} results of 4 statements", found.len()))));
        };
        let instance = instance.first().map(vendor::read_found).transpose()?.unwrap_or_default();
        Ok(Found {
            grants: grants.iter().map(grants::read).collect::<Result<_, _>>()?,
            entries: entries.iter().map(groups::read_entry).collect::<Result<_, _>>()?,
            devices: devices.iter().map(devices::read).collect::<Result<_, _>>()?,
            instance,
        })
    }
}

#[async_trait]
impl LicensingBatch for SqliteBatch {
    async fn claim(&mut self, ids: &[RequestId], _now: Timestamp) -> Result<Vec<StoredAnswer>, StoreError> {
        // No other transaction writes until this one ends: that is claim enough.
        let (ids, bytes) = encode::ids(ids.iter().map(|id| &id.0))?;
        let query = sqlx::query(answers::CLAIM).bind(self.instance).bind(ids).bind(bytes);
        self.fetch(query, answers::read).await
    }

    async fn time(&mut self) -> Result<Option<StoreTime>, StoreError> {
        Ok(None)
    }

    async fn record_steps(&mut self, _steps: &Steps) -> Result<(), StoreError> {
        Ok(())
    }

    async fn set_restored(&mut self, restored: bool) -> Result<bool, StoreError> {
        let query = sqlx::query(SET_RESTORED).bind(self.instance).bind(restored);
        Ok(self.transaction.execute(query).await.map_err(store_error)? > 0)
    }

    async fn standing(&mut self) -> Result<Standing, StoreError> {
        let query = sqlx::query(vendor::STANDING).bind(self.instance);
        Ok(self.fetch(query, vendor::read).await?.pop().unwrap_or_default())
    }

    async fn set_enrolment(&mut self, enrolment: &Enrolment) -> Result<(), StoreError> {
        let query = vendor::set_enrolment(self.instance, enrolment);
        self.transaction.execute(query).await.map_err(store_error)?;
        Ok(())
    }

    async fn set_bundle(&mut self, bundle: &Bundle) -> Result<(), StoreError> {
        let query = vendor::set_bundle(self.instance, bundle)?;
        self.transaction.execute(query).await.map_err(store_error)?;
        Ok(())
    }

    async fn set_suspension(&mut self, suspension: Option<&Suspension>) -> Result<(), StoreError> {
        let query = vendor::set_suspension(self.instance, suspension);
        self.transaction.execute(query).await.map_err(store_error)?;
        Ok(())
    }

    async fn notices(&mut self) -> Result<Notices, StoreError> {
        let query = sqlx::query(notices::ALL).bind(self.instance);
        Ok(notices::gather(self.fetch(query, notices::read).await?))
    }

    async fn put_notice(&mut self, notice: &Notice) -> Result<(), StoreError> {
        self.transaction.execute(notices::put(self.instance, notice)?).await.map_err(store_error)?;
        Ok(())
    }

    async fn remove_notice(&mut self, key: &str) -> Result<(), StoreError> {
        self.transaction.execute(notices::remove(self.instance, key)).await.map_err(store_error)?;
        Ok(())
    }

    async fn load(&mut self, touched: &Touched, policies: &Policies) -> Result<Estate, StoreError> {
        let Found { grants, entries, devices, instance } = self.load_holders(touched).await?;
        let features: HashSet<&FeatureName> = (touched.features.iter())
            .chain(grants.iter().map(|grant| &grant.feature))
            .chain(entries.iter().map(|entry| &entry.feature))
            .collect();
        let charged: HashSet<&LineItemId> =
            grants.iter().flat_map(|grant| &grant.parts).map(|part| &part.line_item).collect();
        let query = sqlx::query(line_items::LOAD)
            .bind(self.instance)
            .bind(encode::texts(features.into_iter().map(FeatureName::as_str))?)
            .bind(encode::texts(charged.into_iter().map(LineItemId::as_str))?);
        let items = self.fetch(query, line_items::read).await?;

        let mut estate = Estate::new(policies.clone(), items, entries, grants, devices);
        let vendor::Found { restored, leave, suspended } = instance;
        (estate.restored, estate.leave, estate.suspended) = (restored, leave, suspended);
        Ok(estate)
    }

    async fn load_rights(&mut self) -> Result<Rights, StoreError> {
        let instance = self.instance;
        Ok(Rights {
            items: self.fetch(sqlx::query(line_items::ALL).bind(instance), line_items::read).await?,
            groups: self.fetch(sqlx::query(groups::ALL).bind(instance), groups::read).await?,
        })
    }

    async fn save_rights(&mut self, change: &RightsChange) -> Result<(), StoreError> {
        let replaced_items = (change.removed_items.iter())
            .chain(change.items.iter().map(|state| &state.item.id))
            .map(LineItemId::as_str);
        let (items, cells) = line_items::write(&change.items)?;
        let replaced_groups =
            change.removed_groups.iter().chain(change.groups.iter().map(|group| &group.id)).map(|id| &id.0);
        let written = groups::write(&change.groups)?;
        let gone = change.gone_entries.iter().map(|entry| leasehold_domain::Source::Reservation(*entry));
        let gone: Vec<_> = gone.collect();

        let query = sqlx::query(SAVE_RIGHTS)
            .bind(self.instance)
            .bind(encode::texts(replaced_items)?)
            .bind(items.finish()?.0)
            .bind(cells.finish()?.0);
        let query = bind(query, encode::ids(replaced_groups)?);
        let query = bind(query, written.groups.finish()?).bind(written.reservations.finish()?.0);
        let query = bind(query, written.entries.finish()?)
            .bind(encode::texts(gone.iter().map(|source| Shown(SourceText(source))))?);
        let query =
            bind(query, activity::write(&change.activity)?.finish()?).bind(number_of(&change.activity)?);
        self.transaction.execute(query).await.map_err(store_error)?;
        Ok(())
    }

    async fn commit(
        self: Box<Self>,
        changes: &Changes,
        answers: &[StoredAnswer],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ended = changes.ended.iter().map(|(id, _)| &id.0);
        let (grants, parts) = grants::write(&changes.grants)?;
        let mut cells = Document::new();
        for (line_item, source, cell) in &changes.cells {
            line_items::write_cell(&mut cells, line_item, source, *cell)?;
        }

        let query =
            sqlx::query(COMMIT).bind(self.instance).bind(devices::write(&changes.devices)?.finish()?.0);
        let query = bind(query, encode::ids(ended)?);
        let query = bind(query, grants.finish()?).bind(parts.finish()?.0).bind(cells.finish()?.0);
        let query =
            bind(query, activity::write(&changes.activity)?.finish()?).bind(number_of(&changes.activity)?);
        let query = bind(query, answers::write(answers)?.finish()?)
            .bind(micros(now))
            .bind(encode::texts(self.forgotten_devices.iter().map(Shown))?);
        let query = bind(query, endings::write(&changes.ended)?.finish()?);
        self.transaction.execute_last(query).await.map_err(store_error)
    }

    async fn remove_device(&mut self, hostid: &HostId) -> Result<(), StoreError> {
        self.forgotten_devices.push(hostid.clone());
        Ok(())
    }
}

fn bind(query: Query<'_>, (rows, bytes): (String, Vec<u8>)) -> Query<'_> {
    query.bind(rows).bind(bytes)
}

fn number_of<T>(rows: &[T]) -> Result<i64, StoreError> {
    i64::try_from(rows.len()).map_err(internal)
}
