//! What happens to logits before temperature: masks, bias, penalties.

use scheduler::{SampleSpec, Token};

/// Whether [`apply`] would change anything.
pub(super) fn changes(spec: &SampleSpec) -> bool {
    masks_stops(spec) || !spec.params.logit_bias.is_empty() || spec.params.needs_history()
}

/// Changes the row in place. `scratch` is memory to sort tokens in.
pub(super) fn apply(row: &mut [f32], spec: &SampleSpec, scratch: &mut Vec<Token>) {
    if masks_stops(spec) {
        for &token in &spec.params.stop_ids {
            row[token as usize] = f32::NEG_INFINITY;
        }
    }
    for &(token, bias) in &spec.params.logit_bias {
        row[token as usize] += bias;
    }
    penalise_repetition(row, spec, scratch);
    penalise_generated(row, spec, scratch);
}

fn masks_stops(spec: &SampleSpec) -> bool {
    spec.generated < spec.params.min_new && !spec.params.stop_ids.is_empty()
}

fn penalise_repetition(row: &mut [f32], spec: &SampleSpec, scratch: &mut Vec<Token>) {
    let penalty = spec.params.repetition_penalty;
    if penalty == 1.0 {
        return;
    }
    for_each_run(&spec.history, scratch, |token, _| {
        let logit = &mut row[token as usize];
        *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
    });
}

fn penalise_generated(row: &mut [f32], spec: &SampleSpec, scratch: &mut Vec<Token>) {
    let (frequency, presence) = (spec.params.frequency_penalty, spec.params.presence_penalty);
    if frequency == 0.0 && presence == 0.0 {
        return;
    }
    for_each_run(&spec.history[spec.prompt_len..], scratch, |token, count| {
        row[token as usize] -= frequency * count as f32 + presence;
    });
}

/// Calls `visit` once for each different token, with its count.
fn for_each_run(tokens: &[Token], scratch: &mut Vec<Token>, mut visit: impl FnMut(Token, usize)) {
    scratch.clear();
    scratch.extend_from_slice(tokens);
    scratch.sort_unstable();
    for run in scratch.chunk_by(|a, b| a == b) {
        visit(run[0], run.len());
    }
}
