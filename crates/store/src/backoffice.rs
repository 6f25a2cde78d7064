//! What the back office keeps: what the vendor sells to whom, and what the licence servers of its customers asked and
//! were answered.
//!
//! Every change comes with its audit record, in one transaction. Secrets come sealed, line items and answers encoded:
//! a store does not look into them.

mod records;

use async_trait::async_trait;

use crate::StoreError;
use crate::licensing::{Page, PageQuery};

pub use records::{
    AuditRecord, Binding, Contact, Customer, Digest, Entitlement, EntitlementId, EntitlementRow, Exchange,
    LicenseServer, LicenseServerId, LineItemContent, OnlineKey, Product, Quota, UpdateRepository, Vendor,
};

/// What the back office keeps.
///
/// Lists of products and customers are ordered by name, of licence servers by customer and name, of entitlements by id,
/// which is by the time of their making; of the audit newest first.
#[async_trait]
pub trait BackOfficeStore: Send + Sync + 'static {
    /// Whether it answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Whose back office it is.
    async fn vendor(&self) -> Result<Option<Vendor>, StoreError>;

    /// Writes the vendor, unless there is one; says whether it did.
    async fn create_vendor(&self, vendor: &Vendor, audit: &AuditRecord) -> Result<bool, StoreError>;

    /// Replaces the vendor's online key, where the vendor has this root key; says whether it did.
    async fn replace_online_key(
        &self,
        root_key: &[u8; 32],
        key: &OnlineKey,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError>;

    /// Says where the vendor's updates are, where there is a vendor and it is another place than before; says whether
    /// it did.
    async fn set_update_repository(
        &self,
        repository: &UpdateRepository,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError>;

    /// Adds a product, unless one has the name; says whether it did.
    async fn create_product(&self, product: &Product, audit: &AuditRecord) -> Result<bool, StoreError>;

    /// One product.
    async fn product(&self, name: &str) -> Result<Option<Product>, StoreError>;

    /// The products. `search` looks at name and description.
    async fn products(&self, page: &PageQuery) -> Result<Page<Product>, StoreError>;

    /// Adds a customer, unless one has the name; says whether it did.
    async fn create_customer(&self, customer: &Customer, audit: &AuditRecord) -> Result<bool, StoreError>;

    /// One customer.
    async fn customer(&self, name: &str) -> Result<Option<Customer>, StoreError>;

    /// The customers. `search` looks at name and mail.
    async fn customers(&self, page: &PageQuery) -> Result<Page<Customer>, StoreError>;

    /// Adds a licence server, unless the customer has one of the name; says whether it did. A customer that is not
    /// there is a [`StoreError::Constraint`].
    async fn create_license_server(
        &self,
        license_server: &LicenseServer,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError>;

    /// One licence server.
    async fn license_server(&self, id: LicenseServerId) -> Result<Option<LicenseServer>, StoreError>;

    /// The licence servers. `search` looks at name, customer and id.
    async fn license_servers(&self, page: &PageQuery) -> Result<Page<LicenseServer>, StoreError>;

    /// One entitlement.
    async fn entitlement(&self, id: EntitlementId) -> Result<Option<EntitlementRow>, StoreError>;

    /// The entitlements, with `of` only those of this licence server. `search` looks at the ids and the customer.
    async fn entitlements(
        &self,
        of: Option<LicenseServerId>,
        page: &PageQuery,
    ) -> Result<Page<EntitlementRow>, StoreError>;

    /// What was done, with `subject` only to this. `search` looks at everything but the time.
    async fn audit(&self, subject: Option<&str>, page: &PageQuery) -> Result<Page<AuditRecord>, StoreError>;

    /// Records a refusal, unless the quota of records of its action on its subject is used up; says whether it did.
    async fn record_refusal(&self, audit: &AuditRecord, quota: Quota) -> Result<bool, StoreError>;

    /// Begins a transaction on one licence server and waits for its turn: no two on one server run at once, whichever
    /// process begins them. `None` where there is no such server.
    async fn begin(&self, id: LicenseServerId) -> Result<Option<Box<dyn LicenseServerTurn>>, StoreError>;
}

/// One transaction on one licence server. Dropped without a commit, it leaves nothing behind.
#[async_trait]
pub trait LicenseServerTurn: Send {
    /// The licence server as the transaction found it.
    fn license_server(&self) -> &LicenseServer;

    /// Every line item of the server with its entitlement: by entitlement, then in their order.
    async fn line_items(&mut self) -> Result<Vec<(EntitlementId, LineItemContent)>, StoreError>;

    /// One entitlement of the server.
    async fn entitlement(&mut self, id: EntitlementId) -> Result<Option<Entitlement>, StoreError>;

    /// What the server asked and was answered, as far as it is kept, by sequence number.
    async fn exchanges(&mut self) -> Result<Vec<Exchange>, StoreError>;

    /// The answer of this sequence number, encoded.
    async fn answer(&mut self, sequence: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes what changes of the server: its binding, what it said, its sequence number and deadline, the suspicion.
    async fn save(&mut self, license_server: &LicenseServer) -> Result<(), StoreError>;

    /// Keeps an exchange with its answer. A number or digest that is kept already is a [`StoreError::Constraint`].
    async fn add_exchange(&mut self, exchange: &Exchange, answer: &[u8]) -> Result<(), StoreError>;

    /// Forgets the exchanges up to this sequence number.
    async fn forget_exchanges(&mut self, up_to: u64) -> Result<(), StoreError>;

    /// Writes an entitlement of the server with its line items, which replace those it had. An id that another
    /// entitlement of the server has is a [`StoreError::Constraint`].
    async fn save_entitlement(&mut self, entitlement: &Entitlement) -> Result<(), StoreError>;

    /// Removes an entitlement with its line items; says whether it was there.
    async fn remove_entitlement(&mut self, id: EntitlementId) -> Result<bool, StoreError>;

    /// Records what was done.
    async fn record(&mut self, audit: &AuditRecord) -> Result<(), StoreError>;

    /// Makes all of it so: nothing can undo it any more.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
