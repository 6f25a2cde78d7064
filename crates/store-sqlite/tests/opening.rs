//! Opening files: what is refused, and what a file keeps.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use leasehold_domain::{Changes, InstanceId};
use leasehold_store::LicensingStore;
use leasehold_store::conformance::sample;
use leasehold_store::licensing::{Instance, RightsChange};
use leasehold_store_sqlite::{OpenError, SqliteLicensingStore, schema};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

fn instance() -> Instance {
    Instance { id: InstanceId(sample::uuid(1)), name: "main".to_owned(), is_default: true }
}

/// A directory with a closed database that holds one instance.
async fn closed() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("licensing.db");
    let store = SqliteLicensingStore::open(&path).await.unwrap();
    store.create_instance(&instance()).await.unwrap();
    store.close().await.unwrap();
    (directory, path)
}

async fn run(path: &Path, statements: &'static str) {
    let mut connection =
        SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn refusal(path: &Path) -> OpenError {
    let before = fs::read(path).ok();
    let error = SqliteLicensingStore::open(path).await.err().unwrap();
    assert_eq!(fs::read(path).ok(), before, "the file has changed: {error}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    error
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_both_versions() {
    let (_directory, path) = closed().await;
    run(&path, "INSERT INTO _sqlx_migrations VALUES (7, 'later', '2030-01-01', 1, x'00', 1)").await;
    let error = refusal(&path).await;
    assert!(matches!(error, OpenError::Newer { found: 7, known: 4, .. }), "{error:?}");
    let text = error.to_string();
    for part in ["version 7", "up to 4", "upgrade Leasehold", "nothing was changed"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_step_that_differs_is_refused() {
    let (_directory, path) = closed().await;
    run(&path, "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await;
    let error = refusal(&path).await;
    assert!(matches!(error, OpenError::Changed { version: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn garbage_and_other_programs_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("licensing.db");
    for garbage in ["x", "a letter to a friend\n", &"0123456789abcdef".repeat(4_096)] {
        fs::write(&path, garbage).unwrap();
        let error = refusal(&path).await;
        assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    }
    let other = directory.path().join("other.db");
    run(&other, "CREATE TABLE letters (id INTEGER PRIMARY KEY)").await;
    let error = refusal(&other).await;
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let (_directory, path) = closed().await;
    let mut bytes = fs::read(&path).unwrap();
    // The first page's table of contents, behind the header that says that it is a database.
    bytes[100..4_096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_opened_says_so() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("missing/licensing.db"), directory.path().to_owned()] {
        let error = SqliteLicensingStore::open(&path).await.err().unwrap();
        assert!(matches!(error, OpenError::Cannot { .. }), "{error:?}");
        assert!(error.to_string().contains("no other program"), "{error}");
    }
}

#[tokio::test]
async fn an_empty_file_and_a_half_made_one_become_databases() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("licensing.db");
    fs::write(&path, "").unwrap();
    SqliteLicensingStore::open(&path).await.unwrap().close().await.unwrap();
    let half = directory.path().join("half.db");
    run(&half, "PRAGMA journal_mode = WAL; CREATE TABLE t (a); DROP TABLE t").await;
    let store = SqliteLicensingStore::open(&half).await.unwrap();
    store.create_instance(&instance()).await.unwrap();
}

#[tokio::test]
async fn opening_again_changes_nothing() {
    let (_directory, path) = closed().await;
    let before = fs::read(&path).unwrap();
    let store = SqliteLicensingStore::open(&path).await.unwrap();
    assert_eq!(store.instances().await.unwrap(), [instance()]);
    store.close().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_commit_is_in_the_files_before_anything_is_closed() {
    let (directory, path) = closed().await;
    let store = SqliteLicensingStore::open(&path).await.unwrap();
    let mut batch = store.begin(instance().id).await.unwrap();
    let items = vec![sample::item("item-1", "cad", 5)];
    batch.save_rights(&RightsChange { items: items.clone(), ..sample::change() }).await.unwrap();
    batch.commit(&Changes::default(), &[], Timestamp::UNIX_EPOCH).await.unwrap();
    let mut open = store.begin(instance().id).await.unwrap();
    let more = vec![sample::item("item-2", "cad", 5)];
    open.save_rights(&RightsChange { items: more, ..sample::change() }).await.unwrap();

    // What a process that is killed here leaves behind.
    let copy = directory.path().join("copy.db");
    for end in ["", "-wal"] {
        let name = |base: &Path| PathBuf::from(format!("{}{end}", base.display()));
        fs::copy(name(&path), name(&copy)).unwrap();
    }
    let copy = SqliteLicensingStore::open(&copy).await.unwrap();
    assert_eq!(copy.line_items(instance().id).await.unwrap(), items);
}

#[tokio::test]
async fn a_closed_store_says_that_it_does_not_answer() {
    for store in [
        SqliteLicensingStore::open(&tempfile::tempdir().unwrap().path().join("x.db")).await,
        SqliteLicensingStore::open_in_memory().await,
    ] {
        let store = store.unwrap();
        store.ping().await.unwrap();
        store.close().await.unwrap();
        assert!(store.ping().await.unwrap_err().is_passing());
        assert!(store.create_instance(&instance()).await.unwrap_err().is_passing());
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_schema_can_be_looked_at_and_brought_up_to_date_without_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("licensing.db");
    let none = schema::look(&path).await.unwrap();
    assert_eq!((none.found, none.known, none.is_pending()), (0, schema::known(), true));
    assert!(!path.exists(), "looking makes nothing");
    assert_eq!(schema::migrate(&path).await.unwrap(), none);
    let newest = schema::migrate(&path).await.unwrap();
    assert_eq!((newest.found, newest.is_pending()), (schema::known(), false));

    let store = SqliteLicensingStore::open(&path).await.unwrap();
    assert_eq!(schema::look(&path).await.unwrap(), newest, "while somebody has it open, too");
    store.close().await.unwrap();
    run(&path, "INSERT INTO _sqlx_migrations VALUES (7, 'later', '2030-01-01', 1, x'00', 1)").await;
    for refused in [schema::look(&path).await, schema::migrate(&path).await] {
        assert!(matches!(refused, Err(OpenError::Newer { found: 7, .. })), "{refused:?}");
    }
}
