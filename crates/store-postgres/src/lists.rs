//! Lists for people: one page of rows, whether more follow, and how many there are.

use leasehold_domain::{Activity, Grant, Group};
use leasehold_store::StoreError;
use leasehold_store::licensing::{DeviceRow, GrantFilter, Page, PageQuery};
use sqlx::postgres::PgArguments;
use uuid::Uuid;

use crate::arguments::add;
use crate::connections::Connections;
use crate::encode::micros;
use crate::tables::{activity, devices, grants, groups};

/// The condition that keeps rows of which one of the columns contains `$2`, which is in lower case. The columns'
/// order is that of bytes, in which `lower` folds ASCII letters alone.
macro_rules! found {
    ($first:literal $(, $more:literal)*) => {
        concat!("($2 = '' OR strpos(lower(", $first, "), $2) > 0", $(" OR strpos(lower(", $more, "), $2) > 0",)* ")")
    };
}

/// Devices `d` with the sums of what each holds.
macro_rules! summed {
    ($devices:literal) => {
        concat!(
            "SELECT record_send(ROW(",
            devices::summed!(),
            ")) FROM ",
            $devices,
            " CROSS JOIN LATERAL ( \
                 SELECT count(*) AS grants, \
                        coalesce(sum(g.count), 0)::bigint AS counts, \
                        max(least(g.last_end, g.floor_deadline)) AS expires_at \
                   FROM licensing.grants AS g \
                  WHERE g.instance = d.instance AND g.device = d.hostid) AS s "
        )
    };
}

/// The condition on grants; the argument is one on the device.
macro_rules! grants_kept {
    ($device:literal) => {
        concat!(
            "instance = $1 AND ",
            found!("device", "feature"),
            " AND ($3::text IS NULL OR feature = $3) AND ",
            $device
        )
    };
}

/// One page of grants.
macro_rules! grants_page {
    ($device:literal) => {
        concat!(
            "SELECT licensing.grant_out(g) FROM licensing.grants AS g WHERE ",
            grants_kept!($device),
            " AND ($5::uuid IS NULL OR id > $5) ORDER BY g.id LIMIT $6 OFFSET $7"
        )
    };
}

pub(crate) const GRANTS: &str = grants_page!("$4::text IS NULL");
pub(crate) const GRANTS_TOTAL: &str =
    concat!("SELECT count(*) FROM licensing.grants WHERE ", grants_kept!("$4::text IS NULL"));
pub(crate) const GRANTS_OF_DEVICE: &str = grants_page!("device = $4");
pub(crate) const GRANTS_OF_DEVICE_TOTAL: &str =
    concat!("SELECT count(*) FROM licensing.grants WHERE ", grants_kept!("device = $4"));

/// The grants of one device.
pub(crate) const OF_DEVICE: &str = "SELECT licensing.grant_out(g) FROM licensing.grants AS g \
      WHERE instance = $1 AND device = $2 LIMIT $3";

/// One device.
pub(crate) const DEVICE: &str =
    concat!(summed!("licensing.devices AS d"), "WHERE d.instance = $1 AND d.hostid = $2");

macro_rules! devices_kept {
    () => {
        concat!("instance = $1 AND ", found!("hostid", "alias"))
    };
}

pub(crate) const DEVICES: &str = concat!(
    "WITH d AS MATERIALIZED (SELECT * FROM licensing.devices WHERE ",
    devices_kept!(),
    " AND hostid > $3 ORDER BY hostid LIMIT $4 OFFSET $5) ",
    summed!("d"),
    "ORDER BY d.hostid"
);
pub(crate) const DEVICES_TOTAL: &str =
    concat!("SELECT count(*) FROM licensing.devices WHERE ", devices_kept!());

macro_rules! groups_kept {
    () => {
        concat!("instance = $1 AND ", found!("name"))
    };
}

pub(crate) const GROUPS: &str = concat!(
    "WITH g AS MATERIALIZED (SELECT * FROM licensing.reservation_groups WHERE ",
    groups_kept!(),
    " AND name > $3 ORDER BY name LIMIT $4 OFFSET $5) SELECT record_send(ROW(",
    groups::columns!(),
    ")) FROM g ORDER BY g.name"
);
pub(crate) const GROUPS_TOTAL: &str =
    concat!("SELECT count(*) FROM licensing.reservation_groups WHERE ", groups_kept!());

/// Records `r` in their rows `a`.
macro_rules! activity_kept {
    () => {
        concat!(
            "licensing.activity AS a CROSS JOIN LATERAL unnest(a.records) AS r WHERE a.instance = $1 AND ",
            found!("r.hostid", "r.feature")
        )
    };
}

pub(crate) const ACTIVITY: &str = concat!(
    "SELECT record_send(ROW(",
    activity::columns!(),
    ")) FROM ",
    activity_kept!(),
    " AND a.at <= $3 AND (a.at, r.id) < ($3, $4) ORDER BY a.at DESC, r.id DESC LIMIT $5 OFFSET $6"
);
pub(crate) const ACTIVITY_TOTAL: &str =
    "SELECT activity_rows FROM licensing.totals WHERE instance = $1 AND $2 = ''";
pub(crate) const ACTIVITY_FOUND: &str = concat!("SELECT count(*) FROM ", activity_kept!());

/// A statement with its arguments.
type Statement = (&'static str, PgArguments);

/// A page of a list, ready to be fetched.
pub(crate) struct List<T> {
    /// `None` where the page is to follow a key that is none: nothing does.
    rows: Option<Statement>,
    total: Statement,
    limit: u32,
    read: fn(&[u8]) -> Result<T, StoreError>,
    key: fn(&T) -> String,
}

/// The grants, by id.
pub(crate) fn grants(
    instance: i32,
    filter: &GrantFilter,
    page: &PageQuery,
) -> Result<List<Grant>, StoreError> {
    let (rows, total) = match filter.device {
        None => (GRANTS, GRANTS_TOTAL),
        Some(_) => (GRANTS_OF_DEVICE, GRANTS_OF_DEVICE_TOTAL),
    };
    let narrow = || {
        let mut arguments = searched(instance, page)?;
        add(&mut arguments, filter.feature.as_ref().map(|feature| feature.as_str().to_owned()))?;
        add(&mut arguments, filter.device.as_ref().map(ToString::to_string))?;
        Ok::<_, StoreError>(arguments)
    };
    let after = page.after.as_ref().map(|key| Uuid::parse_str(key)).transpose();
    let rows = match after {
        Err(_) => None,
        Ok(after) => {
            let mut arguments = narrow()?;
            add(&mut arguments, after)?;
            Some((rows, limited(arguments, page)?))
        }
    };
    Ok(List {
        rows,
        total: (total, narrow()?),
        limit: page.limit,
        read: grants::read,
        key: |grant| grant.id.to_string(),
    })
}

/// The devices, by hostid.
pub(crate) fn devices(instance: i32, page: &PageQuery) -> Result<List<DeviceRow>, StoreError> {
    Ok(List {
        rows: Some((DEVICES, after_text(instance, page)?)),
        total: (DEVICES_TOTAL, searched(instance, page)?),
        limit: page.limit,
        read: devices::read_summed,
        key: |row| row.device.hostid.to_string(),
    })
}

/// The reservation groups, by name.
pub(crate) fn groups(instance: i32, page: &PageQuery) -> Result<List<Group>, StoreError> {
    Ok(List {
        rows: Some((GROUPS, after_text(instance, page)?)),
        total: (GROUPS_TOTAL, searched(instance, page)?),
        limit: page.limit,
        read: groups::read,
        key: |group| group.name.clone(),
    })
}

/// The activity, newest first.
pub(crate) fn activity(instance: i32, page: &PageQuery) -> Result<List<Activity>, StoreError> {
    let before = match &page.after {
        None => Some((i64::MAX, Uuid::max())),
        Some(key) => {
            key.split_once('/').and_then(|(at, id)| Some((at.parse().ok()?, Uuid::parse_str(id).ok()?)))
        }
    };
    let rows = match before {
        None => None,
        Some((at, id)) => {
            let mut arguments = searched(instance, page)?;
            add(&mut arguments, at)?;
            add(&mut arguments, id)?;
            Some((ACTIVITY, limited(arguments, page)?))
        }
    };
    let total = if page.search.is_empty() { ACTIVITY_TOTAL } else { ACTIVITY_FOUND };
    Ok(List {
        rows,
        total: (total, searched(instance, page)?),
        limit: page.limit,
        read: activity::read,
        key: |record| format!("{}/{}", micros(record.at), record.id),
    })
}

impl<T> List<T> {
    /// Fetches the page and counts the list.
    pub(crate) async fn fetch(self, connections: &Connections) -> Result<Page<T>, StoreError> {
        let mut rows = match self.rows {
            Some((sql, arguments)) => connections.fetch(sql, arguments, self.read).await?,
            None => Vec::new(),
        };
        let (sql, arguments) = self.total;
        let total = connections.count(sql, arguments).await?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(self.key) } else { None };
        Ok(Page { rows, next, total })
    }
}

fn searched(instance: i32, page: &PageQuery) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, page.search.to_ascii_lowercase())?;
    Ok(arguments)
}

/// One row more than wanted shows whether any follow.
fn limited(mut arguments: PgArguments, page: &PageQuery) -> Result<PgArguments, StoreError> {
    add(&mut arguments, i64::from(page.limit) + 1)?;
    add(&mut arguments, i64::from(page.skip))?;
    Ok(arguments)
}

/// Every text key sorts behind the empty one.
fn after_text(instance: i32, page: &PageQuery) -> Result<PgArguments, StoreError> {
    let mut arguments = searched(instance, page)?;
    add(&mut arguments, page.after.clone().unwrap_or_default())?;
    limited(arguments, page)
}
