//! How the mirror stands.

use super::Factory;
use super::sample::{World, at, instance, upstream};
use crate::updates::{Run, Upstream};

/// Every field comes back, those that are missing too.
pub async fn an_upstream_comes_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(world.store.upstream(world.instance).await.unwrap(), None);
    for saved in [upstream(), Upstream::default()] {
        world.store.save_upstream(world.instance, &saved).await.unwrap();
        assert_eq!(world.store.upstream(world.instance).await.unwrap(), Some(saved));
    }
    assert_eq!(world.store.upstream(instance(2)).await.unwrap(), None);
}

/// What the next one leaves out is gone.
pub async fn an_upstream_is_replaced_whole(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.store.save_upstream(world.instance, &upstream()).await.unwrap();
    let run = Run { started_at: at(50), ended_at: None, failure: None, ..upstream().last.unwrap() };
    let running = Upstream { last: Some(run), next_at: None, ..upstream() };
    world.store.save_upstream(world.instance, &running).await.unwrap();
    assert_eq!(world.store.upstream(world.instance).await.unwrap(), Some(running));
}
