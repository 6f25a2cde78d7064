//! Instances, and what is not one.

use leasehold_domain::{Changes, InstanceId};

use super::Factory;
use super::sample::{World, all, at, change, grant, hostid, item, touched_by, uuid};
use crate::StoreError;
use crate::licensing::{GrantFilter, Instance, RightsChange};

fn instance(id: u128, name: &str, is_default: bool) -> Instance {
    Instance { id: InstanceId(uuid(id)), name: name.to_owned(), is_default }
}

/// A store that is there answers.
pub async fn a_store_answers(factory: &dyn Factory) {
    factory.open().await.ping().await.unwrap();
}

/// Instances come in the order of their names' bytes.
pub async fn instances_are_listed_by_name(factory: &dyn Factory) {
    let store = factory.open().await;
    assert_eq!(store.instances().await.unwrap(), []);
    let (lower, upper, greek) =
        (instance(1, "b", false), instance(2, "Zeta", true), instance(3, "αβγ", false));
    for instance in [&lower, &upper, &greek] {
        store.create_instance(instance).await.unwrap();
    }
    assert_eq!(store.instances().await.unwrap(), [upper, lower, greek]);
}

/// Two instances of one name are refused; the first stays as it was.
pub async fn a_taken_name_is_refused(factory: &dyn Factory) {
    refused(factory, &instance(2, "main", false)).await;
}

/// Two instances of one id are refused; the first stays as it was.
pub async fn a_taken_id_is_refused(factory: &dyn Factory) {
    refused(factory, &instance(1, "other", false)).await;
}

/// Only one instance is the default.
pub async fn a_second_default_is_refused(factory: &dyn Factory) {
    refused(factory, &instance(2, "other", true)).await;
}

async fn refused(factory: &dyn Factory, second: &Instance) {
    let world = World::new(factory).await;
    let error = world.store.create_instance(second).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    assert_eq!(world.store.instances().await.unwrap(), [instance(1, "main", true)]);
    world.store.create_instance(&instance(3, "third", false)).await.unwrap();
}

/// Reading what was never made finds nothing.
pub async fn an_unknown_instance_holds_nothing(factory: &dyn Factory) {
    let World { store, .. } = World::with_item(factory, 5).await;
    let unknown = InstanceId(uuid(77));
    assert_eq!(store.line_items(unknown).await.unwrap(), []);
    assert_eq!(store.grants_by_id(unknown, &[grant(1, "d", "cad").id]).await.unwrap(), []);
    assert_eq!(store.grants(unknown, &GrantFilter::default(), &all()).await.unwrap().total, 0);
    assert_eq!(store.devices(unknown, &all()).await.unwrap().total, 0);
    assert_eq!(store.device(unknown, &hostid("d")).await.unwrap(), None);
    assert_eq!(store.groups(unknown, &all()).await.unwrap().total, 0);
    assert_eq!(store.activity(unknown, &all()).await.unwrap().total, 0);
    assert_eq!(store.silent(unknown, at(9_999), 10).await.unwrap(), []);
    assert_eq!(store.overdue(unknown, at(9_999), None, 10).await.unwrap(), []);
    assert_eq!(store.count_online(unknown).await.unwrap(), 0);
    assert_eq!(store.forget_answers(unknown, at(9_999), 10).await.unwrap(), 0);
    assert_eq!(store.forget_activity(unknown, at(9_999), 10).await.unwrap(), 0);
}

/// A batch on an instance that was never made is refused when it begins, saves or commits.
pub async fn nothing_is_written_to_an_unknown_instance(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let write = async {
        let mut batch = world.store.begin(InstanceId(uuid(77))).await?;
        batch.load(&touched_by(&grant(1, "d", "cad").holder), &leasehold_domain::Policies::default()).await?;
        batch.save_rights(&RightsChange { items: vec![item("item-1", "cad", 5)], ..change() }).await?;
        batch.commit(&Changes::default(), &[], at(0)).await
    };
    let error = write.await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
}
