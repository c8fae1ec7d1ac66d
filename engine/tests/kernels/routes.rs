//! Which experts tokens take: the very shares of the plain op, sorted by expert, and rows that go there and come back.

use crate::support::{Random, all, assert_same_bits, plain};
use engine::cpu::Cpu;
use engine::ops;
use engine::ops::reference;
use engine::ops::routes::{Routes, Routing};

/// What each token takes of each expert, zero where it takes nothing.
fn shares(cpu: &Cpu, scores: &[f32], routing: Routing) -> Vec<f32> {
    let mut routes = Routes::default();
    // What a batch before left must not matter.
    routes.fill(cpu, &vec![0.5; 3 * routing.experts], routing);
    routes.fill(cpu, scores, routing);
    let mut shares = vec![0.0; scores.len()];
    let mut taken = 0;
    for expert in 0..routing.experts {
        let routed = routes.of(expert);
        taken += routed.len();
        assert!(routed.is_sorted_by(|a, b| a.token < b.token), "tokens ascend");
        for routed in routed {
            shares[routed.token * routing.experts + expert] = routed.share;
        }
    }
    assert_eq!(taken, scores.len() / routing.experts * routing.per_token, "each token takes as many");
    shares
}

#[test]
fn routes_have_the_bits_of_the_plain_op() {
    let mut random = Random(9);
    for (experts, per_token) in [(1, 1), (4, 2), (5, 5), (60, 4), (128, 8)] {
        for (tokens, normed) in [(1, true), (3, false), (200, true), (200, false)] {
            let scores = random.values(tokens * experts);
            // Many are equal.
            let rounded: Vec<f32> = scores.iter().map(|score| (3.0 * score).round()).collect();
            for scores in [scores, rounded] {
                let rows = scores.chunks_exact(experts);
                let expected: Vec<f32> = rows.flat_map(|row| reference::shares(row, per_token, normed)).collect();
                for cpu in all() {
                    let got = shares(&cpu, &scores, Routing { experts, per_token, normed });
                    assert_same_bits(&got, &expected, &format!("{per_token} of {experts}, {tokens} tokens"));
                }
            }
        }
    }
}

fn of(scores: &[f32], per_token: usize, normed: bool) -> Vec<f32> {
    shares(&plain(), scores, Routing { experts: scores.len(), per_token, normed })
}

#[test]
fn the_greatest_share_what_there_is() {
    let scores = [0.5, -1.0, 2.0, 1.5];
    let power = scores.map(|score| f64::from(score).exp());
    for (normed, whole) in [(true, power[2] + power[3]), (false, power.iter().sum::<f64>())] {
        let got = of(&scores, 2, normed);
        for index in [2, 3] {
            assert!((f64::from(got[index]) - power[index] / whole).abs() < 1e-7);
        }
        assert_eq!([got[0], got[1]], [0.0; 2]);
    }
    assert_eq!(of(&[3.0, 80.0, -90.0], 1, true), [0.0, 1.0, 0.0]);
    assert!((of(&[1.0, 2.0, 3.0], 3, true).iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn of_equal_ones_the_first_are_taken() {
    assert_eq!(of(&[1.0, 7.0, 7.0, 7.0], 2, true), [0.0, 0.5, 0.5, 0.0]);
    assert_eq!(of(&[f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY], 2, true), [0.0, 1.0, 0.0]);
}

#[test]
fn what_is_no_number_is_not_lost() {
    for scores in [[f32::NAN; 4], [0.0, f32::NAN, 1.0, 2.0], [0.0, f32::INFINITY, 1.0, 2.0]] {
        assert!(of(&scores, 2, true).iter().any(|share| share.is_nan()), "{scores:?}");
    }
}

#[test]
fn rows_go_to_their_experts_and_results_come_back() {
    let mut random = Random(10);
    let routing = Routing { experts: 5, per_token: 2, normed: true };
    for (tokens, k) in [(1, 1), (7, 33), (90, 576)] {
        let scores = random.values(tokens * routing.experts);
        let (stream, begun) = (random.values(tokens * k), random.values(tokens * k));
        let shares = shares(&plain(), &scores, routing);
        let mut expected = begun.clone();
        for expert in 0..routing.experts {
            for index in 0..tokens * k {
                let share = shares[index / k * routing.experts + expert];
                if share != 0.0 {
                    expected[index] += share * (stream[index] + expert as f32);
                }
            }
        }
        for cpu in all() {
            let mut routes = Routes::default();
            routes.fill(&cpu, &scores, routing);
            let mut sums = begun.clone();
            for expert in 0..routing.experts {
                let routed = routes.of(expert);
                let mut rows = vec![f32::NAN; routed.len() * k];
                ops::gather_rows(&cpu, routed, k, &stream, &mut rows);
                for value in &mut rows {
                    *value += expert as f32;
                }
                ops::add_shares(&cpu, routed, k, &rows, &mut sums);
            }
            assert_same_bits(&sums, &expected, &format!("{tokens} tokens of {k}"));
        }
    }
}
