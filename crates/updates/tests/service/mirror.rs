//! Mirroring: what comes, what is refused, and what stays in force then.

use std::fs;

use jiff::SignedDuration;
use leasehold_artifacts::{Kind, Release};
use leasehold_proto::updates::v1 as pb;
use leasehold_updates::Interval;

use crate::repository::{Repository, Trouble, definition};
use crate::world::{World, reason, until};

const DAY: std::time::Duration = std::time::Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_is_mirrored_and_software_waits_for_an_administrator() {
    let world = World::new().await;
    let now = world.now();
    world.vendor.release(definition("cad", "1.0"), b"one", now);
    world.vendor.release(Release::new("tool", "1.0", Kind::Software), b"program", now);
    let process = world.start().await;
    let run = process.sync().await.unwrap();
    assert_eq!((run.changed, run.fetched_files, run.fetched_bytes, run.missing_files), (true, 1, 3, 0));
    assert_eq!(run.actor, "local");
    let releases = process.releases().await;
    let seen: Vec<_> = releases.iter().map(|it| (it.product.as_str(), it.state(), it.held)).collect();
    let (approved, known) = (pb::ReleaseState::Approved, pb::ReleaseState::Known);
    assert_eq!(seen, [("cad", approved, true), ("tool", known, false)]);

    let status = process.status().await;
    assert_eq!((status.kind(), status.address_source.as_str()), (pb::ConnectionKind::Direct, "vendor"));
    assert!(status.expires_at.is_some() && status.succeeded_at.is_some() && status.next_at.is_none());
    assert_eq!(status.definitions.len(), 1);
    assert_eq!((status.definitions[0].file.as_str(), status.definitions[0].held), ("rules.db", true));

    let again = process.sync().await.unwrap();
    assert_eq!((again.changed, again.fetched_files), (false, 0));
    let steps = process.upstream().test_connection(pb::TestConnectionRequest::default()).await;
    let steps = steps.unwrap().into_inner().steps;
    assert!(steps.len() == 4 && steps.iter().all(|step| step.ok), "{steps:?}");
    process.stop().await;

    // With nobody to ask, the next process serves what there is.
    *world.peers.away.lock().unwrap() = true;
    let process = world.start().await;
    let held = pb::ListReleasesRequest { instance: crate::peers::NAME.to_owned(), ..Default::default() };
    assert_eq!(process.admin().list_releases(held).await.unwrap().into_inner().releases.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_a_run_is_what_is_kept_of_it() {
    let world = World::new().await;
    // More exact than anything is kept.
    world.clock.advance(std::time::Duration::from_nanos(1));
    let process = world.start().await;
    let run = process.sync().await.unwrap();
    assert_eq!(process.status().await.last_run, Some(run));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_breaks_off_goes_on_where_it_was() {
    let world = World::new().await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    world.vendor.release(definition("cad", "1.0"), &content, world.now());
    world.vendor.expect("rules.db", Trouble::BreaksOff(2_500_000));
    let process = world.start().await;
    let run = process.sync().await.unwrap();
    assert_eq!(run.fetched_files, 1);
    let asked: Vec<_> =
        world.vendor.asked().into_iter().filter(|(path, ..)| path.contains("rules.db")).collect();
    let from: u64 = asked[1].1.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
    assert!(asked.len() == 2 && (1_500_000..=2_500_000).contains(&from), "{asked:?}");
    assert!(asked[0].1.is_empty() && asked[1].2.starts_with('"'), "{asked:?}");
    assert_eq!(fs::read(world.blob(&content)).unwrap(), content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_repository_is_refused_and_the_newer_one_stays_in_force() {
    let world = World::new().await;
    world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    let old = world.vendor.copy();
    world.vendor.release(definition("cad", "2.0"), b"two", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let real = world.vendor.serve_instead(old);
    assert_eq!(reason(process.sync().await), "UPDATE_REPOSITORY_INVALID");
    let status = process.status().await;
    let last = status.last_run.unwrap();
    assert_eq!(last.failure_reason, "UPDATE_REPOSITORY_INVALID");
    assert!(last.message.contains("an old copy is never taken"), "{}", last.message);
    assert_eq!(status.definitions[0].version, "2.0");
    process.stop().await;
    // Also the next process remembers.
    let process = world.start().await;
    assert_eq!(reason(process.sync().await), "UPDATE_REPOSITORY_INVALID");
    world.vendor.serve_instead(real);
    assert!(!process.sync().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_that_has_ended_and_that_of_another_vendor_are_refused() {
    let world = World::new().await;
    world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let other = Repository::new(world.now());
    other.release(definition("cad", "9.0"), b"other", world.now());
    let real = world.vendor.serve_instead(other.copy());
    assert_eq!(reason(process.sync().await), "UPDATE_REPOSITORY_INVALID");
    world.vendor.serve_instead(real);
    world.clock.advance(DAY * 3_650);
    let ended = process.sync().await.unwrap_err();
    assert!(ended.message().contains("ended"), "{ended:?}");
    assert_eq!(process.status().await.definitions[0].version, "1.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_is_not_the_vendors_is_not_kept_and_keeps_nothing_else_back() {
    let world = World::new().await;
    let bad = world.vendor.release(definition("bad", "1.0"), b"right", world.now());
    world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    fs::write(world.vendor.file(&bad, b"right"), b"wrong").unwrap();
    let process = world.start().await;
    let refused = process.sync().await.unwrap_err();
    assert!(refused.message().contains("SHA-256") && refused.message().contains(&bad), "{refused:?}");
    let last = process.status().await.last_run.unwrap();
    assert_eq!((last.fetched_files, last.missing_files), (1, 1));
    let held: Vec<_> = process.releases().await.into_iter().map(|it| (it.product, it.held)).collect();
    assert_eq!(held, [("bad".to_owned(), false), ("cad".to_owned(), true)]);
    // What is not here is given to nobody.
    world.peers.held.lock().unwrap().insert("bad".to_owned());
    let answer = process.check_in("bad", ("", b"")).await.unwrap();
    assert!(world.opened(&answer).assignments.is_empty());
    fs::write(world.vendor.file(&bad, b"right"), b"right").unwrap();
    process.sync().await.unwrap();
    let answer = process.check_in("bad", ("", b"")).await.unwrap();
    assert_eq!(world.opened(&answer).assignments.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_puts_off_is_left_alone_for_so_long_and_redirects_are_not_followed() {
    let mut world = World::new().await;
    world.interval = Interval::Every(SignedDuration::from_hours(24));
    world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    let process = world.start().await;
    until("the first run by the schedule", || async {
        process.status().await.last_run.is_some_and(|run| run.ended_at.is_some() && run.actor == "schedule")
    })
    .await;
    world.vendor.expect("timestamp", Trouble::Says("HTTP/1.1 503 Busy\r\nRetry-After: 7200"));
    assert_eq!(reason(process.sync().await), "UPDATE_REPOSITORY_UNREACHABLE");
    let next = process.status().await.next_at.unwrap().seconds;
    assert_eq!(next - world.now().as_second(), 7_200);
    world
        .vendor
        .expect("timestamp", Trouble::Says("HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/"));
    let refused = process.sync().await.unwrap_err();
    assert!(refused.message().contains("elsewhere.example"), "{refused:?}");
    let asked = world.vendor.asked().len();
    process.sync().await.unwrap();
    assert!(asked > 0 && process.status().await.last_run.unwrap().failure_reason.is_empty());
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_repository_it_says_so() {
    let world = World::new().await;
    *world.peers.repository.lock().unwrap() = Default::default();
    let process = world.start().await;
    assert_eq!(reason(process.sync().await), "NO_UPDATE_REPOSITORY");
    assert_eq!(process.status().await.kind(), pb::ConnectionKind::None);
    let steps = process.upstream().test_connection(pb::TestConnectionRequest::default()).await;
    let steps = steps.unwrap().into_inner().steps;
    assert!(steps.len() == 1 && !steps[0].ok, "{steps:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_no_repository_is_known_it_is_looked_for_each_minute() {
    let mut world = World::new().await;
    world.interval = Interval::Every(SignedDuration::from_hours(24));
    let known = std::mem::take(&mut *world.peers.repository.lock().unwrap());
    let process = world.start().await;
    until("the first run by the schedule", || async {
        process.status().await.last_run.is_some_and(|run| run.ended_at.is_some())
    })
    .await;
    for _ in 0..8 {
        assert_eq!(reason(process.sync().await), "NO_UPDATE_REPOSITORY");
        let wait = process.status().await.next_at.unwrap().seconds - world.now().as_second();
        assert!((1..=66).contains(&wait), "{wait}");
    }
    process.stop().await;
    world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    *world.peers.repository.lock().unwrap() = known;
    world.clock.advance(std::time::Duration::from_secs(67));
    let process = world.start().await;
    until("the schedule has found it", || async {
        crate::web::status(&process, "/definitions/cad/rules.db").await == 200
    })
    .await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_has_rotted_is_found_and_brought_again() {
    let mut world = World::new().await;
    world.scrub_interval = SignedDuration::from_millis(100);
    world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    fs::write(world.blob(b"one"), b"eno").unwrap();
    until("the right content is there again", || async {
        fs::read(world.blob(b"one")).is_ok_and(|content| content == b"one")
    })
    .await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_a_directory_and_what_one_has_brought_the_other_brings_too() {
    let world = World::new().await;
    world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    let (one, other) = (world.start().await, world.start().await);
    one.sync().await.unwrap();
    let path = format!("/tuf/{}/metadata/timestamp.json", crate::peers::NAME);
    until("the other serves the mirror", || async { crate::web::status(&other, &path).await == 200 }).await;
    let blob = format!("/blobs/sha256/{}", leasehold_artifacts::Digest::of(b"one"));
    assert_eq!(crate::web::status(&other, &blob).await, 200);
    one.stop().await;
    other.stop().await;
}
