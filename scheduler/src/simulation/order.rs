//! In order: nobody overtakes in a class, classes run in order but for those that waited long, and preemption takes
//! the last and never the first.

use std::time::Duration;

use super::observation::{Books, Member, Observation};

const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Panics if somebody was served before or robbed after their turn.
pub(super) fn check(seen: &Observation, books: &Books) {
    for victim in seen.before.running.iter().filter(|member| seen.is_preempted(member)) {
        check_preemption(seen, books, victim);
    }
    let went = |member: &&Member| seen.is_planned(member);
    for admitted in seen.before.waiting.iter().filter(went) {
        let stays = |member: &&Member| !seen.is_planned(member) && !seen.is_held(member) && !seen.is_expired(member);
        for left in seen.before.waiting.iter().filter(stays) {
            check_admission(seen, books, admitted, left);
        }
    }
}

fn check_preemption(seen: &Observation, books: &Books, victim: &Member) {
    let order = |member: &Member| books[&member.seqs[0]].order();
    let alive = seen.before.running.iter().filter(|member| !seen.is_expired(member));
    let first = alive.clone().map(order).min();
    assert!(victim.has_drawn || first != Some(order(victim)), "the first is never preempted while it can go on");
    for other in alive.filter(|other| order(other) > order(victim) && !seen.is_preempted(other)) {
        let kept = seen.is_held(other) && !seen.is_held(victim);
        assert!(kept, "{:?} was preempted before {:?}, which comes later", victim.seqs, other.seqs);
    }
}

fn check_admission(seen: &Observation, books: &Books, admitted: &Member, left: &Member) {
    let (went, stays) = (&books[&admitted.seqs[0]], &books[&left.seqs[0]]);
    let rises = |since: Duration| seen.now.saturating_sub(since) >= LONGEST_WAIT;
    if went.class == stays.class {
        let overtakes = went.queue_order() > stays.queue_order();
        assert!(!overtakes, "{:?} overtook {:?} in its class", admitted.seqs, left.seqs);
    } else if went.class > stays.class {
        assert!(rises(went.waiting_since), "{:?} overtook the higher class of {:?}", admitted.seqs, left.seqs);
    }
    let heads_class = seen.before.waiting.iter().filter(|member| !seen.is_held(member) && !seen.is_expired(member));
    let head = heads_class
        .map(|member| &books[&member.seqs[0]])
        .filter(|known| known.class == stays.class)
        .min_by_key(|known| known.queue_order())
        .expect("the class has those that stay");
    // A beam that gave its blocks back in this turn stands at the head of its class, and has not waited.
    let unblocks = |member: &Member| member.has_drawn && (seen.is_planned(member) || seen.is_preempted(member));
    let is_same = !seen.before.running.iter().any(unblocks);
    let risen = is_same && rises(head.waiting_since) && head.arrival < went.arrival && head.arrival == stays.arrival;
    assert!(
        !risen || head.choice != stays.choice,
        "{:?} waited its time and was passed by {:?}",
        left.seqs,
        admitted.seqs
    );
}
