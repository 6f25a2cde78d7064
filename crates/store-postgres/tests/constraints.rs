//! The database itself refuses what must never be, whoever asks for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod server;

use jiff::Timestamp;
use leasehold_domain::cell::LineItemState;
use leasehold_domain::line_item::Overdraft;
use leasehold_domain::{Cell, Changes, EntryId, InstanceId, Source};
use leasehold_store::conformance::sample::{self, item, item_id, uuid};
use leasehold_store::licensing::{Instance, RightsChange};
use leasehold_store::{LicensingStore, StoreError};
use leasehold_store_postgres::PostgresLicensingStore;

use server::Database;

struct World {
    database: Database,
    store: PostgresLicensingStore,
    instance: InstanceId,
}

impl World {
    async fn with(items: Vec<LineItemState>) -> Self {
        let database = Database::new().await;
        let store = database.open().await;
        let instance = InstanceId(uuid(1));
        store
            .create_instance(&Instance { id: instance, name: "main".to_owned(), is_default: true })
            .await
            .unwrap();
        let world = Self { database, store, instance };
        world.save(items).await;
        world
    }

    async fn save(&self, items: Vec<LineItemState>) {
        let mut batch = self.store.begin(self.instance).await.unwrap();
        batch.save_rights(&RightsChange { items, ..sample::change() }).await.unwrap();
        batch.commit(&Changes::default(), &[], Timestamp::UNIX_EPOCH).await.unwrap();
    }

    /// Commits how much of `item-1` is out, by source.
    async fn commit(&self, out: &[(Source, u64)]) -> Result<(), StoreError> {
        let cell = |(source, used): &(Source, u64)| {
            (item_id("item-1"), source.clone(), Cell { allocated: 0, used: *used })
        };
        let changes = Changes { cells: out.iter().map(cell).collect(), ..Changes::default() };
        let batch = self.store.begin(self.instance).await.unwrap();
        batch.commit(&changes, &[], Timestamp::UNIX_EPOCH).await
    }

    async fn out(&self) -> u64 {
        self.store.line_items(self.instance).await.unwrap()[0].out()
    }

    async fn refuses(&self, out: &[(Source, u64)], constraint: &str) {
        let before = self.out().await;
        match self.commit(out).await {
            Err(StoreError::Constraint { constraint: named, .. }) => assert_eq!(named, constraint),
            other => panic!("{other:?}"),
        }
        assert_eq!(self.out().await, before);
    }
}

const TOO_MUCH: &str = "tallies_used_within_allowance";

#[tokio::test]
async fn no_commit_gives_out_more_than_there_is() {
    let world = World::with(vec![item("item-1", "cad", 5)]).await;
    world.refuses(&[(Source::Default, 6)], TOO_MUCH).await;
    world.commit(&[(Source::Default, 5)]).await.unwrap();
    let entry = Source::Reservation(EntryId(uuid(1)));
    world.refuses(&[(entry.clone(), 1)], TOO_MUCH).await;
    world.commit(&[(Source::Default, 4), (entry.clone(), 1)]).await.unwrap();
    world.refuses(&[(Source::Default, 5)], TOO_MUCH).await;
    world.commit(&[(entry, 0)]).await.unwrap();
    assert_eq!(world.out().await, 4);
}

#[tokio::test]
async fn overdraft_counts_and_no_more_than_that() {
    let mut overdrawn = item("item-1", "cad", 5);
    overdrawn.item.overdraft = Overdraft::Percent(50);
    let world = World::with(vec![overdrawn]).await;
    world.commit(&[(Source::Default, 7)]).await.unwrap();
    world.refuses(&[(Source::Default, 8)], TOO_MUCH).await;
}

#[tokio::test]
async fn what_has_no_limit_is_not_limited() {
    for change in [
        (|state: &mut LineItemState| state.item.advisory = true) as fn(&mut LineItemState),
        |state| state.item.overdraft = Overdraft::Unlimited,
        |state| state.item.count = None,
    ] {
        let mut state = item("item-1", "cad", 1);
        change(&mut state);
        let world = World::with(vec![state]).await;
        world.commit(&[(Source::Default, 1_000)]).await.unwrap();
        world.commit(&[(Source::Default, 900)]).await.unwrap();
        assert_eq!(world.out().await, 900);
    }
}

#[tokio::test]
async fn what_was_out_when_rights_were_lowered_stays_out_and_does_not_go_out_again() {
    let world = World::with(vec![item("item-1", "cad", 5)]).await;
    world.commit(&[(Source::Default, 5)]).await.unwrap();
    let mut lowered = item("item-1", "cad", 2);
    lowered.cells.insert(Source::Default, Cell { allocated: 2, used: 5 });
    world.save(vec![lowered]).await;
    world.refuses(&[(Source::Default, 6)], TOO_MUCH).await;
    world.commit(&[(Source::Default, 4)]).await.unwrap();
    world.refuses(&[(Source::Default, 5)], TOO_MUCH).await;
    world.commit(&[(Source::Default, 1)]).await.unwrap();
    world.commit(&[(Source::Default, 2)]).await.unwrap();
    world.refuses(&[(Source::Default, 3)], TOO_MUCH).await;
}

#[tokio::test]
async fn statements_by_hand_are_refused_too() {
    let world = World::with(vec![item("item-1", "cad", 5)]).await;
    world.commit(&[(Source::Default, 5)]).await.unwrap();
    for (sql, constraint) in [
        ("UPDATE licensing.tallies SET used = used + 1", TOO_MUCH),
        ("UPDATE licensing.tallies SET used = -1", TOO_MUCH),
        ("UPDATE licensing.cells SET used = -1", "cells_are_not_negative"),
        ("UPDATE licensing.cells SET allocated = -1", "cells_are_not_negative"),
    ] {
        let said = world.database.run(sql).unwrap_err();
        assert!(said.contains(constraint), "{sql}: {said}");
    }
}

#[tokio::test]
async fn cells_of_what_is_no_line_item_are_refused() {
    let world = World::with(vec![item("item-2", "cad", 5)]).await;
    let error = world.commit(&[(Source::Default, 1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_read_back_names_table_and_column() {
    let world = World::with(vec![item("item-1", "cad", 5)]).await;
    let changes = Changes { grants: vec![sample::grant(1, "d1", "cad")], ..Changes::default() };
    let batch = world.store.begin(world.instance).await.unwrap();
    batch.commit(&changes, &[], Timestamp::UNIX_EPOCH).await.unwrap();
    world.database.run("UPDATE licensing.grants SET place = 'nowhere'").unwrap();
    let error = world.store.grants_by_id(world.instance, &[changes.grants[0].id]).await.unwrap_err();
    let StoreError::Corrupt { what } = error else { panic!("{error:?}") };
    assert_eq!(what, "grants.place: \"nowhere\" is no place");
}
