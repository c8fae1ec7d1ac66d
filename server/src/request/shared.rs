//! What chat and completions have in common.

use proto::{Integer, OutputFields, ResponseFormat, SamplingFields, SchedulingFields, StoppingFields};

use super::{
    GenerateRequest, Prompt, PromptCut, ReasoningRules, RequestRules, beams, grammar, output::Output, refuse, sampling,
    stopping::Stopping, tools,
};
use crate::{error::ApiError, grammar::CallsForm};

/// The groups of members that both requests have.
pub(super) struct SharedFields {
    pub(super) sampling: SamplingFields,
    pub(super) stopping: StoppingFields,
    pub(super) output: OutputFields,
    pub(super) format: Option<ResponseFormat>,
    pub(super) scheduling: SchedulingFields,
    pub(super) calls: Option<CallsForm>,
}

/// What the two requests read each in their own way.
pub(super) struct OwnParts {
    pub(super) model: String,
    pub(super) max_new: Option<usize>,
    pub(super) logprobs: Option<usize>,
    /// Where the request says nothing.
    pub(super) add_special_tokens: bool,
}

impl SharedFields {
    /// The request; its prompts come last, when the model is known to be ours.
    pub(super) fn request(
        mut self,
        own: OwnParts,
        rules: &RequestRules,
        prompts: impl FnOnce() -> Result<Vec<Prompt>, ApiError>,
    ) -> Result<GenerateRequest, ApiError> {
        let mut sampling = sampling::params(&self.sampling, rules)?;
        let stopping = Stopping::new(self.stopping, own.max_new, rules)?;
        let answer = grammar::grammar(self.format, &mut self.output)?;
        let grammar = match self.calls {
            Some(calls) => Some(tools::with_answer(calls, answer)?),
            None => answer,
        };
        let bad_words = self.sampling.bad_words.take().unwrap_or_default().0;
        let searches = beams::is_wanted(&self.sampling);
        let output = Output::new(&self.output, searches, rules)?;
        sampling.beams = beams::params(&self.sampling, &output)?;
        if own.logprobs.is_none() && !output.logprob_ids.is_empty() {
            return Err(ApiError::invalid_value("logprob_token_ids", "needs logprobs"));
        }
        let scheduling = Scheduling::new(self.scheduling)?;
        if let Some(form) = grammar.as_ref().filter(|_| stopping.ignore_eos) {
            let says = format_args!("contradicts {}, which ends with the end token", form.field());
            return Err(ApiError::invalid_value("ignore_eos", says));
        }
        let prompts = prompts()?;
        let choices = if searches { output.returned } else { output.computed };
        let chooses = choices > output.returned;
        sampling.logprobs = own.logprobs.or(chooses.then_some(0));
        sampling.logprob_ids = output.logprob_ids;
        sampling.prompt_logprobs = output.prompt_logprobs.max(own.logprobs.filter(|_| output.echo));
        sampling.min_new = stopping.min_new;
        sampling.stop_ids = stopping.ids;
        Ok(GenerateRequest {
            model: own.model,
            prompts,
            choices,
            returned: output.returned,
            logprobs: own.logprobs,
            prompt_logprobs: output.prompt_logprobs,
            max_new: own.max_new,
            seed: self.sampling.seed.map(|seed| seed.0.cast_unsigned()),
            sampling,
            bad_words: bad_words.into_iter().map(proto::Word::into_string).collect(),
            prediction: None,
            ignore_eos: stopping.ignore_eos,
            stop: stopping.rules,
            grammar,
            reasoning: ReasoningRules::default(),
            stream: output.stream,
            echo: output.echo,
            skip_special_tokens: output.skip_special_tokens,
            add_special_tokens: scheduling.add_special_tokens.unwrap_or(own.add_special_tokens),
            priority: scheduling.priority,
            cache_salt: scheduling.cache_salt,
            request_id: scheduling.request_id,
            return_token_ids: output.return_token_ids,
            tokens_as_ids: output.tokens_as_ids,
            cut: scheduling.cut,
            ignored: Vec::new(),
        })
    }
}

struct Scheduling {
    priority: i32,
    cache_salt: Option<String>,
    request_id: Option<String>,
    add_special_tokens: Option<bool>,
    cut: Option<PromptCut>,
}

impl Scheduling {
    fn new(fields: SchedulingFields) -> Result<Self, ApiError> {
        refuse::scheduling(&fields)?;
        let request_id = fields.request_id.or(fields.rid).map(proto::ShortText::into_string);
        Ok(Self {
            priority: priority(fields.priority),
            cache_salt: fields.cache_salt.map(proto::BoundedText::into_string),
            request_id: request_id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic())),
            add_special_tokens: fields.add_special_tokens,
            cut: fields.truncate_prompt_tokens.map(prompt_cut).transpose()?,
        })
    }
}

/// Lower runs earlier.
pub(super) fn priority(value: Option<Integer<-100, 100>>) -> i32 {
    value.map_or(0, |value| i32::try_from(value.0).expect("between -100 and 100"))
}

/// -1 is what fits.
pub(super) fn prompt_cut<const MIN: i64, const MAX: i64>(value: Integer<MIN, MAX>) -> Result<PromptCut, ApiError> {
    match value.0 {
        -1 => Ok(PromptCut::ToFit),
        0 => Err(ApiError::invalid_value("truncate_prompt_tokens", "must be -1 or at least 1")),
        kept => Ok(PromptCut::To(kept as usize)),
    }
}
