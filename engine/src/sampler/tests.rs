//! The sampler against transformers' warpers, and against itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler::{SamplingParams, SeqId};
use serde::Deserialize;

use super::*;

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

/// Settings that a case's name spells, or `None` for warpers that the sampler does not have.
fn settings(warpers: &str) -> Option<SamplingParams> {
    let mut params = SamplingParams { temperature: 1.0, ..SamplingParams::default() };
    if let Some(penalties) = warpers.strip_prefix("openai ") {
        let words: Vec<&str> = penalties.split(' ').collect();
        params.presence_penalty = words[1].parse().unwrap();
        params.frequency_penalty = words[3].parse().unwrap();
        return Some(params);
    }
    for warper in warpers.split('+') {
        let (name, value) = warper.rsplit_once('_').unwrap();
        match name {
            "temperature" => params.temperature = value.parse().unwrap(),
            "top_k" => params.top_k = value.parse().unwrap(),
            "top_p" => params.top_p = value.parse().unwrap(),
            "min_p" => params.min_p = value.parse().unwrap(),
            "repetition" | "repetition_penalty" => params.repetition_penalty = value.parse().unwrap(),
            _ => return None,
        }
    }
    Some(params)
}

fn spec(params: SamplingParams, history: &[Token], generated: usize) -> SampleSpec {
    SampleSpec {
        seq: SeqId(1),
        choice: 0,
        generated,
        history: history.to_vec(),
        prompt_len: 0,
        params: Arc::new(params),
    }
}

/// The distribution that the sampler would draw from.
fn distribution(row: &[f32], spec: &SampleSpec) -> BTreeMap<Token, f64> {
    let mut row = row.to_vec();
    adjust::apply(&mut row, spec, &mut Vec::new());
    let mut candidates = Vec::new();
    truncate::candidates(&row, &spec.params, &mut candidates, &mut Vec::new());
    let total: f64 = candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
    candidates.iter().map(|candidate| (candidate.token, f64::from(candidate.weight) / total)).collect()
}

#[test]
fn warpers_keep_the_reference_sets_and_probabilities() {
    let reference = reference();
    let mut compared = 0;
    for case in &reference.cases {
        let Some(params) = settings(&case.warpers) else { continue };
        let cut_by_order = params.top_p < 1.0 && (case.row == "flat" || case.row == "ties");
        let got = distribution(&reference.rows[&case.row], &spec(params, &reference.previous_token_ids, 6));
        let name = format!("{} {}", case.row, case.warpers);
        assert_eq!(got.len(), case.kept.len(), "{name}");
        if !cut_by_order {
            assert_eq!(got.keys().copied().collect::<Vec<_>>(), case.kept, "{name}");
            for (got, want) in got.values().zip(&case.probs) {
                assert!((got - want).abs() < 1e-5, "{name}: {got} {want}");
            }
        }
        compared += 1;
    }
    assert_eq!(compared, reference.cases.len() - 8, "all but typical-p and n-gram cases are compared");
}

#[test]
fn greedy_takes_the_lowest_id_on_a_tie() {
    let sample = Sampler::default().sample(&[1.0, 3.0, 3.0, 2.0], &spec(SamplingParams::default(), &[], 0));
    assert_eq!(sample.token, Ok(1));
}

#[test]
fn draws_follow_the_distribution() {
    let row: Vec<f32> = (0..50).map(|i| (i as f32 * 0.7).sin() * 2.0).collect();
    let params = SamplingParams { temperature: 0.8, top_p: 0.9, seed: 42, ..SamplingParams::default() };
    let want = distribution(&row, &spec(params.clone(), &[], 0));
    let mut counts = BTreeMap::<Token, f64>::new();
    let (mut sampler, draws) = (Sampler::default(), 40_000);
    for draw in 0..draws {
        let token = sampler.sample(&row, &spec(params.clone(), &[], draw)).token.unwrap();
        *counts.entry(token).or_default() += 1.0 / draws as f64;
    }
    for (token, probability) in &want {
        let got = counts.remove(token).unwrap_or(0.0);
        assert!((got - probability).abs() < 0.01, "{token}: {got} {probability}");
    }
    assert!(counts.is_empty(), "nothing else is drawn");
}

#[test]
fn top_p_finds_its_set_beyond_the_first_sorted_head() {
    let row = vec![0.0_f32; 5_000];
    let params = SamplingParams { temperature: 1.0, top_p: 0.5, ..SamplingParams::default() };
    assert_eq!(distribution(&row, &spec(params, &[], 0)).len(), 2_500);
}

#[test]
fn top_p_of_zero_keeps_one_token() {
    let params = SamplingParams { temperature: 1.0, top_p: 0.0, ..SamplingParams::default() };
    assert_eq!(distribution(&[0.5, 2.0, 1.0], &spec(params, &[], 0)).into_keys().collect::<Vec<_>>(), [1]);
}

#[test]
fn end_tokens_are_masked_until_the_minimum() {
    let params = SamplingParams { min_new: 2, stop_ids: vec![1], ..SamplingParams::default() };
    let mut sampler = Sampler::default();
    assert_eq!(sampler.sample(&[1.0, 3.0, 2.0], &spec(params.clone(), &[], 1)).token, Ok(2));
    assert_eq!(sampler.sample(&[1.0, 3.0, 2.0], &spec(params, &[], 2)).token, Ok(1));
}

#[test]
fn penalties_count_generated_tokens_only() {
    let params = SamplingParams { frequency_penalty: 2.0, ..SamplingParams::default() };
    let mut spec = spec(params, &[0, 0, 1], 1);
    spec.prompt_len = 2;
    assert_eq!(Sampler::default().sample(&[3.0, 4.0, 0.0], &spec).token, Ok(0));
}

#[test]
fn a_row_that_is_not_finite_fails_alone() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let sample = Sampler::default().sample(&[0.0, bad, 1.0], &spec(SamplingParams::default(), &[], 0));
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
    let sample = Sampler::default().sample(&[0.0, 1.0, -1.0, 1.0], &spec(params, &[], 0));
    let logprobs = sample.logprobs.unwrap();
    let normaliser = (1.0_f64 + 2.0 * 1.0_f64.exp() + (-1.0_f64).exp()).ln();
    assert_eq!(sample.token, Ok(2));
    assert!((f64::from(logprobs.logprob) - (-1.0 - normaliser)).abs() < 1e-6);
    assert_eq!(logprobs.top.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [1, 3]);
}
