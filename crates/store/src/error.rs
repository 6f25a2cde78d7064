//! What can go wrong in a store, in words that services act on.

/// Why a store could not do what it was asked.
///
/// The text of `source` is for the log only: it may name hosts, files and statements.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not answer, is locked, or the connection broke. Trying again later may help.
    #[error("the store does not answer; try again later")]
    Unavailable {
        /// What the back end said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A unique key or another constraint refused the change; the transaction is gone.
    #[error("the store refused the change: {constraint}")]
    Constraint {
        /// What was violated.
        constraint: String,
        /// What the back end said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored cannot be read back: a defect, or a newer release wrote it.
    #[error("stored data is not understood: {what}")]
    Corrupt {
        /// Table, column and value.
        what: String,
    },
    /// Anything else: a defect.
    #[error("the store failed")]
    Internal {
        /// What the back end said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same batch may succeed when tried again, whole.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
