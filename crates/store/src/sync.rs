//! What synchronisation keeps: who an instance is to its vendor, its keys, and its exchanges.
//!
//! Keys come sealed, requests and responses encoded: a store does not look into them.

mod records;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::InstanceId;
use uuid::Uuid;

use crate::StoreError;
use crate::licensing::{Page, PageQuery};

pub use records::{
    Bundle, Change, Contact, Digest, Enrolment, Exchange, ExchangeState, Failure, Identity, Keys, Nonce,
    Pending, Step, Way,
};

/// What synchronisation keeps.
///
/// An instance's [`Identity`] has a revision that every [`save`](Self::save) moves on. Whoever reads the identity first,
/// then what else it needs, decides, and saves with the revision that it read, has decided on what still stands.
#[async_trait]
pub trait SyncStore: Send + Sync + 'static {
    /// Whether it answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Whether other processes may use it at the same time.
    fn is_shared(&self) -> bool;

    /// The instances that have an identity, by id.
    async fn enrolled(&self) -> Result<Vec<InstanceId>, StoreError>;

    /// Who an instance is to its vendor.
    async fn identity(&self, instance: InstanceId) -> Result<Option<Identity>, StoreError>;

    /// Writes a change in one transaction, if the identity's revision is still the one that the change was made from;
    /// says whether it did. A second exchange of one nonce, a second one that is being put in force, and a second online
    /// one that is outstanding are a [`StoreError::Constraint`].
    async fn save(&self, instance: InstanceId, change: &Change) -> Result<bool, StoreError>;

    /// One exchange, with what was sent and received.
    async fn exchange(&self, instance: InstanceId, number: u64) -> Result<Option<Exchange>, StoreError>;

    /// The number of the exchange with this nonce, however it stands.
    async fn number_of(&self, instance: InstanceId, nonce: &Nonce) -> Result<Option<u64>, StoreError>;

    /// The exchanges that are not ended.
    async fn pending(&self, instance: InstanceId) -> Result<Pending, StoreError>;

    /// The exchanges, newest first, without what was sent and received. `search` looks at the reason of a failure, the
    /// message and the actor.
    async fn exchanges(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<Exchange>, StoreError>;

    /// Claims an instance for `holder` until `until`, unless somebody else has claimed it beyond `now`; says whether it
    /// did. A claim that is more than twice as far ahead as `until` counts for nothing: a clock was set back since. The
    /// holder moves its own claim on in the same way. The instance needs no identity.
    async fn claim(
        &self,
        instance: InstanceId,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Gives a claim up. One that the holder does not have any more is no error.
    async fn release(&self, instance: InstanceId, holder: Uuid) -> Result<(), StoreError>;

    /// Forgets every claim: for the only process that uses the store, when it starts.
    async fn forget_claims(&self) -> Result<(), StoreError>;
}
