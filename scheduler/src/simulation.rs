//! The real driver over a fake executor, from one seed: arrivals, aborts, holds, faults, tiny pools.
//!
//! A run must be safe, live, in order and right; each property is a checker in a file of its own. A failure prints
//! its seed, and nothing else is needed to see it again. The planted bugs prove that the checkers see.

mod beam_oracle;
mod ended;
mod fake_executor;
mod fake_model;
mod live;
mod observation;
mod oracle;
mod order;
mod outcome;
mod random;
mod safe;
mod scenario;
mod text;
mod world;

use std::collections::BTreeMap;
use std::panic::catch_unwind;

use crate::planted_bug::PlantedBug;
use outcome::Outcome;
use world::World;

/// Seeds of a plain run.
const SEEDS: u64 = 6000;

/// Seeds within which each planted bug must be caught.
const SEEDS_FOR_A_BUG: u64 = 2000;

/// Runs a seed to its end; panics on the first thing wrong. Returns what came of it.
fn simulate(seed: u64, bug: Option<PlantedBug>) -> Outcome {
    let mut world = World::from_seed(seed, bug);
    while world.has_work() {
        world.turn();
    }
    world.finish()
}

/// Like [`simulate`]; the seed is named when it fails.
fn simulate_named(seed: u64) -> Outcome {
    catch_unwind(|| simulate(seed, None)).unwrap_or_else(|_| panic!("seed {seed} fails"))
}

#[test]
fn every_seed_is_safe_live_in_order_and_right() {
    for seed in 0..SEEDS {
        simulate_named(seed);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = || (0..100).map(simulate_named).collect::<Vec<_>>();
    let outcomes = run();
    assert_eq!(outcomes, run());
    assert!(outcomes.windows(2).all(|pair| pair[0] != pair[1]), "seeds differ");
}

#[test]
fn the_seeds_see_every_kind_of_thing() {
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    for (kind, times) in (0..1500).flat_map(|seed| simulate_named(seed).tally) {
        *tally.entry(kind).or_default() += times;
    }
    let refusals = ["Empty", "TooLong", "NeverFits", "TooManyChoices", "QueueFull", "QueueTokensFull"];
    let ends = ["Stop", "Length", "Aborted", "Failed", "RowFailed", "QueueTimeout", "Timeout"];
    let ways = [
        "preemption",
        "prefix hit",
        "whole prompt hit",
        "recomputed",
        "copy",
        "fork",
        "mixed step",
        "proposal",
        "accepted proposal",
        "accepted prediction",
        "rejected prediction",
        "vector",
        "vector after preemption",
        "vector after a prefix hit",
        "vector beside a draw",
        "vectors of whole sequences",
        "states in pieces",
        "states after a preemption",
        "score",
        "scores in pieces",
        "scores after a preemption",
        "beam search to its end",
        "beam search stopped",
        "beam search after a preemption",
        "answer of several",
        "block given back",
        "block given back after a prefix hit",
        "block given back by one of several",
        "windowed block given back",
        "windowed block given back after a prefix hit",
        "windowed block given back by one of several",
        "block given back after a preemption",
        "windowed block given back after a preemption",
        "preemption beside a second pool",
        "preemption for want of windowed blocks",
        "prefix hit after a preemption beside a second pool",
        "recomputed beside a second pool",
        "states after a preemption beside a second pool",
    ];
    let aborts =
        ["before the fork", "in the prompt", "while decoding", "when preempted", "while waiting", "after the end"]
            .map(|state| format!("abort {state}"));
    for kind in refusals.iter().chain(&ends).chain(&ways).copied().chain(aborts.iter().map(String::as_str)) {
        let times = tally.get(kind).copied().unwrap_or(0);
        assert!(times >= 10, "{kind} was seen {times} times: {tally:?}");
    }
}

fn is_caught(bug: PlantedBug) -> bool {
    (0..SEEDS_FOR_A_BUG).any(|seed| catch_unwind(|| simulate(seed, Some(bug))).is_err())
}

macro_rules! caught {
    ($($test:ident: $bug:ident $(($pool:ident))?,)*) => {
        mod planted {
            $(#[test]
            fn $test() {
                let bug = super::PlantedBug::$bug $((crate::KvPool::$pool))?;
                assert!(super::is_caught(bug), "nobody noticed {bug:?}");
            })*
        }
    };
}

caught! {
    no_too_long_check: NoTooLongCheck,
    prompt_only_accounting: PromptOnlyAccounting,
    leak_on_abort: LeakOnAbort,
    double_free: DoubleFree,
    stale_computed_after_preemption: StaleComputed,
    sample_flag_off_by_one: SampleOffByOne,
    wrong_block_in_the_table: WrongBlock(Main),
    wrong_block_in_the_second_table: WrongBlock(Windowed),
    budget_not_charged: BudgetNotCharged,
    preempt_to_the_back_of_the_queue: PreemptToTheBack,
    copy_on_write_skipped: CopySkipped(Main),
    copy_on_write_skipped_in_the_second_pool: CopySkipped(Windowed),
    prefix_hit_without_comparison: HitWithoutComparison,
    block_cached_before_commit: CachedBeforeCommit,
    referenced_block_evicted: EvictReferenced,
    siblings_forgotten_at_the_fork: SiblingsForgotten,
    running_sequence_left_out: RunningLeftOut,
    finished_twice: FinishedTwice,
    held_sequence_scheduled: HeldScheduled,
    oldest_preempted: OldestPreempted,
    deadline_ignored: DeadlineIgnored,
    classes_never_rise: ClassesNeverRise,
    prompt_before_decodes: PromptBeforeDecodes,
    failed_step_kept: FailedStepKept,
    failed_step_cached: FailedStepCached,
    root_of_the_prefix_chain_ignored: RootIgnored,
    pace_ignored: PaceIgnored,
    proposals_not_budgeted: ProposalsNotBudgeted,
    proposals_beside_preemption: ProposalsBesidePreemption,
    accepted_proposals_not_seen: ProposalsUnseen,
    proposals_not_checked: ProposalsUnchecked,
    proposals_draw_alike: ProposalsDrawAlike,
    draws_unbounded: DrawsUnbounded,
    rollback_skipped: RollbackSkipped,
    vector_one_token_too_early: PooledTooEarly,
    pooled_sequence_not_released: PooledNotReleased,
    scores_unbounded: ScoresUnbounded,
    scores_taken_from_the_prefix_cache: ScoresFromCache,
    prompt_scored_again_after_preemption: ScoredAgain,
    score_of_the_wrong_token: ScoreOffByOne,
    states_taken_from_the_prefix_cache: StatesFromCache,
    states_told_again_after_preemption: StatesToldAgain,
    beam_sum_forgotten: BeamSumForgotten,
    dead_beam_kept: DeadBeamKept,
    beams_block_each_other: BeamsBlock,
    window_too_short: WindowTooShort(Main),
    window_too_short_in_the_second_pool: WindowTooShort(Windowed),
    window_never_moves: WindowNeverMoves(Main),
    window_never_moves_in_the_second_pool: WindowNeverMoves(Windowed),
    windowed_block_found_after_its_reuse: WindowedFoundAfterReuse,
    equal_blocks_kept: EqualBlocksKept,
    whole_sequence_cut: WholeCut,
    whole_sequences_not_budgeted: WholeUnbounded,
}
