//! Whether a device holds a licence, or did lately.

use jiff::SignedDuration;
use leasehold_domain::LineItem;
use leasehold_proto::convert::time::{duration, timestamp};
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::{CallContext, Caller};

use super::wire::{Wire, reason};
use super::world::{INSTANCE, World, hostid, item};
use crate::jobs::tallies::write;
use crate::ops;

fn asked(device: &str) -> pb::CheckLicensedRequest {
    pb::CheckLicensedRequest { hostid: Some(hostid(device)), ..Default::default() }
}

async fn check(world: &World, request: pb::CheckLicensedRequest) -> pb::CheckLicensedResponse {
    ops::check_licensed::check_licensed(&world.state, request).await.unwrap()
}

async fn release(world: &World, grant: pb::GrantRef) {
    let message = pb::ReleaseRequest { grants: vec![grant], ..Default::default() };
    let (call, message) = CallContext::enter(tonic::Request::new(message)).unwrap();
    ops::release_grants::release_grants(&world.state, &call, message).await.unwrap();
}

/// How it stands, by which feature, and whether that was proven.
fn said(answer: &pb::CheckLicensedResponse) -> (pb::LicenseStanding, &str, bool) {
    assert_eq!(answer.licensed, answer.standing() != pb::LicenseStanding::None);
    (answer.standing(), &answer.feature, answer.proven)
}

const NONE: (pb::LicenseStanding, &str, bool) = (pb::LicenseStanding::None, "", false);

#[tokio::test]
async fn a_live_grant_counts_for_its_feature_and_its_product() {
    let suite = LineItem { product: "Suite".to_owned(), ..item("L1", "cad", 3) };
    let lab = LineItem { product: "Lab".to_owned(), ..item("L2", "sim", 3) };
    let world = World::with(&[suite, lab]).await;
    world.check_out("d1", 1).await;
    let holds = (pb::LicenseStanding::Holds, "cad", false);
    let features = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (device, names, product, expected) in [
        ("d1", &[][..], "", holds),
        ("d1", &["cad"], "", holds),
        ("d1", &["sim", "cad"], "", holds),
        ("d1", &["sim"], "", NONE),
        ("d1", &[], "Suite", holds),
        ("d1", &[], "Lab", NONE),
        ("d1", &["cad"], "Lab", holds),
        ("d1", &[], "unknown", NONE),
        ("d2", &[], "", NONE),
    ] {
        let request = pb::CheckLicensedRequest {
            features: features(names),
            product: product.to_owned(),
            ..asked(device)
        };
        assert_eq!(said(&check(&world, request).await), expected, "{device} {names:?} {product}");
    }
    // From the end of its period on it does not count, whether the reaper has come by or not.
    world.pass(SignedDuration::from_hours(24));
    assert_eq!(said(&check(&world, asked("d1")).await), NONE);
}

#[tokio::test]
async fn only_the_newest_tokens_of_the_devices_own_grant_prove_anything() {
    let world = World::with(&[item("L1", "cad", 3), item("L2", "cam", 3)]).await;
    let (own, others) = (world.check_out("d1", 1).await, world.check_out("d2", 2).await);
    let show = |grant: &pb::GrantRef, features: &[&str]| pb::CheckLicensedRequest {
        leases: vec![others.clone(), grant.clone()],
        features: features.iter().map(|name| (*name).to_owned()).collect(),
        ..asked("d1")
    };
    let proven = |answer: &pb::CheckLicensedResponse| (answer.licensed, answer.proven);
    assert_eq!(proven(&check(&world, show(&own, &[])).await), (true, true));
    assert_eq!(proven(&check(&world, show(&own, &["cad"])).await), (true, true));
    assert_eq!(proven(&check(&world, show(&own, &["cam"])).await), (false, false));
    assert_eq!(proven(&check(&world, show(&others, &[])).await), (true, false), "another's grant");
    for (token, fencing) in
        [(vec![7; 16], own.fencing_token), (own.lease_token.clone(), own.fencing_token + 1)]
    {
        let wrong = pb::GrantRef { lease_token: token, fencing_token: fencing, ..own.clone() };
        assert_eq!(proven(&check(&world, show(&wrong, &[])).await), (true, false));
    }
    let renewed = world.ask("d1", 3, |request| request.renews = vec![own.clone()]).await;
    assert_eq!(proven(&check(&world, show(&own, &[])).await), (true, false), "an old token");
    let newest = renewed.outcomes[0].grant.clone().unwrap();
    assert_eq!(proven(&check(&world, show(&newest, &[])).await), (true, true));
}

#[tokio::test]
async fn what_was_held_lately_counts_for_as_long_as_it_is_asked_for() {
    let world = World::with(&[item("L1", "cad", 3), item("L2", "cam", 3)]).await;
    let grant = world.check_out("d1", 1).await;
    release(&world, grant).await;
    let ended = world.now();
    let lately = |minutes: i64, feature: &str| pb::CheckLicensedRequest {
        features: vec![feature.to_owned()],
        after: Some(duration(SignedDuration::from_mins(minutes))),
        ..asked("d1")
    };
    // Once from memory, and once from the store.
    for _ in 0..2 {
        assert_eq!(said(&check(&world, asked("d1")).await), NONE, "unless it is asked for");
        assert_eq!(said(&check(&world, lately(30, "cam")).await), NONE);
        let held = check(&world, lately(30, "cad")).await;
        assert_eq!(said(&held), (pb::LicenseStanding::Held, "cad", false));
        assert_eq!(held.held_at, Some(timestamp(ended)));
        write(&world.state, INSTANCE).await.unwrap();
        assert_eq!(world.state.tallying(INSTANCE).held_by(&"d1".parse().unwrap()), []);
    }
    // Ten minutes in the client's favour, and not a moment more.
    world.pass(SignedDuration::from_mins(40));
    assert_eq!(said(&check(&world, lately(30, "cad")).await).0, pb::LicenseStanding::Held);
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(said(&check(&world, lately(30, "cad")).await), NONE);
    assert_eq!(said(&check(&world, lately(31, "cad")).await).0, pb::LicenseStanding::Held);
}

/// Breaks a request.
type Edit = fn(&mut pb::CheckLicensedRequest);

#[tokio::test]
async fn questions_that_are_none_are_refused() {
    let world = World::enrolled().await;
    let mut updates = Wire::new(&world, Caller::service("updates")).await;
    let edits: [(&str, Edit); 4] = [
        ("hostid", |it| it.hostid = None),
        ("features[0]", |it| it.features = vec![String::new()]),
        ("features", |it| it.features = vec!["cad".to_owned(); 1_001]),
        ("after", |it| it.after = Some(duration(SignedDuration::from_hours(367 * 24)))),
    ];
    for (field, edit) in edits {
        let mut request = asked("d1");
        edit(&mut request);
        let refused = updates.internal.check_licensed(request).await.unwrap_err();
        assert!(refused.message().starts_with(field), "{field}: {refused:?}");
    }
    updates.internal.check_licensed(asked("d1")).await.unwrap();
    let mut sync = Wire::new(&world, Caller::service("sync")).await;
    assert_eq!(reason(sync.internal.check_licensed(asked("d1")).await), "PERMISSION_DENIED");
}
