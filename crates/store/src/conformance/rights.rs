//! Rights and reservations: replaced whole, in one transaction.

use leasehold_domain::cell::LineItemState;
use leasehold_domain::{Activity, ActivityKind, Cell, Changes, EntryId, Grant, Group, GroupId, Part, Source};

use super::Factory;
use super::sample::{World, all, at, change, entry, grant, group, item, item_id, part, record, uuid};
use crate::StoreError;
use crate::licensing::{Rights, RightsChange};

/// Line items by id, groups by name, in a batch and outside; the order in which they were saved is nothing.
pub async fn rights_come_back_as_they_were_saved(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(world.rights().await, Rights::default());
    let mut first = item("item-1", "cad", 10);
    first.cells.insert(Source::Reservation(EntryId(uuid(4))), Cell { allocated: 3, used: 2 });
    first.cells.insert(Source::Pool("night".to_owned()), Cell { allocated: 2, used: 0 });
    let items = vec![item("Item-1", "cad", 0), first, item("item-2", "cam", 1)];
    // A reservation's place in its group and an entry's in its reservation are kept, whatever their age.
    let lab =
        group(2, "lab", vec![entry(4, "d2", "cad", 3), entry(1, "d1", "cad", 1), entry(3, "d2", "cam", 1)]);
    let groups = vec![group(1, "Office", vec![]), Group { revision: 7, ..lab }];
    let reversed = RightsChange {
        items: items.iter().rev().cloned().collect(),
        groups: groups.iter().rev().cloned().collect(),
        ..change()
    };
    world.save(reversed).await;
    assert_eq!(world.rights().await, Rights { items: items.clone(), groups: groups.clone() });
    assert_eq!(world.store.line_items(world.instance).await.unwrap(), items);
    assert_eq!(world.store.groups(world.instance, &all()).await.unwrap().rows, groups);
}

/// A saved line item is the new one alone: fields, cells, and the feature that it is found by.
pub async fn saved_line_items_replace_the_old_ones_and_their_cells(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut old = item("item-1", "cad", 10);
    old.cells.insert(Source::Reservation(EntryId(uuid(4))), Cell { allocated: 3, used: 2 });
    let other = item("item-2", "cad", 4);
    world.save(RightsChange { items: vec![old, other.clone()], ..change() }).await;
    let mut new = item("item-1", "cam", 20);
    new.item.advisory = true;
    new.cells.insert(Source::Default, Cell { allocated: 20, used: 9 });
    world.save(RightsChange { items: vec![new.clone()], ..change() }).await;
    assert_eq!(world.rights().await.items, [new.clone(), other.clone()]);
    let loaded = async |name: &str| {
        let estate = world.load(&super::sample::touching(&[name])).await;
        estate.items().values().cloned().collect::<Vec<LineItemState>>()
    };
    assert_eq!(loaded("cad").await, [other]);
    assert_eq!(loaded("cam").await, [new]);
}

/// What is removed goes with all that belongs to it; what is unknown is no error.
pub async fn removed_line_items_and_groups_go(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (kept, gone) = (item("item-1", "cad", 1), item("item-2", "cad", 1));
    let groups =
        vec![group(1, "a", vec![entry(1, "d1", "cad", 1)]), group(2, "b", vec![entry(2, "d2", "cad", 1)])];
    world
        .save(RightsChange { items: vec![kept.clone(), gone.clone()], groups: groups.clone(), ..change() })
        .await;
    world
        .save(RightsChange {
            removed_items: vec![item_id("item-2"), item_id("item-9")],
            removed_groups: vec![GroupId(uuid(1)), GroupId(uuid(9))],
            ..change()
        })
        .await;
    assert_eq!(world.rights().await, Rights { items: vec![kept], groups: vec![groups[1].clone()] });
    let estate = world.load(&super::sample::touched_by(&super::sample::holder("d1"))).await;
    assert_eq!(estate.entries_of(&super::sample::hostid("d1")), []);
    world
        .save(RightsChange { groups: vec![group(3, "a", vec![entry(1, "d1", "cad", 1)])], ..change() })
        .await;
    assert_eq!(world.rights().await.groups.len(), 2);
}

/// Two groups swap their names and hostids in one change, whatever stands first.
pub async fn names_and_hostids_change_hands_in_one_change(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (one, two) = (entry(1, "d1", "cad", 1), entry(2, "d2", "cad", 1));
    let groups = vec![group(1, "a", vec![one.clone()]), group(2, "b", vec![two.clone()])];
    world.save(RightsChange { groups, ..change() }).await;
    let swapped = vec![group(2, "a", vec![one]), group(1, "b", vec![two])];
    world.save(RightsChange { groups: swapped.clone(), ..change() }).await;
    assert_eq!(world.rights().await.groups, swapped);
    let renamed = group(3, "b", vec![entry(2, "d2", "cad", 5)]);
    let change =
        RightsChange { groups: vec![renamed.clone()], removed_groups: vec![GroupId(uuid(1))], ..change() };
    world.save(change).await;
    assert_eq!(world.rights().await.groups, [swapped[0].clone(), renamed]);
}

async fn refuses(world: &World, change: &RightsChange) {
    let before = world.rights().await;
    let mut batch = world.begin().await;
    let saved = batch.save_rights(change).await;
    let committed = batch.commit(&Changes::default(), &[], at(0)).await;
    // A batch of which a part was refused cannot be committed any more.
    let refusal = committed.unwrap_err();
    let error = saved.err().unwrap_or(refusal);
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    assert_eq!(world.rights().await, before);
}

/// A name that another group has is refused, and so is all that comes with it.
pub async fn a_group_name_is_taken_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.save(RightsChange { groups: vec![group(1, "lab", vec![])], ..change() }).await;
    let items = vec![item("item-1", "cad", 1)];
    refuses(&world, &RightsChange { groups: vec![group(2, "lab", vec![])], items, ..change() }).await;
    world.save(RightsChange { groups: vec![group(2, "Lab", vec![])], ..change() }).await;
}

/// A hostid that another group has is refused.
pub async fn a_hostid_is_reserved_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world
        .save(RightsChange { groups: vec![group(1, "a", vec![entry(1, "d1", "cad", 1)])], ..change() })
        .await;
    let twice = group(2, "b", vec![entry(2, "d1", "cam", 1)]);
    refuses(&world, &RightsChange { groups: vec![twice], ..change() }).await;
}

/// Parts charged to entries that are gone are the default pool's; the grant and all others stay as they are.
pub async fn parts_of_gone_entries_are_charged_to_the_default_pool(factory: &dyn Factory) {
    let world = World::with_item(factory, 20).await;
    let of = |source: &Source, count| Part { source: source.clone(), ..part(count, 500) };
    let [gone, also_gone, stays] = [1, 2, 3].map(|id| Source::Reservation(EntryId(uuid(id))));
    let pool = Source::Pool("night".to_owned());
    let mixed = Grant {
        parts: vec![of(&gone, 1), of(&stays, 2), of(&pool, 3), of(&also_gone, 4)],
        ..grant(1, "d1", "cad")
    };
    let plain = Grant { parts: vec![of(&gone, 5)], ..grant(2, "d2", "cad") };
    world.grant(&[mixed.clone(), plain.clone()]).await;

    let gone_entries = vec![EntryId(uuid(1)), EntryId(uuid(2)), EntryId(uuid(9))];
    world.save(RightsChange { gone_entries, ..change() }).await;
    let default = Source::Default;
    let mixed = Grant { parts: vec![of(&default, 1), of(&stays, 2), of(&pool, 3), of(&default, 4)], ..mixed };
    let plain = Grant { parts: vec![of(&default, 5)], ..plain };
    assert_eq!(world.grants().await, [mixed, plain]);
}

/// Saves add up until the commit; the batch itself sees them.
pub async fn several_changes_fit_in_one_batch(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut batch = world.begin().await;
    batch.save_rights(&RightsChange { items: vec![item("item-1", "cad", 1)], ..change() }).await.unwrap();
    let groups = vec![group(1, "lab", vec![entry(1, "d1", "cad", 1)])];
    batch.save_rights(&RightsChange { groups: groups.clone(), ..change() }).await.unwrap();
    batch.save_rights(&RightsChange { items: vec![item("item-1", "cad", 2)], ..change() }).await.unwrap();
    let expected = Rights { items: vec![item("item-1", "cad", 2)], groups };
    assert_eq!(batch.load_rights().await.unwrap(), expected);
    let cells = vec![(item_id("item-1"), Source::Default, Cell { allocated: 2, used: 1 })];
    batch.commit(&Changes { cells, ..Changes::default() }, &[], at(0)).await.unwrap();
    assert_eq!(world.item().await.out(), 1);
}

/// Records of a change of rights stand beside those of a commit.
pub async fn changes_of_rights_are_recorded(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let rights = Activity {
        kind: ActivityKind::RightsChanged,
        hostid: None,
        grant: None,
        request: None,
        actor: "kim".to_owned(),
        ..record(1, 10, "d1", "")
    };
    let granted = record(2, 20, "d1", "cad");
    let mut batch = world.begin().await;
    batch.save_rights(&RightsChange { activity: vec![rights.clone()], ..change() }).await.unwrap();
    let changes = Changes { activity: vec![granted.clone()], ..Changes::default() };
    batch.commit(&changes, &[], at(0)).await.unwrap();
    let page = world.store.activity(world.instance, &all()).await.unwrap();
    assert_eq!((page.rows, page.total), (vec![granted, rights], 2));
}
