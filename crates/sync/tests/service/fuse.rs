//! A store whose process may die at one point of its work.

use std::sync::Arc;

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_store::licensing::{Page, PageQuery};
use leasehold_store::sync::{Change, Exchange, Identity, Nonce, Pending};
use leasehold_store::{StoreError, SyncStore};
use leasehold_testkit::Fuse;
use uuid::Uuid;

/// A store whose process may die before and after each write.
pub(crate) struct Mortal {
    pub(crate) store: Arc<dyn SyncStore>,
    pub(crate) fuse: Arc<Fuse>,
}

impl Mortal {
    async fn written<T>(&self, write: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.fuse.point().await;
        let written = write.await;
        self.fuse.point().await;
        written
    }
}

#[async_trait::async_trait]
impl SyncStore for Mortal {
    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    async fn enrolled(&self) -> Result<Vec<InstanceId>, StoreError> {
        self.store.enrolled().await
    }

    async fn identity(&self, instance: InstanceId) -> Result<Option<Identity>, StoreError> {
        self.store.identity(instance).await
    }

    async fn save(&self, instance: InstanceId, change: &Change) -> Result<bool, StoreError> {
        self.written(self.store.save(instance, change)).await
    }

    async fn exchange(&self, instance: InstanceId, number: u64) -> Result<Option<Exchange>, StoreError> {
        self.store.exchange(instance, number).await
    }

    async fn number_of(&self, instance: InstanceId, nonce: &Nonce) -> Result<Option<u64>, StoreError> {
        self.store.number_of(instance, nonce).await
    }

    async fn pending(&self, instance: InstanceId) -> Result<Pending, StoreError> {
        self.store.pending(instance).await
    }

    async fn exchanges(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<Exchange>, StoreError> {
        self.store.exchanges(instance, page).await
    }

    async fn claim(
        &self,
        instance: InstanceId,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.written(self.store.claim(instance, holder, now, until)).await
    }

    async fn release(&self, instance: InstanceId, holder: Uuid) -> Result<(), StoreError> {
        self.written(self.store.release(instance, holder)).await
    }

    async fn forget_claims(&self) -> Result<(), StoreError> {
        self.store.forget_claims().await
    }
}
