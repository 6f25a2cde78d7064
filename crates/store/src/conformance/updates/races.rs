//! Several at once.

use leasehold_domain::updates::UpdateState;

use super::Factory;
use super::sample::{World, all, at, check_in, event, id, release};
use crate::updates::{Catalogue, Reported};

/// Whoever comes second reads and decides anew.
pub async fn of_replacements_from_one_revision_one_is_written(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for revision in 0..3 {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (store, instance) = (world.store.clone(), world.instance);
                tokio::spawn(async move {
                    let releases = vec![release(&writer.to_string())];
                    let catalogue = Catalogue { revision, releases };
                    store.replace_catalogue(instance, &catalogue, &[]).await.unwrap()
                })
            })
            .collect();
        let mut written = 0;
        for writer in writers {
            written += usize::from(writer.await.unwrap());
        }
        assert_eq!(written, 1);
        assert_eq!(world.releases().await.len(), 1);
    }
}

/// A client that did not hear the answer says it again while the first is still being written.
pub async fn an_event_that_comes_twice_at_once_is_kept_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.check_in(&check_in(1, &["scan"], at(0))).await;
    let reporters: Vec<_> = (0..4)
        .map(|_| {
            let (store, instance) = (world.store.clone(), world.instance);
            tokio::spawn(async move {
                let events = [event(1, UpdateState::Accepted), event(2, UpdateState::Installed)];
                let reported = Reported { client: id(1), events: &events, at: at(1) };
                store.record_events(instance, &reported).await.unwrap()
            })
        })
        .collect();
    for reporter in reporters {
        assert_eq!(reporter.await.unwrap(), Some(2));
    }
    assert_eq!(world.store.events(world.instance, id(1), &all()).await.unwrap().total, 2);
}
