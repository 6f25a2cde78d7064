//! Walking the steps to the vendor.

use leasehold_proto::sync::v1::{self as pb, SyncStep};
use tonic::Status;

use crate::vendor::{ADDRESS, Trouble};
use crate::world::World;

fn walked(steps: &[pb::ConnectionStep]) -> Vec<(SyncStep, bool)> {
    steps.iter().map(|step| (step.step(), step.ok)).collect()
}

#[tokio::test]
async fn every_step_is_told_with_its_time_and_nothing_changes() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let standing = world.standing().await;
    let steps = process.test().await.unwrap();
    let all = [SyncStep::Resolve, SyncStep::Connect, SyncStep::Tls, SyncStep::Exchange];
    assert_eq!(walked(&steps), all.map(|step| (step, true)));
    assert!(steps.iter().all(|step| step.took.is_some()));
    assert!(steps[0].message.contains(ADDRESS) && steps[3].message.contains("Example Ltd"), "{steps:?}");
    assert_eq!(world.standing().await, standing);
    assert!(process.history().await.is_empty() && world.vendor.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_walk_ends_at_the_step_that_fails() {
    let world = World::new().await;
    let process = world.enrolled().await;
    for (closed, steps) in [
        (SyncStep::Resolve, vec![(SyncStep::Resolve, false)]),
        (SyncStep::Connect, vec![(SyncStep::Resolve, true), (SyncStep::Connect, false)]),
        (SyncStep::Tls, vec![(SyncStep::Resolve, true), (SyncStep::Connect, true), (SyncStep::Tls, false)]),
    ] {
        *world.vendor.closed.lock().unwrap() = Some(closed);
        let found = process.test().await.unwrap();
        assert_eq!(walked(&found), steps);
        assert!(found.last().unwrap().message.contains("closed at"));
    }
}

#[tokio::test]
async fn another_vendor_at_the_address_is_told() {
    let world = World::new().await;
    let process = world.enrolled().await;
    *world.vendor.says.lock().unwrap() = "other".to_owned();
    let steps = process.test().await.unwrap();
    let last = steps.last().unwrap();
    assert_eq!((last.step(), last.ok), (SyncStep::Exchange, false));
    assert!(last.message.contains("other") && last.message.contains("example"), "{}", last.message);
}

#[tokio::test]
async fn a_vendor_by_files_has_no_way() {
    let world = World::new().await;
    let process = world.start().await;
    process.enrol(pb::Enrolment { address: String::new(), ..world.vendor.enrolment() }).await.unwrap();
    let steps = process.test().await.unwrap();
    assert_eq!(walked(&steps), [(SyncStep::Resolve, false)]);
    assert!(steps[0].message.contains("leasehold sync export"), "{steps:?}");
    // A request by the network does not wait for its like.
    world.vendor.expect([Trouble::Stranger(Status::unavailable("never asked"))]);
    process.synchronize().await.unwrap_err();
    assert_eq!(world.vendor.troubles.lock().unwrap().len(), 1);
}
