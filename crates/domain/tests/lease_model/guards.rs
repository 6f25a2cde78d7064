//! The guards of the protocol, each of which the model can do without.

/// One thing that the protocol sees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// A grant is a suspect only once its floor deadline has passed.
    FloorDeadline,
    /// A lease store that forgot is a gap.
    GapAfterForgetting,
    /// Condemning compares the generation with the one that was looked at.
    GenerationAtCondemn,
    /// Condemning refuses where the lease store's clock is far from what it was at the look.
    FreshLookAtCondemn,
    /// What a restarted lease store brings back counts as forgotten.
    RunsAreGenerations,
    /// A start of the process is a gap.
    GapAtStart,
    /// A pause of the process is a gap.
    GapAfterPause,
    /// A lease store that was away is a gap.
    GapAfterAbsence,
    /// A step of the lease store's clock is a gap.
    GapAfterLeaseClockStep,
    /// Small steps of a clock that add up are a gap.
    GapAfterDrift,
    /// Taking back checks the fencing token under the lock.
    TokenAtTakeBack,
    /// Taking back checks the floor deadline under the lock: that it has passed, and is the one that was found.
    FloorAtTakeBack,
    /// The second half of that.
    FloorUnmoved,
    /// What is registered counts as heard when it came in.
    HeardOnArrival,
    /// A heartbeat that finds its lease condemned goes to the store, which decides.
    MarksDecideNothing,
    /// The floor moves, and the store confirms that the grant stands, before the lease is registered.
    EarnedBeforeRegistered,
    /// A heartbeat that the lease store does not know moves the floor before it is answered.
    UnknownIsEarned,
    /// A heartbeat that comes after its time to live counts as not known.
    LapsedIsUnknown,
    /// The client counts from the sending of a heartbeat, not from its answer.
    CountFromSending,
    /// The server waits longer than the client.
    Skew,
    /// Unearned time has an end.
    Cap,
    /// Floors are moved for those that were heard.
    EarnedFloors,
    /// Moving a floor checks the fencing token.
    TokenAtMove,
    /// A lease under an older token spares nobody.
    OldTokenSparesNobody,
    /// Condemning takes what was heard in the future as heard at the moment.
    FutureIsNow,
    /// A heartbeat that was heard last in the future counts as not known.
    FutureIsUnknown,
    /// Floors that another clock wrote are set back.
    ClampFloors,
    /// A step of the deciding clock is a gap.
    GapAfterStoreClockStep,
    /// A step of the own clock is a gap.
    GapAfterOwnClockStep,
}
