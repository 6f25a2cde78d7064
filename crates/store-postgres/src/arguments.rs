//! The arguments of the two statements that most batches consist of: what is asked for, and what is written.
//!
//! Not responsible for when they are sent: that is the batch's.

use std::collections::BTreeSet;
use std::time::Duration;

use foldhash::HashSet;
use jiff::Timestamp;
use leasehold_domain::{Changes, Device, Grant, GrantId, Holder, HostId, RequestId};
use leasehold_store::StoreError;
use leasehold_store::licensing::{StoredAnswer, Touched};
use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use uuid::Uuid;

use crate::encode::{hostids, micros, texts};
use crate::session::Types;
use crate::tables::{activity, answers, devices, endings, grants, line_items};

/// Loads what a batch touches, for [`load`].
pub(crate) const LOAD: &str =
    "SELECT kind, content FROM licensing.load_turn($1, $2, $3, $4, $5, $6, $7, $8, $9)";
/// Writes what came of it, for [`save`].
pub(crate) const SAVE: &str =
    "SELECT licensing.save($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

/// What a commit waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// For what it wrote, and so for everything before.
    Itself = 0,
    /// It wrote nothing: for what was before.
    Before = 1,
    /// For nothing.
    Never = 2,
}

/// The longest time that the database takes for a limit, in milliseconds.
const MAX_IDLE_MILLIS: u128 = 2_000_000_000;

/// What was looked for and what was found: under the instance's lock nothing else is there until this batch writes it.
#[derive(Default)]
pub(crate) struct Looked {
    /// In their order.
    pub(crate) holders: Vec<Holder>,
    pub(crate) found_hosts: HashSet<HostId>,
    pub(crate) found_grants: HashSet<GrantId>,
}

impl Looked {
    /// These holders, with their devices and grants, are looked for as well.
    pub(crate) fn add(&mut self, holders: &[Holder]) {
        self.holders.extend_from_slice(holders);
        self.holders.sort_unstable();
        self.holders.dedup();
    }

    fn is_new_device(&self, device: &Device) -> bool {
        let looked = self.holders.binary_search_by(|holder| holder.device.cmp(&device.hostid)).is_ok();
        looked && !self.found_hosts.contains(&device.hostid)
    }

    fn is_new_grant(&self, grant: &Grant) -> bool {
        self.holders.binary_search(&grant.holder).is_ok() && !self.found_grants.contains(&grant.id)
    }
}

/// What a batch writes at its end.
pub(crate) struct Written<'a> {
    pub(crate) changes: &'a Changes,
    pub(crate) answers: &'a [StoredAnswer],
    pub(crate) forgotten_devices: &'a [HostId],
    pub(crate) now: Timestamp,
    pub(crate) waits: Waits,
}

/// The arguments of [`LOAD`]. With `keep` it takes the turn too and keeps it, for so long between two statements.
pub(crate) fn load(
    instance: i32,
    keep: Option<Duration>,
    claims: &[RequestId],
    touched: &Touched,
) -> Result<PgArguments, StoreError> {
    let keep = keep.map(|keep| keep.as_millis().clamp(1, MAX_IDLE_MILLIS).to_string());
    let holders = each_once(&touched.holders);
    let mut hosts: Vec<_> = holders.iter().map(|holder| &holder.device).collect();
    hosts.dedup();
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, keep)?;
    add(&mut arguments, claims.iter().map(|id| id.0).collect::<Vec<Uuid>>())?;
    add(&mut arguments, hostids(holders.iter().map(|holder| &holder.device)))?;
    add(&mut arguments, texts(holders.iter().map(|holder| &holder.place)))?;
    add(&mut arguments, hostids(hosts))?;
    add(&mut arguments, touched.grants.iter().map(|id| id.0).collect::<Vec<Uuid>>())?;
    add(&mut arguments, hostids(each_once(&touched.hostids)))?;
    add(&mut arguments, texts(each_once(&touched.features)))?;
    Ok(arguments)
}

/// The arguments of [`SAVE`]. `kept` says that the turn was kept, and is to be let go of.
pub(crate) fn save(
    instance: i32,
    kept: bool,
    sender: Uuid,
    types: &Types,
    looked: &Looked,
    written: &Written<'_>,
) -> Result<PgArguments, StoreError> {
    let Written { changes, answers, .. } = *written;
    let (new_devices, devices): (Vec<_>, Vec<_>) =
        changes.devices.iter().partition(|device| looked.is_new_device(device));
    let (new_grants, grants): (Vec<_>, Vec<_>) =
        changes.grants.iter().partition(|grant| looked.is_new_grant(grant));
    let counted: BTreeSet<&str> = changes.cells.iter().map(|(item, ..)| item.as_str()).collect();
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, kept)?;
    add(&mut arguments, micros(written.now))?;
    add(&mut arguments, sender.to_string())?;
    add(&mut arguments, devices::write(types, &new_devices)?)?;
    add(&mut arguments, devices::write(types, &devices)?)?;
    add(&mut arguments, changes.ended.iter().map(|(id, _)| id.0).collect::<Vec<Uuid>>())?;
    add(&mut arguments, endings::write(types, &changes.ended)?)?;
    add(&mut arguments, grants::write(types, &new_grants)?)?;
    add(&mut arguments, grants::write(types, &grants)?)?;
    add(&mut arguments, line_items::write_cells(types, &changes.cells)?)?;
    add(&mut arguments, counted.into_iter().collect::<Vec<_>>())?;
    add(&mut arguments, activity::write(types, &changes.activity)?)?;
    add(&mut arguments, answers::write(types, answers)?)?;
    add(&mut arguments, answers.iter().map(|answer| answer.id.0).collect::<Vec<Uuid>>())?;
    add(&mut arguments, hostids(written.forgotten_devices))?;
    add(&mut arguments, written.waits as i16)?;
    Ok(arguments)
}

/// Sorted, without those that come twice.
fn each_once<T: Ord>(values: &[T]) -> Vec<&T> {
    let mut values: Vec<_> = values.iter().collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// Adds an argument.
pub(crate) fn add<'a, T>(arguments: &mut PgArguments, value: T) -> Result<(), StoreError>
where
    T: sqlx::Encode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    arguments.add(value).map_err(|error| StoreError::Internal { source: error })
}
