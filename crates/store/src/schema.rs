//! Where the tables of a service stand. Not responsible for bringing them up to date: each back end does it itself.

/// The version of a service's tables: the one that a database has, and the newest one that this release knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The database's; 0 where it has none of these tables yet.
    pub found: i64,
    /// This release's.
    pub known: i64,
}

impl SchemaVersion {
    /// Whether steps are missing that this release has.
    pub fn is_pending(self) -> bool {
        self.found < self.known
    }
}
