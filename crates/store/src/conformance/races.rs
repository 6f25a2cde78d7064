//! Many at once, and some that are cut off.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use leasehold_domain::{Grant, GrantId, InstanceId, Policies, RequestId, Source};

use super::Factory;
use super::batches::{Ids, give};
use super::sample::{World, answer, at, device, grant, touching, uuid};
use crate::licensing::Touched;
use crate::{LicensingStore, StoreError};

/// What a checkout needs to read.
fn needed(grant: &Grant) -> Touched {
    Touched {
        holders: vec![grant.holder.clone()],
        hostids: vec![grant.holder.device.clone()],
        ..touching(&["cad"])
    }
}

/// Gives a grant out if there is a count for it, in a batch of its own; says whether.
async fn check_out(
    store: &dyn LicensingStore,
    instance: InstanceId,
    grant: &Grant,
    ids: &mut Ids,
) -> Result<bool, StoreError> {
    let mut batch = store.begin(instance).await?;
    let mut estate = batch.load(&needed(grant), &Policies::default()).await?;
    let free: u64 = estate.items_of(&grant.feature).map(|state| state.plain_free(&Source::Default)).sum();
    let given = free >= grant.count();
    if given {
        give(&mut estate, grant.clone(), ids);
    }
    batch.commit(&estate.into_changes(), &[], at(0)).await?;
    Ok(given)
}

/// However many batches meet on one line item, what they give out is what there is.
pub async fn two_tasks_never_give_out_too_much(factory: &dyn Factory) {
    let world = World::with_item(factory, 30).await;
    let tasks: Vec<_> = (0..4_u32)
        .map(|task| {
            let (store, instance) = (Arc::clone(&world.store), world.instance);
            tokio::spawn(async move {
                let (mut given, mut ids) = (0, Ids(10_000 * (u128::from(task) + 1)));
                for number in 0..15 {
                    let grant = grant(u128::from(task * 100 + number), &format!("d{task}-{number}"), "cad");
                    given += loop {
                        match check_out(&*store, instance, &grant, &mut ids).await {
                            Ok(given) => break u64::from(given),
                            Err(error) => assert!(error.is_passing(), "{error:?}"),
                        }
                    };
                }
                given
            })
        })
        .collect();
    let mut given = 0;
    for task in tasks {
        given += task.await.unwrap();
    }
    assert_eq!(given, 30);
    assert_eq!(world.item().await.out(), 30);
    assert_eq!(world.grants().await.len(), 30);
    assert_eq!(world.activity().await.len(), 30);
}

/// Polls so often and then drops it, unless it was done by then.
async fn cut<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    poll_fn(move |context| match work.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => {
            left -= 1;
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

/// A batch whose caller goes away, wherever that is, was committed whole or is gone, and holds nobody up.
pub async fn a_cut_off_batch_leaves_all_or_nothing(factory: &dyn Factory) {
    let world = World::with_item(factory, 1_000).await;
    let (mut ids, mut done) = (Ids(100_000), false);
    for polls in 1..=400 {
        let made = grant(u128::try_from(polls).unwrap(), &format!("d{polls}"), "cad");
        let given = cut(polls, check_out(&*world.store, world.instance, &made, &mut ids)).await;

        let grants: BTreeSet<GrantId> = world.grants().await.into_iter().map(|grant| grant.id).collect();
        let out = u64::try_from(grants.len()).unwrap();
        // The answer of a committed batch may be lost on the way; what there is, is whole all the same.
        let after = grant(900_000 + u128::try_from(polls).unwrap(), &format!("after-{polls}"), "cad");
        let state = world.load(&Touched { grants: grants.iter().copied().collect(), ..needed(&after) }).await;
        let settled: BTreeSet<GrantId> = state.grants().map(|grant| grant.id).collect();
        assert!(settled.is_superset(&grants));
        assert!(u64::try_from(settled.len()).unwrap() >= out);
        let used = world.item().await.out();
        assert_eq!(u64::try_from(world.grants().await.len()).unwrap(), used, "after {polls} polls");
        assert_eq!(u64::try_from(world.activity().await.len()).unwrap(), used);
        assert!(check_out(&*world.store, world.instance, &after, &mut ids).await.unwrap());
        if let Some(given) = given {
            assert!(given.unwrap());
            assert!(world.grant_of_id(made.id).await.is_some());
            done = true;
            break;
        }
    }
    assert!(done, "the batch was never left to end");
}

/// Of several batches that bring one request, one answers it; the others find the answer.
pub async fn one_request_is_answered_once(factory: &dyn Factory) {
    let world = World::with_item(factory, 1_000).await;
    let tasks: Vec<_> = (0..4_u8)
        .map(|task| {
            let (store, instance) = (Arc::clone(&world.store), world.instance);
            tokio::spawn(async move {
                let mut answered = BTreeSet::new();
                for number in 0..10 {
                    while !answer_once(&*store, instance, number, task, &mut answered).await {}
                }
                answered
            })
        })
        .collect();
    let mut answered = Vec::new();
    for task in tasks {
        answered.extend(task.await.unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..10).collect::<Vec<u128>>());
    assert_eq!(world.activity().await, []);
}

/// Answers a request unless somebody has; `false` is for trying again.
async fn answer_once(
    store: &dyn LicensingStore,
    instance: InstanceId,
    number: u128,
    task: u8,
    answered: &mut BTreeSet<u128>,
) -> bool {
    let work = async {
        let mut batch = store.begin(instance).await?;
        let found = batch.claim(&[RequestId(uuid(number))], at(0)).await?;
        let mut own = answer(number);
        own.body_hash = [task; 32];
        let new = if found.is_empty() { vec![own] } else { Vec::new() };
        let mut estate = batch.load(&touching(&["cad"]), &Policies::default()).await?;
        estate.put_device(device("d"));
        batch.commit(&estate.into_changes(), &new, at(0)).await?;
        Ok::<bool, StoreError>(!new.is_empty())
    };
    match work.await {
        Ok(new) => {
            if new {
                answered.insert(number);
            }
            true
        }
        Err(error) => {
            assert!(error.is_passing(), "{error:?}");
            false
        }
    }
}
