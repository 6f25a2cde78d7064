//! Instances that share a store and nothing else.

use leasehold_domain::grant::Lost;
use leasehold_domain::{Changes, EntryId, FencingToken, Grant, GrantId, RequestId, Source};

use super::Factory;
use super::sample::{
    World, all, answer, at, change, device, entry, grant, group, hostid, item, item_id, part, record,
    touched_by, uuid,
};
use crate::licensing::{GrantFilter, RightsChange, Touched};

/// A world full of things, under the same ids and names in whatever instance.
async fn fill(world: &World) {
    world
        .save(RightsChange {
            items: vec![item("item-1", "cad", 5)],
            groups: vec![group(1, "lab", vec![entry(1, "d1", "cad", 1)])],
            activity: vec![record(1, 0, "d1", "cad")],
            ..change()
        })
        .await;
    let reserved = leasehold_domain::Part { source: Source::Reservation(EntryId(uuid(1))), ..part(1, 10) };
    world
        .grant(&[Grant { parts: vec![reserved], floor_deadline: Some(at(10)), ..grant(1, "d1", "cad") }])
        .await;
    world.answer(&[answer(1)], at(0)).await;
}

async fn is_empty(world: &World) {
    let World { store, instance } = world;
    assert_eq!(store.line_items(*instance).await.unwrap(), []);
    assert_eq!(store.grants_by_id(*instance, &[GrantId(uuid(1))]).await.unwrap(), []);
    assert_eq!(store.grants(*instance, &GrantFilter::default(), &all()).await.unwrap().total, 0);
    assert_eq!(store.devices(*instance, &all()).await.unwrap().total, 0);
    assert_eq!(store.device(*instance, &hostid("d1")).await.unwrap(), None);
    assert_eq!(store.groups(*instance, &all()).await.unwrap().total, 0);
    assert_eq!(store.activity(*instance, &all()).await.unwrap().total, 0);
    assert_eq!(store.silent(*instance, at(999), 10).await.unwrap(), []);
    assert_eq!(store.overdue(*instance, at(999), None, 10).await.unwrap(), []);
    assert_eq!(store.count_online(*instance).await.unwrap(), 0);
    assert_eq!(world.answers(&[RequestId(uuid(1))]).await, []);
    assert_eq!(world.rights().await, crate::licensing::Rights::default());
    let touched = Touched {
        features: vec![super::sample::feature("cad")],
        grants: vec![GrantId(uuid(1))],
        ..touched_by(&super::sample::holder("d1"))
    };
    let estate = world.load(&touched).await;
    assert_eq!((estate.items().len(), estate.grants().count()), (0, 0));
    assert_eq!((estate.entries_of(&hostid("d1")), estate.device(&hostid("d1"))), (&[][..], None));
}

/// What one instance holds, no other finds, though it holds the same ids and names afterwards.
pub async fn instances_do_not_see_each_other(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    fill(&world).await;
    is_empty(&other).await;
    fill(&other).await;
    assert_eq!(world.grants().await, other.grants().await);
    assert_eq!(world.rights().await, other.rights().await);
}

/// Whatever ends, moves or is forgotten in one instance stays as it is in the other.
pub async fn instances_do_not_change_each_other(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    fill(&world).await;
    fill(&other).await;
    let (rights, grants, activity) = (world.rights().await, world.grants().await, world.activity().await);

    let floors = [(GrantId(uuid(1)), FencingToken::FIRST, at(500))];
    other.store.move_floors(other.instance, &floors).await.unwrap();
    other
        .save(RightsChange {
            gone_entries: vec![EntryId(uuid(1))],
            groups: vec![group(1, "new", vec![])],
            ..change()
        })
        .await;
    let mut batch = other.begin().await;
    batch.remove_device(&hostid("d1")).await.unwrap();
    let changes = Changes {
        devices: vec![leasehold_domain::Device { alias: "changed".to_owned(), ..device("d1") }],
        ended: vec![(GrantId(uuid(1)), Lost::Dropped)],
        cells: vec![(item_id("item-1"), Source::Default, leasehold_domain::Cell { allocated: 5, used: 5 })],
        ..Changes::default()
    };
    batch.commit(&changes, &[], at(0)).await.unwrap();
    let gone = RightsChange {
        removed_items: vec![item_id("item-1")],
        removed_groups: vec![leasehold_domain::GroupId(uuid(1))],
        ..change()
    };
    other.save(gone).await;
    other.store.forget_answers(other.instance, at(999), 10).await.unwrap();
    other.store.forget_activity(other.instance, at(999), 10).await.unwrap();
    is_empty(&other).await;

    assert_eq!(world.rights().await, rights);
    assert_eq!(world.grants().await, grants);
    assert_eq!(world.activity().await, activity);
    assert_eq!(world.answers(&[RequestId(uuid(1))]).await, [answer(1)]);
    let row = world.store.device(world.instance, &hostid("d1")).await.unwrap().unwrap();
    assert_eq!((row.device, row.grants), (device("d1"), 1));
}
