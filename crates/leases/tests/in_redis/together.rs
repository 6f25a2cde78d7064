//! Many heartbeats at once.

use std::sync::Arc;

use leasehold_domain::grant::Lost;
use tokio::task::JoinSet;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_the_own_answer() {
    let redis = Redis::start().await.unwrap();
    let replica = Arc::new(Replica::by_our_time(&redis).await);
    let all: Vec<Lease> = (0..2_000).map(|id| lease(id, 2)).collect();
    replica.register_all(&all, START).await;
    let mut tasks = JoinSet::new();
    for id in 0..2_000 {
        let replica = replica.clone();
        tasks.spawn(async move {
            let right = lease(id, 2);
            let (stale, unknown) = (lease(id, 1), lease(id + 10_000, 1));
            let guessed = Lease { lease_token: LeaseToken([8; 16]), ..right };
            // As many as the id says, so that answers move against each other.
            let mut asked = vec![shown(&right); usize::try_from(id % 7).unwrap()];
            asked.extend([shown(&stale), shown(&unknown), shown(&guessed)]);
            let heard = replica.0.heartbeat(instance(), &asked, START).await.unwrap();
            let (ok, rest) = heard.split_at(heard.len() - 3);
            assert!(ok.iter().all(|heard| *heard == OK), "{id}: {ok:?}");
            let lost = [Heard::Lost(Lost::StaleToken), Heard::Unknown, Heard::Lost(Lost::WrongToken)];
            assert_eq!(rest, lost, "{id}");
        });
    }
    tokio::time::timeout(LONG, tasks.join_all()).await.expect("all are answered");
}

#[tokio::test]
async fn one_call_may_hold_more_leases_than_a_script_takes() {
    let redis = Redis::start().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    let all: Vec<Lease> = (0..3_500).map(|id| lease(id, 1)).collect();
    replica.register_all(&all[..3_000], START).await;
    let asked: Vec<GrantRef> = all.iter().rev().map(shown).collect();
    let heard = replica.0.heartbeat(instance(), &asked, START).await.unwrap();
    assert!(heard[..500].iter().all(|heard| *heard == Heard::Unknown));
    assert!(heard[500..].iter().all(|heard| *heard == OK));
    let ended: Vec<_> = all.iter().map(|lease| (lease.grant, Lost::Returned)).collect();
    replica.0.forget(instance(), &ended, START).await.unwrap();
    assert_eq!(leases_held(&redis).await, 0);
}

#[tokio::test]
async fn a_caller_that_gives_up_keeps_nobody_waiting() {
    let redis = Redis::start().await.unwrap();
    let replica = Arc::new(Replica::by_our_time(&redis).await);
    let one = lease(1, 1);
    replica.register(&one, START).await;
    for _ in 0..20 {
        // Polled once, so that it asks, and dropped.
        let _ = futures_once(replica.try_hear(&one, START)).await;
        let answer = tokio::time::timeout(LONG, replica.hear(&one, START)).await;
        assert_eq!(answer.expect("an answer"), OK);
    }
}

/// Polls a future once.
async fn futures_once<F: Future>(future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test]
async fn the_newest_token_of_a_call_is_registered() {
    let redis = Redis::start().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    let (old, new) = (lease(1, 1), lease(1, 2));
    replica.register_all(&[new, old], START).await;
    assert_eq!(replica.hear(&new, START).await, OK);
    assert_eq!(replica.hear(&old, START).await, Heard::Lost(Lost::StaleToken));
}
