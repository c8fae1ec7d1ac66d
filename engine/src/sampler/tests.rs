//! The sampler against transformers' warpers, its plain twin, and itself.

mod plain;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use scheduler::{Constraint, MaskSource, MaskState, SampleSpec, SeqId};
use serde::Deserialize;

use super::*;
use crate::kernels::cpu::isa::Isa;

#[derive(Deserialize)]
struct Reference {
    previous_token_ids: Vec<Token>,
    rows: BTreeMap<String, Vec<f32>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    row: String,
    warpers: String,
    kept: Vec<Token>,
    probs: Vec<f64>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../tests/fixtures/sampling/reference.json")).unwrap()
}

/// Settings that a case's name spells.
fn settings(warpers: &str) -> SamplingParams {
    let mut params = SamplingParams { temperature: 1.0, ..SamplingParams::default() };
    if let Some(penalties) = warpers.strip_prefix("openai ") {
        let words: Vec<&str> = penalties.split(' ').collect();
        params.presence_penalty = words[1].parse().unwrap();
        params.frequency_penalty = words[3].parse().unwrap();
        return params;
    }
    for warper in warpers.split('+') {
        let (name, value) = warper.rsplit_once('_').unwrap();
        match name {
            "temperature" => params.temperature = value.parse().unwrap(),
            "top_k" => params.top_k = value.parse().unwrap(),
            "top_p" => params.top_p = value.parse().unwrap(),
            "min_p" => params.min_p = value.parse().unwrap(),
            "typical_p" => params.typical_p = value.parse().unwrap(),
            "no_repeat_ngram" => params.no_repeat_ngram = value.parse().unwrap(),
            "repetition" | "repetition_penalty" => params.repetition_penalty = value.parse().unwrap(),
            _ => panic!("{warpers}"),
        }
    }
    params
}

fn spec(params: SamplingParams, generated: usize) -> SampleSpec {
    SampleSpec { row: 0, seq: SeqId(1), choice: 0, generated, prompt_len: 0, params: Arc::new(params) }
}

fn isa() -> CheckedIsa {
    Isa::detect().checked().unwrap()
}

/// One token, nothing seen before.
fn sample(row: &[f32], spec: &SampleSpec) -> Sample {
    sample_after(row, spec, &[])
}

fn sample_after(row: &[f32], spec: &SampleSpec, seen: &[Token]) -> Sample {
    Sampler::default().sample(isa(), Draw { spec, row, seen })
}

/// The distribution that the sampler would draw from.
fn distribution(row: &[f32], spec: &SampleSpec, seen: &[Token]) -> BTreeMap<Token, f64> {
    let (mut row, mut maxima, mut found) = (row.to_vec(), Vec::new(), Vec::new());
    let raw = row.clone();
    adjust::apply(&mut row, &Draw { spec, row: &raw, seen }, None, &mut Vec::new());
    let (scanned, _) = LogitRow::scan(isa(), &row, &mut maxima);
    let weights: Vec<(Token, f32)> = if truncate::keeps_all(&scanned, &spec.params) {
        let all = plain::candidates(&row, &spec.params).into_iter();
        all.filter(|(token, _)| row[*token as usize] > f32::NEG_INFINITY).collect()
    } else {
        truncate::candidates(isa(), &scanned, &spec.params, &mut found, &mut Scratch::default());
        found.iter().map(|candidate| (candidate.token, candidate.weight)).collect()
    };
    let total: f64 = weights.iter().map(|(_, weight)| f64::from(*weight)).sum();
    weights.iter().map(|(token, weight)| (*token, f64::from(*weight) / total)).collect()
}

#[test]
fn warpers_keep_the_reference_sets_and_probabilities() {
    let reference = reference();
    for case in &reference.cases {
        let params = settings(&case.warpers);
        let cut_by_order = params.top_p < 1.0 && (case.row == "flat" || case.row == "ties");
        let got = distribution(&reference.rows[&case.row], &spec(params, 6), &reference.previous_token_ids);
        let name = format!("{} {}", case.row, case.warpers);
        assert_eq!(got.len(), case.kept.len(), "{name}");
        if !cut_by_order {
            assert_eq!(got.keys().copied().collect::<Vec<_>>(), case.kept, "{name}");
            for (got, want) in got.values().zip(&case.probs) {
                assert!((got - want).abs() < 1e-5, "{name}: {got} {want}");
            }
        }
    }
}

#[test]
fn greedy_takes_the_lowest_id_on_a_tie() {
    let row = [1.0, 3.0, 3.0, 2.0];
    assert_eq!(sample(&row, &spec(SamplingParams::default(), 0)).token, Ok(1));
    let row: Vec<f32> = (0..500).map(|index| if index % 150 == 149 { 2.0 } else { -1.0 }).collect();
    assert_eq!(sample(&row, &spec(SamplingParams::default(), 0)).token, Ok(149));
}

#[test]
fn draws_follow_the_distribution() {
    let row: Vec<f32> = (0..50).map(|i| (i as f32 * 0.7).sin() * 2.0).collect();
    let params = SamplingParams { temperature: 0.8, top_p: 0.9, seed: 42, ..SamplingParams::default() };
    let want = distribution(&row, &spec(params.clone(), 0), &[]);
    let mut counts = BTreeMap::<Token, f64>::new();
    let draws = 40_000;
    for draw in 0..draws {
        let token = sample(&row, &spec(params.clone(), draw)).token.unwrap();
        *counts.entry(token).or_default() += 1.0 / draws as f64;
    }
    for (token, probability) in &want {
        let got = counts.remove(token).unwrap_or(0.0);
        assert!((got - probability).abs() < 0.01, "{token}: {got} {probability}");
    }
    assert!(counts.is_empty(), "nothing else is drawn");
}

#[test]
fn top_p_finds_its_set_beyond_the_first_gathered_head() {
    let row = vec![0.0_f32; 5_000];
    let params = SamplingParams { temperature: 1.0, top_p: 0.5, ..SamplingParams::default() };
    assert_eq!(distribution(&row, &spec(params, 0), &[]).len(), 2_500);
}

#[test]
fn top_p_of_zero_keeps_one_token() {
    let params = SamplingParams { temperature: 1.0, top_p: 0.0, ..SamplingParams::default() };
    assert_eq!(distribution(&[0.5, 2.0, 1.0], &spec(params, 0), &[]).into_keys().collect::<Vec<_>>(), [1]);
}

#[test]
fn end_tokens_are_masked_until_the_minimum() {
    let params = SamplingParams { min_new: 2, stop_ids: vec![1], ..SamplingParams::default() };
    assert_eq!(sample(&[1.0, 3.0, 2.0], &spec(params.clone(), 1)).token, Ok(2));
    assert_eq!(sample(&[1.0, 3.0, 2.0], &spec(params, 2)).token, Ok(1));
}

/// A constraint that is always in the same state.
#[derive(Debug)]
struct Fixed(MaskState);

impl MaskSource for Fixed {
    fn mask(&self, _: u32, _: usize) -> MaskState {
        self.0.clone()
    }

    fn advance(&self, _: u32, _: Token) {}

    fn fork(&self, _: &[(u32, Token)]) {}

    fn wait(&self, _: u32) {}
}

fn bound(state: MaskState) -> SamplingParams {
    SamplingParams { constraint: Some(Constraint(Arc::new(Fixed(state)))), ..SamplingParams::default() }
}

fn only(tokens: &[Token]) -> MaskState {
    let mut words = vec![0_u32; 2];
    for token in tokens {
        words[*token as usize / 32] |= 1 << (token % 32);
    }
    MaskState::Ready(Arc::new(TokenMask::new(words)))
}

#[test]
fn a_mask_leaves_its_tokens_only() {
    let row: Vec<f32> = (0..70_u8).map(|token| f32::from(token) / 10.0).collect();
    assert_eq!(sample(&row, &spec(bound(only(&[3, 40, 35])), 0)).token, Ok(40));
    let warm = SamplingParams { temperature: 2.0, ..bound(only(&[3, 40, 35])) };
    let drawn = |seed| sample(&row, &spec(SamplingParams { seed, ..warm.clone() }, 0)).token.unwrap();
    let drawn: std::collections::BTreeSet<Token> = (0..200).map(drawn).collect();
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 35, 40]);
    let truncated = SamplingParams { top_k: 1, temperature: 1.0, ..bound(only(&[3, 35])) };
    assert_eq!(sample(&row, &spec(truncated, 0)).token, Ok(35));
}

#[test]
fn where_a_mask_leaves_end_tokens_only_they_come_before_the_minimum() {
    let ends = SamplingParams { min_new: 5, stop_ids: vec![1], ..bound(only(&[1])) };
    assert_eq!(sample(&[3.0, 1.0, 2.0], &spec(ends, 0)).token, Ok(1));
    let more = SamplingParams { min_new: 5, stop_ids: vec![1], ..bound(only(&[1, 2])) };
    assert_eq!(sample(&[3.0, 9.0, 2.0], &spec(more, 0)).token, Ok(2));
}

#[test]
fn a_mask_that_is_not_there_draws_nothing() {
    let drawn = |state| sample(&[1.0, 2.0], &spec(bound(state), 0)).token;
    assert_eq!(drawn(MaskState::Late), Err(RowFault::MaskLate));
    assert_eq!(drawn(MaskState::Failed), Err(RowFault::MaskFailed));
    assert_eq!(drawn(only(&[])), Err(RowFault::MaskFailed));
}

#[test]
fn allowed_tokens_are_a_mask_of_the_request() {
    let MaskState::Ready(allowed) = only(&[1, 40]) else { panic!("made above") };
    let row: Vec<f32> = (0..70_u8).map(|token| f32::from(token) / 10.0).collect();
    let params = SamplingParams { allowed: Some(allowed), ..SamplingParams::default() };
    assert_eq!(sample(&row, &spec(params.clone(), 0)).token, Ok(40));
    let both = SamplingParams { constraint: bound(only(&[1, 50])).constraint, ..params.clone() };
    assert_eq!(sample(&row, &spec(both, 0)).token, Ok(1));
    let neither = SamplingParams { constraint: bound(only(&[50])).constraint, ..params.clone() };
    assert_eq!(sample(&row, &spec(neither, 0)).token, Err(RowFault::NothingLeft));
    let end = SamplingParams { constraint: bound(only(&[50])).constraint, stop_ids: vec![50], ..params.clone() };
    assert_eq!(sample(&row, &spec(end, 0)).token, Ok(50), "the end of a form is always allowed");
    let ends = SamplingParams { min_new: 5, stop_ids: vec![1, 40], ..params };
    assert_eq!(sample(&row, &spec(ends, 0)).token, Ok(40), "nothing but end tokens is allowed");
}

#[test]
fn a_small_penalty_leaves_every_weight_a_number() {
    let MaskState::Ready(allowed) = only(&[1, 2]) else { panic!("made above") };
    let params = SamplingParams {
        allowed: Some(allowed),
        repetition_penalty: f32::MIN_POSITIVE,
        temperature: 0.5,
        ..SamplingParams::default()
    };
    for typical_p in [1.0, 0.9] {
        let spec = spec(SamplingParams { typical_p, ..params.clone() }, 0);
        assert_eq!(sample_after(&[9.0, 8.0, 1.0], &spec, &[1]).token, Ok(1));
    }
}

#[test]
fn typical_tokens_of_a_long_row_are_those_of_a_sorted_one() {
    let row: Vec<f32> = (0..3000).map(|index| ((index * 7919 % 3001) as f32 * 0.11).sin() * 3.0).collect();
    let params = SamplingParams { temperature: 0.7, typical_p: 0.6, ..SamplingParams::default() };
    let got = distribution(&row, &spec(params.clone(), 0), &[]);
    let all = plain::candidates(&row, &SamplingParams { typical_p: 1.0, ..params });
    let total: f64 = all.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let surprise = |weight: f32| -(f64::from(weight) / total).ln();
    let expected: f64 = all.iter().map(|(_, weight)| f64::from(*weight) / total * surprise(*weight)).sum();
    let mut sorted: Vec<(f64, f64)> =
        all.iter().map(|(_, weight)| ((surprise(*weight) - expected).abs(), f64::from(*weight) / total)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut sum = 0.0;
    let needed = sorted.iter().position(|(_, share)| {
        sum += share;
        sum >= 0.6
    });
    let needed = needed.unwrap() + 1;
    assert!(got.len().abs_diff(needed) <= 2 && needed > 200, "{} {needed}", got.len());
}

#[test]
fn bad_words_are_not_completed() {
    let params = SamplingParams { bad_words: vec![vec![2], vec![0, 1]], ..SamplingParams::default() };
    let mut spec = spec(params, 1);
    spec.prompt_len = 1;
    assert_eq!(sample_after(&[1.0, 2.0, 3.0], &spec, &[0, 5]).token, Ok(1), "the prompt is not generated");
    assert_eq!(sample_after(&[1.0, 2.0, 3.0], &spec, &[5, 0]).token, Ok(0));
}

#[test]
fn other_tokens_are_reported_behind_the_likeliest() {
    let params = SamplingParams { logprobs: Some(1), logprob_ids: vec![0, 2], ..SamplingParams::default() };
    let top = sample(&[1.0, 0.5, 3.0], &spec(params, 0)).logprobs.unwrap().top;
    assert_eq!(top.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [2, 0]);
    assert!((top[0].1 - top[1].1 - 2.0).abs() < 1e-6);
}

#[test]
fn logprobs_are_of_the_raw_row_under_a_mask_too() {
    let free = SamplingParams { logprobs: Some(2), ..SamplingParams::default() };
    let masked = SamplingParams { logprobs: Some(2), ..bound(only(&[0])) };
    let (free, masked) = (sample(&[0.0, 1.0], &spec(free, 0)), sample(&[0.0, 1.0], &spec(masked, 0)));
    assert_eq!(masked.token, Ok(0));
    assert_eq!(masked.logprobs.unwrap().top, free.logprobs.unwrap().top);
}

#[test]
fn penalties_count_generated_tokens_only() {
    let params = SamplingParams { frequency_penalty: 2.0, ..SamplingParams::default() };
    let mut spec = spec(params, 1);
    spec.prompt_len = 2;
    assert_eq!(sample_after(&[3.0, 4.0, 0.0], &spec, &[0, 0, 1]).token, Ok(0));
}

#[test]
fn a_row_that_is_not_finite_fails_alone() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let sample = sample(&[0.0, bad, 1.0], &spec(SamplingParams::default(), 0));
        assert_eq!(sample.token, Err(RowFault::NotFinite));
    }
}

#[test]
fn logprobs_are_of_the_raw_row_whatever_the_settings() {
    let params = SamplingParams {
        temperature: 0.3,
        logit_bias: vec![(2, 100.0)],
        logprobs: Some(2),
        ..SamplingParams::default()
    };
    let sample = sample(&[0.0, 1.0, -1.0, 1.0], &spec(params, 0));
    let logprobs = sample.logprobs.unwrap();
    let normaliser = (1.0_f64 + 2.0 * 1.0_f64.exp() + (-1.0_f64).exp()).ln();
    assert_eq!(sample.token, Ok(2));
    assert!((f64::from(logprobs.logprob) - (-1.0 - normaliser)).abs() < 1e-6);
    assert_eq!(logprobs.top.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn logprobs_are_those_of_the_likeliest_of_a_long_row() {
    let row: Vec<f32> = (0..3000).map(|index| ((index * 7919 % 3001) as f32 * 0.11).sin() * 9.0).collect();
    let mut sorted: Vec<(Token, f32)> = (0..).zip(row.iter().copied()).collect();
    sorted.sort_by(|a, b| truncate::likelier_first(*a, *b));
    let normaliser = row.iter().map(|logit| f64::from(*logit).exp()).sum::<f64>().ln();
    for count in [0, 1, 5, 20, 60, 4000] {
        let params = SamplingParams { logprobs: Some(count), ..SamplingParams::default() };
        let top = sample(&row, &spec(params, 0)).logprobs.unwrap().top;
        assert_eq!(top.len(), count.min(row.len()));
        for (got, want) in top.iter().zip(&sorted) {
            assert_eq!(got.0, want.0);
            assert!((f64::from(got.1) - (f64::from(want.1) - normaliser)).abs() < 1e-6);
        }
    }
}

/// Settings of every kind, off as often as on.
fn any_params() -> impl Strategy<Value = SamplingParams> {
    let maybe = |strategy: std::ops::Range<f32>, off: f32| prop_oneof![Just(off), strategy];
    let truncation = (prop_oneof![Just(0), 1..8usize, 1..3000usize], maybe(0.0..1.0, 1.0), maybe(0.0..0.5, 0.0));
    let penalties = (maybe(0.5..2.0, 1.0), maybe(-1.0..1.0, 0.0), maybe(-1.0..1.0, 0.0));
    let bans = (prop::collection::vec(prop::collection::vec(0..50u32, 1..3), 0..3), 0..4usize);
    let rest = (prop::collection::vec((0..50u32, -20.0..20.0f32), 0..4), 0..3usize, any::<u64>());
    (maybe(0.05..2.0, 0.0), truncation, penalties, bans, rest).prop_map(
        |(temperature, (top_k, top_p, min_p), (repetition, frequency, presence), bans, (logit_bias, min_new, seed))| {
            SamplingParams {
                bad_words: bans.0,
                no_repeat_ngram: bans.1,
                temperature,
                top_k,
                top_p,
                min_p,
                repetition_penalty: repetition,
                frequency_penalty: frequency,
                presence_penalty: presence,
                logit_bias,
                min_new,
                seed,
                stop_ids: vec![3, 30],
                ..SamplingParams::default()
            }
        },
    )
}

/// A row: some tokens stand out, many are alike, some are equal.
fn any_row() -> impl Strategy<Value = Vec<f32>> {
    let logit = prop_oneof![8 => -12.0..-2.0f32, 2 => -2.0..9.0f32, 1 => (-8..8i8).prop_map(f32::from)];
    prop_oneof![prop::collection::vec(logit.clone(), 60..200), prop::collection::vec(logit, 2000..4000)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_token_is_that_of_the_plain_twin(
        row in any_row(),
        params in any_params(),
        seen in prop::collection::vec(0..50u32, 2..60),
    ) {
        let mut sampler = Sampler::default();
        for generated in 0..seen.len() - 1 {
            let spec = SampleSpec { prompt_len: seen.len() - generated, ..spec(params.clone(), generated) };
            let got = sampler.sample(isa(), Draw { spec: &spec, row: &row, seen: &seen });
            prop_assert_eq!(got.token, Ok(plain::token(&row, &spec, &seen)), "draw {}", generated);
        }
    }
}
