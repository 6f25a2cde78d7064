//! What the service for updates keeps: what the vendor has released, how its repository was mirrored, and what clients
//! have and did.
//!
//! Everything belongs to an instance. Not responsible for the files themselves, nor for what any of it means.

mod records;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::InstanceId;
use uuid::Uuid;

use crate::StoreError;
use crate::licensing::{AnswerKey, Page, PageQuery};

pub use records::{
    Assigned, Catalogue, CheckIn, Client, Event, Holding, Installed, KeptEvent, Newest, Reported, Run,
    RunFailure, Upstream, Versions,
};

/// What the service for updates keeps.
#[async_trait]
pub trait UpdateStore: Send + Sync + 'static {
    /// Whether it answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// The newest answer keys, newest first.
    async fn answer_keys(&self, instance: InstanceId, limit: u32) -> Result<Vec<AnswerKey>, StoreError>;

    /// Adds an answer key. One of the same id is a [`StoreError::Constraint`].
    async fn add_answer_key(&self, instance: InstanceId, key: &AnswerKey) -> Result<(), StoreError>;

    /// Forgets the answer keys whose certificates were not good any more at `before`; says how many.
    async fn forget_answer_keys(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError>;

    /// How the mirror stands.
    async fn upstream(&self, instance: InstanceId) -> Result<Option<Upstream>, StoreError>;

    /// Writes how the mirror stands.
    async fn save_upstream(&self, instance: InstanceId, upstream: &Upstream) -> Result<(), StoreError>;

    /// The revision of the catalogue; 0 where there is none yet.
    async fn revision(&self, instance: InstanceId) -> Result<u64, StoreError>;

    /// Every release, by its target's path.
    async fn catalogue(&self, instance: InstanceId) -> Result<Catalogue, StoreError>;

    /// Replaces every release, and notes what clients are to be told of: where the newest release of a product and
    /// channel is another than before, a notice is owed. Writes nothing where the catalogue has another revision than
    /// this one by now; says whether it wrote.
    async fn replace_catalogue(
        &self,
        instance: InstanceId,
        catalogue: &Catalogue,
        newest: &[Newest],
    ) -> Result<bool, StoreError>;

    /// What clients are to be told of and have not been, by product and channel.
    async fn owed_notices(&self, instance: InstanceId) -> Result<Vec<Newest>, StoreError>;

    /// Clients have been told of this, which is then owed no more, unless there is something newer by now.
    async fn notice_told(&self, instance: InstanceId, told: &Newest) -> Result<(), StoreError>;

    /// Keeps what a client says it has and what it is assigned. What it does not follow any more is forgotten; the state
    /// that it reported stays where the assignment does.
    async fn check_in(&self, instance: InstanceId, check_in: &CheckIn) -> Result<(), StoreError>;

    /// One client.
    async fn client(&self, instance: InstanceId, client: Uuid) -> Result<Option<Client>, StoreError>;

    /// The clients, by hostid and id; with `product`, those that follow it. `search` looks at hostid, alias and id.
    async fn clients(
        &self,
        instance: InstanceId,
        product: Option<&str>,
        page: &PageQuery,
    ) -> Result<Page<Client>, StoreError>;

    /// How many clients hold what of each product, by product and hash.
    async fn holdings(&self, instance: InstanceId) -> Result<Vec<Holding>, StoreError>;

    /// Keeps the events of a client that come after the last one that is kept, and the state that they leave each product
    /// in; what came before is passed over. Says the last that is kept by now; `None` where there is no such client.
    async fn record_events(
        &self,
        instance: InstanceId,
        reported: &Reported<'_>,
    ) -> Result<Option<u64>, StoreError>;

    /// What a client did, newest first. `search` looks at product, version, state and message.
    async fn events(
        &self,
        instance: InstanceId,
        client: Uuid,
        page: &PageQuery,
    ) -> Result<Page<KeptEvent>, StoreError>;

    /// Forgets the events that were received before; says how many. Their numbers stay used.
    async fn forget_events(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError>;
}
