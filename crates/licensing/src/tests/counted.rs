//! Use over time, and refusals by reason, as the lists show them.

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{FeatureName, feature};
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1::PageRequest;
use leasehold_store::LicensingStore as _;

use super::world::{INSTANCE, World, item};
use crate::jobs::tallies::write;
use crate::ops::usage::{list_denials, list_usage};

/// Looks at what is in use now, as the loop does, and writes what was counted.
async fn look(world: &World) {
    let items = world.store_items().await;
    world.state.tallying(INSTANCE).look(&feature::in_use(&items, world.now()), world.now());
    write(&world.state, INSTANCE).await.unwrap();
}

/// Whatever the loop has counted by itself, it has counted by now; from here on the test counts.
async fn counted_alone() -> World {
    let world = World::with(&[item("L1", "cad", 3), item("L2", "cam", 1)]).await;
    write(&world.state, INSTANCE).await.unwrap();
    world.pass(SignedDuration::from_hours(24));
    world.state.keyring(INSTANCE).call();
    world.certified().await;
    world
}

async fn usage(world: &World, edit: impl FnOnce(&mut pb::ListUsageRequest)) -> pb::ListUsageResponse {
    let mut request = pb::ListUsageRequest { step: pb::UsageStep::Minute.into(), ..Default::default() };
    edit(&mut request);
    list_usage(&world.state, request).await.unwrap()
}

async fn denials(world: &World, edit: impl FnOnce(&mut pb::ListDenialsRequest)) -> pb::ListDenialsResponse {
    let mut request = pb::ListDenialsRequest::default();
    edit(&mut request);
    list_denials(&world.state, request).await.unwrap()
}

fn ago(world: &World, hours: i64) -> Timestamp {
    world.now().checked_sub(SignedDuration::from_hours(hours)).unwrap()
}

#[tokio::test]
async fn use_is_shown_by_feature_and_minute_with_what_was_owned_and_refused() {
    let world = counted_alone().await;
    let held = [world.check_out("d1", 1).await, world.check_out("d2", 2).await];
    look(&world).await;
    world.ask("d3", 3, |request| request.features[0].count = 2).await;
    world.ask("d4", 4, |request| request.features[0].name = "none".to_owned()).await;
    look(&world).await;
    world.pass(SignedDuration::from_secs(60));
    look(&world).await;
    drop(held);

    let answer = usage(&world, |_| {}).await;
    let names: Vec<_> = answer.usage.iter().map(|usage| usage.feature.as_str()).collect();
    assert_eq!((names, answer.page.unwrap().total), (vec!["cad", "cam"], 2));
    let [first, second] = &answer.usage[0].points[..] else { panic!("{:?}", answer.usage[0]) };
    // The loop itself may have looked as well, and seen less before.
    assert_eq!((first.peak, first.owned, first.denials), (2, Some(3), 1));
    assert!(first.average > 0.0 && first.average <= 2.0, "{first:?}");
    assert_eq!((second.peak, second.average, second.denials), (2, 2.0, 0));
    assert_eq!(second.at.unwrap().seconds - first.at.unwrap().seconds, 60);
    assert!(answer.usage[1].points.iter().all(|point| point.peak == 0));

    let one = usage(&world, |it| it.feature = "none".to_owned()).await;
    assert_eq!((one.usage.len(), one.usage[0].points.len()), (1, 0), "nobody looked at what is not owned");
    let by_hour = usage(&world, |it| it.step = pb::UsageStep::Hour.into()).await;
    assert_eq!(by_hour.usage[0].points.last().unwrap().peak, 2);
    let before = usage(&world, |it| it.until = Some(timestamp(ago(&world, 10)))).await;
    assert!(before.usage.iter().all(|usage| usage.points.is_empty()));
}

#[tokio::test]
async fn features_come_in_pages_and_are_searched() {
    let world = counted_alone().await;
    let page = |page_token: &str, search: &str| {
        let (page_token, search) = (page_token.to_owned(), search.to_owned());
        Some(PageRequest { page_size: 1, page_token, search, ..PageRequest::default() })
    };
    let first = usage(&world, |it| it.page = page("", "")).await;
    let token = first.page.unwrap().next_page_token;
    let second = usage(&world, |it| it.page = page(&token, "")).await;
    assert_eq!((first.usage[0].feature.as_str(), second.usage[0].feature.as_str()), ("cad", "cam"));
    assert_eq!(second.page.unwrap().next_page_token, "");
    let found = usage(&world, |it| it.page = page("", "AM")).await;
    assert_eq!(found.usage[0].feature, "cam");
}

/// Breaks a request, at this time.
type Edit = fn(&mut pb::ListUsageRequest, Timestamp);

#[tokio::test]
async fn too_much_and_nonsense_are_refused_by_field() {
    let world = counted_alone().await;
    let edits: [(&str, Edit); 5] = [
        ("step", |it, _| it.step = 7),
        ("feature", |it, _| it.feature = "a\nb".to_owned()),
        ("from", |it, now| {
            (it.from, it.until) = (Some(timestamp(now)), Some(timestamp(now - SignedDuration::from_secs(1))));
        }),
        ("from", |it, now| it.from = Some(timestamp(now - SignedDuration::from_hours(17)))),
        ("page.page_size", |it, _| it.page = Some(PageRequest { page_size: 501, ..PageRequest::default() })),
    ];
    for (field, edit) in edits {
        let mut request = pb::ListUsageRequest { step: pb::UsageStep::Minute.into(), ..Default::default() };
        edit(&mut request, world.now());
        let error = list_usage(&world.state, request).await.unwrap_err().to_string();
        assert!(error.starts_with(field), "{field}: {error}");
    }
    // Seventeen hours of minutes are no trouble for one feature.
    let far = timestamp(ago(&world, 17));
    usage(&world, |it| (it.feature, it.from) = ("cad".to_owned(), Some(far))).await;
}

#[tokio::test]
async fn refusals_of_today_are_summed_by_feature_and_reason() {
    let world = counted_alone().await;
    world.check_out("d1", 1).await;
    let refused = async |id: u128, feature: &str, count: i64| {
        world
            .ask(&format!("x{id}"), id, |it| {
                (it.features[0].name, it.features[0].count) = (feature.to_owned(), count);
            })
            .await
    };
    for (id, feature, count) in [(10, "cad", 9), (11, "cad", 9), (12, "cam", 2), (13, "none", 1)] {
        refused(id, feature, count).await;
    }
    // A preview is no refusal, nor is a repeat one more.
    refused(13, "none", 1).await;
    world.ask("x", 14, |it| (it.operation, it.features[0].count) = (pb::Operation::Preview.into(), 9)).await;
    write(&world.state, INSTANCE).await.unwrap();

    let today = denials(&world, |_| {}).await;
    let rows: Vec<_> = today.denials.iter().map(|it| (it.feature.as_str(), it.reason(), it.count)).collect();
    let short = pb::RefusalReason::InsufficientCount;
    let expected = [("cad", short, 2), ("cam", short, 1), ("none", pb::RefusalReason::UnknownFeature, 1)];
    assert_eq!((rows.as_slice(), today.total, today.page.unwrap().total), (&expected[..], 4, 3));
    let one = denials(&world, |it| it.feature = "cam".to_owned()).await;
    assert_eq!((one.denials.len(), one.total), (1, 1));
    let page = PageRequest { page_size: 2, ..PageRequest::default() };
    let first = denials(&world, |it| it.page = Some(page.clone())).await;
    let page_token = first.page.unwrap().next_page_token;
    let rest = denials(&world, |it| it.page = Some(PageRequest { page_token, ..page })).await;
    assert_eq!((first.denials.len(), rest.denials.len(), rest.total), (2, 1, 4));

    world.pass(SignedDuration::from_hours(24));
    assert_eq!(denials(&world, |_| {}).await.total, 0, "tomorrow is another day");
    let since = timestamp(ago(&world, 24 * 30));
    assert_eq!(
        denials(&world, |it| it.from = Some(since)).await.total,
        4,
        "by the hour as far as it is kept"
    );
}

#[tokio::test]
async fn what_is_counted_outlives_a_failure_to_write_it() {
    let world = counted_alone().await;
    world.ask("d1", 1, |request| request.features[0].count = 9).await;
    let tallying = world.state.tallying(INSTANCE);
    tallying.give_back(tallying.take(world.now()));
    write(&world.state, INSTANCE).await.unwrap();
    write(&world.state, INSTANCE).await.unwrap();
    assert_eq!(denials(&world, |_| {}).await.total, 1);
    let features = [FeatureName::new("cad").unwrap()];
    let periods = leasehold_store::licensing::Periods {
        step: leasehold_store::licensing::Step::Hour,
        from: Timestamp::UNIX_EPOCH,
        until: world.now() + SignedDuration::from_hours(1),
    };
    assert_eq!(world.store.denials(INSTANCE, &features, periods).await.unwrap()[0].count, 1);
}

#[tokio::test]
async fn policies_are_listed_with_their_defaults() {
    let world = World::enrolled().await;
    let listed = crate::ops::list_policies::list_policies(&world.state, &pb::ListPoliciesRequest::default());
    let policies = listed.unwrap().policies;
    assert!(policies.is_sorted_by_key(|policy| policy.name.clone()));
    let ttl = policies.iter().find(|policy| policy.name == "licensing.lease_ttl").unwrap();
    assert_eq!((ttl.value.as_str(), ttl.default_value.as_str()), ("10m", "10m"));
    assert_eq!(ttl.source(), pb::PolicySource::Default);
    assert!(policies.iter().all(|policy| !policy.locked_reason.is_empty()));
}
