//! Stored answers: a repeated request gets the same one, for as long as it is kept.

use leasehold_domain::{Changes, RequestId};

use super::Factory;
use super::sample::{World, answer, at, uuid};
use crate::StoreError;
use crate::licensing::StoredAnswer;

fn ids(numbers: impl IntoIterator<Item = u128>) -> Vec<RequestId> {
    numbers.into_iter().map(|number| RequestId(uuid(number))).collect()
}

/// Claims find what came before, every time, and nothing else.
pub async fn a_repeated_request_gets_the_stored_answer(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.answer(&[answer(1), answer(2)], at(0)).await;
    for _ in 0..2 {
        assert_eq!(world.answers(&ids([2, 3, 1])).await, [answer(1), answer(2)]);
    }
    assert_eq!(world.answers(&ids([3])).await, []);
    assert_eq!(world.answers(&[]).await, []);
}

/// A request that was claimed and not answered, in a batch that was committed, is as if it never came.
pub async fn a_claim_without_an_answer_is_not_kept(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut batch = world.begin().await;
    assert_eq!(batch.claim(&ids([1, 2]), at(0)).await.unwrap(), []);
    batch.commit(&Changes::default(), &[answer(2)], at(0)).await.unwrap();
    assert_eq!(world.answers(&ids([1, 2])).await, [answer(2)]);
    world.answer(&[answer(1)], at(1)).await;
    assert_eq!(world.answers(&ids([1])).await, [answer(1)]);
}

/// A second answer to one request is refused, with all that comes with it.
pub async fn an_answer_is_stored_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.answer(&[answer(1)], at(0)).await;
    let other = StoredAnswer { answer: b"other".to_vec(), ..answer(1) };
    let batch = world.begin().await;
    let error = batch.commit(&Changes::default(), &[answer(2), other], at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    assert_eq!(world.answers(&ids([1, 2])).await, [answer(1)]);
}

/// Empty answers, large ones and every byte come back, hash and all.
pub async fn answers_of_any_size_come_back_byte_for_byte(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let hash: [u8; 32] = bytes[200..232].try_into().unwrap();
    let answers = [
        StoredAnswer { answer: Vec::new(), ..answer(1) },
        StoredAnswer { answer: bytes.clone(), body_hash: hash, ..answer(2) },
        StoredAnswer { answer: bytes.repeat(4_096), body_hash: [0; 32], ..answer(3) },
    ];
    world.answer(&answers, at(0)).await;
    assert_eq!(world.answers(&ids(1..=3)).await, answers);
}

/// What is from before the time goes, oldest first and at most as many as asked; what is from that time stays.
pub async fn old_answers_are_forgotten_oldest_first_and_no_more_than_asked(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for (number, time) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        world.answer(&[answer(number)], at(time)).await;
    }
    let forget =
        async |before, limit| world.store.forget_answers(world.instance, at(before), limit).await.unwrap();
    assert_eq!(forget(10, 10).await, 0);
    assert_eq!(forget(40, 2).await, 2);
    assert_eq!(world.answers(&ids(1..=4)).await, [answer(1), answer(4)]);
    assert_eq!(forget(40, 2).await, 1);
    assert_eq!(forget(40, 2).await, 0);
    assert_eq!(world.answers(&ids(1..=4)).await, [answer(4)]);
}
