//! Backups of an embedded server: one file with a copy of everything in its data directory but its keys.
//!
//! Responsible for making a copy while a server may be running, for checking every byte of one, and for putting one back,
//! whole or not at all. Not responsible for databases on a server, which have tools of their own.
//!
//! A backup is a tar file: `index.json`, which says what is in it; `index.json.sha256`; then each file, in the order
//! of the index. Reference: operations, "Backups".

mod create;
mod error;
mod index;
mod read;
mod restore;

pub use create::{Options as CreateOptions, create};
pub use error::BackupError;
pub use index::{Entry, Index};
pub use read::verify;
pub use restore::{Options as RestoreOptions, Restored, restore};

/// The form of a backup that this release writes and reads.
const FORMAT: u32 = 1;
/// What a backup begins with.
const INDEX: &str = "index.json";
const INDEX_SUM: &str = "index.json.sha256";
/// The master key, sealed.
const SEALED_KEY: &str = "master.key.age";
/// The folder of files that are not databases.
const ARTIFACTS: &str = "updates";
/// What is in it that nobody needs: files that are being fetched.
const PARTS: &str = "updates/blobs/part";
