//! The production store: a schema in a Postgres database, shared by any number of replicas.
//!
//! Responsible for keeping what services save, safely, whatever process or connection dies. Not responsible for
//! what the rows mean: that is `domain`, and the services between.
//!
//! [`PostgresLicensingStore`] is licensing's part: the schema `licensing`. [`Settings`] says where the database
//! is and how long to wait for it.
//!
//! - Nobody hears of a commit before the server has it on disk. Batches follow each other sooner than that: see
//!   `flushing`.
//! - A batch takes its instance's advisory lock with its first statement and keeps it until its end; whatever
//!   else changes rights, grants or devices takes it too. So batches of one instance follow each other, over all
//!   replicas, and nothing of theirs can deadlock.
//! - A batch costs two round trips: take the turn, claim and load; save and commit. What it reads and writes is the work
//!   of functions in the database, whose plans are kept and go by index alone.
//! - A connection that breaks is replaced. A batch during which it breaks is lost, unless its commit got through.

mod arguments;
mod batch;
mod calls;
mod connections;
mod decode;
mod encode;
mod error;
mod examine;
mod floors;
mod flushing;
mod instances;
mod lists;
mod open;
mod rows;
pub mod schema;
mod session;
mod settings;
mod steps;
mod store;
mod tables;
mod tls;
mod transaction;

pub use examine::{Standing, examine};
pub use open::OpenError;
pub use settings::Settings;
pub use store::PostgresLicensingStore;
