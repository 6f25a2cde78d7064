//! Releases, and what is owed of them.

use leasehold_domain::updates::{Release, ReleaseKind, ReleaseState};

use super::Factory;
use super::sample::{World, instance, newest, release};
use crate::updates::{Catalogue, Newest};

/// Every field comes back, and what is not in the next one is gone.
pub async fn a_catalogue_comes_back_and_is_replaced_whole(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(world.store.catalogue(world.instance).await.unwrap(), Catalogue::default());
    let bare = Release {
        kind: ReleaseKind::Software,
        os: None,
        arch: None,
        minimum_version: None,
        state: ReleaseState::Known,
        emergency: false,
        notes: String::new(),
        withdrawn_reason: String::new(),
        features: Vec::new(),
        released_at: None,
        ..release("1")
    };
    assert!(world.put(&[release("2"), bare.clone()], &[]).await);
    let kept = world.store.catalogue(world.instance).await.unwrap();
    assert_eq!(kept, Catalogue { revision: 1, releases: vec![bare.clone(), release("2")] });
    let withdrawn = Release { state: ReleaseState::Withdrawn, ..bare };
    assert!(world.put(std::slice::from_ref(&withdrawn), &[]).await);
    assert_eq!(world.releases().await, [withdrawn]);
    assert!(world.put(&[], &[]).await);
    assert_eq!(world.store.catalogue(world.instance).await.unwrap().revision, 3);
    assert!(world.releases().await.is_empty());
}

/// Whoever read an older catalogue writes nothing, and owes nothing.
pub async fn a_replacement_needs_the_revision_that_stands(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.put(&[release("1")], &[]).await);
    for revision in [0, 2, 7] {
        let stale = Catalogue { revision, releases: Vec::new() };
        let written = world.store.replace_catalogue(world.instance, &stale, &[newest("1")]).await.unwrap();
        assert!(!written, "{revision}");
    }
    assert_eq!(world.releases().await, [release("1")]);
    assert!(world.store.owed_notices(world.instance).await.unwrap().is_empty());
}

/// Another instance has releases of its own.
pub async fn catalogues_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.put(&[release("1")], &[newest("1")]).await);
    let other = World { store: world.store.clone(), instance: instance(2) };
    assert!(other.releases().await.is_empty());
    assert!(other.store.owed_notices(other.instance).await.unwrap().is_empty());
    assert!(other.put(&[], &[]).await);
    assert_eq!(world.releases().await.len(), 1);
}

/// The same newest release again owes nothing; another one does, and none does too.
pub async fn a_notice_is_owed_until_it_is_told(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let owed = async || world.store.owed_notices(world.instance).await.unwrap();
    assert!(world.put(&[release("1")], &[newest("1")]).await);
    assert_eq!(owed().await, [newest("1")]);
    world.store.notice_told(world.instance, &newest("1")).await.unwrap();
    assert!(owed().await.is_empty());
    assert!(world.put(&[release("1")], &[newest("1")]).await);
    assert!(owed().await.is_empty());
    let beta = Newest { channel: "beta".to_owned(), ..newest("1") };
    assert!(world.put(&[release("2")], &[newest("2"), beta.clone()]).await);
    assert_eq!(owed().await, [beta.clone(), newest("2")]);
    world.store.notice_told(world.instance, &beta).await.unwrap();
    let none = Newest { target: String::new(), version: String::new(), ..newest("2") };
    assert!(world.put(&[], std::slice::from_ref(&none)).await);
    assert_eq!(owed().await, [none]);
}

/// What became newer while clients were told is still owed.
pub async fn a_newer_release_is_owed_though_the_older_was_told_meanwhile(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.put(&[release("1")], &[newest("1")]).await);
    assert!(world.put(&[release("2")], &[newest("2")]).await);
    world.store.notice_told(world.instance, &newest("1")).await.unwrap();
    assert_eq!(world.store.owed_notices(world.instance).await.unwrap(), [newest("2")]);
}
