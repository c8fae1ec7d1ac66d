//! A prepared request as the scheduler takes it: one submission for each prompt, all on one deadline.

use std::sync::Arc;

use scheduler::{Constraint, SamplingParams, Submission};
use sha2::{Digest, Sha256};

use crate::{
    app::App,
    error::ApiError,
    generate::Clocked,
    grammar::BoundThought,
    prepare::{Prepared, PreparedPrompt},
    request::GenerateRequest,
    request_id::random_bytes,
    served_model::ServedModel,
};

/// One submission for each prompt.
pub(crate) fn submissions(
    app: &App,
    model: &ServedModel,
    prepared: &Prepared,
    clocked: Clocked,
) -> Result<Vec<Submission>, ApiError> {
    let request = &prepared.request;
    let limits = &app.config().limits;
    let seed = request.seed.unwrap_or_else(|| u64::from_le_bytes(random_bytes()));
    let each = sequences_each(request);
    let mut seqs = model.engine.new_seqs(prepared.prompts.len() * each).into_iter();
    let submission = |prompt: &PreparedPrompt| {
        let constraint = constraint(model, prepared, prompt)?;
        let params = SamplingParams { seed, constraint, ..sampling(model, request, prompt.tokens.len()) };
        Ok(Submission {
            seqs: seqs.by_ref().take(each).collect(),
            params: Arc::new(params),
            prompt: prompt.tokens.clone(),
            prediction: Arc::clone(&prepared.prediction),
            pooled: false,
            second: None,
            asked: Arc::default(),
            each_token: false,
            priority: request.priority,
            cache_key: cache_key(model, request.cache_salt.as_deref()),
            queue_deadline: Some(clocked.arrived + limits.queue_wait),
            deadline: Some(clocked.deadline(limits)),
        })
    };
    prepared.prompts.iter().map(submission).collect()
}

/// Sequences that compute the choices of one prompt.
fn sequences_each(request: &GenerateRequest) -> usize {
    request.sampling.beams.map_or(request.choices, |beams| beams.width)
}

/// What binds the choices of one prompt.
fn constraint(
    model: &ServedModel,
    prepared: &Prepared,
    prompt: &PreparedPrompt,
) -> Result<Option<Constraint>, ApiError> {
    let (request, grammar) = (&prepared.request, prepared.grammar.as_deref());
    let budget = request.reasoning.budget;
    let thought = prompt.thinking.map(|thinking| BoundThought { thinking, budget });
    if grammar.is_none() && thought.is_none_or(|thought| thought.budget.is_none()) {
        return Ok(None);
    }
    let shown = prepared.text_rules(prompt).shown(Arc::clone(&model.tokenizer));
    let session = model.grammars.session(grammar, thought, sequences_each(request), shown)?;
    Ok(Some(Constraint(Arc::new(session))))
}

fn sampling(model: &ServedModel, request: &GenerateRequest, prompt: usize) -> SamplingParams {
    let mut params = request.sampling.clone();
    params.max_new = request.max_new.unwrap_or_else(|| room(model, request, prompt));
    if !request.ignore_eos {
        params.stop_ids.extend(&model.eos_ids);
    }
    params
}

/// The rest of the context, as far as the pool could ever hold it, beside all other beams of the request.
fn room(model: &ServedModel, request: &GenerateRequest, prompt: usize) -> usize {
    let limits = &model.limits;
    let beams = request.sampling.beams.map_or(1, |beams| beams.width);
    let pool = limits.most_positions(beams).map_or(usize::MAX, |positions| positions + 1);
    limits.max_model_len.min(pool).saturating_sub(prompt).max(1)
}

/// Root of the prefix chain: only equal roots share blocks.
pub(crate) fn cache_key(model: &ServedModel, salt: Option<&str>) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(model.fingerprint.as_bytes());
    if let Some(salt) = salt {
        hash.update([1]);
        hash.update(salt.as_bytes());
    }
    hash.finalize().into()
}
