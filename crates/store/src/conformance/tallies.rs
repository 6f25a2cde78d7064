//! What is counted beside the decisions: use, refusals, and who held what lately. And what a device holds.

use std::sync::Arc;

use jiff::Timestamp;
use leasehold_domain::InstanceId;

use super::Factory;
use super::sample::{World, at, feature, grant, hostid, uuid};
use crate::licensing::{DenialTally, Denials, ForgetTallies, Held, Periods, Step, Tallies, UsageTally};

/// The period of this length that begins so many of them after the first.
fn begin(step: Step, number: i64) -> Timestamp {
    step.start(at(0)).checked_add(step.length() * i32::try_from(number).unwrap()).unwrap()
}

fn usage(name: &str, step: Step, number: i64, looked: u64) -> UsageTally {
    let at = begin(step, number);
    UsageTally { feature: feature(name), step, at, samples: 1, total: looked, peak: looked, owned: Some(9) }
}

fn denial(name: &str, reason: &str, step: Step, number: i64, count: u64) -> DenialTally {
    DenialTally { feature: feature(name), reason: reason.to_owned(), step, at: begin(step, number), count }
}

fn held(device: &str, name: &str, seconds: i64) -> Held {
    Held { device: hostid(device), feature: feature(name), at: at(seconds) }
}

async fn add(world: &World, tallies: Tallies) {
    world.store.add_tallies(world.instance, &tallies).await.unwrap();
}

/// The periods from one to before another.
fn periods(step: Step, from: i64, until: i64) -> Periods {
    Periods { step, from: begin(step, from), until: begin(step, until) }
}

async fn used(world: &World, names: &[&str], periods: Periods) -> Vec<UsageTally> {
    let features: Vec<_> = names.iter().map(|name| feature(name)).collect();
    world.store.usage(world.instance, &features, periods).await.unwrap()
}

async fn denied(world: &World, names: &[&str], periods: Periods) -> Vec<DenialTally> {
    let features: Vec<_> = names.iter().map(|name| feature(name)).collect();
    world.store.denials(world.instance, &features, periods).await.unwrap()
}

async fn holding(world: &World, device: &str, since: i64) -> Vec<Held> {
    world.store.held_since(world.instance, &hostid(device), at(since), 100).await.unwrap()
}

/// What is added to a period adds up, and outlives the store that it was added by.
pub async fn tallies_add_up(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let minute = Step::Minute;
    for (looked, owned, refused) in [(3, Some(9), 1), (7, None, 10), (5, Some(8), 100)] {
        let usage = vec![UsageTally { owned, ..usage("cad", minute, 0, looked) }];
        let denials = vec![denial("cad", "EXPIRED", minute, 0, refused)];
        add(&world, Tallies { usage, denials, held: vec![held("d1", "cad", 1)] }).await;
    }
    add(&world, Tallies::default()).await;
    let expected =
        UsageTally { samples: 3, total: 15, peak: 7, owned: Some(8), ..usage("cad", minute, 0, 0) };
    let instance = world.instance;
    let world = match factory.reopen(Arc::clone(&world.store)).await {
        Some(store) => World { store, instance },
        None => world,
    };
    assert_eq!(used(&world, &["cad"], periods(minute, 0, 1)).await, [expected]);
    let expected = denial("cad", "EXPIRED", minute, 0, 111);
    assert_eq!(denied(&world, &["cad"], periods(minute, 0, 1)).await, [expected]);
    assert_eq!(holding(&world, "d1", 0).await, [held("d1", "cad", 1)]);
}

/// Only the features asked for, in the periods asked for, each length apart.
pub async fn usage_is_found_by_feature_and_time(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (minute, hour) = (Step::Minute, Step::Hour);
    let all = vec![
        usage("cad", minute, 0, 1),
        usage("cad", minute, 1, 2),
        usage("cad", minute, 5, 3),
        usage("cam", minute, 1, 4),
        UsageTally { owned: None, ..usage("Ünïted cad", minute, 1, u64::from(u32::MAX)) },
        usage("cad", hour, 0, 6),
    ];
    add(&world, Tallies { usage: all.clone(), ..Tallies::default() }).await;
    let [first, second, later, other, odd, hourly] = <[UsageTally; 6]>::try_from(all).unwrap();
    for (names, asked, expected) in [
        (&["cad"][..], periods(minute, 0, 5), vec![first.clone(), second.clone()]),
        (&["cad"], periods(minute, 0, 6), vec![first, second.clone(), later]),
        (&["cam", "cad", "none"], periods(minute, 1, 2), vec![second, other]),
        (&["Ünïted cad"], periods(minute, 0, 9), vec![odd]),
        (&["cad"], periods(hour, 0, 1), vec![hourly]),
        (&["cad"], periods(minute, 2, 5), vec![]),
        (&[], periods(minute, 0, 9), vec![]),
    ] {
        assert_eq!(used(&world, names, asked).await, expected, "{names:?} {asked:?}");
    }
}

/// The same of refusals, reason by reason.
pub async fn denials_are_found_by_feature_and_time(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (minute, hour) = (Step::Minute, Step::Hour);
    let all = vec![
        denial("cad", "EXPIRED", minute, 0, 1),
        denial("cad", "INSUFFICIENT_COUNT", minute, 0, 2),
        denial("cad", "EXPIRED", minute, 1, 3),
        denial("cam", "EXPIRED", minute, 0, 4),
        denial("cad", "EXPIRED", hour, 0, 5),
    ];
    add(&world, Tallies { denials: all.clone(), ..Tallies::default() }).await;
    assert_eq!(denied(&world, &["cad"], periods(minute, 0, 2)).await, all[..3]);
    assert_eq!(
        denied(&world, &["cam", "cad"], periods(minute, 0, 1)).await,
        [&all[..2], &all[3..4]].concat()
    );
    assert_eq!(denied(&world, &["cad"], periods(hour, 0, 9)).await, all[4..]);
    assert_eq!(denied(&world, &[], periods(minute, 0, 9)).await, []);
}

/// Sums over the periods asked for, most first, and no more than asked.
pub async fn denials_are_summed_most_first(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let minute = Step::Minute;
    let denials = vec![
        denial("cad", "EXPIRED", minute, 0, 2),
        denial("cad", "EXPIRED", minute, 3, 3),
        denial("cad", "EXPIRED", minute, 9, 99),
        denial("cad", "INSUFFICIENT_COUNT", minute, 1, 5),
        denial("cam", "EXPIRED", minute, 2, 7),
        denial("cam", "EXPIRED", Step::Hour, 0, 99),
    ];
    add(&world, Tallies { denials, ..Tallies::default() }).await;
    let sums = async |name: Option<&str>, limit: u32| {
        let name = name.map(feature);
        let sums = world.store.denial_sums(world.instance, name.as_ref(), periods(minute, 0, 9), limit).await;
        sums.unwrap()
    };
    let sum = |name: &str, reason: &str, count| Denials {
        feature: feature(name),
        reason: reason.to_owned(),
        count,
    };
    let all = [sum("cam", "EXPIRED", 7), sum("cad", "EXPIRED", 5), sum("cad", "INSUFFICIENT_COUNT", 5)];
    assert_eq!(sums(None, 100).await, all);
    assert_eq!(sums(None, 2).await, all[..2]);
    assert_eq!(sums(Some("cad"), 100).await, all[1..]);
    assert_eq!(sums(Some("none"), 100).await, []);
}

/// Of several moments the latest stays, in whatever order they come.
pub async fn the_latest_moment_of_holding_stays(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for seconds in [5, 9, 7] {
        let held = vec![held("d1", "cad", seconds), held("d1", "cam", 6), held("d2", "cad", 1)];
        add(&world, Tallies { held, ..Tallies::default() }).await;
    }
    assert_eq!(holding(&world, "d1", 0).await, [held("d1", "cad", 9), held("d1", "cam", 6)]);
    assert_eq!(holding(&world, "d1", 9).await, [held("d1", "cad", 9)]);
    assert_eq!(holding(&world, "d1", 10).await, []);
    assert_eq!(holding(&world, "d2", 0).await, [held("d2", "cad", 1)]);
    let first = world.store.held_since(world.instance, &hostid("d1"), at(0), 1).await.unwrap();
    assert_eq!(first, [held("d1", "cad", 9)]);
}

/// Two replicas that add to the same periods at once lose nothing of one another.
pub async fn tallies_that_come_at_once_all_count(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let tasks: Vec<_> = (0..2_u64)
        .map(|task| {
            let (store, instance) = (Arc::clone(&world.store), world.instance);
            tokio::spawn(async move {
                for _ in 0..10 {
                    let mut usage: Vec<_> =
                        ["a", "b", "c"].map(|name| usage(name, Step::Minute, 0, 1 + task)).into();
                    let mut denials: Vec<_> =
                        ["a", "b", "c"].map(|name| denial(name, "EXPIRED", Step::Minute, 0, 1)).into();
                    if task == 1 {
                        usage.reverse();
                        denials.reverse();
                    }
                    let tallies = Tallies { usage, denials, held: vec![held("d1", "cad", 1)] };
                    store.add_tallies(instance, &tallies).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for name in ["a", "b", "c"] {
        let found = used(&world, &[name], periods(Step::Minute, 0, 1)).await;
        let expected = UsageTally { samples: 20, total: 30, peak: 2, ..usage(name, Step::Minute, 0, 0) };
        assert_eq!(found, [expected]);
        assert_eq!(denied(&world, &[name], periods(Step::Minute, 0, 1)).await[0].count, 20);
    }
}

/// Minutes, hours and holdings are forgotten each by its own age.
pub async fn old_tallies_are_forgotten_and_no_more_than_asked(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (minute, hour) = (Step::Minute, Step::Hour);
    let usage = (0..4).map(|number| usage("cad", minute, number, 1));
    let tallies = Tallies {
        usage: usage.chain([usage_of_an_hour(0), usage_of_an_hour(1)]).collect(),
        denials: (0..4).map(|number| denial("cad", "EXPIRED", minute, number, 1)).collect(),
        held: (0..4).map(|number| held(&format!("d{number}"), "cad", number)).collect(),
    };
    add(&world, tallies).await;
    let forget = ForgetTallies { minutes: begin(minute, 3), hours: begin(hour, 1), held: at(3) };
    let store = &world.store;
    let first = store.forget_tallies(world.instance, forget, 2).await.unwrap();
    assert!((1..=10).contains(&first), "{first}");
    let mut forgotten = first;
    loop {
        match store.forget_tallies(world.instance, forget, 2).await.unwrap() {
            0 => break,
            more => forgotten += more,
        }
    }
    assert_eq!(forgotten, 3 + 1 + 3 + 3);
    assert_eq!(used(&world, &["cad"], periods(minute, 0, 9)).await, [self::usage("cad", minute, 3, 1)]);
    assert_eq!(used(&world, &["cad"], periods(hour, 0, 9)).await, [usage_of_an_hour(1)]);
    assert_eq!(
        denied(&world, &["cad"], periods(minute, 0, 9)).await,
        [denial("cad", "EXPIRED", minute, 3, 1)]
    );
    assert_eq!(holding(&world, "d2", 0).await, []);
    assert_eq!(holding(&world, "d3", 0).await, [held("d3", "cad", 3)]);
}

fn usage_of_an_hour(number: i64) -> UsageTally {
    usage("cad", Step::Hour, number, 1)
}

/// Each instance has its own, and one that was never made has none.
pub async fn tallies_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    let minute = Step::Minute;
    let tallies = |count| Tallies {
        usage: vec![usage("cad", minute, 0, count)],
        denials: vec![denial("cad", "EXPIRED", minute, 0, count)],
        held: vec![held("d1", "cad", 1)],
    };
    add(&world, tallies(1)).await;
    let unknown = World { store: Arc::clone(&world.store), instance: InstanceId(uuid(77)) };
    for empty in [&other, &unknown] {
        assert_eq!(used(empty, &["cad"], periods(minute, 0, 9)).await, []);
        assert_eq!(denied(empty, &["cad"], periods(minute, 0, 9)).await, []);
        assert_eq!(holding(empty, "d1", 0).await, []);
    }
    add(&other, tallies(2)).await;
    let forget = ForgetTallies { minutes: at(9_999), hours: at(9_999), held: at(9_999) };
    assert_eq!(world.store.forget_tallies(other.instance, forget, 100).await.unwrap(), 3);
    assert_eq!(used(&world, &["cad"], periods(minute, 0, 9)).await, [usage("cad", minute, 0, 1)]);
    assert!(unknown.store.add_tallies(unknown.instance, &tallies(1)).await.is_err());
}

/// All that a device holds, at whatever place, and nothing of another's.
pub async fn grants_of_a_device_are_found(factory: &dyn Factory) {
    let world = World::with_item(factory, 9).await;
    let (mut slot, other) = (grant(3, "d1", "cad"), grant(4, "d10", "cad"));
    slot.holder.place = leasehold_domain::holder::Place::Slot("left".to_owned());
    let own = [grant(1, "d1", "cad"), grant(2, "d1", "cam"), slot];
    world.grant(&[&own[..], &[other]].concat()).await;
    let of = async |instance, device: &str, limit| {
        let mut found = world.store.grants_of(instance, &hostid(device), limit).await.unwrap();
        found.sort_by_key(|grant| grant.id);
        found
    };
    assert_eq!(of(world.instance, "d1", 100).await, own);
    assert_eq!(of(world.instance, "d1", 2).await.len(), 2);
    assert_eq!(of(world.instance, "d2", 100).await, []);
    assert_eq!(of(InstanceId(uuid(77)), "d1", 100).await, []);
}
