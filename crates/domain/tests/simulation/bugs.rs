//! Mistakes that the simulation can make on purpose, to show that it would find them.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A lease that the lease store does not know is taken back at once.
    MissingIsSilent,
    /// A flush is no gap.
    NoGapAfterFlush,
    /// A heartbeat that the lease store does not know is believed without asking the store.
    HeartbeatResurrects,
    /// Request ids are kept in the memory of the process.
    RequestIdsInMemory,
    /// Counts are read, and written later, without a lock.
    CountWithoutLock,
    /// The reaper checks neither token nor floor deadline under the lock.
    NoFencing,
    /// A lease store that comes back with an old snapshot counts as the same.
    OldSnapshotIsTrusted,
    /// The answer goes out before the commit.
    ReplyBeforeCommit,
    /// A client counts its lease from the answer.
    CountFromAnswer,
}

impl Bug {
    /// Silence is believed whatever happened to the lease store.
    pub(crate) fn ignores_gaps(self) -> bool {
        matches!(self, Self::MissingIsSilent | Self::NoGapAfterFlush)
    }
}
