//! Lists: pages that follow each other without gap or repeat, totals, and searches that take text as it is.

use leasehold_domain::{Activity, Changes, Device, Grant};

use super::Factory;
use super::sample::{
    World, all, at, change, device, entry, feature, grant, group, hostid, part, record, uuid,
};
use crate::licensing::{GrantFilter, Page, PageQuery, RightsChange};

/// A filter that keeps all grants.
pub fn everything() -> GrantFilter {
    GrantFilter::default()
}

/// Checks pages of every size against the whole list: one after another, and by number.
async fn pages<T: Clone + PartialEq + std::fmt::Debug>(
    whole: &[T],
    fetch: impl AsyncFn(PageQuery) -> Page<T>,
) {
    let total = u64::try_from(whole.len()).unwrap();
    for limit in 1..=whole.len() + 1 {
        let query = PageQuery { limit: limit.try_into().unwrap(), ..all() };
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = fetch(PageQuery { after: after.take(), ..query.clone() }).await;
            assert_eq!(page.total, total);
            let wanted = limit.min(whole.len() - seen.len());
            assert_eq!(page.rows.len(), wanted, "limit {limit} after {} rows", seen.len());
            seen.extend(page.rows);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, whole, "in pages of {limit}");
    }
    for skip in 0..=whole.len() + 1 {
        let query = PageQuery { limit: 2, skip: skip.try_into().unwrap(), ..all() };
        let page = fetch(query.clone()).await;
        let rows: Vec<T> = whole.iter().skip(skip).take(2).cloned().collect();
        assert_eq!((page.rows, page.total), (rows, total), "skip {skip}");
        assert_eq!(page.next.is_some(), skip + 2 < whole.len());
        if let Some(next) = page.next {
            let behind = fetch(PageQuery { after: Some(next), skip: 1, ..query }).await;
            assert_eq!(behind.rows, whole.iter().skip(skip + 3).take(2).cloned().collect::<Vec<T>>());
        }
    }
}

fn search(text: &str) -> PageQuery {
    PageQuery { search: text.to_owned(), ..all() }
}

/// Grants come by id, in pages.
pub async fn grants_are_listed_by_id(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut grants: Vec<Grant> =
        [5, 2, 4, 1, 3].into_iter().map(|id| grant(id, &format!("d{}", 9 - id), "cad")).collect();
    grants[0].parts = vec![part(1, 70), part(2, 60), part(3, 80)];
    world.grant(&grants).await;
    grants.sort_by_key(|grant| grant.id);
    pages(&grants, async |page| world.store.grants(world.instance, &everything(), &page).await.unwrap())
        .await;
}

/// A filter takes hostid and feature exactly; a search finds part of either.
pub async fn grants_are_filtered_and_searched(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (one, two, three, four) = (
        grant(1, "alpha", "cad"),
        grant(2, "alpha", "cam"),
        grant(3, "beta", "cad"),
        grant(4, "alphabet", "sim"),
    );
    world.grant(&[one.clone(), two.clone(), three.clone(), four.clone()]).await;
    let find = async |name: Option<&str>, device: Option<&str>, text: &str| {
        let filter = GrantFilter { feature: name.map(feature), device: device.map(hostid) };
        let page = world.store.grants(world.instance, &filter, &search(text)).await.unwrap();
        assert_eq!(page.total, u64::try_from(page.rows.len()).unwrap());
        page.rows
    };
    assert_eq!(find(Some("cad"), None, "").await, [one.clone(), three.clone()]);
    assert_eq!(find(None, Some("alpha"), "").await, [one.clone(), two.clone()]);
    assert_eq!(find(Some("cam"), Some("alpha"), "").await, std::slice::from_ref(&two));
    assert_eq!(find(Some("CAD"), None, "").await, []);
    assert_eq!(find(None, None, "PHAB").await, std::slice::from_ref(&four));
    assert_eq!(find(None, None, "Ca").await, [one.clone(), two.clone(), three.clone()]);
    assert_eq!(find(Some("cad"), None, "bet").await, [three]);
    assert_eq!(find(None, Some("alpha"), "cad").await, std::slice::from_ref(&one));
    assert_eq!(find(None, None, "nothing").await, []);
    let of_alpha = GrantFilter { device: Some(hostid("alpha")), ..everything() };
    pages(&[one, two], async |page| world.store.grants(world.instance, &of_alpha, &page).await.unwrap())
        .await;
}

async fn add_devices(world: &World, names_and_aliases: &[(&str, &str)]) {
    let named = |(name, alias): &(&str, &str)| Device { alias: (*alias).to_owned(), ..device(name) };
    let devices = names_and_aliases.iter().map(named).collect();
    world.commit(&Changes { devices, ..Changes::default() }).await;
}

async fn device_names(world: &World, text: &str) -> Vec<String> {
    let page = world.store.devices(world.instance, &search(text)).await.unwrap();
    assert_eq!(page.total, u64::try_from(page.rows.len()).unwrap());
    page.rows.iter().map(|row| row.device.hostid.value().to_owned()).collect()
}

/// Devices come in the order of their hostids' bytes, with what they hold.
pub async fn devices_are_listed_by_hostid(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let names = ["Zeta", "a_1", "alpha", "b", "β"];
    add_devices(&world, &names.map(|name| (name, ""))).await;
    world.grant(&[grant(1, "alpha", "cad"), grant(2, "alpha", "cam"), grant(3, "b", "cad")]).await;
    assert_eq!(device_names(&world, "").await, names);
    let rows = world.store.devices(world.instance, &all()).await.unwrap().rows;
    let held: Vec<_> = rows.iter().map(|row| (row.grants, row.counts, row.expires_at)).collect();
    let (nothing, end) = ((0, 0, None), Some(at(100)));
    assert_eq!(held, [nothing, nothing, (2, 2, end), (1, 1, end), nothing]);
    pages(&rows, async |page| world.store.devices(world.instance, &page).await.unwrap()).await;
}

/// A search looks at hostid and alias, folds ASCII letters and no others.
pub async fn devices_are_searched(factory: &dyn Factory) {
    let world = World::new(factory).await;
    add_devices(&world, &[("d1", "Kim's Desk"), ("d2", "ÉCOLE"), ("kimono", ""), ("x", "école")]).await;
    assert_eq!(device_names(&world, "KIM").await, ["d1", "kimono"]);
    assert_eq!(device_names(&world, "'s d").await, ["d1"]);
    assert_eq!(device_names(&world, "école").await, ["x"]);
    assert_eq!(device_names(&world, "Écol").await, ["d2"]);
    assert_eq!(device_names(&world, "zzz").await, Vec::<String>::new());
}

/// Groups come in the order of their names' bytes, with all that is in them.
pub async fn groups_are_listed_by_name(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let groups = vec![
        group(3, "Beta", vec![entry(4, "d4", "cad", 1), entry(1, "d1", "cam", 2), entry(2, "d4", "sim", 1)]),
        group(1, "alpha", vec![]),
        group(2, "beta", vec![entry(3, "d2", "cad", 1)]),
        group(4, "γ", vec![]),
    ];
    world.save(RightsChange { groups: groups.iter().rev().cloned().collect(), ..change() }).await;
    pages(&groups, async |page| world.store.groups(world.instance, &page).await.unwrap()).await;
}

/// A search looks at the name.
pub async fn groups_are_searched(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let groups = vec![group(1, "Lab A", vec![entry(1, "office", "cad", 1)]), group(2, "office", vec![])];
    world.save(RightsChange { groups: groups.clone(), ..change() }).await;
    let find = async |text| world.store.groups(world.instance, &search(text)).await.unwrap();
    let page = find("LAB").await;
    assert_eq!((page.rows, page.total), (vec![groups[0].clone()], 1));
    let page = find("office").await;
    assert_eq!((page.rows, page.total), (vec![groups[1].clone()], 1));
}

/// Records come newest first; those of one moment, last made first.
pub async fn activity_is_listed_newest_first(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut activity: Vec<Activity> = [(1, 10), (2, 30), (3, 30), (4, 20), (5, 30)]
        .into_iter()
        .map(|(id, seconds)| record(id, seconds, "d1", "cad"))
        .collect();
    for records in activity.chunks(2) {
        world.commit(&Changes { activity: records.to_vec(), ..Changes::default() }).await;
    }
    activity.sort_by_key(|record| std::cmp::Reverse((record.at, record.id)));
    pages(&activity, async |page| world.store.activity(world.instance, &page).await.unwrap()).await;
}

/// A search looks at hostid and feature; a record without a device is found by its feature.
pub async fn activity_is_searched(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (one, two) = (record(1, 1, "alpha", "cad"), record(2, 2, "beta", "Cam"));
    let three = Activity { hostid: None, ..record(3, 3, "d", "alphabet") };
    let activity = vec![one.clone(), two.clone(), three.clone()];
    world.commit(&Changes { activity, ..Changes::default() }).await;
    let find = async |text: &str| {
        let page = world.store.activity(world.instance, &search(text)).await.unwrap();
        assert_eq!(page.total, u64::try_from(page.rows.len()).unwrap());
        page.rows
    };
    assert_eq!(find("alpha").await, [three, one.clone()]);
    assert_eq!(find("CA").await, [two, one]);
    assert_eq!(find("GRANTED").await, []);
}

/// What elsewhere stands for any text stands for itself.
pub async fn a_search_takes_no_wildcards(factory: &dyn Factory) {
    let world = World::new(factory).await;
    add_devices(&world, &[("a_b", ""), ("axb", ""), ("c", "50% off"), ("d", r"C:\temp"), ("e", "*?[x]")])
        .await;
    for (text, names) in [
        ("_", &["a_b"][..]),
        ("a_b", &["a_b"]),
        ("%", &["c"]),
        ("0%", &["c"]),
        (r"\", &["d"]),
        (r"\t", &["d"]),
        ("*", &["e"]),
        ("[x]", &["e"]),
        ("'", &[]),
        ("\"", &[]),
    ] {
        assert_eq!(device_names(&world, text).await, names, "{text}");
    }
}

/// A page that is to follow what was never a row's key is a page of some kind, and not an error.
pub async fn an_unknown_place_to_go_on_from_is_no_error(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.grant(&[grant(1, "d1", "cad")]).await;
    world.save(RightsChange { activity: vec![record(1, 1, "d1", "cad")], ..change() }).await;
    let (store, instance) = (&world.store, world.instance);
    for key in ["", "nonsense", "1/2", "é", "99999999999999999999/x", &uuid(1).to_string()] {
        let page = PageQuery { after: Some(key.to_owned()), ..all() };
        assert_eq!(store.grants(instance, &everything(), &page).await.unwrap().total, 1, "{key:?}");
        assert_eq!(store.devices(instance, &page).await.unwrap().total, 1, "{key:?}");
        assert_eq!(store.groups(instance, &page).await.unwrap().total, 0, "{key:?}");
        assert_eq!(store.activity(instance, &page).await.unwrap().total, 1, "{key:?}");
    }
}

/// What is from before the time goes, oldest first and at most as many as asked; totals follow.
pub async fn old_activity_is_forgotten_oldest_first_and_no_more_than_asked(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let activity: Vec<Activity> = [(1, 30), (2, 10), (3, 20), (4, 40)]
        .into_iter()
        .map(|(id, seconds)| record(id, seconds, "d1", "cad"))
        .collect();
    world.commit(&Changes { activity: activity.clone(), ..Changes::default() }).await;
    let forget =
        async |before, limit| world.store.forget_activity(world.instance, at(before), limit).await.unwrap();
    let left = async || {
        let page = world.store.activity(world.instance, &all()).await.unwrap();
        assert_eq!(page.total, u64::try_from(page.rows.len()).unwrap());
        page.rows
    };
    assert_eq!(forget(10, 10).await, 0);
    assert_eq!(forget(40, 2).await, 2);
    assert_eq!(left().await, [activity[3].clone(), activity[0].clone()]);
    assert_eq!(forget(40, 2).await, 1);
    assert_eq!(forget(40, 2).await, 0);
    assert_eq!(left().await, [activity[3].clone()]);
}
