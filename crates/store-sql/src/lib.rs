//! The stores whose SQL both databases understand: those of sync and of the back office.
//!
//! Every statement is written once, in the subset that `PostgreSQL` and `SQLite` share; only the tables are
//! declared twice. What has to be fast is elsewhere: licensing's tables are in `store-postgres` and
//! `store-sqlite`. Not responsible for any rule.

mod backoffice;
pub mod database;
mod error;
mod schema;
mod sync;

pub use backoffice::SqlBackOfficeStore;
pub use database::{Database, OpenError, Place};
pub use sync::SqlSyncStore;
