//! Values at the edges of their types: what goes in comes out.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::holder::Place;
use leasehold_domain::line_item::{Kind, Overdraft};
use leasehold_domain::{
    Activity, ActivityKind, Cell, Changes, Device, Entry, FencingToken, Grant, Holder, HostId, HostIdType,
    MAX_COUNT, Mode, Part, Source,
};

use super::Factory;
use super::sample::{
    World, all, at, borrow, change, device, entry, feature, grant, group, hostid, item, item_id, part,
    record, touched_by,
};
use crate::licensing::RightsChange;

/// The start of the first year, and the last moment of all, which stands for "without end".
fn moments() -> [Timestamp; 2] {
    let last = Timestamp::new(Timestamp::MAX.as_second(), 999_999_000).unwrap();
    ["0001-01-01T00:00:00Z".parse().unwrap(), last]
}

/// A text of many scripts, with all that has a meaning in SQL or JSON, of exactly so many bytes.
fn text(bytes: usize) -> String {
    let mut text = "Ω é 日本 🔑 'single' \"double\" back\\slash %_*?[x] {$1} ; -- /* */ null ".repeat(8);
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap();
    text.truncate(end);
    text.push_str(&"x".repeat(bytes - text.len()));
    text
}

async fn items_come_back(world: &World, mut items: Vec<LineItemState>) {
    world.save(RightsChange { items: items.clone(), ..change() }).await;
    items.sort_by(|a, b| a.item.id.cmp(&b.item.id));
    assert_eq!(world.store.line_items(world.instance).await.unwrap(), items);
}

/// Every kind, every overdraft and every field of a line item.
pub async fn line_items_of_every_kind_come_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let kinds = [
        Kind::Concurrent,
        Kind::Metered { reusable: true, undo_interval: SignedDuration::from_micros(1) },
        Kind::Metered { reusable: false, undo_interval: SignedDuration::ZERO },
        Kind::Seat { transfers_per_year: 0 },
        Kind::Seat { transfers_per_year: u32::MAX },
    ];
    let overdrafts = [
        Overdraft::None,
        Overdraft::Count(0),
        Overdraft::Count(MAX_COUNT),
        Overdraft::Percent(u32::MAX),
        Overdraft::Unlimited,
    ];
    let [first, last] = moments();
    let mut items = Vec::new();
    for (number, (kind, overdraft)) in kinds.into_iter().zip(overdrafts).enumerate() {
        let mut state = item(&format!("full-{number}"), "cad", 1);
        state.item.kind = kind;
        state.item.overdraft = overdraft;
        state.item.version = "01.2.0003".parse().unwrap();
        state.item.starts_at = Some(first);
        state.item.expires_at = Some(last);
        state.item.grace_after_expiry = SignedDuration::from_hours(24 * 365 * 1_000);
        state.item.borrow_interval = Some(SignedDuration::from_micros(1_000_001));
        state.item.renew_interval_percent = Some(u8::MAX);
        state.item.lease_ttl = Some(SignedDuration::from_secs(10));
        state.item.allow_virtual = false;
        state.item.advisory = true;
        items.push(state);
    }
    let mut uncounted = item("uncounted", "cad", 0);
    uncounted.item.count = None;
    uncounted.cells.clear();
    items.push(uncounted);
    items_come_back(&world, items).await;
    let written = world.store.line_items(world.instance).await.unwrap();
    assert_eq!(written[0].item.version.as_str(), "01.2.0003");
}

/// Texts of any script and with any sign, short ones and those of the greatest length.
pub async fn texts_of_any_script_and_the_longest_come_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (longest, long) = (text(255), text(4_000));
    let mut state = item(&longest, &longest, 1);
    state.item.product = long.clone();
    state.item.vendor_string = format!("two\nlines\t{long}");
    state.item.selectors = BTreeMap::from([(String::new(), long.clone()), (long.clone(), "\"".to_owned())]);
    state.item.notice = long.clone();
    state.item.source = long.clone();
    state.cells.insert(Source::Pool(longest.clone()), Cell { allocated: 1, used: 0 });
    items_come_back(&world, vec![state]).await;

    let host = HostId::new(HostIdType::PublisherDefined, &longest).unwrap();
    let holder = Holder { device: host.clone(), place: Place::Slot(long.clone()) };
    let part = Part { line_item: item_id(&longest), source: Source::Pool(longest.clone()), ..part(1, 10) };
    let grant = Grant { holder, feature: feature(&longest), parts: vec![part], ..grant(1, "d", "cad") };
    let device = Device { hostid: host.clone(), alias: long.clone(), ..device("d") };
    let activity = Activity {
        hostid: Some(host.clone()),
        place: long.clone(),
        feature: longest.clone(),
        deltas: BTreeMap::from([(item_id(&longest), -1)]),
        detail: format!("two\nlines\t{long}"),
        actor: long.clone(),
        ..record(1, 1, "d", "cad")
    };
    let changes = Changes {
        devices: vec![device.clone()],
        grants: vec![grant.clone()],
        activity: vec![activity.clone()],
        ..Changes::default()
    };
    world.commit(&changes).await;
    assert_eq!(world.grants().await, std::slice::from_ref(&grant));
    assert_eq!(world.activity().await, [activity]);
    let estate = world.load(&touched_by(&grant.holder)).await;
    assert_eq!((estate.grant(grant.id), estate.device(&host)), (Some(&grant), Some(&device)));
    assert_eq!(world.store.device(world.instance, &host).await.unwrap().unwrap().device, device);

    let entry = Entry { hostid: host.clone(), feature: feature(&longest), ..entry(1, "d", "cad", 1) };
    let groups = vec![group(1, &longest, vec![entry])];
    world.save(RightsChange { groups: groups.clone(), ..change() }).await;
    assert_eq!(world.store.groups(world.instance, &all()).await.unwrap().rows, groups);
}

/// The largest counts, tokens and orders, and sums beyond them.
pub async fn the_largest_counts_come_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut state = item("item-1", "cad", MAX_COUNT);
    let huge = Cell { allocated: MAX_COUNT, used: MAX_COUNT };
    state.cells = BTreeMap::from([(Source::Default, huge), (Source::Pool("p".to_owned()), huge)]);
    items_come_back(&world, vec![state]).await;
    let largest = u64::try_from(i64::MAX).unwrap();
    let grants = [1, 2].map(|id| Grant {
        parts: vec![part(MAX_COUNT, 10), part(MAX_COUNT, 20)],
        fencing_token: FencingToken(largest),
        feature: feature(&format!("f{id}")),
        ..grant(id, "d1", "cad")
    });
    world.grant(&grants).await;
    assert_eq!(world.grants().await, grants);
    let row = world.store.device(world.instance, &hostid("d1")).await.unwrap().unwrap();
    assert_eq!(row.counts, 4 * MAX_COUNT);
    let entry = Entry { order: largest, ..entry(1, "d1", "cad", MAX_COUNT) };
    let mut group = group(1, "g", vec![entry]);
    group.revision = largest;
    world.save(RightsChange { groups: vec![group.clone()], ..change() }).await;
    assert_eq!(world.rights().await.groups, [group]);
    let deltas = BTreeMap::from([(item_id("item-1"), i64::MIN), (item_id("item-2"), i64::MAX)]);
    let activity = vec![Activity { deltas, ..record(1, 1, "d1", "cad") }];
    world.commit(&Changes { activity: activity.clone(), ..Changes::default() }).await;
    assert_eq!(world.activity().await, activity);
}

/// The first and last times, and microseconds.
pub async fn the_first_and_last_times_come_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let [first, last] = moments();
    let micro = Timestamp::from_microsecond(at(0).as_microsecond() + 1).unwrap();
    let grants = [(1, first), (2, micro), (3, last)].map(|(id, time)| Grant {
        parts: vec![Part { ends_at: time, ..part(1, 0) }],
        granted_at: time,
        changed_at: time,
        floor_deadline: Some(time),
        lease_ttl: Some(SignedDuration::from_micros(1)),
        ..grant(id, &format!("d{id}"), "cad")
    });
    let devices: Vec<_> = grants
        .iter()
        .map(|grant| Device {
            first_seen: grant.granted_at,
            last_seen: grant.granted_at,
            ..device(grant.holder.device.value())
        })
        .collect();
    let activity: Vec<_> =
        [(1, first), (2, micro), (3, last)].map(|(id, at)| Activity { at, ..record(id, 0, "d", "f") }).into();
    let changes = Changes {
        grants: grants.to_vec(),
        devices: devices.clone(),
        activity: activity.clone(),
        ..Changes::default()
    };
    world.commit(&changes).await;
    assert_eq!(world.grants().await, grants);
    let rows = world.store.devices(world.instance, &all()).await.unwrap().rows;
    assert_eq!(rows.into_iter().map(|row| row.device).collect::<Vec<_>>(), devices);
    assert_eq!(world.activity().await, activity.into_iter().rev().collect::<Vec<_>>());
    let overdue = world.store.overdue(world.instance, at(0), None, 10).await.unwrap();
    assert_eq!(overdue, [grants[0].id]);
    assert_eq!(world.store.overdue(world.instance, last, None, 10).await.unwrap().len(), 3);
}

/// Online and borrowed, of every place, with what is optional and without.
pub async fn grants_of_every_shape_come_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let on = |place, grant: Grant| Grant { holder: Holder { place, ..grant.holder.clone() }, ..grant };
    let bare = Grant { mode: Mode::Online, ..borrow(5, "d1", "bare") };
    let grants = [
        grant(1, "d1", "cad"),
        on(Place::Slot("slot:1".to_owned()), grant(2, "d1", "cad")),
        on(Place::Instance("client:a".to_owned()), borrow(3, "d1", "cad")),
        on(Place::Slot(String::new()), grant(4, "d1", "cad")),
        bare,
    ];
    world.grant(&grants).await;
    assert_eq!(world.grants().await, grants);
    for grant in &grants {
        let estate = world.load(&touched_by(&grant.holder)).await;
        assert_eq!(estate.grant(grant.id), Some(grant));
    }
}

/// Every kind of record, with what is optional and without.
pub async fn activity_of_every_shape_comes_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut activity: Vec<Activity> = (1..)
        .zip(ActivityKind::ALL)
        .map(|(id, kind)| Activity { kind, ..record(id, 0, "d1", "cad") })
        .collect();
    activity.push(Activity {
        hostid: None,
        feature: String::new(),
        grant: None,
        deltas: BTreeMap::new(),
        request: None,
        ..record(99, 0, "d1", "")
    });
    world.commit(&Changes { activity: activity.clone(), ..Changes::default() }).await;
    activity.reverse();
    assert_eq!(world.activity().await, activity);
}
