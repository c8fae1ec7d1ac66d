//! POST /v1/chat/completions/render and /v1/completions/render: a request as it would run, for gateways that route by
//! prefix.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use proto::{ChatRequest, CompletionRequest, Integer, LogitBias, RenderedRequest, RenderedSampling};

use super::{
    chat, completions,
    text_job::{self, Made},
};
use crate::{
    app::App,
    error::ApiError,
    openapi::{Endpoint, Facts},
    prepare::{Parse, tokenize},
    request::GenerateRequest,
    request_id::random_id,
    served_model::ServedModel,
};

/// Each prompt repeats the allowed ids.
const MAX_RENDERED_IDS: usize = 1 << 20;

/// What it takes and answers.
pub fn describe_chat(facts: &Facts) -> Endpoint {
    let endpoint = Endpoint::post("Show how a chat would run").takes::<ChatRequest>(facts, chat::examples(facts));
    endpoint
        .answers::<RenderedRequest>("The request with its tokens and all defaults filled in.")
        .refuses(ApiError::of_chats())
        .refuses(ApiError::of_settings())
        .refuses(ApiError::of_length())
}

/// What it takes and answers.
pub fn describe_completion(facts: &Facts) -> Endpoint {
    let examples = completions::examples(facts);
    let endpoint = Endpoint::post("Show how a completion would run").takes::<CompletionRequest>(facts, examples);
    endpoint
        .answers_list::<RenderedRequest>("One request for each prompt.")
        .refuses(ApiError::of_settings())
        .refuses(ApiError::of_length())
}

/// A chat has one prompt.
pub async fn chat(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let job = |body: &[u8], model: &ServedModel| {
        let (mut prompts, ignored) = render(body, model, chat::parse, "chatcmpl-")?;
        Ok((prompts.remove(0), ignored))
    };
    text_job::respond(&app, request, job).await
}

/// A completion may have several.
pub async fn completion(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let job = |body: &[u8], model: &ServedModel| render(body, model, completions::parse, "cmpl-");
    text_job::respond(&app, request, job).await
}

/// At least one prompt.
fn render(
    body: &[u8],
    model: &ServedModel,
    parse: Parse,
    prefix: &str,
) -> Result<Made<Vec<RenderedRequest>>, ApiError> {
    let prepared = tokenize(model, parse(body, &model.rules)?)?;
    let request = &prepared.request;
    let allowed: Option<Vec<u32>> = request.sampling.allowed.as_deref().map(|allowed| allowed.tokens().collect());
    if allowed.as_ref().is_some_and(|allowed| allowed.len() * prepared.prompts.len() > MAX_RENDERED_IDS) {
        let says = format_args!("must have at most {MAX_RENDERED_IDS} ids over all prompts to be rendered");
        return Err(ApiError::invalid_value("allowed_token_ids", says));
    }
    let prompts = prepared.prompts.into_iter().map(|prompt| RenderedRequest {
        request_id: random_id(prefix),
        features: None,
        sampling_params: sampling(request, allowed.clone(), model.limits.max_model_len - prompt.tokens.len()),
        token_ids: prompt.tokens,
    });
    Ok((prompts.collect(), request.ignored.clone()))
}

/// `room` is what the context leaves for the answer.
fn sampling(request: &GenerateRequest, allowed_token_ids: Option<Vec<u32>>, room: usize) -> RenderedSampling {
    let params = &request.sampling;
    let bias = params.logit_bias.iter().map(|(token, bias)| (token.to_string(), f64::from(*bias)));
    RenderedSampling {
        n: request.returned,
        temperature: params.temperature,
        top_p: params.top_p,
        top_k: params.top_k,
        min_p: params.min_p,
        typical_p: params.typical_p,
        repetition_penalty: params.repetition_penalty,
        frequency_penalty: params.frequency_penalty,
        presence_penalty: params.presence_penalty,
        logit_bias: (!params.logit_bias.is_empty()).then(|| LogitBias(bias.collect())),
        no_repeat_ngram_size: params.no_repeat_ngram,
        bad_words_token_ids: params.bad_words.clone(),
        allowed_token_ids,
        seed: request.seed.map(|seed| Integer(seed.cast_signed())),
        stop: request.stop.strings.iter().map(|text| text.as_str().into()).collect(),
        stop_token_ids: params.stop_ids.clone(),
        include_stop_str_in_output: request.stop.include,
        ignore_eos: request.ignore_eos,
        max_tokens: request.max_new.unwrap_or(room),
        min_tokens: params.min_new,
        logprobs: request.logprobs,
        logprob_token_ids: params.logprob_ids.clone(),
        prompt_logprobs: params.prompt_logprobs,
        skip_special_tokens: request.skip_special_tokens,
    }
}
