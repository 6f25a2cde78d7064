//! Deadlines: floors that only move forward, finding what has passed, and whose turn it is to look.

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::lease::{MIN_TTL, latest_floor, server_patience};
use leasehold_domain::turn::Beat;
use leasehold_domain::{FencingToken, Grant, GrantId, InstanceId, Mode, Part};

use super::Factory;
use super::sample::{World, at, borrow, grant, item_id, part, uuid};
use crate::StoreError;
use crate::licensing::{Promotion, Silent};

async fn floors(world: &World, floors: &[(GrantId, FencingToken, i64)]) {
    let floors: Vec<_> = floors.iter().map(|(id, token, seconds)| (*id, *token, at(*seconds))).collect();
    world.store.move_floors(world.instance, &floors).await.unwrap();
}

/// A floor goes forward, also among several for one grant, and never back. Nothing else changes.
pub async fn floors_only_move_forward(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (one, two) = (grant(1, "d1", "cad"), grant(2, "d2", "cad"));
    world.grant(&[one.clone(), two.clone()]).await;
    let token = FencingToken::FIRST;
    floors(&world, &[]).await;
    floors(&world, &[(one.id, token, 200), (GrantId(uuid(9)), token, 300)]).await;
    floors(&world, &[(one.id, token, 150), (two.id, token, 50)]).await;
    floors(&world, &[(two.id, token, 120), (two.id, token, 180), (two.id, token, 110)]).await;
    let moved = |grant: Grant, seconds| Grant { floor_deadline: Some(at(seconds)), ..grant };
    assert_eq!(world.grants().await, [moved(one, 200), moved(two, 180)]);
}

/// A token that no longer stands, or not yet, moves nothing.
pub async fn floors_move_only_while_the_token_stands(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let grant = Grant { fencing_token: FencingToken(5), ..grant(1, "d1", "cad") };
    world.grant(std::slice::from_ref(&grant)).await;
    floors(&world, &[(grant.id, FencingToken(4), 200), (grant.id, FencingToken(6), 300)]).await;
    assert_eq!(world.grants().await, std::slice::from_ref(&grant));
    floors(&world, &[(grant.id, FencingToken(4), 400), (grant.id, FencingToken(5), 200)]).await;
    assert_eq!(world.grants().await, [Grant { floor_deadline: Some(at(200)), ..grant }]);
}

/// A borrow is kept by its period alone.
pub async fn borrows_have_no_floor_to_move(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let borrowed = borrow(1, "d1", "cad");
    world.grant(std::slice::from_ref(&borrowed)).await;
    floors(&world, &[(borrowed.id, borrowed.fencing_token, 200)]).await;
    assert_eq!(world.grants().await, [borrowed]);
}

/// Online grants are silent from their floor on, longest passed first, no more than asked, with their token.
pub async fn silent_grants_come_longest_passed_first(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let online = |id, floor, token| Grant {
        floor_deadline: Some(at(floor)),
        fencing_token: FencingToken(token),
        ..grant(id, &format!("d{id}"), "cad")
    };
    let borrowed = borrow(9, "d9", "cad");
    world.grant(&[online(1, 30, 3), online(2, 10, 1), online(3, 20, 7), online(4, 40, 1), borrowed]).await;
    let silent = |id, floor, token| Silent {
        id: GrantId(uuid(id)),
        fencing_token: FencingToken(token),
        floor: at(floor),
        ttl: SignedDuration::from_mins(10),
        unearned: SignedDuration::ZERO,
    };
    let find = async |now, limit| world.store.silent(world.instance, at(now), limit).await.unwrap();
    assert_eq!(find(9, 10).await, []);
    assert_eq!(find(30, 10).await, [silent(2, 10, 1), silent(3, 20, 7), silent(1, 30, 3)]);
    assert_eq!(find(30, 2).await, [silent(2, 10, 1), silent(3, 20, 7)]);
    floors(&world, &[(GrantId(uuid(2)), FencingToken(1), 60)]).await;
    let later = [silent(3, 20, 7), silent(1, 30, 3), silent(4, 40, 1), silent(2, 60, 1)];
    assert_eq!(find(99, 10).await, later);
}

/// Grants of both modes are overdue from the end of their first part on, earliest first, each once.
pub async fn overdue_grants_come_earliest_end_first(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let ending = |id, mode, ends: &[i64]| {
        let parts = ends.iter().map(|seconds| part(1, *seconds)).collect();
        let base = if mode == Mode::Online { grant } else { borrow };
        Grant { parts, ..base(id, &format!("d{id}"), "cad") }
    };
    let one = ending(1, Mode::Online, &[300, 30]);
    world
        .grant(&[
            one.clone(),
            ending(2, Mode::Borrow, &[10, 20, 500]),
            ending(3, Mode::Online, &[20]),
            ending(4, Mode::Borrow, &[40]),
        ])
        .await;
    let find = async |now, limit| world.store.overdue(world.instance, at(now), None, limit).await.unwrap();
    let ids = |numbers: &[u128]| numbers.iter().map(|id| GrantId(uuid(*id))).collect::<Vec<_>>();
    assert_eq!(find(9, 10).await, []);
    assert_eq!(find(30, 10).await, ids(&[2, 3, 1]));
    assert_eq!(find(30, 1).await, ids(&[2]));
    world.grant(&[Grant { parts: vec![part(1, 300)], ..one }]).await;
    assert_eq!(find(40, 10).await, ids(&[2, 3, 4]));
}

/// With line items, only grants are found that have a part of one of them whose time has come.
pub async fn overdue_grants_are_found_by_their_line_items(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = |ends| Part { line_item: item_id("item-2"), ..part(1, ends) };
    let of_parts = |id, parts| Grant { parts, ..grant(id, &format!("d{id}"), "cad") };
    world
        .grant(&[
            of_parts(1, vec![part(1, 30)]),
            of_parts(2, vec![part(1, 20), other(25)]),
            of_parts(3, vec![other(10)]),
            of_parts(4, vec![part(1, 5), other(500)]),
        ])
        .await;
    let find = async |items: &[&str], limit| {
        let items: Vec<_> = items.iter().map(|id| item_id(id)).collect();
        world.store.overdue(world.instance, at(30), Some(&items), limit).await.unwrap()
    };
    let ids = |numbers: &[u128]| numbers.iter().map(|id| GrantId(uuid(*id))).collect::<Vec<_>>();
    assert_eq!(find(&["item-2"], 10).await, ids(&[3, 2]));
    assert_eq!(find(&["item-2"], 1).await, ids(&[3]));
    assert_eq!(find(&["item-1", "item-2"], 10).await, ids(&[4, 3, 2, 1]));
    assert_eq!(find(&["item-3"], 10).await, []);
    assert_eq!(find(&[], 10).await, []);
}

/// Borrows and ended grants do not count.
pub async fn online_grants_are_counted(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(world.store.count_online(world.instance).await.unwrap(), 0);
    world.grant(&[grant(1, "d1", "cad"), grant(2, "d2", "cad"), borrow(3, "d3", "cad")]).await;
    assert_eq!(world.store.count_online(world.instance).await.unwrap(), 2);
    world.grant(&[borrow(2, "d2", "cad")]).await;
    assert_eq!(world.store.count_online(world.instance).await.unwrap(), 1);
}

/// Online grants are silent from their floor on, however many there are; borrows never are.
pub async fn silent_grants_are_counted(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let count = async |by| world.store.count_silent(world.instance, at(by)).await.unwrap();
    assert_eq!(count(999).await, 0);
    let online = |id, floor| Grant { floor_deadline: Some(at(floor)), ..grant(id, &format!("d{id}"), "cad") };
    world.grant(&[online(1, 30), online(2, 10), online(3, 30), borrow(9, "d9", "cad")]).await;
    assert_eq!([count(9).await, count(10).await, count(29).await, count(30).await], [0, 1, 1, 3]);
    let unknown = InstanceId(uuid(77));
    assert_eq!(world.store.count_silent(unknown, at(999)).await.unwrap(), 0);
}

async fn promote(world: &World, grant: &Grant, token: u64, floor: i64, unearned: i64) {
    let promotion = Promotion {
        id: grant.id,
        fencing_token: FencingToken(token),
        floor: at(floor),
        unearned: SignedDuration::from_secs(unearned),
    };
    world.store.promote(world.instance, &[promotion]).await.unwrap();
}

/// The floor of the first grant that is ever silent, and how many seconds of it are unearned.
async fn floor_and_unearned(world: &World) -> (Option<Timestamp>, i64) {
    let silent = world.store.silent(world.instance, at(9_999), 1).await.unwrap().pop().unwrap();
    (world.grant_of_id(silent.id).await.unwrap().floor_deadline, silent.unearned.as_secs())
}

/// A promotion moves the floor and says how much of it is unearned; the next one says it anew. Neither changes
/// anything else.
pub async fn a_promoted_floor_is_unearned(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let first = grant(1, "d1", "cad");
    world.grant(std::slice::from_ref(&first)).await;
    assert_eq!(floor_and_unearned(&world).await, (Some(at(100)), 0));
    world.store.promote(world.instance, &[]).await.unwrap();
    promote(&world, &first, 1, 700, 600).await;
    assert_eq!(floor_and_unearned(&world).await, (Some(at(700)), 600));
    promote(&world, &first, 1, 900, 800).await;
    assert_eq!(floor_and_unearned(&world).await, (Some(at(900)), 800));
    assert_eq!(world.grants().await, [Grant { floor_deadline: Some(at(900)), ..first }]);
}

/// A token that does not stand promotes nothing, and nothing moves back; a borrow has nothing to promote.
pub async fn floors_are_promoted_forward_and_while_the_token_stands(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (online, borrowed) = (grant(1, "d1", "cad"), borrow(2, "d2", "cad"));
    world.grant(&[online.clone(), borrowed.clone()]).await;
    promote(&world, &online, 2, 700, 600).await;
    promote(&world, &borrowed, 1, 700, 600).await;
    promote(&world, &grant(9, "d9", "cad"), 1, 700, 600).await;
    assert_eq!(floor_and_unearned(&world).await, (Some(at(100)), 0));
    for floor in [50, 100] {
        promote(&world, &online, 1, floor, 40).await;
        assert_eq!(floor_and_unearned(&world).await, (Some(at(100)), 0), "it was heard meanwhile");
    }
    assert_eq!(world.grants().await, [online, borrowed]);
}

/// Whoever is heard has earned the new floor.
pub async fn a_floor_that_was_heard_of_is_earned(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let first = grant(1, "d1", "cad");
    world.grant(std::slice::from_ref(&first)).await;
    promote(&world, &first, 1, 700, 600).await;
    floors(&world, &[(first.id, FencingToken(2), 800)]).await;
    assert_eq!(floor_and_unearned(&world).await, (Some(at(700)), 600));
    floors(&world, &[(first.id, first.fencing_token, 800)]).await;
    assert_eq!(floor_and_unearned(&world).await, (Some(at(800)), 0));
}

/// A commit that writes a grant leaves nothing unearned behind it; one that writes another does not touch it.
pub async fn a_written_grant_has_nothing_unearned(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let first = grant(1, "d1", "cad");
    world.grant(std::slice::from_ref(&first)).await;
    promote(&world, &first, 1, 700, 600).await;
    world.grant(&[Grant { floor_deadline: Some(at(9_000)), ..grant(2, "d2", "cad") }]).await;
    assert_eq!(floor_and_unearned(&world).await, (Some(at(700)), 600));
    let again = Grant { fencing_token: FencingToken(2), floor_deadline: Some(at(800)), ..first };
    world.grant(&[again]).await;
    assert_eq!(floor_and_unearned(&world).await, (Some(at(800)), 0));
}

/// Floors that no clock of the server's can have written go back to a full patience; others stay.
pub async fn floors_of_another_clock_are_clamped(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let now = at(50);
    let clamp = async || world.store.clamp_floors(world.instance, now).await.unwrap();
    assert_eq!(clamp().await, 0);
    let micro = SignedDuration::from_micros(1);
    let ttls = [MIN_TTL, SignedDuration::from_mins(10), SignedDuration::from_hours(24)];
    let online = |id: u128, ttl, floor| Grant {
        lease_ttl: Some(ttl),
        floor_deadline: Some(floor),
        ..grant(id, &format!("d{id}"), "cad")
    };
    let mut grants = vec![borrow(20, "d20", "cad")];
    for (id, ttl) in (1..).zip(ttls) {
        let latest = latest_floor(ttl, now);
        grants.push(online(id, ttl, latest));
        grants.push(online(id + 10, ttl, latest + micro));
    }
    grants.push(online(9, MIN_TTL, Timestamp::new(Timestamp::MAX.as_second(), 0).unwrap()));
    world.grant(&grants).await;
    assert_eq!(clamp().await, 4);
    for ttl in ttls {
        for grant in grants.iter_mut().filter(|grant| grant.lease_ttl == Some(ttl)) {
            if grant.floor_deadline > Some(latest_floor(ttl, now)) {
                grant.floor_deadline = Some(now + server_patience(ttl));
            }
        }
    }
    grants.sort_by_key(|grant| grant.id);
    assert_eq!(world.grants().await, grants);
    assert_eq!(clamp().await, 0);
}

/// The counter is whose it is: nobody else's call moves it, unless it stands where they say that it is overdue.
pub async fn a_turn_is_kept_by_beats_and_taken_over_when_overdue(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let (one, two) = (uuid(1), uuid(2));
    let beat = async |me, overdue: Option<u64>| world.store.beat(world.instance, me, overdue).await.unwrap();
    let first = beat(one, None).await;
    assert_eq!(first.holder, one);
    let by = |holder, more: u64| Beat { holder, count: first.count + more };
    assert_eq!(beat(one, None).await, by(one, 1));
    assert_eq!(beat(two, None).await, by(one, 1), "it is another's");
    assert_eq!(beat(two, Some(first.count)).await, by(one, 1), "it has moved on since");
    assert_eq!(beat(two, Some(first.count + 1)).await, by(two, 2), "it stood still");
    assert_eq!(beat(one, None).await, by(two, 2));
    assert_eq!(beat(two, None).await, by(two, 3));
    assert_eq!(beat(two, Some(first.count + 3)).await, by(two, 4));
}

/// Each instance has a counter of its own, and one that was never made has none.
pub async fn turns_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    let first = world.store.beat(world.instance, uuid(1), None).await.unwrap();
    assert_eq!(other.store.beat(other.instance, uuid(2), None).await.unwrap().holder, uuid(2));
    let second = world.store.beat(world.instance, uuid(1), None).await.unwrap();
    assert_eq!(second, Beat { holder: uuid(1), count: first.count + 1 });
    let error = world.store.beat(InstanceId(uuid(77)), uuid(1), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
}

/// A clock that is shared does not go back, and is nowhere near the start of time.
pub async fn a_shared_clock_goes_forward(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let first = world.store.time().await.unwrap();
    let second = world.store.time().await.unwrap();
    assert_eq!(first.is_some(), second.is_some());
    assert!(second >= first);
    assert!(first.is_none_or(|time| time > at(0)), "{first:?}");
}
