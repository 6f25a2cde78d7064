//! Batches: all of one or nothing of it.

use leasehold_domain::cell::LineItemState;
use leasehold_domain::estate::Cause;
use leasehold_domain::grant::Lost;
use leasehold_domain::holder::Place;
use leasehold_domain::{
    ActivityKind, Cell, Changes, EntryId, Estate, FencingToken, Grant, GrantId, Holder, IdSource, LeaseToken,
    Part, Policies, RequestId, Source,
};
use uuid::Uuid;

use super::Factory;
use super::sample::{
    World, all, answer, at, borrow, change, device, grant, group, item, item_id, part, record, touched_by,
    touching, uuid,
};
use crate::StoreError;
use crate::licensing::{Pending, RightsChange, Touched};

/// Ids that count up.
pub(super) struct Ids(pub(super) u128);

impl IdSource for Ids {
    fn uuid(&mut self) -> Uuid {
        self.0 += 1;
        uuid(self.0)
    }

    fn lease_token(&mut self) -> LeaseToken {
        LeaseToken(*self.uuid().as_bytes())
    }
}

/// Gives a grant out, as `domain` would: counts, device, record.
pub(super) fn give(estate: &mut Estate, grant: Grant, ids: &mut Ids) {
    estate.put_device(device(grant.holder.device.value()));
    estate.charge(&grant.parts);
    estate.record(ActivityKind::Granted, &grant, &[], &grant.parts, &Cause::default(), grant.changed_at, ids);
    estate.put_grant(grant);
}

/// Takes a grant back, as `domain` would.
pub(super) fn take(estate: &mut Estate, id: GrantId, ids: &mut Ids) {
    let grant = estate.grant(id).unwrap().clone();
    estate.discharge(&grant.parts);
    estate.record(
        ActivityKind::Returned,
        &grant,
        &grant.parts,
        &[],
        &Cause::default(),
        grant.changed_at,
        ids,
    );
    estate.remove_grant(id, Lost::Returned);
}

/// A commit that need not wait is seen by whoever comes next, and settles, and so does what was before it.
pub async fn an_early_commit_is_seen_at_once_and_settles(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    let mut last = Pending::DURABLE;
    for number in 1..4 {
        let grant = grant(number, &format!("d{number}"), "cad");
        let mut batch = world.begin().await;
        let ids: Vec<RequestId> = (1..4).map(|number| RequestId(uuid(number))).collect();
        let found = batch.claim_and_load(&ids, &touching(&["cad"]), &Policies::default(), at(0)).await;
        let (answers, mut estate) = found.unwrap();
        assert_eq!(answers.len() as u128, number - 1, "the next batch builds upon the one before");
        let out: u64 = estate.items_of(&grant.feature).map(LineItemState::out).sum();
        assert_eq!(u128::from(out), number - 1);
        give(&mut estate, grant, &mut Ids(number * 100));
        last = batch.commit_early(&estate.into_changes(), &[answer(number)], at(0)).await.unwrap();
    }
    world.store.settle(last).await.unwrap();
    world.store.settle(Pending::DURABLE).await.unwrap();
    assert_eq!(world.grants().await.len(), 3);
}

/// Others see nothing of an open batch; after the commit they see all of it.
pub async fn nothing_is_visible_before_the_commit_and_all_of_it_after(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    let grant = grant(1, "d1", "cad");
    let mut batch = world.begin().await;
    let mut estate = batch.load(&touching(&["cad"]), &Policies::default()).await.unwrap();
    let more = RightsChange { items: vec![item("item-2", "cam", 9)], ..change() };
    batch.save_rights(&more).await.unwrap();
    give(&mut estate, grant.clone(), &mut Ids(100));

    if !factory.reads_wait() {
        assert_eq!(world.store.line_items(world.instance).await.unwrap().len(), 1);
        assert_eq!(world.grants().await, []);
    }

    let changes = estate.into_changes();
    batch.commit(&changes, &[answer(1)], at(0)).await.unwrap();
    assert_eq!(world.store.line_items(world.instance).await.unwrap().len(), 2);
    assert_eq!(world.grants().await, [grant]);
    assert_eq!(world.item().await.cell(&Source::Default), Cell { allocated: 5, used: 1 });
    assert_eq!(world.activity().await, changes.activity);
    assert_eq!(world.store.devices(world.instance, &all()).await.unwrap().rows[0].device, device("d1"));
    assert_eq!(world.answers(&[RequestId(uuid(1))]).await, [answer(1)]);
}

/// Claims and loads in one go are the same as one after the other, and what is new is told from what was there.
pub async fn a_batch_claims_and_loads_in_one_go(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    let (old, new) = (grant(1, "d1", "cad"), grant(2, "d2", "cad"));
    let mut ids = Ids(100);
    let ask = |grants: &[&Grant]| {
        let holders = grants.iter().map(|grant| grant.holder.clone()).collect();
        Touched { holders, ..touching(&["cad"]) }
    };
    let asked = [1, 2].map(|number| RequestId(uuid(number)));

    let mut batch = world.begin().await;
    let found = batch.claim_and_load(&asked, &ask(&[&old]), &Policies::default(), at(0)).await.unwrap();
    let (answers, mut estate) = found;
    assert_eq!((answers, estate.grants().count()), (Vec::new(), 0));
    give(&mut estate, old.clone(), &mut ids);
    batch.commit(&estate.into_changes(), &[answer(1)], at(0)).await.unwrap();

    let mut batch = world.begin().await;
    let found = batch.claim_and_load(&asked, &ask(&[&old, &new]), &Policies::default(), at(0)).await.unwrap();
    let (answers, mut estate) = found;
    assert_eq!(answers, [answer(1)]);
    let changed = Grant { fencing_token: FencingToken(7), ..estate.grant(old.id).unwrap().clone() };
    estate.put_device(device("d1"));
    estate.put_grant(changed.clone());
    give(&mut estate, new.clone(), &mut ids);
    batch.commit(&estate.into_changes(), &[answer(2)], at(0)).await.unwrap();

    assert_eq!(world.grants().await, [changed, new]);
    assert_eq!(world.store.devices(world.instance, &all()).await.unwrap().rows.len(), 2);
    assert_eq!(world.answers(&asked).await, [answer(1), answer(2)]);
    assert_eq!(world.item().await.out(), 2);
}

/// Claims, loads and saved rights of a batch that was dropped are gone, and the next one goes ahead.
pub async fn a_dropped_batch_leaves_nothing(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    let before = world.rights().await;
    let mut batch = world.begin().await;
    batch.claim(&[RequestId(uuid(1))], at(0)).await.unwrap();
    batch.load(&touched_by(&grant(1, "d1", "cad").holder), &Policies::default()).await.unwrap();
    let more = RightsChange {
        items: vec![item("item-1", "cad", 7), item("item-2", "cam", 9)],
        groups: vec![group(1, "lab", Vec::new())],
        activity: vec![record(1, 0, "d1", "cad")],
        ..change()
    };
    batch.save_rights(&more).await.unwrap();
    batch.remove_device(&grant(1, "d1", "cad").holder.device).await.unwrap();
    drop(batch);

    assert_eq!(world.rights().await, before);
    assert_eq!(world.activity().await, []);
    assert_eq!(world.store.activity(world.instance, &all()).await.unwrap().total, 0);
    world.answer(&[answer(1)], at(0)).await;
}

/// An empty commit is one.
pub async fn a_batch_that_changes_nothing_commits(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    let before = world.rights().await;
    world.commit(&Changes::default()).await;
    assert_eq!(world.rights().await, before);
}

/// A holder's grant of a feature can end and be followed by another in one commit.
pub async fn a_grant_ends_and_is_made_anew_in_one_batch(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    let (first, second) = (grant(1, "d1", "cad"), grant(2, "d1", "cad"));
    let mut ids = Ids(100);
    for (ended, made) in [(None, &first), (Some(first.id), &second)] {
        let mut batch = world.begin().await;
        let mut estate = batch.load(&touched_by(&made.holder), &Policies::default()).await.unwrap();
        if let Some(ended) = ended {
            take(&mut estate, ended, &mut ids);
        } else {
            estate = batch.load(&touching(&["cad"]), &Policies::default()).await.unwrap();
        }
        give(&mut estate, made.clone(), &mut ids);
        batch.commit(&estate.into_changes(), &[], at(0)).await.unwrap();
    }
    assert_eq!(world.grants().await, [second]);
    assert_eq!(world.item().await.out(), 1);
}

/// What was made and ended before the commit is named as ended and was never stored.
pub async fn a_grant_made_and_ended_in_one_batch_leaves_no_grant(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    let (grant, mut ids) = (grant(1, "d1", "cad"), Ids(100));
    let mut batch = world.begin().await;
    let mut estate = batch.load(&touching(&["cad"]), &Policies::default()).await.unwrap();
    give(&mut estate, grant.clone(), &mut ids);
    take(&mut estate, grant.id, &mut ids);
    batch.commit(&estate.into_changes(), &[], at(0)).await.unwrap();
    assert_eq!(world.grants().await, []);
    assert_eq!(world.item().await.out(), 0);
    assert_eq!(world.activity().await.len(), 2);
}

/// A second grant of the same holder and feature is refused; of another place or feature it is not.
pub async fn a_holder_has_one_grant_of_a_feature(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    let first = grant(1, "d1", "cad");
    let elsewhere =
        |id, place| Grant { holder: Holder { place, ..first.holder.clone() }, ..grant(id, "d1", "cad") };
    let slot = elsewhere(2, Place::Slot("a".to_owned()));
    let client = elsewhere(3, Place::Instance("a".to_owned()));
    let other = grant(4, "d1", "cam");
    world.grant(&[first.clone(), slot.clone(), client.clone(), other.clone()]).await;

    let batch = world.begin().await;
    let changes = Changes { grants: vec![grant(5, "d1", "cad")], ..Changes::default() };
    let error = batch.commit(&changes, &[], at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    assert_eq!(world.grants().await, [first, slot, client, other]);
}

/// One refused row takes the whole batch with it, what was saved earlier included.
pub async fn after_a_refused_change_nothing_of_the_batch_is_left(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    world.grant(&[grant(1, "d1", "cad")]).await;
    let before = world.rights().await;

    let mut batch = world.begin().await;
    batch.save_rights(&RightsChange { items: vec![item("item-1", "cad", 9)], ..change() }).await.unwrap();
    let changes = Changes {
        devices: vec![device("d2")],
        grants: vec![grant(2, "d2", "cad"), grant(3, "d1", "cad")],
        cells: vec![(item_id("item-1"), Source::Default, Cell { allocated: 9, used: 2 })],
        activity: vec![record(1, 0, "d2", "cad")],
        ..Changes::default()
    };
    batch.commit(&changes, &[answer(1)], at(0)).await.unwrap_err();

    assert_eq!(world.grants().await, [grant(1, "d1", "cad")]);
    assert_eq!(world.rights().await, before);
    assert_eq!(world.activity().await, []);
    assert_eq!(world.answers(&[RequestId(uuid(1))]).await, []);
    assert_eq!(world.store.devices(world.instance, &all()).await.unwrap().total, 1);
    world.grant(&[grant(2, "d2", "cad")]).await;
}

/// A grant that is written again is as it stands now: token, times and parts.
pub async fn a_changed_grant_has_its_new_parts_alone(factory: &dyn Factory) {
    let world = World::with_item(factory, 9).await;
    let reserved = Part { source: Source::Reservation(EntryId(uuid(7))), ..part(3, 700) };
    let first = Grant { parts: vec![part(1, 900), reserved, part(2, 800)], ..grant(1, "d1", "cad") };
    world.grant(std::slice::from_ref(&first)).await;
    assert_eq!(world.grants().await, std::slice::from_ref(&first));

    let fewer = Grant {
        parts: vec![part(4, 2_000)],
        fencing_token: FencingToken(2),
        changed_at: at(50),
        floor_deadline: Some(at(150)),
        ..first
    };
    world.grant(std::slice::from_ref(&fewer)).await;
    assert_eq!(world.grants().await, std::slice::from_ref(&fewer));

    let borrowed = Grant { parts: vec![part(1, 3_000), part(1, 4_000)], ..borrow(1, "d1", "cad") };
    world.grant(std::slice::from_ref(&borrowed)).await;
    assert_eq!(world.grants().await, [borrowed]);
}

/// Cells take their new values; those that were not there are made.
pub async fn cells_are_written_as_they_stand(factory: &dyn Factory) {
    let world = World::with_item(factory, 10).await;
    let (reserved, pool) = (Source::Reservation(EntryId(uuid(7))), Source::Pool("night:shift".to_owned()));
    let cell = |allocated, used| Cell { allocated, used };
    let write = async |cells: &[(Source, Cell)]| {
        let cells = cells.iter().map(|(source, cell)| (item_id("item-1"), source.clone(), *cell)).collect();
        world.commit(&Changes { cells, ..Changes::default() }).await;
    };
    write(&[(Source::Default, cell(4, 3)), (reserved.clone(), cell(5, 1)), (pool.clone(), cell(1, 0))]).await;
    write(&[(reserved.clone(), cell(5, 5)), (Source::Default, cell(4, 0))]).await;
    let item = world.item().await;
    let cells: Vec<_> = item.cells.into_iter().collect();
    assert_eq!(cells, [(Source::Default, cell(4, 0)), (reserved, cell(5, 5)), (pool, cell(1, 0))]);
}

/// A batch can be large: all of it is written, loaded and ended again.
pub async fn a_batch_of_1024_grants(factory: &dyn Factory) {
    let world = World::with_item(factory, 2_000).await;
    let grants: Vec<Grant> = (0..1024).map(|number| grant(number, &format!("d{number:04}"), "cad")).collect();
    let answers: Vec<_> = (0..1024).map(answer).collect();
    let requests: Vec<RequestId> = answers.iter().map(|answer| answer.id).collect();
    let touched = Touched {
        holders: grants.iter().map(|grant| grant.holder.clone()).collect(),
        hostids: grants.iter().map(|grant| grant.holder.device.clone()).collect(),
        features: touching(&["cad"]).features,
        grants: Vec::new(),
    };
    let mut ids = Ids(5_000);
    let mut batch = world.begin().await;
    assert_eq!(batch.claim(&requests, at(0)).await.unwrap(), []);
    let mut estate = batch.load(&touched, &Policies::default()).await.unwrap();
    for grant in &grants {
        give(&mut estate, grant.clone(), &mut ids);
    }
    batch.commit(&estate.into_changes(), &answers, at(0)).await.unwrap();
    assert_eq!(world.grants().await, grants);
    assert_eq!(world.answers(&requests).await, answers);
    assert_eq!(world.item().await.out(), 1024);

    let mut batch = world.begin().await;
    let mut estate = batch.load(&touched, &Policies::default()).await.unwrap();
    assert_eq!(estate.grants().count(), 1024);
    for grant in &grants {
        take(&mut estate, grant.id, &mut ids);
    }
    batch.commit(&estate.into_changes(), &[], at(1)).await.unwrap();
    assert_eq!(world.grants().await, []);
    assert_eq!(world.item().await.out(), 0);
    assert_eq!(world.store.activity(world.instance, &all()).await.unwrap().total, 2048);
}
