//! Exchanges, as they were saved, and how many of a kind there may be.

use super::Factory;
use super::sample::{World, at, ended, exchange, failure, identity, instance, nonce};
use crate::StoreError;
use crate::sync::{Change, Exchange, ExchangeState, Failure, Identity, Pending, Step, Way};

/// An exchange comes back as it was saved last, in each state and with a failure at each step.
pub async fn an_exchange_comes_back_as_it_stands(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let first = exchange(1, Way::Online);
    world.put(first.clone()).await;
    assert_eq!(world.exchange(1).await.as_ref(), Some(&first));
    for step in Step::ALL {
        let why = Failure { step, ..failure("VENDOR_UNREACHABLE") };
        let failed = Exchange { failure: Some(why), sent_bytes: 100, ..first.clone() };
        world.put(failed.clone()).await;
        assert_eq!(world.exchange(1).await, Some(failed));
    }
    let applying = Exchange {
        state: ExchangeState::Applying,
        response: vec![4, 5, 6],
        received_bytes: i64::MAX.unsigned_abs(),
        bundle_sequence: 7,
        synchronize_before: Some(at(20)),
        ..first.clone()
    };
    world.put(applying.clone()).await;
    assert_eq!(world.exchange(1).await.as_ref(), Some(&applying));
    for state in [ExchangeState::Done, ExchangeState::Failed] {
        let end = Exchange {
            changes: vec!["a: 1 → 2".to_owned(), "b\nc".to_owned()],
            ..ended(applying.clone(), state)
        };
        world.put(end.clone()).await;
        assert_eq!(world.exchange(1).await, Some(end));
    }
    assert_eq!(world.exchange(2).await, None);
    assert_eq!(world.exchange(u64::MAX).await, None);
}

/// A nonce leads to its exchange, however that stands.
pub async fn an_exchange_is_found_by_its_nonce(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.put(exchange(1, Way::File)).await;
    world.put(ended(exchange(2, Way::Online), ExchangeState::Done)).await;
    for (number, found) in [(1, Some(1)), (2, Some(2)), (3, None)] {
        assert_eq!(world.store.number_of(world.instance, &nonce(number)).await.unwrap(), found);
    }
}

async fn refused(world: &World, exchange: Exchange) {
    let identity = Identity { failures: 9, ..world.identity().await };
    let change = Change { identity, exchange: Some(exchange), abandon: None };
    let error = world.store.save(world.instance, &change).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    assert_eq!(world.identity().await.failures, 0, "nothing of the change is left");
}

/// No two exchanges of an instance have one nonce, however they stand.
pub async fn a_nonce_is_used_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.put(ended(exchange(1, Way::File), ExchangeState::Done)).await;
    refused(&world, Exchange { nonce: nonce(1), ..exchange(2, Way::File) }).await;
    assert_eq!(world.exchange(2).await, None);
}

/// Of the online exchanges one is outstanding.
pub async fn one_online_exchange_is_outstanding(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.put(exchange(1, Way::Online)).await;
    refused(&world, exchange(2, Way::Online)).await;
    world.put(ended(exchange(1, Way::Online), ExchangeState::Failed)).await;
    world.put(exchange(2, Way::Online)).await;
    let pending = world.store.pending(world.instance).await.unwrap();
    assert_eq!(pending, Pending { applying: None, online: Some(2), files: 0 });
}

/// Of all exchanges one is being put in force.
pub async fn one_exchange_is_put_in_force_at_a_time(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let applying = |number| Exchange { state: ExchangeState::Applying, ..exchange(number, Way::File) };
    world.put(applying(1)).await;
    refused(&world, applying(2)).await;
    let pending = world.store.pending(world.instance).await.unwrap();
    assert_eq!(pending, Pending { applying: Some(1), online: None, files: 0 });
    world.put(ended(applying(1), ExchangeState::Done)).await;
    world.put(applying(2)).await;
}

/// Files are outstanding in any number, beside an online exchange and one that is being put in force.
pub async fn any_number_of_files_is_outstanding(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for number in 1..=5 {
        world.put(exchange(number, Way::File)).await;
    }
    world.put(exchange(6, Way::Online)).await;
    world.put(Exchange { state: ExchangeState::Applying, ..exchange(2, Way::File) }).await;
    world.put(ended(exchange(3, Way::File), ExchangeState::Done)).await;
    let pending = world.store.pending(world.instance).await.unwrap();
    assert_eq!(pending, Pending { applying: Some(2), online: Some(6), files: 3 });
}

/// A change that is refused leaves neither its identity nor what it abandons nor its exchange.
pub async fn a_refused_change_leaves_nothing(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let kept = exchange(1, Way::File);
    world.put(kept.clone()).await;
    let change = Change {
        identity: Identity { failures: 9, ..world.identity().await },
        exchange: Some(Exchange { nonce: nonce(1), ..exchange(2, Way::File) }),
        abandon: Some((failure("FOREIGN"), at(5))),
    };
    world.store.save(world.instance, &change).await.unwrap_err();
    assert_eq!(world.exchange(1).await, Some(kept));
    assert_eq!(world.identity().await.failures, 0);
    world.put(exchange(2, Way::File)).await;
}

/// An exchange of an instance that has no identity is not written.
pub async fn an_exchange_belongs_to_an_identity(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let nobody = World { store: world.store.clone(), instance: instance(77) };
    let stale = Identity { revision: 1, ..identity(1) };
    assert!(!nobody.save(stale, Some(exchange(1, Way::File))).await);
    assert_eq!(nobody.exchange(1).await, None);
    assert!(nobody.save(identity(1), Some(exchange(1, Way::File))).await);
    assert_eq!(nobody.exchange(1).await, Some(exchange(1, Way::File)));
}

/// What is outstanding is ended with the reason that is given; what is being put in force, what has ended, and what
/// comes with the same change stand as they do.
pub async fn what_is_outstanding_is_abandoned_and_nothing_else(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let applying = Exchange { state: ExchangeState::Applying, ..exchange(3, Way::File) };
    let done = ended(exchange(4, Way::File), ExchangeState::Done);
    for row in [exchange(1, Way::Online), exchange(2, Way::File), applying.clone(), done.clone()] {
        world.put(row).await;
    }
    let change = Change {
        identity: world.identity().await,
        exchange: Some(exchange(5, Way::Online)),
        abandon: Some((failure("FOREIGN"), at(5))),
    };
    assert!(world.store.save(world.instance, &change).await.unwrap());
    for (number, way) in [(1, Way::Online), (2, Way::File)] {
        let abandoned = Exchange {
            state: ExchangeState::Failed,
            request: Vec::new(),
            ended_at: Some(at(5)),
            failure: Some(failure("FOREIGN")),
            ..exchange(number, way)
        };
        assert_eq!(world.exchange(number).await, Some(abandoned));
    }
    for row in [applying, done, exchange(5, Way::Online)] {
        assert_eq!(world.exchange(row.number).await, Some(row));
    }
}

/// The largest response comes back byte for byte, and goes.
pub async fn responses_of_any_size_come_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let response = (0..17 * 1024 * 1024_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    let applying = Exchange { state: ExchangeState::Applying, response, ..exchange(1, Way::File) };
    world.put(applying.clone()).await;
    assert!(world.exchange(1).await.as_ref() == Some(&applying));
    world.put(ended(applying, ExchangeState::Done)).await;
    assert!(world.exchange(1).await.unwrap().response.is_empty());
}

/// Numbers and nonces of one instance are nothing to another.
pub async fn exchanges_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside().await;
    world.put(exchange(1, Way::Online)).await;
    assert_eq!(other.exchange(1).await, None);
    assert_eq!(other.store.number_of(other.instance, &nonce(1)).await.unwrap(), None);
    let own = Exchange { actor: "schedule".to_owned(), ..exchange(1, Way::Online) };
    other.put(own.clone()).await;
    let change = Change {
        identity: other.identity().await,
        exchange: None,
        abandon: Some((failure("FOREIGN"), at(5))),
    };
    assert!(other.store.save(other.instance, &change).await.unwrap());
    assert_eq!(world.exchange(1).await, Some(exchange(1, Way::Online)));
    assert_eq!(other.exchange(1).await.unwrap().state, ExchangeState::Failed);
    assert_eq!(other.store.pending(other.instance).await.unwrap(), Pending::default());
}
