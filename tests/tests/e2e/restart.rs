//! A server that is stopped in order and started again on the same data.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::calls::{ask, beat, check_out, give_back, request, totals};
use crate::checker::{replay, sqlite, state};
use crate::crash::seed;
use crate::player::{self, Player};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_finds_everything_as_it_was() {
    let mut server = Server::start(&player::estate(), player::SETTINGS).await;
    let (mut licensing, mut admin) = (server.licensing(), server.admin());
    let old = check_out(&mut licensing, request("D1", &[("hot", 1)])).await;
    let asked = request("D1", &[("hot", 2)]);
    let answer = ask(&mut licensing, asked.clone()).await;
    let online = answer.outcomes[0].grant.clone().unwrap();
    let borrow =
        pb::RequestCapabilitiesRequest { mode: pb::GrantMode::Borrow.into(), ..request("D2", &[("cad", 3)]) };
    let borrowed = check_out(&mut licensing, borrow).await;
    let before = totals(&mut admin).await;
    assert_eq!((before.grants, before.devices, before.used), (2, 2, 5));

    server.stop().await;
    server.serve().await;
    assert_eq!(totals(&mut admin).await, before, "the same estate again changes nothing");
    assert_eq!(ask(&mut licensing, asked).await, answer, "a request id is known after a restart");
    assert_eq!(totals(&mut admin).await, before);
    for current in [&online, &borrowed] {
        assert_eq!(beat(&mut licensing, current).await.status(), pb::LeaseStatus::Ok);
    }
    let result = beat(&mut licensing, &old).await;
    assert_eq!((result.status(), result.reason()), (pb::LeaseStatus::Lost, pb::LostReason::StaleToken));

    let renewal =
        pb::RequestCapabilitiesRequest { renews: vec![online.clone()], ..request("D1", &[("hot", 2)]) };
    let renewed = check_out(&mut licensing, renewal).await;
    assert_eq!(renewed.grant_id, online.grant_id);
    assert!(renewed.fencing_token > online.fencing_token);
    for current in [&renewed, &borrowed] {
        assert_eq!(give_back(&mut licensing, current).await.status(), pb::LeaseStatus::Released);
    }
    assert_eq!(totals(&mut admin).await.used, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_estate_is_put_in_force_once_and_cuts_nobody_off() {
    let estate =
        |count| json!({"line_items": [{"id": "L1", "feature": "cad", "version": "1.0", "count": count}]});
    let mut server = Server::start(&estate(5), player::SETTINGS).await;
    let (mut licensing, mut admin) = (server.licensing(), server.admin());
    let held = check_out(&mut licensing, request("D1", &[("cad", 4)])).await;
    let before = totals(&mut admin).await;

    server.change_estate(&estate(3)).await;
    for _ in 0..2 {
        server.stop().await;
        server.serve().await;
        assert_eq!(totals(&mut admin).await.activity, before.activity + 1);
        let features = admin.list_features(pb::ListFeaturesRequest::default()).await.unwrap().into_inner();
        let row = &features.features[0];
        assert_eq!((row.total, row.used, row.overage, row.available), (Some(3), 4, 1, Some(0)));
        assert_eq!(beat(&mut licensing, &held).await.status(), pb::LeaseStatus::Ok);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_is_quick_and_loses_nothing() {
    const PLAYERS: u64 = 50;
    let seed = seed();
    let mut server = Server::start(&player::estate(), player::SETTINGS).await;
    let stop = Arc::new(AtomicBool::new(false));
    let players: Vec<_> = (0..PLAYERS)
        .map(|number| {
            let (player, stop) = (Player::new(seed, number, &[server.port()]), Arc::clone(&stop));
            tokio::spawn(async move { player.play(&stop).await })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for round in 0..3 {
        // An open session must not hold the server up.
        let (requests, queue) = mpsc::unbounded_channel();
        requests.send(pb::SessionRequest::default()).unwrap();
        let mut session =
            server.licensing().session(UnboundedReceiverStream::new(queue)).await.unwrap().into_inner();
        session.message().await.unwrap();
        sleep(Duration::from_secs(1)).await;
        let took = server.stop().await;
        slowest = slowest.max(took);
        assert!(took < Duration::from_secs(10), "stop {round} took {took:?}");
        state::check(&sqlite::read_copy(&server.data()).await).assert_none(&format!("LEASEHOLD_SEED={seed}"));
        server.serve().await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut histories = Vec::new();
    for player in players {
        histories.push(player.await.unwrap());
    }
    server.stop().await;
    let snapshot = sqlite::read_copy(&server.data()).await;
    let (mut violations, tally) = replay::check(&snapshot, &histories);
    violations.0.extend(state::check(&snapshot).0);
    eprintln!("3 stops under load, the slowest took {slowest:?}: {tally:?}");
    violations.assert_none(&format!("LEASEHOLD_SEED={seed}"));
    assert!(tally.answered > 0);
}
