//! Lists for people: one page of rows, whether more follow, and how many there are.

use leasehold_domain::{Activity, Grant, Group};
use leasehold_store::StoreError;
use leasehold_store::licensing::{DeviceRow, GrantFilter, Page, PageQuery};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::decode::Columns;
use crate::encode::micros;
use crate::error::store_error;
use crate::tables::{activity, devices, grants, groups};
use crate::writer::Query;

/// The condition that keeps rows of which one of the columns contains `$2`, which is in lower case.
macro_rules! found {
    ($first:literal $(, $more:literal)*) => {
        concat!("($2 = '' OR instr(lower(", $first, "), $2) > 0", $(" OR instr(lower(", $more, "), $2) > 0",)* ")")
    };
}

/// The parts that a device `d` holds.
macro_rules! held {
    () => {
        "FROM grants AS g CROSS JOIN parts AS p \
         WHERE g.instance = d.instance AND g.device = d.hostid \
           AND p.instance = g.instance AND p.grant_id = g.id"
    };
}

/// The columns of [`devices::read_summed`], for a device `d`.
macro_rules! summed {
    () => {
        concat!(
            "SELECT ",
            devices::columns!(),
            ", (SELECT count(*) FROM grants AS g WHERE g.instance = d.instance AND g.device = d.hostid), \
             (SELECT coalesce(sum(p.count), 0) ",
            held!(),
            "), (SELECT max(min(p.ends_at, coalesce(g.floor_deadline, p.ends_at))) ",
            held!(),
            ")"
        )
    };
}

/// One page of grants; the arguments are the index to walk and a condition.
macro_rules! grants_page {
    ($index:literal, $condition:literal) => {
        concat!(
            "WITH wanted (id) AS MATERIALIZED (SELECT id FROM grants ",
            $index,
            " WHERE instance = $1 AND ",
            found!("device", "feature"),
            " AND ($3 IS NULL OR feature = $3) AND ",
            $condition,
            " AND id > $5 ORDER BY id LIMIT $6 OFFSET $7) SELECT ",
            grants::columns!(),
            " FROM wanted CROSS JOIN grants AS g WHERE g.instance = $1 AND g.id = wanted.id ORDER BY g.id"
        )
    };
}

/// How many grants the list has; the argument is a condition.
macro_rules! grants_total {
    ($condition:literal) => {
        concat!(
            "SELECT count(*) FROM grants INDEXED BY grants_holder WHERE instance = $1 AND ",
            found!("device", "feature"),
            " AND ($3 IS NULL OR feature = $3) AND ",
            $condition
        )
    };
}

pub(crate) const GRANTS: &str = grants_page!("", "$4 IS NULL");
pub(crate) const GRANTS_TOTAL: &str = grants_total!("$4 IS NULL");
pub(crate) const GRANTS_OF_DEVICE: &str = grants_page!("INDEXED BY grants_holder", "device = $4");
pub(crate) const GRANTS_OF_DEVICE_TOTAL: &str = grants_total!("device = $4");

/// The grants of one device.
pub(crate) const OF_DEVICE: &str = concat!(
    "SELECT ",
    grants::columns!(),
    " FROM grants AS g INDEXED BY grants_holder WHERE g.instance = $1 AND g.device = $2 LIMIT $3"
);

/// One device.
pub(crate) const DEVICE: &str =
    concat!(summed!(), " FROM devices AS d WHERE d.instance = $1 AND d.hostid = $2");

pub(crate) const DEVICES: &str = concat!(
    summed!(),
    " FROM (SELECT * FROM devices WHERE instance = $1 AND ",
    found!("hostid", "alias"),
    " AND hostid > $3 ORDER BY hostid LIMIT $4 OFFSET $5) AS d ORDER BY d.hostid"
);
pub(crate) const DEVICES_TOTAL: &str =
    concat!("SELECT count(*) FROM devices WHERE instance = $1 AND ", found!("hostid", "alias"));

pub(crate) const GROUPS: &str = concat!(
    "SELECT ",
    groups::columns!(),
    " FROM (SELECT * FROM reservation_groups WHERE instance = $1 AND ",
    found!("name"),
    " AND name > $3 ORDER BY name LIMIT $4 OFFSET $5) AS g ORDER BY g.name"
);
pub(crate) const GROUPS_TOTAL: &str =
    concat!("SELECT count(*) FROM reservation_groups WHERE instance = $1 AND ", found!("name"));

pub(crate) const ACTIVITY: &str = concat!(
    "SELECT ",
    activity::columns!(),
    " FROM activity WHERE instance = $1 AND ",
    found!("hostid", "feature"),
    " AND (at, id) < ($3, $4) ORDER BY at DESC, id DESC LIMIT $5 OFFSET $6"
);
pub(crate) const ACTIVITY_TOTAL: &str = "SELECT activity_rows FROM instances WHERE no = $1";
pub(crate) const ACTIVITY_FOUND: &str =
    concat!("SELECT count(*) FROM activity WHERE instance = $1 AND ", found!("hostid", "feature"));

/// A page of a list, ready to be fetched.
pub(crate) struct List<T> {
    /// `None` where the page is to follow a key that is none: nothing does.
    rows: Option<Query<'static>>,
    total: Query<'static>,
    limit: u32,
    read: fn(&SqliteRow) -> Result<T, StoreError>,
    key: fn(&T) -> String,
}

/// The grants, by id.
pub(crate) fn grants(instance: Option<i64>, filter: &GrantFilter, page: &PageQuery) -> List<Grant> {
    let (rows, total) = match filter.device {
        None => (GRANTS, GRANTS_TOTAL),
        Some(_) => (GRANTS_OF_DEVICE, GRANTS_OF_DEVICE_TOTAL),
    };
    let narrow = |sql: &'static str| {
        searched(sql, instance, page)
            .bind(filter.feature.as_ref().map(|feature| feature.as_str().to_owned()))
            .bind(filter.device.as_ref().map(ToString::to_string))
    };
    let after = match &page.after {
        None => Some(Vec::new()),
        Some(key) => Uuid::parse_str(key).ok().map(|id| id.as_bytes().to_vec()),
    };
    List {
        rows: after.map(|after| limited(narrow(rows).bind(after), page)),
        total: narrow(total),
        limit: page.limit,
        read: grants::read,
        key: |grant| grant.id.to_string(),
    }
}

/// The devices, by hostid.
pub(crate) fn devices(instance: Option<i64>, page: &PageQuery) -> List<DeviceRow> {
    List {
        rows: Some(limited(searched(DEVICES, instance, page).bind(after_text(page)), page)),
        total: searched(DEVICES_TOTAL, instance, page),
        limit: page.limit,
        read: devices::read_summed,
        key: |row| row.device.hostid.to_string(),
    }
}

/// The reservation groups, by name.
pub(crate) fn groups(instance: Option<i64>, page: &PageQuery) -> List<Group> {
    List {
        rows: Some(limited(searched(GROUPS, instance, page).bind(after_text(page)), page)),
        total: searched(GROUPS_TOTAL, instance, page),
        limit: page.limit,
        read: groups::read,
        key: |group| group.name.clone(),
    }
}

/// The activity, newest first.
pub(crate) fn activity(instance: Option<i64>, page: &PageQuery) -> List<Activity> {
    let before = match &page.after {
        None => Some((i64::MAX, Uuid::max())),
        Some(key) => {
            key.split_once('/').and_then(|(at, id)| Some((at.parse().ok()?, Uuid::parse_str(id).ok()?)))
        }
    };
    let rows = before.map(|(at, id)| {
        limited(searched(ACTIVITY, instance, page).bind(at).bind(id.as_bytes().to_vec()), page)
    });
    let total = if page.search.is_empty() { ACTIVITY_TOTAL } else { ACTIVITY_FOUND };
    List {
        rows,
        total: searched(total, instance, page),
        limit: page.limit,
        read: activity::read,
        key: |record| format!("{}/{}", micros(record.at), record.id),
    }
}

impl<T> List<T> {
    /// Fetches the page and counts the list.
    pub(crate) async fn fetch(self, connection: &mut SqliteConnection) -> Result<Page<T>, StoreError> {
        let mut rows = Vec::new();
        if let Some(query) = self.rows {
            let found = query.fetch_all(&mut *connection).await.map_err(store_error)?;
            rows = found.iter().map(self.read).collect::<Result<_, _>>()?;
        }
        let total = self.total.fetch_optional(connection).await.map_err(store_error)?;
        let total = total.map(|row| Columns::of("total", &row).number()).transpose()?.unwrap_or(0);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(self.key) } else { None };
        Ok(Page { rows, next, total })
    }
}

fn searched(sql: &'static str, instance: Option<i64>, page: &PageQuery) -> Query<'static> {
    sqlx::query(sql).bind(instance).bind(page.search.to_ascii_lowercase())
}

/// One row more than wanted shows whether any follow.
fn limited(query: Query<'static>, page: &PageQuery) -> Query<'static> {
    query.bind(i64::from(page.limit) + 1).bind(page.skip)
}

/// Every text key sorts behind the empty one.
fn after_text(page: &PageQuery) -> String {
    page.after.clone().unwrap_or_default()
}
