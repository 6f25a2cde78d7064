use std::time::Duration;

use leasehold_domain::{Changes, Policies};
use leasehold_store::conformance::sample;
use leasehold_store::licensing::{RightsChange, Touched};
use sqlx::Executor;
use tempfile::TempDir;

use super::*;

async fn in_file() -> (TempDir, SqliteLicensingStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteLicensingStore::open(&directory.path().join("licensing.db")).await.unwrap();
    store.create_instance(&instance()).await.unwrap();
    (directory, store)
}

fn instance() -> Instance {
    Instance { id: InstanceId(sample::uuid(1)), name: "main".to_owned(), is_default: true }
}

#[tokio::test]
async fn what_durability_rests_on_is_set() {
    let (_directory, store) = in_file().await;
    let mut slot = store.writer.turn().await;
    for (pragma, value) in [
        ("PRAGMA synchronous", "2"),
        ("PRAGMA journal_mode", "wal"),
        ("PRAGMA foreign_keys", "1"),
        ("PRAGMA fullfsync", "1"),
        ("PRAGMA checkpoint_fullfsync", "1"),
        ("PRAGMA busy_timeout", "5000"),
    ] {
        let sql = format!("SELECT CAST({0} AS TEXT) FROM pragma_{0}", pragma.trim_start_matches("PRAGMA "));
        let sql = sql.replace("CAST(busy_timeout", "CAST(timeout");
        let found: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(slot.connection().unwrap()).await.unwrap();
        assert_eq!(found, value, "{pragma}");
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_directory, store) = in_file().await;
    let mut reader = store.reader().await.unwrap();
    let written = reader.connection().unwrap().execute("DELETE FROM instances").await;
    assert!(written.unwrap_err().to_string().contains("readonly"));
}

#[tokio::test]
async fn a_connection_in_doubt_is_replaced() {
    let (_directory, store) = in_file().await;
    // Somebody left a transaction open and did not say so.
    let mut slot = store.writer.turn().await;
    slot.connection().unwrap().execute("BEGIN").await.unwrap();
    drop(slot);
    assert!(store.begin(instance().id).await.is_err());
    let batch = store.begin(instance().id).await.unwrap();
    batch.commit(&Changes::default(), &[], Timestamp::UNIX_EPOCH).await.unwrap();
}

#[tokio::test]
async fn batches_of_several_instances_take_turns_in_order() {
    let (_directory, store) = in_file().await;
    let other = Instance { id: InstanceId(sample::uuid(2)), name: "other".to_owned(), is_default: false };
    store.create_instance(&other).await.unwrap();
    let store = std::sync::Arc::new(store);
    let first = store.begin(instance().id).await.unwrap();
    let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
    for (number, id) in [other.id, instance().id, other.id].into_iter().enumerate() {
        let (store, sender) = (store.clone(), sender.clone());
        tokio::spawn(async move {
            let batch = store.begin(id).await.unwrap();
            sender.send(number).unwrap();
            batch.commit(&Changes::default(), &[], Timestamp::UNIX_EPOCH).await.unwrap();
        });
        // The task runs until it waits for its turn.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(first);
    for number in 0..3 {
        assert_eq!(order.recv().await, Some(number));
    }
}

#[tokio::test]
async fn a_batch_dropped_outside_a_runtime_is_rolled_back_by_the_next() {
    let (_directory, store) = in_file().await;
    let mut batch = store.begin(instance().id).await.unwrap();
    let items = vec![sample::item("item-1", "cad", 5)];
    batch.save_rights(&RightsChange { items, ..sample::change() }).await.unwrap();
    std::thread::spawn(move || drop(batch)).join().unwrap();
    let batch = store.begin(instance().id).await.unwrap();
    batch.commit(&Changes::default(), &[], Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(store.line_items(instance().id).await.unwrap(), []);
}

#[tokio::test]
async fn a_batch_that_failed_takes_nothing_more() {
    let (_directory, store) = in_file().await;
    let mut batch = store.begin(instance().id).await.unwrap();
    let twice = vec![sample::item("item-1", "cad", 5), sample::item("item-1", "cad", 6)];
    batch.save_rights(&RightsChange { items: twice, ..sample::change() }).await.unwrap_err();
    let again = batch.load(&Touched::default(), &Policies::default()).await;
    assert!(matches!(again, Err(StoreError::Internal { .. })));
    let committed = batch.commit(&Changes::default(), &[], Timestamp::UNIX_EPOCH).await;
    assert!(matches!(committed, Err(StoreError::Internal { .. })));
    assert_eq!(store.line_items(instance().id).await.unwrap(), []);
}

#[tokio::test]
async fn what_cannot_be_read_back_names_table_and_column() {
    let (_directory, store) = in_file().await;
    let batch = store.begin(instance().id).await.unwrap();
    let changes = Changes { grants: vec![sample::grant(1, "d1", "cad")], ..Changes::default() };
    batch.commit(&changes, &[], Timestamp::UNIX_EPOCH).await.unwrap();
    let mut slot = store.writer.turn().await;
    slot.connection().unwrap().execute("UPDATE grants SET place = 'nowhere'").await.unwrap();
    drop(slot);
    let error = store.grants_by_id(instance().id, &[GrantId(sample::uuid(1))]).await.unwrap_err();
    let StoreError::Corrupt { what } = error else { panic!("{error:?}") };
    assert_eq!(what, "grants.place: \"nowhere\" is no place");
}

#[tokio::test]
async fn in_memory_a_read_waits_for_the_open_batch() {
    let store = std::sync::Arc::new(SqliteLicensingStore::open_in_memory().await.unwrap());
    store.create_instance(&instance()).await.unwrap();
    let batch = store.begin(instance().id).await.unwrap();
    let reading = tokio::spawn({
        let store = store.clone();
        async move { store.line_items(instance().id).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!reading.is_finished());
    drop(batch);
    assert_eq!(reading.await.unwrap().unwrap(), []);
}
