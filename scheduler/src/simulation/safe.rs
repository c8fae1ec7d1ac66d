//! Safe: budget, pace, places and deadlines are kept, and a held sequence sits the step out.

use std::collections::BTreeSet;

use super::observation::{Books, Member, Observation};
use crate::{Event, Passes, Work};

/// Panics if a step took more than it may, or the wrong ones.
pub(super) fn check(seen: &Observation, books: &Books) {
    assert!(seen.plan.num_tokens() <= seen.limits.max_num_batched_tokens, "the budget is kept");
    let running: usize = seen.after.running.iter().map(|member| member.seqs.len()).sum();
    assert!(running <= seen.limits.max_num_seqs, "no more sequences run than may");
    for member in seen.before.running.iter().chain(&seen.before.waiting) {
        assert!(!(seen.is_held(member) && seen.is_planned(member)), "a held sequence sits the step out");
    }
    check_whole(seen, books);
    check_pace(seen, books);
    check_proposals(seen, books);
    check_scores(seen, books);
    check_failure(seen, books);
    check_deadlines(seen, books);
}

/// Where sequences are computed whole, a step ends all that it computes.
fn check_whole(seen: &Observation, books: &Books) {
    if seen.limits.passes == Passes::Cached {
        return;
    }
    for work in &seen.plan.works {
        assert_eq!((work.start, work.tokens.len()), (0, books[&work.seq].prompt_tokens), "all of it is computed");
        assert!(work.pooled && work.blocks.is_empty(), "it holds nothing and ends");
    }
    assert!(seen.after.running.is_empty(), "nobody runs between steps");
}

/// Beside streams, prompts take no more than the line in front of the step allows.
fn check_pace(seen: &Observation, books: &Books) {
    let streams: usize = seen.plan.works.iter().filter(|work| is_stream(seen, work)).count();
    if streams == 0 {
        return;
    }
    let prompt = |member: &Member| books[&member.seqs[0]].prompt_tokens;
    let chunks = seen.before.running.iter().map(|member| member.remaining).filter(|&remaining| remaining > 1);
    let waiting: usize = seen.before.waiting.iter().map(prompt).chain(chunks).sum();
    let tokens: usize = seen
        .plan
        .works
        .iter()
        .filter(|work| !is_stream(seen, work))
        .map(|work| work.tokens.len() - work.proposals())
        .sum();
    // Who is preempted or expires in this turn was counted as a stream.
    let streams = seen.before.running.iter().filter(|member| member.remaining == 1).count();
    let most = waiting.div_ceil(16).max(3 * streams).max(16);
    assert!(tokens <= most, "{tokens} prompt tokens beside {streams} streams while {waiting} wait");
}

/// Proposals ride on the last known token alone, within what may still be said, and not in a step that preempts.
fn check_proposals(seen: &Observation, books: &Books) {
    let most = seen.limits.speculation.num_speculative_tokens;
    let preempts = seen.before.running.iter().any(|member| seen.is_preempted(member));
    for work in seen.plan.works.iter().filter(|work| work.proposals() > 0) {
        assert!(work.proposals() <= most && !preempts, "{} proposals, {most} allowed", work.proposals());
        assert_eq!(work.proposals() + 1, work.tokens.len(), "proposals ride on the last known token");
        assert!(work.start + work.tokens.len() <= books[&work.seq].peak, "nothing is proposed behind the end");
        assert_eq!(work.samples.len(), work.tokens.len(), "every row draws");
    }
}

/// Rows of logits are bounded, and those that score are of the prompt and lie before those that draw.
fn check_scores(seen: &Observation, books: &Books) {
    let rows = seen.plan.num_samples() + seen.plan.num_scores();
    assert!(rows <= seen.limits.max_samples, "no more is drawn and scored than may");
    for work in &seen.plan.works {
        let rows = work.scores.iter().map(|spec| spec.row).chain(work.samples.first().map(|spec| spec.row));
        assert!(rows.is_sorted_by(|a, b| a < b), "each score has a row of its own, before the draws");
        let scored = work.scores.iter().map(|spec| work.start + spec.row + 1).max();
        assert!(scored < Some(books[&work.seq].prompt_tokens), "only the prompt is scored");
    }
}

/// Whether a work decodes: it ran before and lacked one token.
fn is_stream(seen: &Observation, work: &Work) -> bool {
    seen.before.running.iter().any(|member| member.remaining == 1 && member.seqs.contains(&work.seq))
}

/// A failed step ends all its sequences, those that a member stands for included, and with a beam its whole request.
fn check_failure(seen: &Observation, books: &Books) {
    let planned: BTreeSet<usize> = seen.plan.works.iter().map(|work| books[&work.seq].arrival).collect();
    for member in seen.before.running.iter().chain(&seen.before.waiting) {
        for seq in &member.seqs {
            let failed = seen.events.iter().any(|event| {
                matches!(event, Event::Finished { seq: ended, reason: crate::FinishReason::Failed, .. } if ended == seq)
            });
            let known = &books[seq];
            let is_planned = if known.beams { planned.contains(&known.arrival) } else { seen.is_planned(member) };
            let is_answer = known.expected.is_some() && !known.ended;
            assert_eq!(failed, seen.failed && is_planned && is_answer, "exactly a failed step's sequences fail");
        }
    }
}

/// Nobody outlives a deadline by a turn.
fn check_deadlines(seen: &Observation, books: &Books) {
    for seq in seen.after.running.iter().chain(&seen.after.waiting).flat_map(|member| &member.seqs) {
        let known = &books[seq];
        assert!(known.deadline.is_none_or(|deadline| seen.now <= deadline), "{seq:?} is past its deadline");
        let waits = known.scheduled.is_none();
        let past = known.queue_deadline.is_some_and(|deadline| seen.now > deadline);
        assert!(!(waits && past), "{seq:?} is past its queue deadline");
    }
}
