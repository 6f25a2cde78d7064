//! Notices: who hears of them, for how long, and that replicas share them.

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::LineItem;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::{Caller, Role};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::wire::{Wire, on_behalf_of, reason};
use super::world::{LONG, Site, World, item};

/// A notice of a text, for everybody, for an hour.
fn text(key: &str, now: Timestamp) -> pb::PublishNoticeRequest {
    pb::PublishNoticeRequest {
        key: key.to_owned(),
        text: format!("about {key}"),
        until: Some(timestamp(now.checked_add(SignedDuration::from_hours(1)).unwrap())),
        ..Default::default()
    }
}

fn update(version: &str, now: Timestamp) -> pb::PublishNoticeRequest {
    let update = pb::UpdateAvailable {
        product: "Suite".to_owned(),
        channel: "stable".to_owned(),
        version: version.to_owned(),
    };
    pb::PublishNoticeRequest { text: String::new(), update: Some(update), ..text("update", now) }
}

struct Publisher(Wire);

impl Publisher {
    async fn new(world: &World) -> Self {
        Self(Wire::new(world, Caller::service("updates")).await)
    }

    async fn publish(&mut self, notice: pb::PublishNoticeRequest) -> (u64, bool) {
        let answer = self.0.internal.publish_notice(notice).await.unwrap().into_inner();
        (answer.number, answer.changed)
    }

    async fn withdraw(&mut self, key: &str) -> bool {
        let request = pb::WithdrawNoticeRequest { key: key.to_owned(), ..Default::default() };
        self.0.internal.withdraw_notice(request).await.unwrap().into_inner().withdrawn
    }
}

/// A client with a lease, its features and the tag that it has.
struct Hearer {
    wire: Wire,
    lease: pb::GrantRef,
    features: Vec<String>,
    tag: u64,
}

impl Hearer {
    /// The keys that a heartbeat brings; `None` where it says that nothing has changed.
    async fn beat(&mut self) -> Option<Vec<String>> {
        let request = pb::HeartbeatRequest {
            leases: vec![self.lease.clone()],
            features: self.features.clone(),
            notices_tag: self.tag,
            ..Default::default()
        };
        let answer = self.wire.client.heartbeat(request).await.unwrap().into_inner();
        let changed = answer.notices_tag != self.tag;
        assert!(changed || answer.notices.is_empty(), "what is known is not sent again");
        self.tag = answer.notices_tag;
        changed.then(|| answer.notices.into_iter().map(|notice| notice.key).collect())
    }
}

async fn hearer(world: &World, features: &[&str]) -> Hearer {
    let lease = world.check_out("d1", 1).await;
    let features = features.iter().map(|name| (*name).to_owned()).collect();
    Hearer { wire: Wire::new(world, Caller::Anonymous).await, lease, features, tag: 0 }
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_heartbeat_brings_what_stands_once() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    let (mut publisher, mut hearer) = (Publisher::new(&world).await, hearer(&world, &["cad"]).await);
    assert_eq!(hearer.beat().await, None, "there is nothing");
    let now = world.now();
    let (first, changed) = publisher.publish(text("a", now)).await;
    assert!(changed && first > 0);
    assert_eq!(hearer.beat().await, Some(keys(&["a"])));
    assert_eq!(hearer.beat().await, None);
    assert_eq!(publisher.publish(text("a", now)).await, (first, false), "the same once more");
    assert_eq!(hearer.beat().await, None);

    let second = publisher.publish(text("b", now)).await.0;
    assert_eq!(hearer.beat().await, Some(keys(&["a", "b"])));
    let anew = pb::PublishNoticeRequest { text: "anew".to_owned(), ..text("a", now) };
    assert!(publisher.publish(anew).await.0 > second);
    assert_eq!(hearer.beat().await, Some(keys(&["b", "a"])), "a new notice has a new number");
    assert!(publisher.withdraw("b").await && !publisher.withdraw("b").await);
    assert_eq!(hearer.beat().await, Some(keys(&["a"])));
    world.pass(SignedDuration::from_hours(1));
    hearer.lease = world.check_out("d2", 2).await;
    assert_eq!(hearer.beat().await, Some(keys(&[])), "what is over is gone");
    assert_eq!(hearer.beat().await, None);
}

#[tokio::test]
async fn a_notice_is_for_holders_of_its_features_or_of_its_products() {
    let of = |id: &str, feature: &str, product: &str| LineItem {
        product: product.to_owned(),
        ..item(id, feature, 3)
    };
    let world =
        World::with(&[of("L1", "cad", "Suite"), of("L2", "cam", "Suite"), of("L3", "sim", "Lab")]).await;
    let (mut publisher, mut hearer) = (Publisher::new(&world).await, hearer(&world, &[]).await);
    let now = world.now();
    let for_features = |key: &str, features: &[&str]| pb::PublishNoticeRequest {
        features: features.iter().map(|name| (*name).to_owned()).collect(),
        ..text(key, now)
    };
    let for_product =
        |key: &str, product: &str| pb::PublishNoticeRequest { product: product.to_owned(), ..text(key, now) };
    publisher.publish(text("all", now)).await;
    publisher.publish(for_features("sim", &["sim", "other"])).await;
    publisher.publish(for_product("suite", "Suite")).await;
    publisher.publish(for_product("nobody's", "unknown")).await;
    for (features, expected) in [
        (&["cad"][..], &["all", "suite"][..]),
        (&["sim", "cam"], &["all", "sim", "suite"]),
        (&["sim"], &["all", "sim"]),
        (&["none"], &["all"]),
        (&[], &["all", "sim", "suite"]),
    ] {
        (hearer.features, hearer.tag) = (features.iter().map(|name| (*name).to_owned()).collect(), 0);
        assert_eq!(hearer.beat().await, Some(keys(expected)), "{features:?}");
    }
    let request = pb::HeartbeatRequest { leases: vec![hearer.lease.clone()], ..Default::default() };
    let told = hearer.wire.client.heartbeat(request).await.unwrap().into_inner().notices;
    assert_eq!(told[2].features, ["cad", "cam"], "whoever names none can tell whom it concerns");
    assert_eq!(told[0].features, Vec::<String>::new());

    // A feature that comes to the product is found within seconds.
    let more = [of("L1", "cad", "Suite"), of("L3", "sim", "Lab"), of("L4", "new", "Suite")];
    world.apply(2, &more).await.unwrap();
    hearer.features = vec!["new".to_owned()];
    world
        .until(async || {
            let items = world.store_items().await;
            world.state.note_products(super::world::INSTANCE, &items);
            crate::notices::refresh(&world.state, super::world::INSTANCE).await.unwrap();
            true
        })
        .await;
    assert_eq!(hearer.beat().await, Some(keys(&["all", "suite"])));
}

#[tokio::test]
async fn another_replica_hears_of_a_notice_by_itself() {
    let site = Site::new().await;
    let world = site.start().await.unwrap();
    world.licensing.enrol(world.vendor.enrolment()).await.unwrap();
    world.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    world.certified().await;
    let other = site.start().await.unwrap();
    let mut hearer = hearer(&other, &["cad"]).await;
    let mut publisher = Publisher::new(&world).await;
    publisher.publish(text("a", world.now())).await;
    let heard = async {
        loop {
            if let Some(keys) = hearer.beat().await {
                return keys;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    assert_eq!(timeout(LONG, heard).await.unwrap(), ["a"]);
    let later = site.start().await.unwrap();
    let shown = later.state.board(super::world::INSTANCE).shown();
    assert_eq!(shown.concerning(&[], later.now()).count(), 1, "and so does one that starts later");
}

#[tokio::test]
async fn a_session_tells_of_each_update_once_and_at_once() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    let mut publisher = Publisher::new(&world).await;
    publisher.publish(update("1.1", world.now())).await;
    let mut wire = Wire::new(&world, Caller::Anonymous).await;
    let (sender, requests) = mpsc::unbounded_channel();
    let beat = |features: &[&str]| pb::SessionRequest {
        features: features.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    sender.send(beat(&["cad"])).unwrap();
    let answer = wire.client.session(UnboundedReceiverStream::new(requests)).await.unwrap();
    let mut events = answer.into_inner();
    let mut next = async || timeout(LONG, events.message()).await.unwrap().unwrap().unwrap().event.unwrap();
    let versions = |event: &pb::session_response::Event| match event {
        pb::session_response::Event::UpdateAvailable(update) => Some(update.version.clone()),
        _ => None,
    };
    let pb::session_response::Event::Heartbeat(heard) = next().await else { panic!("first the answer") };
    assert_eq!(heard.notices.len(), 1);
    assert_eq!(versions(&next().await).as_deref(), Some("1.1"));
    // At once, and without a heartbeat; nothing of what it knows or what does not concern it.
    publisher.publish(text("a", world.now())).await;
    let elsewhere = pb::PublishNoticeRequest {
        features: vec!["cam".to_owned()],
        key: "x".to_owned(),
        ..update("9", world.now())
    };
    publisher.publish(elsewhere).await;
    publisher.publish(update("1.2", world.now())).await;
    assert_eq!(versions(&next().await).as_deref(), Some("1.2"));
    sender.send(beat(&["cad"])).unwrap();
    assert!(matches!(next().await, pb::session_response::Event::Heartbeat(_)));
    sender.send(beat(&["cad", "cam"])).unwrap();
    assert!(matches!(next().await, pb::session_response::Event::Heartbeat(_)));
    assert_eq!(versions(&next().await).as_deref(), Some("9"), "its features are those of the last message");
}

/// Breaks a request.
type Edit = fn(&mut pb::PublishNoticeRequest);

#[tokio::test]
async fn what_is_no_notice_is_refused_by_its_field() {
    let world = World::enrolled().await;
    let mut wire = Wire::new(&world, Caller::service("updates")).await;
    let now = world.now();
    let far = timestamp(now.checked_add(SignedDuration::from_hours(367 * 24)).unwrap());
    let edits: [(&str, Edit); 9] = [
        ("key", |it| it.key.clear()),
        ("key", |it| it.key = "x".repeat(256)),
        ("subject", |it| it.subject = "x".repeat(256)),
        ("text", |it| it.text.clear()),
        ("text", |it| it.text = "x".repeat(4_097)),
        ("features[1]", |it| it.features = vec!["cad".to_owned(), String::new()]),
        ("features", |it| it.features = vec!["cad".to_owned(); 1_001]),
        ("update.version", |it| {
            it.update =
                Some(pb::UpdateAvailable { product: "p".into(), channel: "c".into(), ..Default::default() });
        }),
        ("until", |it| it.until = None),
    ];
    let mut refuse = async |field: &str, notice: pb::PublishNoticeRequest| {
        let refused = wire.internal.publish_notice(notice).await.unwrap_err();
        assert!(refused.message().starts_with(&format!("{field}: ")), "{field}: {refused:?}");
    };
    for (field, edit) in edits {
        let mut notice = text("a", now);
        edit(&mut notice);
        refuse(field, notice).await;
    }
    for until in [timestamp(now), far] {
        refuse("until", pb::PublishNoticeRequest { until: Some(until), ..text("a", now) }).await;
    }
    let unknown = pb::PublishNoticeRequest { instance: "nowhere".to_owned(), ..text("a", now) };
    assert_eq!(reason(wire.internal.publish_notice(unknown).await), "UNKNOWN_INSTANCE");
    let mut publisher = Publisher(wire.clone());
    for number in 0..100 {
        publisher.publish(text(&format!("n{number}"), now)).await;
    }
    assert_eq!(reason(wire.internal.publish_notice(text("more", now)).await), "LIMIT_EXCEEDED");
    publisher.publish(pb::PublishNoticeRequest { text: "anew".to_owned(), ..text("n7", now) }).await;
    publisher.withdraw("n8").await;
    publisher.publish(text("more", now)).await;
}

#[tokio::test]
async fn only_updates_publishes() {
    let world = World::enrolled().await;
    let notice = text("a", world.now());
    for caller in [Caller::service("gateway"), Caller::service("admin"), Caller::service("sync")] {
        let mut wire = Wire::new(&world, caller).await;
        assert_eq!(reason(wire.internal.publish_notice(notice.clone()).await), "PERMISSION_DENIED");
    }
    let mut gateway = Wire::new(&world, Caller::service("gateway")).await;
    let by_kim = on_behalf_of("kim", Role::Admin, notice);
    assert_eq!(reason(gateway.internal.publish_notice(by_kim).await), "PERMISSION_DENIED");
}
