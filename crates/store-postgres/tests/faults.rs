//! Servers that die, connections that break, and several processes at once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod server;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::steps::{Step, Steps};
use leasehold_domain::{Changes, FencingToken, GrantId, InstanceId, Policies, RequestId, Source};
use leasehold_store::conformance::sample::{self, answer, at, grant, item, uuid};
use leasehold_store::licensing::{Instance, RightsChange, Touched};
use leasehold_store::{LicensingStore, StoreError};
use leasehold_store_postgres::{PostgresLicensingStore, Settings};
use leasehold_testkit::Postgres;
use tokio::time::timeout;

use server::Database;

/// Long enough for what must happen, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);
/// Long enough to be sure that something waits, once it has begun.
const A_WHILE: Duration = Duration::from_millis(200);

const INSTANCE: InstanceId = InstanceId(sample_id(1));

const fn sample_id(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

async fn fill(store: &PostgresLicensingStore, count: u64) {
    store
        .create_instance(&Instance { id: INSTANCE, name: "main".to_owned(), is_default: true })
        .await
        .unwrap();
    let mut batch = store.begin(INSTANCE).await.unwrap();
    let items = vec![item("item-1", "cad", count)];
    batch.save_rights(&RightsChange { items, ..sample::change() }).await.unwrap();
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
}

/// Gives a grant out where there is a count for it.
async fn check_out(store: &PostgresLicensingStore, number: u128) -> Result<bool, StoreError> {
    let grant = grant(number, &format!("d{number}"), "cad");
    let mut batch = store.begin(INSTANCE).await?;
    let touched = Touched { holders: vec![grant.holder.clone()], ..sample::touching(&["cad"]) };
    let ids = [RequestId(uuid(number))];
    let (_, mut estate) = batch.claim_and_load(&ids, &touched, &Policies::default(), at(0)).await?;
    let free: u64 = estate.items_of(&grant.feature).map(|state| state.plain_free(&Source::Default)).sum();
    let given = free >= grant.count();
    if given {
        estate.charge(&grant.parts);
        estate.put_grant(grant);
    }
    batch.commit(&estate.into_changes(), &[answer(number)], at(0)).await?;
    Ok(given)
}

async fn online(store: &PostgresLicensingStore) -> u64 {
    store.count_online(INSTANCE).await.unwrap()
}

#[tokio::test]
async fn a_killed_server_keeps_what_was_committed_and_the_store_finds_it_again() {
    let mut server = Postgres::start().await.unwrap();
    let store = PostgresLicensingStore::open(&Settings::new(server.url())).await.unwrap();
    fill(&store, 10).await;
    assert!(check_out(&store, 1).await.unwrap());
    let mut open = store.begin(INSTANCE).await.unwrap();
    let lost = RightsChange { items: vec![item("item-2", "cam", 1)], ..sample::change() };
    open.save_rights(&lost).await.unwrap();

    server.kill().unwrap();
    let error = open.commit(&Changes::default(), &[], at(0)).await.unwrap_err();
    assert!(error.is_passing(), "{error:?}");
    assert!(check_out(&store, 2).await.unwrap_err().is_passing());
    assert!(store.ping().await.unwrap_err().is_passing());

    server.start_again().await.unwrap();
    assert!(check_out(&store, 3).await.unwrap());
    assert_eq!(online(&store).await, 2);
    let items = store.line_items(INSTANCE).await.unwrap();
    assert_eq!((items.len(), items[0].out()), (1, 2));
    let mut batch = store.begin(INSTANCE).await.unwrap();
    let answers = batch.claim(&[1, 2, 3].map(|number| RequestId(uuid(number))), at(0)).await.unwrap();
    assert_eq!(answers.len(), 2);
}

/// Cuts every connection of other programs to this database.
fn cut(database: &Database) {
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_ne!(database.run(sql).unwrap(), "0");
}

#[tokio::test]
async fn connections_that_were_cut_are_made_again() {
    let database = Database::new().await;
    let store = database.open().await;
    fill(&store, 10).await;
    for number in 1..4 {
        cut(&database);
        assert!(check_out(&store, number).await.unwrap(), "a batch goes on with a new connection");
        cut(&database);
        assert_eq!(u128::from(online(&store).await), number, "and so does a read");
    }
}

#[tokio::test]
async fn a_batch_whose_connection_is_cut_is_gone() {
    let database = Database::new().await;
    let store = database.open().await;
    fill(&store, 10).await;
    let mut batch = store.begin(INSTANCE).await.unwrap();
    batch.load_rights().await.unwrap();
    cut(&database);
    let changes = Changes { grants: vec![grant(1, "d1", "cad")], ..Changes::default() };
    let error = batch.commit(&changes, &[], at(0)).await.unwrap_err();
    assert!(error.is_passing(), "{error:?}");
    assert_eq!(online(&store).await, 0);
    assert!(check_out(&store, 2).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_race_for_an_instance_never_give_out_too_much() {
    let database = Database::new().await;
    let first = database.open().await;
    fill(&first, 25).await;
    let stores = [Arc::new(first), Arc::new(database.open().await), Arc::new(database.open().await)];
    let tasks = (0..6).map(|task: u128| {
        let store = Arc::clone(&stores[usize::try_from(task % 3).unwrap()]);
        tokio::spawn(async move {
            let mut given = 0;
            for number in 0..8 {
                given += u64::from(check_out(&store, 100 * task + number).await.unwrap());
            }
            given
        })
    });
    let given: Vec<u64> = futures::future::try_join_all(tasks).await.unwrap();
    assert_eq!(given.iter().sum::<u64>(), 25);
    assert_eq!(online(&stores[0]).await, 25);
    assert_eq!(stores[1].line_items(INSTANCE).await.unwrap()[0].out(), 25);
}

#[tokio::test]
async fn a_batch_waits_for_that_of_another_process() {
    let database = Database::new().await;
    let (one, two) = (database.open().await, database.open().await);
    fill(&one, 1).await;
    let mut open = one.begin(INSTANCE).await.unwrap();
    open.load(&sample::touching(&["cad"]), &Policies::default()).await.unwrap();
    let mut other = tokio::spawn(async move { check_out(&two, 2).await });
    assert!(timeout(A_WHILE, &mut other).await.is_err());
    let change = RightsChange { items: vec![item("item-1", "cad", 0)], ..sample::change() };
    open.save_rights(&change).await.unwrap();
    open.commit(&Changes::default(), &[], at(0)).await.unwrap();
    assert!(!other.await.unwrap().unwrap(), "it sees what the first one left");
}

#[tokio::test]
async fn a_batch_that_waited_finds_the_time_and_the_steps_from_after_its_wait() {
    let database = Database::new().await;
    let (one, two) = (database.open().await, database.open().await);
    fill(&one, 1).await;
    let step = Step { at: at(0), by: SignedDuration::from_hours(24) };
    let steps = Steps { correction: step.by, recent: vec![step] };
    for way in ["claims", "loads", "asks"] {
        let mut open = one.begin(INSTANCE).await.unwrap();
        open.load_rights().await.unwrap();
        let mut waits = two.begin(INSTANCE).await.unwrap();
        let mut waiting = tokio::spawn(async move {
            match way {
                "claims" => drop(waits.claim(&[RequestId(uuid(1))], at(0)).await.unwrap()),
                "loads" => drop(waits.load(&Touched::default(), &Policies::default()).await.unwrap()),
                _ => {}
            }
            waits.time().await.unwrap().unwrap()
        });
        assert!(timeout(A_WHILE, &mut waiting).await.is_err());
        open.record_steps(&steps).await.unwrap();
        let before = one.time().await.unwrap().unwrap();
        open.commit(&Changes::default(), &[], at(0)).await.unwrap();
        let found = waiting.await.unwrap();
        assert!(found.now >= before, "{} {before}", found.now);
        assert_eq!(found.steps, steps);
    }
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_is_told_to_come_again() {
    let database = Database::new().await;
    let (one, hasty) = (database.open().await, database.settings());
    let hasty = Settings { lock_timeout: Duration::from_millis(50), ..hasty };
    let hasty = PostgresLicensingStore::open(&hasty).await.unwrap();
    fill(&one, 1).await;
    let mut open = one.begin(INSTANCE).await.unwrap();
    open.load_rights().await.unwrap();
    assert!(check_out(&hasty, 1).await.unwrap_err().is_passing());
    drop(open);
    assert!(check_out(&one, 1).await.unwrap());
}

#[tokio::test]
async fn a_batch_that_only_loaded_and_is_dropped_lets_the_next_one_go() {
    let database = Database::new().await;
    let (one, hasty) = (database.open().await, database.settings());
    let hasty = Settings { lock_timeout: Duration::from_millis(50), ..hasty };
    let hasty = PostgresLicensingStore::open(&hasty).await.unwrap();
    fill(&one, 1).await;
    let mut open = one.begin(INSTANCE).await.unwrap();
    open.load(&sample::touching(&["cad"]), &Policies::default()).await.unwrap();
    assert!(check_out(&hasty, 1).await.unwrap_err().is_passing(), "the turn is kept");
    drop(open);
    assert!(check_out(&one, 1).await.unwrap());
    let open = database.run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2");
    assert_eq!(open.unwrap(), "0", "nothing is kept");
}

#[tokio::test]
async fn a_process_that_stands_still_with_the_turn_loses_it_and_what_it_writes_then() {
    let database = Database::new().await;
    let frozen = Settings { idle_in_transaction_timeout: Duration::from_millis(100), ..database.settings() };
    let frozen = PostgresLicensingStore::open(&frozen).await.unwrap();
    let other = database.open().await;
    fill(&frozen, 1).await;
    let mine = grant(1, "d1", "cad");
    let mut open = frozen.begin(INSTANCE).await.unwrap();
    let touched = Touched { holders: vec![mine.holder.clone()], ..sample::touching(&["cad"]) };
    let mut estate = open.load(&touched, &Policies::default()).await.unwrap();
    assert!(timeout(LONG, check_out(&other, 2)).await.expect("the turn is free again").unwrap());
    estate.charge(&mine.parts);
    estate.put_grant(mine);
    let error = open.commit(&estate.into_changes(), &[], at(0)).await.unwrap_err();
    assert!(error.is_passing(), "{error:?}");
    assert_eq!(online(&other).await, 1);
    assert!(!check_out(&frozen, 3).await.unwrap(), "it goes on with a new connection");
}

#[tokio::test]
async fn a_batch_that_the_database_refuses_lets_the_next_one_go() {
    let database = Database::new().await;
    let store = database.open().await;
    fill(&store, 1).await;
    let mut open = store.begin(INSTANCE).await.unwrap();
    let mut estate = open.load(&sample::touching(&["cad"]), &Policies::default()).await.unwrap();
    for number in [1, 2] {
        let grant = grant(number, &format!("d{number}"), "cad");
        estate.charge(&grant.parts);
        estate.put_grant(grant);
    }
    let error = open.commit(&estate.into_changes(), &[], at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    let other = database.open().await;
    assert!(timeout(LONG, check_out(&other, 3)).await.expect("the turn is free again").unwrap());
}

#[tokio::test]
async fn a_floor_that_moves_beside_a_batch_stays_moved() {
    let database = Database::new().await;
    let store = Arc::new(database.open().await);
    fill(&store, 5).await;
    assert!(check_out(&store, 1).await.unwrap());
    let mut batch = store.begin(INSTANCE).await.unwrap();
    let touched = Touched { grants: vec![GrantId(uuid(1))], ..Touched::default() };
    let mut estate = batch.load(&touched, &Policies::default()).await.unwrap();
    let mut moving = tokio::spawn({
        let store = Arc::clone(&store);
        let floors = [(GrantId(uuid(1)), FencingToken::FIRST, at(900))];
        async move { store.move_floors(INSTANCE, &floors).await }
    });
    assert!(timeout(A_WHILE, &mut moving).await.is_err(), "it waits for the batch");
    let same = estate.grant(GrantId(uuid(1))).unwrap().clone();
    estate.put_grant(same);
    batch.commit(&estate.into_changes(), &[], at(0)).await.unwrap();
    moving.await.unwrap().unwrap();
    let found = store.grants_by_id(INSTANCE, &[GrantId(uuid(1))]).await.unwrap();
    assert_eq!(found[0].floor_deadline, Some(at(900)));
}

#[tokio::test]
async fn endings_call_other_processes_and_not_their_own() {
    let database = Database::new().await;
    let (one, two) = (database.open().await, database.open().await);
    fill(&one, 5).await;
    // The first call says that something may have been missed before.
    for store in [&one, &two] {
        timeout(LONG, store.woken()).await.unwrap();
    }
    let end = async |lost| {
        let changes = Changes { ended: vec![(GrantId(uuid(1)), lost)], ..Changes::default() };
        one.begin(INSTANCE).await.unwrap().commit(&changes, &[], at(0)).await.unwrap();
    };
    end(Lost::Returned).await;
    assert!(timeout(A_WHILE, two.woken()).await.is_err(), "nobody needs to know");
    end(Lost::Dropped).await;
    timeout(LONG, two.woken()).await.unwrap();
    assert_eq!(two.endings(INSTANCE, 0, 10).await.unwrap()[0].lost, Lost::Dropped);
    assert!(timeout(A_WHILE, one.woken()).await.is_err(), "it knows already");

    cut(&database);
    timeout(LONG, two.woken()).await.expect("it listens again, and may have missed something");
    end(Lost::Expired).await;
    timeout(LONG, two.woken()).await.unwrap();
}

#[tokio::test]
async fn a_closed_store_stops_to_listen() {
    let database = Database::new().await;
    let store = database.open().await;
    timeout(LONG, store.woken()).await.unwrap();
    store.close().await;
    timeout(LONG, gone(&database)).await.expect("every connection is closed");
}

/// Waits until no store is connected any more.
async fn gone(database: &Database) {
    let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leasehold' \
                AND datname = current_database()";
    while database.run(left).unwrap() != "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn plans_go_by_index_from_the_first_row_to_the_last() {
    let database = Database::new().await;
    let store = database.open().await;
    fill(&store, 100_000).await;
    // Plans are made while there is next to nothing, and kept.
    assert!(check_out(&store, 1).await.unwrap());
    let many: Vec<_> = (10..2_010).map(|number| grant(number, &format!("d{number}"), "cad")).collect();
    for grants in many.chunks(500) {
        let changes = Changes { grants: grants.to_vec(), ..Changes::default() };
        store.begin(INSTANCE).await.unwrap().commit(&changes, &[], at(0)).await.unwrap();
    }
    let read = || {
        let sql = "SELECT pg_stat_clear_snapshot(); SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables \
                   WHERE relname IN ('grants', 'devices', 'answers', 'activity', 'entries', 'endings')";
        database.run(sql).unwrap()
    };
    for number in 5_000..5_050 {
        assert!(check_out(&store, number).await.unwrap());
    }
    store.close().await;
    timeout(LONG, gone(&database)).await.expect("every connection is closed, and has said what it read");
    assert_eq!(read(), "0", "tables were walked through");
}
