//! What somebody breaks behind the server's back is found, and named, by the exit status too.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use leasehold::{Clock, SystemClock};
use leasehold_client::updates::installed;
use leasehold_testkit::Process;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::time::sleep;

use super::{Demo, PATIENCE, folder, servers};

/// Waits until something is granted from now on, whatever an earlier start has left.
pub(super) async fn until_granted(process: &mut Process, file: &Path) {
    let (start, since) = (Instant::now(), SystemClock::new().now().as_microsecond());
    while !is_granted(file, since).await.unwrap_or_default() {
        assert!(process.status().unwrap().is_none(), "it ended: {}", process.stderr());
        assert!(start.elapsed() < PATIENCE, "nothing was granted: {}", process.stderr());
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until a device has an update in place, and gives the file.
pub(super) async fn until_updated(process: &mut Process, devices: &Path) -> PathBuf {
    let start = Instant::now();
    loop {
        let entries = std::fs::read_dir(devices).into_iter().flatten().filter_map(Result::ok);
        let mut in_place = entries.filter_map(|device| installed(&device.path(), "materials").ok().flatten());
        if let Some(found) = in_place.next() {
            return found.path;
        }
        assert!(process.status().unwrap().is_none(), "it ended: {}", process.stderr());
        assert!(start.elapsed() < PATIENCE, "no device has an update: {}", process.stderr());
        sleep(Duration::from_millis(50)).await;
    }
}

/// An error where there is no database yet.
async fn is_granted(file: &Path, since: i64) -> Result<bool, sqlx::Error> {
    let mut database = open(file).await?;
    let granted = "SELECT count(*) > 5 FROM activity WHERE kind = 'GRANTED' AND at > $1";
    let found = sqlx::query_scalar(granted).bind(since).fetch_one(&mut database).await;
    database.close().await?;
    found
}

async fn open(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file).foreign_keys(false)).await
}

/// Breaks something in the database of a demonstration that runs, and gives the promises that it finds broken.
async fn break_embedded(sql: &str) -> Vec<String> {
    let folder = folder();
    let mut demo = Demo::start(folder.path(), &["--duration", "1h", "--data-dir", "data"]);
    let file = folder.path().join("data/server/licensing.db");
    until_granted(&mut demo.0, &file).await;
    let mut database = open(&file).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    demo.interrupt();
    let ended = demo.end().await;
    ended.broken().into_iter().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_that_is_one_off_is_found() {
    let broken = break_embedded("UPDATE cells SET used = used + 1 WHERE line_item = 'BT-1005'").await;
    assert_eq!(broken, ["S11"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_vanishes_is_found() {
    let newest = "(SELECT id FROM grants ORDER BY granted_at DESC LIMIT 1)";
    let sql = format!("DELETE FROM parts WHERE grant_id = {newest}; DELETE FROM grants WHERE id = {newest}");
    let broken = break_embedded(&sql).await;
    assert!(["S2", "S11"].iter().all(|promise| broken.iter().any(|found| found == promise)), "{broken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_was_bought_is_found_while_everybody_works() {
    let sql =
        "UPDATE line_items SET count = 1, overdraft = 'NONE', overdraft_amount = NULL WHERE id = 'BT-1001'";
    let sql = format!("{sql}; UPDATE cells SET used = used + 30 WHERE line_item = 'BT-1001'");
    let broken = break_embedded(&sql).await;
    assert!(broken.iter().any(|found| found == "S1"), "{broken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_file_that_somebody_changes_on_a_device_is_found() {
    let folder = folder();
    let mut demo = Demo::start(folder.path(), &["--duration", "1h", "--data-dir", "data"]);
    let file = until_updated(&mut demo.0, &folder.path().join("data/devices")).await;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "materials of somebody else").unwrap();
    demo.interrupt();
    let ended = demo.end().await;
    assert_eq!(ended.broken(), Vec::<&str>::new());
    let [found] = ended.report["violations"].as_array().unwrap().as_slice() else {
        panic!("{:#}", ended.report)
    };
    assert_eq!(found["rule"], "genuine updates", "{found:#}");
    assert!(found["found"].as_str().unwrap().contains("is not what the vendor published"), "{found:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_vanishes_from_postgres_is_found() {
    let (folder, (postgres, redis)) = (folder(), servers().await);
    let (url, redis) = (postgres.url(), redis.url());
    let words = ["--duration", "1h", "--database-url", &url, "--redis-url", &redis];
    let mut demo = Demo::start(folder.path(), &words);
    let start = Instant::now();
    let mut database = PgConnection::connect(&url).await.unwrap();
    let deleted = "DELETE FROM licensing.answers WHERE id = (SELECT id FROM licensing.answers LIMIT 1)";
    while sqlx::query(deleted).execute(&mut database).await.map_or(0, |done| done.rows_affected()) == 0 {
        assert!(start.elapsed() < PATIENCE, "nothing was answered: {}", demo.0.stderr());
        sleep(Duration::from_millis(50)).await;
    }
    demo.interrupt();
    let ended = demo.end().await;
    assert!(ended.broken().contains(&"S3"), "{:#}", ended.report);
}
