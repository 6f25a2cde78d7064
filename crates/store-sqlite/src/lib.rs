//! The embedded store: database files in one data directory.
//!
//! Responsible for keeping what services save in files of this machine, safely and for one process at a time.
//! Not responsible for what the rows mean: that is `domain`, and the services between.
//!
//! - [`DataDir`] is the directory, with its lock.
//! - [`SqliteLicensingStore`] is licensing's file, or a database in memory for tests.
//!
//! A commit returns when the write-ahead log has reached the disk (`synchronous = FULL`). One connection writes,
//! a few read; a reader sees what was committed when its statement began.

mod batch;
mod connect;
mod copy;
mod data_dir;
mod decode;
pub mod directory;
mod encode;
mod error;
mod floors;
mod lists;
mod open;
#[cfg(test)]
mod plans;
mod reader;
pub mod schema;
mod store;
mod tables;
mod writer;

pub use copy::copy;
pub use data_dir::{DataDir, DataDirError, Unfinished};
pub use open::OpenError;
pub use store::SqliteLicensingStore;
