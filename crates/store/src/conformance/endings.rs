//! Endings: which grants their holders lost, why, and in which order.

use leasehold_domain::grant::Lost;
use leasehold_domain::{Changes, GrantId, InstanceId};

use super::Factory;
use super::sample::{World, at, grant, uuid};
use crate::licensing::Ending;

/// Every reason to lose a grant that is not its holder's wish.
const REASONS: [Lost; 4] = [Lost::Expired, Lost::Ended, Lost::Dropped, Lost::TakenOver];

fn id(number: u128) -> GrantId {
    GrantId(uuid(number))
}

fn ending(ended: &[(u128, Lost)]) -> Changes {
    let ended = ended.iter().map(|(number, lost)| (id(*number), *lost)).collect();
    Changes { ended, ..Changes::default() }
}

/// Ends grants in a batch of their own, at a time.
async fn end(world: &World, ended: &[(u128, Lost)], seconds: i64) {
    world.begin().await.commit(&ending(ended), &[], at(seconds)).await.unwrap();
}

async fn all_endings(world: &World) -> Vec<Ending> {
    world.store.endings(world.instance, 0, 1_000).await.unwrap()
}

fn reasons(endings: &[Ending]) -> Vec<(GrantId, Lost)> {
    endings.iter().map(|ending| (ending.grant, ending.lost)).collect()
}

/// Every reason comes back, and the grants are gone.
pub async fn endings_are_kept_with_their_reasons(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(all_endings(&world).await, []);
    let grants: Vec<_> = (1..=4).map(|number| grant(number, &format!("d{number}"), "cad")).collect();
    world.grant(&grants).await;
    assert_eq!(all_endings(&world).await, []);
    let ended: Vec<_> = (1..).zip(REASONS).collect();
    end(&world, &ended, 0).await;
    let mut found = reasons(&all_endings(&world).await);
    found.sort_by_key(|(grant, _)| *grant);
    assert_eq!(found, ending(&ended).ended);
    assert_eq!(world.grants().await, []);
}

/// Later commits have greater places, and a reader that goes on from the last one misses none.
pub async fn endings_come_in_the_order_of_their_commits(factory: &dyn Factory) {
    let world = World::new(factory).await;
    // Neither the order of ids nor that of the times.
    let order = [5, 2, 9, 1, 7];
    for (seconds, number) in [30, 10, 50, 20, 40].into_iter().zip(order) {
        end(&world, &[(number, Lost::Expired)], seconds).await;
    }
    let endings = all_endings(&world).await;
    assert_eq!(endings.iter().map(|ending| ending.grant).collect::<Vec<_>>(), order.map(id));
    assert!(endings.iter().all(|ending| ending.seq > 0), "0 is before all of them: {endings:?}");
    assert!(endings.is_sorted_by(|one, next| one.seq < next.seq), "{endings:?}");

    for limit in 1..=6 {
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = world.store.endings(world.instance, after, limit).await.unwrap();
            assert!(page.len() <= usize::try_from(limit).unwrap());
            let Some(last) = page.last() else { break };
            after = last.seq;
            seen.extend(page);
        }
        assert_eq!(seen, endings, "{limit} at a time");
    }
    assert_eq!(world.store.endings(world.instance, u64::MAX, 10).await.unwrap(), []);
}

/// Its holder knows.
pub async fn what_its_holder_returned_is_not_kept(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.grant(&[grant(1, "d1", "cad"), grant(2, "d2", "cad")]).await;
    end(&world, &[(1, Lost::Returned), (2, Lost::Dropped)], 0).await;
    assert_eq!(reasons(&all_endings(&world).await), [(id(2), Lost::Dropped)]);
    assert_eq!(world.store.endings_of(world.instance, &[id(1)]).await.unwrap(), []);
    assert_eq!(world.grants().await, []);
}

/// Endings are found by grant, those of others and of the living are not.
pub async fn endings_of_grants_are_found(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.grant(&[grant(4, "d4", "cad")]).await;
    end(&world, &[(1, Lost::Expired), (2, Lost::Ended)], 0).await;
    end(&world, &[(3, Lost::TakenOver)], 1).await;
    let find = async |numbers: &[u128]| {
        let ids: Vec<GrantId> = numbers.iter().map(|number| id(*number)).collect();
        let mut found = world.store.endings_of(world.instance, &ids).await.unwrap();
        found.sort_by_key(|ending| ending.grant);
        found
    };
    let all = all_endings(&world).await;
    assert_eq!(find(&[3]).await, all[2..]);
    assert_eq!(reasons(&find(&[3, 1, 4, 9, 1]).await), [(id(1), Lost::Expired), (id(3), Lost::TakenOver)]);
    assert_eq!(find(&[]).await, []);
}

/// What was not committed did not end.
pub async fn endings_of_a_dropped_or_refused_batch_are_not_kept(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.grant(&[grant(1, "d1", "cad"), grant(2, "d2", "cad")]).await;
    let batch = world.begin().await;
    let refused = Changes { grants: vec![grant(3, "d2", "cad")], ..ending(&[(1, Lost::Dropped)]) };
    batch.commit(&refused, &[], at(0)).await.unwrap_err();
    drop(world.begin().await);
    assert_eq!(all_endings(&world).await, []);
    assert_eq!(world.grants().await.len(), 2);
}

/// What is from before the time goes, oldest first and at most as many as asked; what is from that time stays.
pub async fn old_endings_are_forgotten_oldest_first_and_no_more_than_asked(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for (number, seconds) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        end(&world, &[(number, Lost::Expired)], seconds).await;
    }
    let newest = all_endings(&world).await.last().unwrap().seq;
    let forget =
        async |before, limit| world.store.forget_endings(world.instance, at(before), limit).await.unwrap();
    let left = async || all_endings(&world).await.iter().map(|ending| ending.grant).collect::<Vec<_>>();
    assert_eq!(forget(10, 10).await, 0);
    assert_eq!(forget(40, 2).await, 2);
    assert_eq!(left().await, [id(1), id(4)]);
    assert_eq!(world.store.endings_of(world.instance, &[id(2)]).await.unwrap(), []);
    assert_eq!(forget(99, 10).await, 2);
    assert_eq!(forget(99, 10).await, 0);
    assert_eq!(left().await, []);
    // Places are not given out again: a reader has gone on from them.
    end(&world, &[(5, Lost::Expired)], 50).await;
    assert!(all_endings(&world).await[0].seq > newest);
}

/// What ends in one instance, no other finds or forgets.
pub async fn endings_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    end(&world, &[(1, Lost::Expired)], 0).await;
    end(&other, &[(2, Lost::Dropped)], 0).await;
    end(&world, &[(3, Lost::Ended)], 0).await;
    assert_eq!(reasons(&all_endings(&other).await), [(id(2), Lost::Dropped)]);
    assert_eq!(other.store.endings_of(other.instance, &[id(1)]).await.unwrap(), []);
    assert_eq!(other.store.forget_endings(other.instance, at(9), 10).await.unwrap(), 1);
    assert_eq!(reasons(&all_endings(&world).await), [(id(1), Lost::Expired), (id(3), Lost::Ended)]);
    let unknown = InstanceId(uuid(77));
    assert_eq!(world.store.endings(unknown, 0, 10).await.unwrap(), []);
    assert_eq!(world.store.endings_of(unknown, &[id(1)]).await.unwrap(), []);
    assert_eq!(world.store.forget_endings(unknown, at(9), 10).await.unwrap(), 0);
}
