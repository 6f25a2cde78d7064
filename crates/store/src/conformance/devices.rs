//! Devices: what is known of them, what they hold, and forgetting them.

use leasehold_domain::grant::Lost;
use leasehold_domain::holder::Place;
use leasehold_domain::{Changes, Device, DeviceType, Grant, Holder};

use super::Factory;
use super::sample::{World, at, borrow, device, grant, hostid, part};
use crate::licensing::DeviceRow;

async fn find(world: &World, name: &str) -> Option<DeviceRow> {
    world.store.device(world.instance, &hostid(name)).await.unwrap()
}

/// A device is as it was last written; one that never asked is not found.
pub async fn a_device_is_updated_as_it_stands(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let unknown = DeviceType::Unknown;
    let first = Device { alias: "bench 4".to_owned(), device_type: unknown, ..device("d1") };
    let later = Device {
        alias: "bench 5".to_owned(),
        device_type: DeviceType::Virtual,
        first_seen: at(-5),
        last_seen: at(5),
        blocked: true,
        ..device("d1")
    };
    for device in [first, later] {
        world.commit(&Changes { devices: vec![device.clone()], ..Changes::default() }).await;
        let expected = DeviceRow { device, grants: 0, counts: 0, expires_at: None };
        assert_eq!(find(&world, "d1").await, Some(expected));
    }
    assert_eq!(find(&world, "D1").await, None);
}

/// Grants of all places and modes count, with all their parts; the last end is the device's, and an online
/// grant ends with its lease.
pub async fn a_device_row_sums_what_it_holds(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let slot = Holder { device: hostid("d1"), place: Place::Slot("a".to_owned()) };
    world
        .grant(&[
            Grant { parts: vec![part(2, 30), part(3, 170)], ..grant(1, "d1", "cad") },
            Grant { parts: vec![part(4, 60)], ..borrow(2, "d1", "cam") },
            Grant { parts: vec![part(1, 50)], holder: slot, ..grant(3, "d1", "cad") },
            Grant { parts: vec![part(9, 99)], ..grant(4, "d2", "cad") },
        ])
        .await;
    let row = find(&world, "d1").await.unwrap();
    assert_eq!((row.grants, row.counts, row.expires_at), (3, 10, Some(at(100))));
}

/// A device is there until the commit; without one it stays.
pub async fn a_forgotten_device_goes_with_the_commit(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let devices = vec![device("d1"), device("d2")];
    world.commit(&Changes { devices, ..Changes::default() }).await;
    let mut batch = world.begin().await;
    batch.remove_device(&hostid("d1")).await.unwrap();
    batch.remove_device(&hostid("d3")).await.unwrap();
    if !factory.reads_wait() {
        assert!(find(&world, "d1").await.is_some());
    }
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
    assert_eq!(find(&world, "d1").await, None);
    assert!(find(&world, "d2").await.is_some());
}

/// The commit that ends a device's last grant can forget the device.
pub async fn a_device_whose_grants_end_in_the_same_commit_goes(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let grant = grant(1, "d1", "cad");
    world.grant(std::slice::from_ref(&grant)).await;
    let mut batch = world.begin().await;
    batch.remove_device(&hostid("d1")).await.unwrap();
    let changes =
        Changes { devices: vec![device("d1")], ended: vec![(grant.id, Lost::Dropped)], ..Changes::default() };
    batch.commit(&changes, &[], at(0)).await.unwrap();
    assert_eq!(find(&world, "d1").await, None);
}

/// A device with a grant is not forgotten, whoever asks for it.
pub async fn a_device_that_holds_something_stays(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.grant(&[borrow(1, "d1", "cad")]).await;
    let mut batch = world.begin().await;
    batch.remove_device(&hostid("d1")).await.unwrap();
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
    assert_eq!(find(&world, "d1").await.map(|row| row.grants), Some(1));
}
