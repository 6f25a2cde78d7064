//! Many at once.

use std::sync::Arc;

use uuid::Uuid;

use super::Factory;
use super::sample::{World, all, at, exchange};
use crate::sync::{Identity, Way};

const TASKS: u64 = 8;

/// Runs the work of several tasks at once; what each gave.
async fn at_once<T, F>(world: &World, work: impl Fn(World, u64) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let tasks: Vec<_> = (1..=TASKS)
        .map(|task| {
            let world = World { store: Arc::clone(&world.store), instance: world.instance };
            tokio::spawn(work(world, task))
        })
        .collect();
    let mut given = Vec::new();
    for task in tasks {
        given.push(task.await.unwrap());
    }
    given
}

/// Of several changes that were made from one revision, one is written, with its exchange.
pub async fn of_changes_from_one_revision_one_is_written(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let identity = world.identity().await;
    let written = at_once(&world, |world, task| {
        let change = Identity { next_number: task, ..identity.clone() };
        async move { world.save(change, Some(exchange(task, Way::File))).await.then_some(task) }
    });
    let written: Vec<u64> = written.await.into_iter().flatten().collect();
    assert_eq!(written.len(), 1, "{written:?}");
    assert_eq!((world.identity().await.next_number, world.identity().await.revision), (written[0], 2));
    assert_eq!(world.listed(&all()).await, written);
}

/// Whoever tries again with what stands gets a number of its own.
pub async fn no_number_is_given_twice(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let taken = at_once(&world, |world, _| async move {
        let mut taken = Vec::new();
        while taken.len() < 5 {
            let identity = world.identity().await;
            let number = identity.next_number;
            let change = Identity { next_number: number + 1, ..identity };
            if world.save(change, Some(exchange(number, Way::File))).await {
                taken.push(number);
            }
        }
        taken
    });
    let mut taken: Vec<u64> = taken.await.concat();
    taken.sort_unstable();
    assert_eq!(taken, (1..=TASKS * 5).collect::<Vec<_>>());
    assert_eq!(world.store.pending(world.instance).await.unwrap().files, TASKS * 5);
}

/// Of several who claim at once, one gets it.
pub async fn of_claims_at_once_one_is_given(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let given = at_once(&world, |world, task| async move {
        let holder = Uuid::from_u128(u128::from(task));
        world.store.claim(world.instance, holder, at(0), at(30)).await.unwrap()
    });
    assert_eq!(given.await.into_iter().filter(|given| *given).count(), 1);
}
