use std::sync::{Arc, Mutex};
use std::time::Duration;

use leasehold_domain::grant::Lost;
use leasehold_domain::{Changes, GrantId};
use leasehold_store::StoreError;
use leasehold_store::conformance::sample::{grant, uuid};
use tokio::sync::oneshot;

use super::super::tell::News;
use super::super::traced::Trace;
use super::super::{Done, tell};
use super::*;

/// A batch that gave one grant out and ended another, and where its answer comes.
fn batch(number: u128, pending: Pending) -> (Committed, oneshot::Receiver<Result<Done, Error>>) {
    let changes = Changes {
        grants: vec![grant(number, "d1", "cad")],
        ended: vec![(GrantId(uuid(number + 100)), Lost::Returned)],
        ..Changes::default()
    };
    let (reply, answer) = oneshot::channel();
    let news = News::of(changes, Duration::ZERO, Vec::new());
    let trace = Trace::begin(1, std::iter::empty());
    let batch = Settled { news, answers: vec![(reply, Ok(Done::Ended))], trace };
    (Committed { batch, pending }, answer)
}

fn lost() -> Error {
    Error::from(StoreError::Unavailable { source: "the store has crashed".into() })
}

/// Lets these batches wait for the store, all at once; what comes out of it, and what was waited for.
async fn settle(
    batches: Vec<Committed>,
    is_lost: impl Fn(Pending) -> bool,
) -> (Vec<Settled>, Vec<Pending>, Unsettled) {
    let (sender, committed) = channel();
    let (settled, mut out) = tell::channel();
    let unsettled = Unsettled::new();
    for batch in batches {
        unsettled.add();
        sender.try_send(batch).ok().unwrap();
    }
    drop(sender);
    let waited = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&waited);
    let wait = move |pending| -> Waiting {
        noted.lock().unwrap().push(pending);
        let waited = if is_lost(pending) { Err(lost()) } else { Ok(()) };
        Box::pin(async { waited })
    };
    let mut told = Vec::new();
    let collect = async {
        while let Some(batch) = out.recv().await {
            told.push(batch);
        }
    };
    tokio::join!(each(wait, committed, settled, unsettled.clone()), collect);
    let waited = waited.lock().unwrap().clone();
    (told, waited, unsettled)
}

#[tokio::test]
async fn batches_are_handed_on_in_their_order_and_waited_for_once() {
    let mark = Pending::until(7);
    let (batches, _answers): (Vec<_>, Vec<_>) = (1..4).map(|number| batch(number, mark)).unzip();
    let (told, waited, unsettled) = settle(batches, |_| false).await;
    let order: Vec<GrantId> = told.iter().map(|batch| batch.news.leases()[0].grant).collect();
    assert_eq!(order, [1, 2, 3].map(|number| GrantId(uuid(number))));
    assert_eq!(waited, [mark]);
    assert_eq!(unsettled.count(), 0);
}

#[tokio::test]
async fn of_a_batch_that_may_be_lost_nobody_hears_that_it_happened() {
    let (first, mut kept) = batch(1, Pending::until(7));
    let (second, mut doubtful) = batch(2, Pending::until(8));
    let (third, mut durable) = batch(3, Pending::DURABLE);
    let (told, waited, unsettled) =
        settle(vec![first, second, third], |pending| pending == Pending::until(8)).await;
    assert_eq!(waited, [Pending::DURABLE, Pending::until(8), Pending::until(7)]);
    assert_eq!(unsettled.count(), 0);
    let [first, second, third] = <[Settled; 3]>::try_from(told).ok().unwrap();
    assert!(second.news.leases().is_empty() && second.news.ended().is_empty());
    assert_eq!(
        second.news.in_doubt(),
        [GrantId(uuid(2)), GrantId(uuid(102))],
        "the store decides about them"
    );
    for batch in [&first, &third] {
        assert_eq!((batch.news.leases().len(), batch.news.ended().len()), (1, 1));
        assert!(batch.news.in_doubt().is_empty());
    }
    for batch in [first, second, third] {
        for (reply, answer) in batch.answers {
            reply.send(answer).unwrap();
        }
    }
    assert!(kept.try_recv().unwrap().is_ok() && durable.try_recv().unwrap().is_ok());
    assert!(doubtful.try_recv().unwrap().unwrap_err().is_passing());
}
