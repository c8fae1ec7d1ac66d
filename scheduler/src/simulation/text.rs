//! Right: each sequence says what the model says alone, or has the vector it has alone, to its end or as far as it was
//! let, and each prompt that is scored has the scores it has alone, each once.

use super::ended::Ended;
use super::observation::Books;
use crate::FinishReason;

/// Panics if a text or a vector is not that of an undisturbed run.
pub(super) fn check(ended: &Ended, books: &Books) {
    for (&seq, known) in books {
        let Some(expected) = &known.expected else { continue };
        let said = ended.said(seq);
        let reason = ended.end(seq).expect("every accepted sequence ended");
        match reason {
            FinishReason::Stop(_) | FinishReason::Length | FinishReason::RowFailed(_) => {
                assert_eq!(reason, expected.reason, "{seq:?} ends as it does alone");
                assert_eq!(said, expected.tokens, "{seq:?} says what it says alone");
            }
            FinishReason::Aborted | FinishReason::Failed | FinishReason::QueueTimeout | FinishReason::Timeout => {
                assert!(expected.tokens.starts_with(said), "{seq:?} says what it says alone, as far as it came");
            }
        }
        let told = ended.vector(seq).unwrap_or_default();
        let vector = expected.vector.as_deref().unwrap_or_default();
        assert!(vector.starts_with(told), "{seq:?} has the vector, or the states, that it has alone");
        let all_told = matches!(reason, FinishReason::Stop(_) | FinishReason::Length);
        assert!(!all_told || told.len() == vector.len(), "{seq:?} ends when all of it is told");
        assert!(all_told || known.states.is_some() || told.is_empty(), "{seq:?} did not come to its vector");
        let scored = ended.scored(known.arrival);
        assert!(expected.scores.starts_with(scored), "the prompt of {seq:?} has the scores it has alone, each once");
        let is_whole = all_told || !said.is_empty();
        assert!(!is_whole || scored.len() == expected.scores.len(), "{seq:?} answers when its prompt is scored");
    }
}
