//! A process that dies at any point of a run.

use leasehold_store::updates::Run;

use crate::repository::definition;
use crate::world::{Process, World, instance, until};
use leasehold_testkit::Fuse;

/// Whether clients were told of this version.
fn told(world: &World, version: &str) -> bool {
    world.peers.notices.lock().unwrap().iter().any(|(_, told, ..)| told == version)
}

async fn last(world: &World) -> Run {
    world.store.upstream(instance()).await.unwrap().unwrap().last.unwrap()
}

/// A world with one release mirrored, and another published in its place since.
async fn before() -> World {
    let world = World::new().await;
    let path = world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    let whole = world.start().await;
    whole.sync().await.unwrap();
    until("the first is told", || async {
        told(&world, "1.0") && world.store.owed_notices(instance()).await.unwrap().is_empty()
    })
    .await;
    whole.stop().await;
    world.vendor.withdraw(&path, world.now());
    world.vendor.release(definition("cad", "2.0"), b"two", world.now());
    world
}

/// What stands in the list as held is here, whatever was written before.
async fn check_held(world: &World, process: &Process, point: usize) {
    for release in process.releases().await.iter().filter(|release| release.held) {
        let content: &[u8] = if release.version == "2.0" { b"two" } else { b"one" };
        assert!(world.blob(content).exists(), "{point}: {release:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_run_dies_nobody_sees_a_mix_and_the_next_one_completes_it() {
    for point in 0.. {
        let world = before().await;
        let fuse = Fuse::at(point);
        let process = world.start_with(&fuse).await;
        let ended = tokio::select! {
            ran = process.sync() => Some(ran),
            () = fuse.blown() => None,
        };
        process.kill().await;
        let process = world.start().await;
        check_held(&world, &process, point).await;
        if last(&world).await.ended_at.is_some() {
            // It died before it had written that it began, or when all was done.
            process.sync().await.unwrap();
        }
        // One that was cut short is done over without anybody asking.
        until("the run is done", || async {
            let run = last(&world).await;
            run.ended_at.is_some() && run.failure.is_none() && run.missing_files == 0
        })
        .await;
        let releases = process.releases().await;
        assert!(
            releases.iter().any(|release| release.version == "2.0" && release.held),
            "{point}: {releases:?}"
        );
        until("clients are told", || async { told(&world, "2.0") }).await;
        process.stop().await;
        if ended.is_some() {
            assert!(point >= 8, "a run has that many points at least: {point}");
            return;
        }
    }
}
