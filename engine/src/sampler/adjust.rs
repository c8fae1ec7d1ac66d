//! What happens to logits before temperature: masks, bias, penalties.

use scheduler::{SampleSpec, Token};

/// Whether [`apply`] would change anything.
pub(super) fn changes(spec: &SampleSpec) -> bool {
    masks_stops(spec) || !spec.params.logit_bias.is_empty() || spec.params.needs_history()
}

/// Changes the row in place. `seen` are all tokens so far, if the settings ask for them; `counts` is memory to count
/// them in, zeros before and after.
pub(super) fn apply(row: &mut [f32], spec: &SampleSpec, seen: &[Token], counts: &mut Vec<u32>) {
    if masks_stops(spec) {
        for &token in &spec.params.stop_ids {
            row[token as usize] = f32::NEG_INFINITY;
        }
    }
    for &(token, bias) in &spec.params.logit_bias {
        row[token as usize] += bias;
    }
    if spec.params.needs_history() {
        counts.resize(row.len().max(counts.len()), 0);
        penalise_repetition(row, spec, seen, counts);
        penalise_generated(row, spec, seen, counts);
    }
}

fn masks_stops(spec: &SampleSpec) -> bool {
    spec.generated < spec.params.min_new && !spec.params.stop_ids.is_empty()
}

fn penalise_repetition(row: &mut [f32], spec: &SampleSpec, seen: &[Token], counts: &mut [u32]) {
    let penalty = spec.params.repetition_penalty;
    if penalty == 1.0 {
        return;
    }
    for_each_different(seen, counts, |token, _| {
        let logit = &mut row[token as usize];
        *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
    });
}

fn penalise_generated(row: &mut [f32], spec: &SampleSpec, seen: &[Token], counts: &mut [u32]) {
    let (frequency, presence) = (spec.params.frequency_penalty, spec.params.presence_penalty);
    if frequency == 0.0 && presence == 0.0 {
        return;
    }
    for_each_different(&seen[spec.prompt_len..], counts, |token, count| {
        row[token as usize] -= frequency * count as f32 + presence;
    });
}

/// Calls `visit` once for each different token, with its count.
fn for_each_different(tokens: &[Token], counts: &mut [u32], mut visit: impl FnMut(Token, u32)) {
    for &token in tokens {
        counts[token as usize] += 1;
    }
    for &token in tokens {
        let count = std::mem::take(&mut counts[token as usize]);
        if count > 0 {
            visit(token, count);
        }
    }
}
