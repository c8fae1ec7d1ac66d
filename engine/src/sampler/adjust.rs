//! What happens to logits before temperature: masks, bias, penalties.

use scheduler::{SampleSpec, Token, TokenMask};

use super::{ban, batch::Draw};

/// Whether [`apply`] would change anything without a mask.
pub(super) fn changes(spec: &SampleSpec) -> bool {
    let params = &spec.params;
    masks_stops(spec) || params.allowed.is_some() || !params.logit_bias.is_empty() || params.needs_history()
}

/// Changes a copy of the draw's row in place; `mask` is what its constraint allows. `counts` is memory to count tokens
/// in, zeros before and after.
pub(super) fn apply(row: &mut [f32], draw: &Draw<'_>, mask: Option<&TokenMask>, counts: &mut Vec<u32>) {
    let (spec, seen) = (draw.spec, draw.seen);
    let params = &spec.params;
    if let Some(mask) = mask {
        forbid_others(row, mask);
    }
    if let Some(allowed) = &params.allowed {
        forbid_others(row, allowed);
        keep_ends_of_form(row, draw, mask);
    }
    if !params.bad_words.is_empty() {
        ban::words(row, &params.bad_words, &seen[spec.prompt_len..]);
    }
    ban::repeats(row, params.no_repeat_ngram, seen);
    if masks_stops(spec) {
        forbid_unless_last(row, &params.stop_ids);
    }
    for &(token, bias) in &params.logit_bias {
        row[token as usize] += bias;
    }
    if params.penalises() {
        counts.resize(row.len().max(counts.len()), 0);
        penalise_repetition(row, spec, seen, counts);
        penalise_generated(row, spec, seen, counts);
    }
}

/// Leaves the tokens of the mask only.
fn forbid_others(row: &mut [f32], mask: &TokenMask) {
    // Most words of a form's mask allow nothing, or everything.
    for (group, word) in row.chunks_mut(32).zip(mask.words().iter().copied().chain(std::iter::repeat(0))) {
        match word {
            0 => group.fill(f32::NEG_INFINITY),
            u32::MAX => {}
            word => {
                for (bit, logit) in group.iter_mut().enumerate() {
                    *logit = if word >> bit & 1 == 0 { f32::NEG_INFINITY } else { *logit };
                }
            }
        }
    }
}

/// A form ends with an end token, whatever else the request allows.
fn keep_ends_of_form(row: &mut [f32], draw: &Draw<'_>, mask: Option<&TokenMask>) {
    let Some(mask) = mask else { return };
    for &token in draw.spec.params.stop_ids.iter().filter(|token| mask.allows(**token)) {
        row[token as usize] = draw.row[token as usize];
    }
}

/// Forbids the tokens, unless nothing else is left.
fn forbid_unless_last(row: &mut [f32], tokens: &[Token]) {
    let is_other = |(token, logit): (Token, &f32)| *logit > f32::NEG_INFINITY && !tokens.contains(&token);
    if (0..).zip(&*row).any(is_other) {
        for &token in tokens {
            row[token as usize] = f32::NEG_INFINITY;
        }
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
        // A penalty near 0 must not make it infinite: it would weigh nothing.
        *logit = if *logit < 0.0 { *logit * penalty } else { (*logit / penalty).min(f32::MAX) };
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
