//! The real driver over a fake executor, from one seed: arrivals, aborts, holds, faults, tiny pools.
//!
//! A run must be safe, live, in order and right; each property is a checker in a file of its own. A failure prints
//! its seed, and nothing else is needed to see it again. The planted bugs prove that the checkers see.

mod ended;
mod fake_executor;
mod fake_model;
mod live;
mod observation;
mod oracle;
mod order;
mod random;
mod safe;
mod scenario;
mod text;
mod world;

use std::panic::catch_unwind;

use crate::planted_bug::PlantedBug;
use world::World;

/// Runs a seed to its end; panics on the first thing wrong. Returns a digest of everything that happened.
fn simulate(seed: u64, bug: Option<PlantedBug>) -> u64 {
    let mut world = World::from_seed(seed, bug);
    while world.has_work() {
        world.turn();
    }
    world.finish()
}

/// Like [`simulate`]; the seed is named when it fails.
fn simulate_named(seed: u64) -> u64 {
    catch_unwind(|| simulate(seed, None)).unwrap_or_else(|_| panic!("seed {seed} fails"))
}

#[test]
fn every_seed_is_safe_live_in_order_and_right() {
    for seed in 0..4000 {
        simulate_named(seed);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let digests: Vec<u64> = (0..100).map(simulate_named).collect();
    let again: Vec<u64> = (0..100).map(simulate_named).collect();
    assert_eq!(digests, again);
    assert!(digests.windows(2).all(|pair| pair[0] != pair[1]), "seeds differ");
}

/// Seeds within which each planted bug must be caught.
const SEEDS_FOR_A_BUG: u64 = 400;

fn is_caught(bug: PlantedBug) -> bool {
    (0..SEEDS_FOR_A_BUG).any(|seed| catch_unwind(|| simulate(seed, Some(bug))).is_err())
}

macro_rules! caught {
    ($($test:ident: $bug:ident,)*) => {
        mod planted {
            $(#[test]
            fn $test() {
                assert!(super::is_caught(super::PlantedBug::$bug), "nobody noticed {:?}", super::PlantedBug::$bug);
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
    wrong_block_in_the_table: WrongBlock,
    budget_not_charged: BudgetNotCharged,
    preempt_to_the_back_of_the_queue: PreemptToTheBack,
    copy_on_write_skipped: CopySkipped,
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
}
