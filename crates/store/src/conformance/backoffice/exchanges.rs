//! What a licence server asked and was answered.

use super::Factory;
use super::sample::{World, exchange, server};
use crate::StoreError;
use crate::backoffice::Exchange;

/// With their answers.
pub async fn exchanges_come_back_by_sequence(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(world.exchanges().await, []);
    world.exchange(&[exchange(2, 7), exchange(1, 9), exchange(i64::MAX.unsigned_abs(), 3)]).await;
    assert_eq!(
        world.exchanges().await,
        [exchange(1, 9), exchange(2, 7), exchange(i64::MAX.unsigned_abs(), 3)]
    );
    let mut turn = world.begin(1).await;
    assert_eq!(turn.answer(2).await.unwrap(), Some(2_u64.to_be_bytes().to_vec()));
    assert_eq!(turn.answer(5).await.unwrap(), None);
    let large = vec![170; 1 << 20];
    turn.add_exchange(&exchange(5, 5), &large).await.unwrap();
    turn.commit().await.unwrap();
    assert_eq!(world.begin(1).await.answer(5).await.unwrap(), Some(large));
}

/// Neither a sequence number, nor a request's number, nor a digest comes twice.
pub async fn a_number_or_a_digest_is_kept_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let first = exchange(1, 1);
    world.exchange(std::slice::from_ref(&first)).await;
    for second in [
        exchange(1, 2),
        exchange(2, 1),
        Exchange { request: first.request, ..exchange(2, 2) },
        Exchange { response: first.response, ..exchange(2, 2) },
    ] {
        let error = world.begin(1).await.add_exchange(&second, b"").await.unwrap_err();
        assert!(matches!(error, StoreError::Constraint { .. }), "{second:?}: {error:?}");
    }
    assert_eq!(world.exchanges().await, [first]);
}

/// That one goes too.
pub async fn exchanges_are_forgotten_up_to_one(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.exchange(&[1, 2, 3, 4, 5].map(|number| exchange(number, number))).await;
    let mut turn = world.begin(1).await;
    turn.forget_exchanges(3).await.unwrap();
    turn.commit().await.unwrap();
    assert_eq!(world.exchanges().await, [4, 5].map(|number| exchange(number, number)));
    let mut turn = world.begin(1).await;
    turn.forget_exchanges(5).await.unwrap();
    turn.commit().await.unwrap();
    assert_eq!(world.exchanges().await, []);
}

/// The same numbers and digests may be another's.
pub async fn servers_do_not_share_exchanges(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.add(&server(2, "c", "two")).await;
    world.exchange(&[exchange(1, 1)]).await;
    let mut turn = world.begin(2).await;
    assert_eq!(turn.exchanges().await.unwrap(), []);
    assert_eq!(turn.answer(1).await.unwrap(), None);
    turn.add_exchange(&exchange(1, 1), b"other").await.unwrap();
    turn.forget_exchanges(9).await.unwrap();
    turn.commit().await.unwrap();
    assert_eq!(world.exchanges().await, [exchange(1, 1)]);
}
