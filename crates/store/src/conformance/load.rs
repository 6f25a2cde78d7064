//! What a load brings: no more and no less than a batch of decisions needs.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use leasehold_domain::holder::Place;
use leasehold_domain::{
    Cell, Changes, Device, DeviceType, EntryId, Estate, Grant, GrantId, Holder, Policies, Source,
};

use super::Factory;
use super::sample::{
    World, at, change, device, entry, feature, grant, group, holder, hostid, item, item_id, part, touched_by,
    touching, uuid,
};
use crate::licensing::{RightsChange, Touched};

fn grants(estate: &Estate) -> BTreeSet<GrantId> {
    estate.grants().map(|grant| grant.id).collect()
}

fn items(estate: &Estate) -> Vec<&str> {
    estate.items().keys().map(leasehold_domain::LineItemId::as_str).collect()
}

/// A store with line items of three features.
async fn three_features(factory: &dyn Factory) -> World {
    let world = World::new(factory).await;
    let items = vec![
        item("item-1", "cad", 10),
        item("item-2", "cad", 10),
        item("item-3", "cam", 10),
        item("item-4", "sim", 10),
    ];
    world.save(RightsChange { items, ..change() }).await;
    world
}

/// A grant of another line item.
fn grant_from(id: u128, device: &str, name: &str, line_item: &str) -> Grant {
    let mut grant = grant(id, device, name);
    grant.parts[0].line_item = item_id(line_item);
    grant
}

/// An empty question has an empty answer.
pub async fn nothing_touched_loads_nothing(factory: &dyn Factory) {
    let world = three_features(factory).await;
    world.grant(&[grant(1, "d1", "cad")]).await;
    let estate = world.load(&Touched::default()).await;
    assert_eq!((items(&estate), estate.grants().count()), (Vec::new(), 0));
    assert_eq!(estate.device(&hostid("d1")), None);
}

/// A holder brings its grants of all features, with their line items, and no other place's.
pub async fn holders_bring_all_their_grants(factory: &dyn Factory) {
    let world = three_features(factory).await;
    let (cad, cam) = (grant(1, "d1", "cad"), grant_from(2, "d1", "cam", "item-3"));
    let slot = Holder { device: hostid("d1"), place: Place::Slot("a".to_owned()) };
    let in_slot = Grant { holder: slot.clone(), ..grant(3, "d1", "cad") };
    world.grant(&[cad.clone(), cam.clone(), in_slot.clone(), grant_from(4, "d2", "sim", "item-4")]).await;

    let estate = world.load(&touched_by(&holder("d1"))).await;
    assert_eq!(grants(&estate), BTreeSet::from([cad.id, cam.id]));
    assert_eq!(estate.grant_of(&holder("d1"), &feature("cam")), Some(&cam));
    assert_eq!(items(&estate), ["item-1", "item-2", "item-3"]);

    let both = Touched { holders: vec![holder("d1"), slot], ..Touched::default() };
    assert_eq!(grants(&world.load(&both).await), BTreeSet::from([cad.id, cam.id, in_slot.id]));
}

/// Grants are found by id too, beside those of holders; an unknown id brings nothing.
pub async fn grants_are_loaded_by_id(factory: &dyn Factory) {
    let world = three_features(factory).await;
    let (cad, cam, sim) =
        (grant(1, "d1", "cad"), grant_from(2, "d2", "cam", "item-3"), grant_from(3, "d2", "sim", "item-4"));
    world.grant(&[cad.clone(), cam.clone(), sim.clone()]).await;

    let by_id = Touched { grants: vec![cam.id, GrantId(uuid(9))], ..Touched::default() };
    let estate = world.load(&by_id).await;
    assert_eq!(grants(&estate), BTreeSet::from([cam.id]));
    assert_eq!(estate.grant(cam.id), Some(&cam));
    assert_eq!(items(&estate), ["item-3"]);

    let both = Touched { grants: vec![sim.id, cad.id], holders: vec![holder("d1")], ..Touched::default() };
    assert_eq!(grants(&world.load(&both).await), BTreeSet::from([cad.id, sim.id]));
}

/// A feature brings every line item of every version, with all cells, others' included.
pub async fn line_items_come_whole(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut first = item("item-1", "cad", 10);
    first.cells.insert(Source::Reservation(EntryId(uuid(1))), Cell { allocated: 3, used: 2 });
    first.cells.insert(Source::Pool("p".to_owned()), Cell { allocated: 4, used: 4 });
    first.cells.insert(Source::Default, Cell { allocated: 3, used: 1 });
    let mut second = item("item-2", "cad", 7);
    second.item.version = "2.1".parse().unwrap();
    let third = item("item-3", "Cad", 1);
    let items = vec![first.clone(), second.clone(), third];
    world.save(RightsChange { items, ..change() }).await;

    let estate = world.load(&touching(&["cad", "unknown"])).await;
    let loaded: Vec<_> = estate.items().values().cloned().collect();
    assert_eq!(loaded, [first, second]);
    assert_eq!(estate.items_of(&feature("cad")).count(), 2);
}

/// A part can always be counted back, even where its line item has changed its feature since.
pub async fn line_items_of_a_part_come_whatever_their_feature_is(factory: &dyn Factory) {
    let world = three_features(factory).await;
    let grant = grant_from(1, "d1", "cad", "item-4");
    world.grant(std::slice::from_ref(&grant)).await;
    let by_id = Touched { grants: vec![grant.id], ..Touched::default() };
    assert_eq!(items(&world.load(&by_id).await), ["item-1", "item-2", "item-4"]);
}

/// A hostid brings its own entries, oldest first, and the line items of their features.
pub async fn reservations_bring_their_entries_and_line_items(factory: &dyn Factory) {
    let world = three_features(factory).await;
    let (old, new) = (entry(1, "d1", "sim", 2), entry(3, "d1", "cam", 1));
    let other = entry(2, "d2", "cad", 1);
    let groups = vec![group(1, "lab", vec![new.clone(), old.clone(), other.clone()])];
    world.save(RightsChange { groups, ..change() }).await;

    let of =
        |names: &[&str]| Touched { hostids: names.iter().map(|n| hostid(n)).collect(), ..Touched::default() };
    let estate = world.load(&of(&["d1"])).await;
    assert_eq!(estate.entries_of(&hostid("d1")), [old, new]);
    assert_eq!(estate.entries_of(&hostid("d2")), []);
    assert_eq!(items(&estate), ["item-3", "item-4"]);
    let estate = world.load(&of(&["d2", "d3"])).await;
    assert_eq!(estate.entries_of(&hostid("d2")), [other]);
}

/// The devices of holders come as they were last written; those of others do not.
pub async fn devices_of_holders_are_loaded(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let known = Device {
        alias: "bench 4".to_owned(),
        device_type: DeviceType::Virtual,
        last_seen: at(5),
        blocked: true,
        ..device("d1")
    };
    let devices = vec![known.clone(), device("d2")];
    world.commit(&Changes { devices, ..Changes::default() }).await;
    let slot = Holder { device: hostid("d1"), place: Place::Slot("a".to_owned()) };
    let touched = Touched { holders: vec![slot, holder("d1"), holder("d3")], ..Touched::default() };
    let estate = world.load(&touched).await;
    assert_eq!(estate.device(&hostid("d1")), Some(&known));
    assert_eq!(estate.device(&hostid("d2")), None);
    assert_eq!(estate.device(&hostid("d3")), None);
}

/// The estate has the policies that it was loaded with.
pub async fn policies_are_passed_on(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let policies = Policies { lease_ttl: SignedDuration::from_secs(77), ..Policies::default() };
    let estate = world.begin().await.load(&Touched::default(), &policies).await.unwrap();
    assert_eq!(estate.policies, policies);
}

/// Outside a batch grants are found by id; unknown and repeated ids change nothing.
pub async fn grants_are_found_by_id_outside_a_batch(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let first = Grant { parts: vec![part(2, 50), part(1, 40)], ..grant(1, "d1", "cad") };
    let second = grant(2, "d2", "cad");
    world.grant(&[first.clone(), second.clone()]).await;
    let find = async |ids: &[GrantId]| {
        let mut found = world.store.grants_by_id(world.instance, ids).await.unwrap();
        found.sort_by_key(|grant| grant.id);
        found
    };
    assert_eq!(find(&[second.id, GrantId(uuid(9)), first.id, first.id]).await, [first, second]);
    assert_eq!(find(&[]).await, []);
}
