//! Live: whoever can run, does.

use super::observation::Observation;

/// Panics if nothing was computed though something could be, or if a stream was left out.
pub(super) fn check(seen: &Observation) {
    let held_runs = seen.before.running.iter().any(|member| seen.is_held(member) && !seen.is_expired(member));
    let waits = seen.before.running.iter().chain(&seen.before.waiting);
    let free = waits.filter(|member| !member.has_drawn && !seen.is_held(member) && !seen.is_expired(member)).count();
    assert!(!seen.plan.is_empty() || free == 0 || held_runs, "{free} could run and nothing did");
    for (index, member) in seen.before.running.iter().enumerate() {
        if member.has_drawn || seen.is_held(member) || seen.is_expired(member) || seen.is_preempted(member) {
            continue;
        }
        let streams = member.generated > 0 && member.remaining == 1;
        assert!(seen.is_planned(member) || !(streams || index == 0), "{:?} was left out of a step", member.seqs);
    }
}
