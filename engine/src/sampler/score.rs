//! Log-probability and rank of prompt tokens, by the same sums as those of tokens that are drawn.

use scheduler::{RowFault, Score, ScoreSpec, StepPlan};

use super::batch::Samplers;
use super::logit_row::LogitRow;
use super::{Sampler, batch, logprobs};
use crate::cpu::Cpu;
use crate::kernels::cpu::isa::CheckedIsa;

impl Samplers {
    /// Scores every prompt token of the plan that is to be scored, in its order. `logits` as for [`Samplers::sample`].
    pub(crate) fn score(
        &self,
        cpu: &Cpu,
        plan: &StepPlan,
        logits: &[f32],
        vocab: usize,
    ) -> Vec<Result<Score, RowFault>> {
        let mut scores = vec![None; plan.num_scores()];
        let rows = batch::by_work(plan, logits, vocab)
            .flat_map(|(work, rows)| work.scores.iter().zip(rows.scored.chunks_exact(vocab)));
        cpu.pool().for_each_with(&self.idle, rows.zip(&mut scores), |sampler, ((spec, row), score)| {
            *score = Some(sampler.score(cpu.isa(), spec, row));
        });
        scores.into_iter().map(|score| score.expect("every token was scored")).collect()
    }
}

impl Sampler {
    /// Scores the token that stands behind a row of the model's own logits.
    pub(super) fn score(&mut self, isa: CheckedIsa, spec: &ScoreSpec, row: &[f32]) -> Result<Score, RowFault> {
        let Self { maxima: [maxima, _], scratch, .. } = self;
        let (row, finite) = LogitRow::scan(isa, row, maxima);
        if !finite {
            return Err(RowFault::NotFinite);
        }
        let top = spec.params.prompt_logprobs.unwrap_or(0);
        let logprobs = logprobs::of(isa, &row, (spec.token, top, &spec.params.logprob_ids), scratch);
        Ok(Score { logprobs, rank: row.rank(spec.token) })
    }
}
