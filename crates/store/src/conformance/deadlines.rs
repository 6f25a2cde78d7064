//! Deadlines: floors that only move forward, and finding what has passed.

use leasehold_domain::{FencingToken, Grant, GrantId, Mode};

use super::Factory;
use super::sample::{World, at, borrow, grant, part, uuid};
use crate::licensing::Silent;

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
    let silent = |id, token| Silent { id: GrantId(uuid(id)), fencing_token: FencingToken(token) };
    let find = async |now, limit| world.store.silent(world.instance, at(now), limit).await.unwrap();
    assert_eq!(find(9, 10).await, []);
    assert_eq!(find(30, 10).await, [silent(2, 1), silent(3, 7), silent(1, 3)]);
    assert_eq!(find(30, 2).await, [silent(2, 1), silent(3, 7)]);
    floors(&world, &[(GrantId(uuid(2)), FencingToken(1), 60)]).await;
    assert_eq!(find(99, 10).await, [silent(3, 7), silent(1, 3), silent(4, 1), silent(2, 1)]);
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
    let find = async |now, limit| world.store.overdue(world.instance, at(now), limit).await.unwrap();
    let ids = |numbers: &[u128]| numbers.iter().map(|id| GrantId(uuid(*id))).collect::<Vec<_>>();
    assert_eq!(find(9, 10).await, []);
    assert_eq!(find(30, 10).await, ids(&[2, 3, 1]));
    assert_eq!(find(30, 1).await, ids(&[2]));
    world.grant(&[Grant { parts: vec![part(1, 300)], ..one }]).await;
    assert_eq!(find(40, 10).await, ids(&[2, 3, 4]));
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
