//! The sampler as plainly as can be: whole rows copied, sorted, and weighed with the standard library's exponential.

use std::collections::{BTreeMap, BTreeSet};

use scheduler::{SampleSpec, SamplingParams, Token};

use crate::random;

/// The token that a row of finite logits gives.
pub(super) fn token(row: &[f32], spec: &SampleSpec, seen: &[Token]) -> Token {
    let row = adjusted(row, spec, seen);
    if spec.params.temperature == 0.0 {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        return row.iter().position(|&logit| logit == highest).unwrap() as Token;
    }
    let candidates = candidates(&row, &spec.params);
    let total: f64 = candidates.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let mut left = random::uniform(spec.params.seed, spec.choice, spec.generated as u64) * total;
    let crossing = candidates.iter().find(|(_, weight)| {
        left -= f64::from(*weight);
        left < 0.0
    });
    crossing.or(candidates.iter().rev().find(|(_, weight)| *weight > 0.0)).unwrap().0
}

/// The row after masks, bias and penalties.
pub(super) fn adjusted(row: &[f32], spec: &SampleSpec, seen: &[Token]) -> Vec<f32> {
    let (params, mut row) = (&spec.params, row.to_vec());
    if spec.generated < params.min_new {
        for &token in &params.stop_ids {
            row[token as usize] = f32::NEG_INFINITY;
        }
    }
    let named: BTreeSet<Token> = seen.iter().chain(params.bad_words.iter().flatten()).copied().collect();
    for token in named {
        let (all, size) = ([seen, &[token]].concat(), params.no_repeat_ngram);
        let repeats = (1..all.len()).contains(&size) && seen.windows(size).any(|sequence| all.ends_with(sequence));
        let is_bad = |word: &Vec<Token>| all[spec.prompt_len.min(seen.len())..].ends_with(word);
        if repeats || params.bad_words.iter().any(is_bad) {
            row[token as usize] = f32::NEG_INFINITY;
        }
    }
    for &(token, bias) in &params.logit_bias {
        row[token as usize] += bias;
    }
    if params.repetition_penalty != 1.0 {
        for &token in counts(seen).keys() {
            let logit = &mut row[token as usize];
            *logit = if *logit < 0.0 { *logit * params.repetition_penalty } else { *logit / params.repetition_penalty };
        }
    }
    if params.penalises() {
        for (token, count) in counts(&seen[spec.prompt_len..]) {
            row[token as usize] -= params.frequency_penalty * count as f32 + params.presence_penalty;
        }
    }
    row
}

/// The tokens that may be drawn, and their weights, in the order in which a draw walks them.
pub(super) fn candidates(row: &[f32], params: &SamplingParams) -> Vec<(Token, f32)> {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sorted = row.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let lowest = if params.top_k == 0 { f32::NEG_INFINITY } else { sorted[params.top_k.min(row.len()) - 1] };
    let weight = |logit: f32| ((logit - highest) / params.temperature).exp();
    let tokens = (0..).zip(row).filter(|(_, logit)| **logit >= lowest);
    let mut kept: Vec<(Token, f32)> = tokens.map(|(token, logit)| (token, weight(*logit))).collect();
    if params.top_p < 1.0 {
        let wanted = f64::from(params.top_p) * kept.iter().map(|(_, weight)| f64::from(*weight)).sum::<f64>();
        kept.sort_by(|(a, _), (b, _)| row[*b as usize].total_cmp(&row[*a as usize]).then(a.cmp(b)));
        let mut sum = 0.0;
        let reaches = kept.iter().position(|(_, weight)| {
            sum += f64::from(*weight);
            sum >= wanted
        });
        kept.truncate(reaches.map_or(kept.len(), |index| index + 1));
    }
    kept.retain(|(_, weight)| *weight >= params.min_p);
    kept
}

fn counts(tokens: &[Token]) -> BTreeMap<Token, usize> {
    let mut counts = BTreeMap::new();
    for &token in tokens {
        *counts.entry(token).or_default() += 1;
    }
    counts
}
