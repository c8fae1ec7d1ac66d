//! Bugs the simulation must catch. A checker that never failed is not yet believed.
//!
//! Outside tests no bug can be planted and [`Planted::is`] is a constant `false`, so nothing of this is compiled in.

use crate::KvPool;

/// One way to be wrong. Where it names a pool, it is so in the layers of that pool alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlantedBug {
    NoTooLongCheck,
    PromptOnlyAccounting,
    LeakOnAbort,
    DoubleFree,
    StaleComputed,
    SampleOffByOne,
    WrongBlock(KvPool),
    BudgetNotCharged,
    PreemptToTheBack,
    CopySkipped(KvPool),
    HitWithoutComparison,
    CachedBeforeCommit,
    EvictReferenced,
    SiblingsForgotten,
    RunningLeftOut,
    FinishedTwice,
    HeldScheduled,
    OldestPreempted,
    DeadlineIgnored,
    ClassesNeverRise,
    PromptBeforeDecodes,
    FailedStepKept,
    FailedStepCached,
    RootIgnored,
    PaceIgnored,
    ProposalsNotBudgeted,
    ProposalsBesidePreemption,
    ProposalsUnseen,
    ProposalsUnchecked,
    ProposalsDrawAlike,
    DrawsUnbounded,
    RollbackSkipped,
    PooledTooEarly,
    PooledNotReleased,
    ScoresUnbounded,
    ScoresFromCache,
    ScoredAgain,
    ScoreOffByOne,
    StatesFromCache,
    StatesToldAgain,
    BeamSumForgotten,
    DeadBeamKept,
    BeamsBlock,
    WindowTooShort(KvPool),
    WindowNeverMoves(KvPool),
    WindowedFoundAfterReuse,
    EqualBlocksKept,
    WholeCut,
    WholeUnbounded,
}

/// The bug in force, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planted {
    #[cfg(test)]
    pub(crate) bug: Option<PlantedBug>,
}

impl Planted {
    /// Whether this bug is in force.
    #[cfg(test)]
    pub(crate) fn is(self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }

    /// Whether this bug is in force: never, outside tests.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the test build looks at self")]
    pub(crate) const fn is(self, _bug: PlantedBug) -> bool {
        false
    }
}
