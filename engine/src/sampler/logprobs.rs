//! Log-softmax of a row, for the sampled token and the likeliest.

use scheduler::{Token, TokenLogprobs};

/// Log-probabilities of `token` and of the `top` likeliest, best first, lowest id first on a tie.
pub(super) fn of(row: &[f32], token: Token, top: usize) -> TokenLogprobs {
    let normaliser = log_sum_exp(row);
    TokenLogprobs {
        logprob: (f64::from(row[token as usize]) - normaliser) as f32,
        top: likeliest(row, top)
            .into_iter()
            .map(|(token, logit)| (token, (f64::from(logit) - normaliser) as f32))
            .collect(),
    }
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let highest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    highest + row.iter().map(|&logit| (f64::from(logit) - highest).exp()).sum::<f64>().ln()
}

/// The `count` highest logits: an ordered short list, since `count` is 20 at most.
fn likeliest(row: &[f32], count: usize) -> Vec<(Token, f32)> {
    let mut best: Vec<(Token, f32)> = Vec::with_capacity(count + 1);
    for (token, &logit) in row.iter().enumerate() {
        if best.len() == count && best.last().is_none_or(|&(_, lowest)| logit <= lowest) {
            continue;
        }
        let place = best.partition_point(|&(_, other)| other >= logit);
        best.insert(place, (token as Token, logit));
        best.truncate(count);
    }
    best
}
