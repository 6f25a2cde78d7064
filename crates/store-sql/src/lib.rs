//! The stores whose SQL both databases understand: those of sync, of updates, of the back office and of the gateway.
//!
//! Every statement is written once, in the subset that `PostgreSQL` and `SQLite` share; only the tables are
//! declared twice. What has to be fast is elsewhere: licensing's tables are in `store-postgres` and
//! `store-sqlite`. Not responsible for any rule.

mod backoffice;
pub mod database;
mod error;
mod gateway;
mod look;
mod page;
mod schema;
mod schemas;
mod sync;
mod updates;
mod values;

pub use backoffice::SqlBackOfficeStore;
pub use database::{Database, OpenError, Place};
pub use gateway::SqlGatewayStore;
pub use schemas::{SCHEMAS, Schema};
pub use sync::SqlSyncStore;
pub use updates::SqlUpdateStore;

/// A statement with its arguments.
type Statement = sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments>;
