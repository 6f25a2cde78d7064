//! Notices on heartbeats reach the program, each once.

use std::time::Duration;

use leasehold_client::{Checkout, Notice, Notices};
use leasehold_proto::licensing::v1 as pb;

use crate::fake::Fake;
use crate::link::connected;

fn notice(number: u64, text: &str) -> pb::Notice {
    pb::Notice { number, key: format!("key-{number}"), text: text.to_owned(), ..pb::Notice::default() }
}

fn stand(fake: &Fake, tag: u64, notices: &[pb::Notice]) {
    fake.state().notices = (tag, notices.to_vec());
}

async fn next(notices: &mut Notices) -> Notice {
    // On a paused clock, a wait that is in vain ends soon.
    tokio::time::timeout(Duration::from_hours(1), notices.next()).await.expect("no notice came").unwrap()
}

async fn nothing(notices: &mut Notices) -> bool {
    tokio::time::timeout(Duration::from_hours(1), notices.next()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn each_notice_is_heard_once() {
    let (fake, _link, client) = connected().await;
    let mut notices = client.notices();
    let _guard = client.checkout(Checkout::new("solver")).await.unwrap();
    assert!(nothing(&mut notices).await);
    let update =
        pb::UpdateAvailable { product: "rules".into(), channel: "stable".into(), version: "2".into() };
    let news = pb::Notice { update: Some(update), ..notice(2, "rules are here") };
    stand(&fake, 7, &[notice(1, "maintenance"), news.clone()]);
    assert_eq!(next(&mut notices).await.text, "maintenance");
    let heard = next(&mut notices).await.update.unwrap();
    assert_eq!((heard.product.as_str(), heard.version.as_str()), ("rules", "2"));
    assert!(nothing(&mut notices).await);
    // One goes, one is published anew, and one stays: who was told of it is not told again.
    stand(&fake, 8, &[news, notice(3, "maintenance")]);
    assert_eq!(next(&mut notices).await.text, "maintenance");
    assert!(nothing(&mut notices).await);
    // Whoever comes later hears what stands.
    let mut later = client.notices();
    assert_eq!(next(&mut later).await.text, "rules are here");
    assert_eq!(next(&mut later).await.text, "maintenance");
    stand(&fake, 0, &[]);
    assert!(nothing(&mut later).await);
    let last = client.notices();
    assert!(nothing(&mut { last }).await, "nothing stands any more");
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_names_what_is_held_and_what_is_known() {
    let (fake, _link, client) = connected().await;
    stand(&fake, 7, &[notice(1, "maintenance")]);
    let _solver = client.checkout(Checkout::new("solver")).await.unwrap();
    let _again = client.checkout(Checkout::new("solver")).await.unwrap();
    let _mesher = client.checkout(Checkout::new("mesher")).await.unwrap();
    let calls = fake.until(|calls| calls.said.len() >= 2).await;
    let held = vec!["mesher".to_owned(), "solver".to_owned()];
    assert_eq!(calls.said[..2], [(held.clone(), 0), (held, 7)]);
}

#[tokio::test(start_paused = true)]
async fn listening_ends_with_the_client() {
    let (_fake, _link, client) = connected().await;
    let mut notices = client.notices();
    drop(client);
    assert_eq!(tokio::time::timeout(Duration::from_secs(1), notices.next()).await, Ok(None));
}
