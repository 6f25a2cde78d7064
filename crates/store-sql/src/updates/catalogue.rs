//! The releases, and what clients are to be told of them.

use leasehold_domain::InstanceId;
use leasehold_domain::updates::{Release, ReleaseKind, ReleaseState};
use leasehold_store::StoreError;
use leasehold_store::updates::{Catalogue, Newest};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::Statement;
use crate::database::{Database, within};
use crate::error::store_error;
use crate::values::{
    lines, micros, number, read_32, read_lines, read_named, read_number, read_optional_time, read_time,
};

const REVISION: &str = "SELECT revision FROM catalogues WHERE instance = $1";
/// One statement, so that releases and revision are of one moment.
const ALL: &str = "SELECT c.revision, r.target, r.product, r.version, r.kind, r.channel, r.os, r.arch, r.minimum_version, \
       r.length, r.sha256, r.state, r.emergency, r.notes, r.withdrawn_reason, r.features, r.released_at, r.seen_at \
     FROM catalogues c LEFT JOIN releases r ON r.instance = c.instance WHERE c.instance = $1 ORDER BY r.target";
const FIRST: &str =
    "INSERT INTO catalogues (instance, revision) VALUES ($1, 1) ON CONFLICT (instance) DO NOTHING";
/// Locks the row, so that changes follow each other.
const NEXT: &str = "UPDATE catalogues SET revision = revision + 1 WHERE instance = $1 AND revision = $2";
const CLEAR: &str = "DELETE FROM releases WHERE instance = $1";
const ADD: &str = "INSERT INTO releases (instance, target, product, version, kind, channel, os, arch, minimum_version, \
       length, sha256, state, emergency, notes, withdrawn_reason, features, released_at, seen_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
const NOTE: &str = "INSERT INTO notices (instance, product, channel, target, version, features, owed) \
     VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (instance, product, channel) DO UPDATE SET \
       target = excluded.target, version = excluded.version, features = excluded.features, owed = 1 \
     WHERE notices.target <> excluded.target OR notices.features <> excluded.features";
const OWED: &str = "SELECT product, channel, target, version, features FROM notices \
     WHERE instance = $1 AND owed = 1 ORDER BY product, channel";
const TOLD: &str = "UPDATE notices SET owed = 0 \
     WHERE instance = $1 AND product = $2 AND channel = $3 AND target = $4 AND features = $5";

pub(super) async fn revision(database: &Database, instance: InstanceId) -> Result<u64, StoreError> {
    within(async {
        let row = sqlx::query(REVISION).bind(instance.to_string()).fetch_optional(database.pool()).await?;
        row.map_or(Ok(0), |row| read_number(&row, "revision"))
    })
    .await
}

pub(super) async fn read_all(database: &Database, instance: InstanceId) -> Result<Catalogue, StoreError> {
    within(async {
        let rows = sqlx::query(ALL).bind(instance.to_string()).fetch_all(database.pool()).await?;
        let revision = rows.first().map_or(Ok(0), |row| read_number(row, "revision"))?;
        let releases = rows.iter().map(read).filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(Catalogue { revision, releases })
    })
    .await
}

pub(super) async fn replace(
    database: &Database,
    instance: InstanceId,
    catalogue: &Catalogue,
    newest: &[Newest],
) -> Result<bool, StoreError> {
    let instance = instance.to_string();
    let lock = if catalogue.revision == 0 {
        sqlx::query(FIRST).bind(instance.clone())
    } else {
        sqlx::query(NEXT).bind(instance.clone()).bind(number(catalogue.revision).map_err(store_error)?)
    };
    let mut transaction = database.begin().await?;
    if within(lock.execute(&mut *transaction)).await?.rows_affected() == 0 {
        return within(transaction.rollback()).await.map(|()| false);
    }
    within(sqlx::query(CLEAR).bind(instance.clone()).execute(&mut *transaction)).await?;
    for release in &catalogue.releases {
        let add = added(&instance, release).map_err(store_error)?;
        within(add.execute(&mut *transaction)).await?;
    }
    for one in newest {
        let note = sqlx::query(NOTE)
            .bind(instance.clone())
            .bind(one.product.clone())
            .bind(one.channel.clone())
            .bind(one.target.clone())
            .bind(one.version.clone())
            .bind(lines(&one.features));
        within(note.execute(&mut *transaction)).await?;
    }
    within(transaction.commit()).await.map(|()| true)
}

pub(super) async fn owed(database: &Database, instance: InstanceId) -> Result<Vec<Newest>, StoreError> {
    let query = sqlx::query(OWED).bind(instance.to_string());
    within(async { query.fetch_all(database.pool()).await?.iter().map(read_newest).collect() }).await
}

pub(super) async fn told(database: &Database, instance: InstanceId, told: &Newest) -> Result<(), StoreError> {
    let statement = sqlx::query(TOLD)
        .bind(instance.to_string())
        .bind(told.product.clone())
        .bind(told.channel.clone())
        .bind(told.target.clone())
        .bind(lines(&told.features));
    within(statement.execute(database.pool())).await.map(drop)
}

fn added(instance: &str, release: &Release) -> Result<Statement, sqlx::Error> {
    Ok(sqlx::query(ADD)
        .bind(instance.to_owned())
        .bind(release.target.clone())
        .bind(release.product.clone())
        .bind(release.version.clone())
        .bind(release.kind.name())
        .bind(release.channel.clone())
        .bind(release.os.clone())
        .bind(release.arch.clone())
        .bind(release.minimum_version.clone())
        .bind(number(release.length)?)
        .bind(release.sha256.to_vec())
        .bind(release.state.name())
        .bind(i64::from(release.emergency))
        .bind(release.notes.clone())
        .bind(release.withdrawn_reason.clone())
        .bind(lines(&release.features))
        .bind(release.released_at.map(micros))
        .bind(micros(release.seen_at)))
}

/// `None` where the catalogue has no release.
fn read(row: &AnyRow) -> Result<Option<Release>, sqlx::Error> {
    let Some(target) = row.try_get::<Option<String>, _>("target")? else { return Ok(None) };
    let emergency: i64 = row.try_get("emergency")?;
    Ok(Some(Release {
        target,
        product: row.try_get("product")?,
        version: row.try_get("version")?,
        kind: read_named(row, "kind", &ReleaseKind::ALL, ReleaseKind::name)?,
        channel: row.try_get("channel")?,
        os: row.try_get("os")?,
        arch: row.try_get("arch")?,
        minimum_version: row.try_get("minimum_version")?,
        length: read_number(row, "length")?,
        sha256: read_32(row, "sha256")?,
        state: read_named(row, "state", &ReleaseState::ALL, ReleaseState::name)?,
        emergency: emergency != 0,
        notes: row.try_get("notes")?,
        withdrawn_reason: row.try_get("withdrawn_reason")?,
        features: read_features(row)?,
        released_at: read_optional_time(row, "released_at")?,
        seen_at: read_time(row, "seen_at")?,
    }))
}

fn read_newest(row: &AnyRow) -> Result<Newest, sqlx::Error> {
    Ok(Newest {
        product: row.try_get("product")?,
        channel: row.try_get("channel")?,
        target: row.try_get("target")?,
        version: row.try_get("version")?,
        features: read_features(row)?,
    })
}

fn read_features(row: &AnyRow) -> Result<Vec<String>, sqlx::Error> {
    read_lines(row, "features", |line| Ok::<_, std::convert::Infallible>(line.to_owned()))
}
