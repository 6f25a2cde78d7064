//! Storage traits, one per service, and what every back end promises.
//!
//! A service loads, lets `domain` decide, and saves; this crate says in which words. Not responsible
//! for how a database does it: that is `store-sqlite`, `store-postgres` and `store-sql`, and all pass the suites in
//! [`conformance`] (feature `conformance`).
//!
//! Rules for a back end:
//! - Everything belongs to an instance: every key starts with it, and no statement spans two.
//! - A batch is one transaction. Until [`LicensingBatch::commit`] returns, nothing of it is visible, and
//!   when it has returned, all of it survives the loss of the machine's power.
//! - A batch that is dropped without a commit leaves nothing behind. So does one of which a call failed: it
//!   cannot be committed any more.
//! - Two batches of one instance never read the same counters at once.
//! - What is not found is `None` or left out of the answer, never an error.
//! - Times are kept to the microsecond.

pub mod backoffice;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
pub mod gateway;
pub mod licensing;
mod schema;
pub mod sync;
pub mod updates;

pub use backoffice::{BackOfficeStore, LicenseServerTurn};
pub use error::StoreError;
pub use gateway::GatewayStore;
pub use licensing::{LicensingBatch, LicensingStore};
pub use schema::SchemaVersion;
pub use sync::SyncStore;
pub use updates::UpdateStore;
