//! The plain twin of each op, in f64 and loops: what the fast paths are tested against. No cache layout, no tiles.

use half::bf16;

use crate::kernels::cpu::activation::Activation;
use crate::kernels::cpu::score_rule::{DistanceBias, ScoreRule, SlopeKind, Slopes};
use crate::ops::disentangled_attention::DisentangledInput;
use crate::ops::relative_attention::RelativeInput;

/// `x W^T` for x `[rows, inputs]`, weights `[outputs, inputs]`.
pub fn linear(x: &[f32], weights: &[f32], inputs: usize) -> Vec<f64> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    x.chunks_exact(inputs).flat_map(|x| weights.chunks_exact(inputs).map(move |weights| dot(x, weights))).collect()
}

/// RMS norm of rows as wide as `weight`.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f64> {
    let norm = |row: &[f32]| {
        let squares: f64 = row.iter().map(|value| f64::from(*value).powi(2)).sum();
        let inverse = (squares / row.len() as f64 + f64::from(eps)).sqrt().recip();
        row.iter()
            .zip(weight)
            .map(|(value, weight)| f64::from(*value) * inverse * f64::from(*weight))
            .collect::<Vec<_>>()
    };
    x.chunks_exact(weight.len()).flat_map(norm).collect()
}

/// Norm of rows as wide as `weight` by their mean and variance.
pub fn layer_norm(x: &[f32], (weight, bias): (&[f32], &[f32]), eps: f32) -> Vec<f64> {
    let norm = |row: &[f32]| {
        let mean = row.iter().map(|value| f64::from(*value)).sum::<f64>() / row.len() as f64;
        let squares: f64 = row.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum();
        let inverse = (squares / row.len() as f64 + f64::from(eps)).sqrt().recip();
        let weighted = |((value, weight), bias): ((&f32, &f32), &f32)| {
            (f64::from(*value) - mean) * inverse * f64::from(*weight) + f64::from(*bias)
        };
        row.iter().zip(weight).zip(bias).map(weighted).collect::<Vec<_>>()
    };
    x.chunks_exact(weight.len()).flat_map(norm).collect()
}

/// `activation(gate) * up`.
pub fn gated(activation: Activation, gates: &[f32], ups: &[f32]) -> Vec<f64> {
    gates.iter().zip(ups).map(|(gate, up)| activated(activation, f64::from(*gate)) * f64::from(*up)).collect()
}

/// An activation of one number.
pub fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Gelu => 0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)),
        Activation::TanhGelu => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            0.5 * x * (1.0 + inner.tanh())
        }
    }
}

/// The error function, by the series whose terms all have its sign.
fn erf(x: f64) -> f64 {
    const TERMS: u32 = 200;
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..TERMS {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// What a token takes of each expert by its scores of all. In f32, because every bit of a share counts.
pub fn shares(scores: &[f32], per_token: usize, normed: bool) -> Vec<f32> {
    let all = 0..scores.len();
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let precedes = |other: usize, own: usize| scores[other].total_cmp(&scores[own]).then(own.cmp(&other)).is_gt();
    let is_taken = |own: usize| all.clone().filter(|other| precedes(*other, own)).count() < per_token;
    let power = |index: usize| (scores[index] - greatest).exp();
    let whole: f32 = all.clone().filter(|index| !normed || is_taken(*index)).map(power).sum();
    all.clone().map(|index| if is_taken(index) { power(index) / whole } else { 0.0 }).collect()
}

/// `ln(sum(e^value))`.
pub fn log_sum_exp(values: &[f32]) -> f64 {
    let greatest = f64::from(values.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    greatest + values.iter().map(|value| (f64::from(*value) - greatest).exp()).sum::<f64>().ln()
}

/// One head of the query at `position` over keys and values, a row of `query.len()` each: those up to its own position, or all.
pub fn attention(
    query: &[f32],
    keys: &[f32],
    values: &[f32],
    (rule, head, position): (&ScoreRule<'_>, usize, usize),
) -> Vec<f64> {
    let width = query.len();
    let products = linear(query, keys, width);
    let score = |(key, product): (usize, &f64)| {
        let scaled = product * f64::from(rule.scale);
        let capped = rule.softcap.map(f64::from).map_or(scaled, |cap| cap * (scaled / cap).tanh());
        let biased = |bias: DistanceBias<'_>| {
            let column = bias.own as isize + key as isize - position as isize;
            bias.values[head * bias.columns + column.clamp(0, bias.columns as isize - 1) as usize]
        };
        let sloped = |slopes: Slopes<'_>| {
            let slope = slopes.of_heads[head];
            let rounded = |position: usize| f64::from(bf16::from_f32(slope * bf16::from_f32(position as f32).to_f32()));
            match slopes.kind {
                SlopeKind::Exact => f64::from(slope) * (key as f64 - position as f64),
                SlopeKind::Rounded => (rounded(key) - rounded(position)) * f64::from(rule.scale),
            }
        };
        let seen = rule.window.is_none_or(|window| position.abs_diff(key) < window);
        let added = f64::from(rule.bias.map_or(0.0, biased)) + rule.slopes.map_or(0.0, sloped);
        if seen { capped + added } else { f64::NEG_INFINITY }
    };
    let scores: Vec<f64> = products.iter().enumerate().map(score).collect();
    average(&scores, values, width)
}

/// Attention of one sequence, each row over all of it.
pub fn relative_attention(input: &RelativeInput<'_>) -> Vec<f64> {
    let (width, tokens) = (input.terms.content.len(), input.segments.len());
    let head_dim = width / input.heads;
    let reach = (input.distances.len() / width / 2) as isize;
    let mut out = Vec::new();
    for (row, head) in (0..tokens).flat_map(|row| (0..input.heads).map(move |head| (row, head))) {
        let of = |rows: &[f32], row: usize| rows[row * width + head * head_dim..][..head_dim].to_vec();
        let query = of(input.qkv, 3 * row);
        let product = |bias: &[f32], with: &[f32]| {
            let terms = query.iter().zip(of(bias, 0)).zip(with);
            terms.map(|((query, bias), with)| (f64::from(*query) + f64::from(bias)) * f64::from(*with)).sum::<f64>()
        };
        let score = |key: usize| {
            let distance = (row as isize - key as isize).clamp(-reach, reach);
            let place = if distance > 0 { 2 * distance - 1 } else { -2 * distance };
            let other = usize::from(input.segments[row] != input.segments[key]);
            let content = product(input.terms.content, &of(input.qkv, 3 * key + 1));
            let position = product(input.terms.distance, &of(input.distances, place as usize));
            let segment = product(input.terms.segment, &of(input.terms.segments, other));
            (content + position + segment) / (head_dim as f64).sqrt()
        };
        let scores: Vec<f64> = (0..tokens).map(score).collect();
        let values: Vec<f32> = (0..tokens).flat_map(|key| of(input.qkv, 3 * key + 2)).collect();
        out.extend(average(&scores, &values, head_dim));
    }
    out
}

/// The same by products of tokens, and of tokens and distances.
pub fn disentangled_attention(input: &DisentangledInput<'_>) -> Vec<f64> {
    let DisentangledInput { heads, head_dim, qkv, vectors, .. } = *input;
    let width = heads * head_dim;
    let tokens = qkv.len() / (3 * width);
    let middle = vectors.places.len() as isize / 2;
    let mut out = Vec::new();
    for (row, head) in (0..tokens).flat_map(|row| (0..heads).map(move |head| (row, head))) {
        let of = |rows: &[f32], row: usize| rows[row * width + head * head_dim..][..head_dim].to_vec();
        let product = |a: &[f32], b: &[f32]| linear(a, b, head_dim)[0];
        let query = of(qkv, 3 * row);
        let score = |key: usize| {
            let place = vectors.places[(middle + row as isize - key as isize) as usize] as usize;
            let key = of(qkv, 3 * key + 1);
            let of_distance = product(&query, &of(vectors.keys, place)) + product(&of(vectors.queries, place), &key);
            (product(&query, &key) + of_distance) / (3.0 * head_dim as f64).sqrt()
        };
        let scores: Vec<f64> = (0..tokens).map(score).collect();
        let values: Vec<f32> = (0..tokens).flat_map(|key| of(qkv, 3 * key + 2)).collect();
        out.extend(average(&scores, &values, head_dim));
    }
    out
}

/// The mean of rows of `width` values by the softmax of their scores.
fn average(scores: &[f64], values: &[f32], width: usize) -> Vec<f64> {
    let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - greatest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let element = |index: usize| {
        let column = values[index..].iter().step_by(width);
        weights.iter().zip(column).map(|(weight, value)| weight / sum * f64::from(*value)).sum()
    };
    (0..width).map(element).collect()
}
