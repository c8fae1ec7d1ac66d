//! Answers of completions: whole, and as chunks (echoed prompt, text, finish; then usage).

use std::sync::Arc;

use proto::{
    CompletionChoice, CompletionChunk, CompletionChunkChoice, CompletionLogprobs, CompletionResponse, Member,
    ObjectName, Text, Timings,
};
use scheduler::Score;

use super::{
    Head, WholeChoice, chunk_usage,
    logprobs::{LegacyLogprobs, Words},
    prompt_logprobs::prompt_logprobs,
    token_ids, usage,
};
use crate::{
    choice::GeneratedToken,
    echo::Echo,
    generate::{Generation, Piece},
    prepare::{Prepared, PreparedPrompt},
    request::StreamRules,
    sse::Events,
};

/// What one choice reports beside its text.
#[derive(Clone, Debug)]
struct Report {
    logprobs: Option<LegacyLogprobs>,
    token_ids: bool,
    echo: Option<Arc<Echo>>,
    prompt: Option<Vec<u32>>,
}

/// The whole answer.
pub fn whole(
    head: Head,
    prepared: &Prepared,
    generation: &Generation,
    choices: Vec<WholeChoice>,
) -> CompletionResponse {
    let words = Words::new(prepared, generation);
    let choices =
        choices.into_iter().zip(reports(prepared, generation)).enumerate().map(|(index, (choice, report))| {
            let prompt = index / prepared.request.returned;
            let prompt_logprobs = prompt_logprobs(&words, prepared, generation, prompt);
            CompletionChoice { prompt_logprobs, ..report.choice(index, choice, generation.scores(prompt)) }
        });
    CompletionResponse {
        id: head.id,
        object: ObjectName::TextCompletion,
        created: head.created,
        model: head.model,
        system_fingerprint: Some(head.fingerprint),
        choices: choices.collect(),
        usage: usage(generation),
        timings: generation.timings(),
    }
}

/// One for each choice that is returned; those of one prompt are equal.
fn reports(prepared: &Prepared, generation: &Generation) -> Vec<Report> {
    let request = &prepared.request;
    let report = |prompt: &PreparedPrompt| Report {
        logprobs: request.logprobs.map(|top| LegacyLogprobs::new(prepared, generation, top, prompt.echo.as_deref())),
        token_ids: request.return_token_ids,
        echo: prompt.echo.clone(),
        prompt: request.return_token_ids.then(|| prompt.tokens.clone()),
    };
    let prompts = prepared.prompts.iter();
    prompts.flat_map(|prompt| std::iter::repeat_n(report(prompt), request.returned)).collect()
}

impl Report {
    /// The whole choice, given the scores of its prompt.
    fn choice(mut self, index: usize, choice: WholeChoice, scores: &[Score]) -> CompletionChoice {
        let (finish_reason, stop_reason) = choice.finish.map(|finish| (finish.reason, finish.stop_reason)).unzip();
        let echoed = self.echo.take();
        let logprobs = self.logprobs(echoed.as_deref(), scores, &choice.tokens);
        let echo = echoed.map(|echo| echo.text.clone()).unwrap_or_default();
        CompletionChoice {
            index,
            text: (echo + &choice.text).into(),
            finish_reason,
            stop_reason: stop_reason.flatten(),
            logprobs,
            prompt_token_ids: self.prompt,
            token_ids: token_ids(self.token_ids, &choice.tokens),
            prompt_logprobs: None,
        }
    }

    /// The arrays of the prompt, if it is echoed here, and of the tokens.
    fn logprobs(
        &mut self,
        echo: Option<&Echo>,
        scores: &[Score],
        tokens: &[GeneratedToken],
    ) -> Option<CompletionLogprobs> {
        let logprobs = self.logprobs.as_mut()?;
        let mut arrays = echo.map(|echo| logprobs.echoed(echo, scores)).unwrap_or_default();
        logprobs.add(&mut arrays, tokens);
        Some(arrays)
    }
}

/// The chunks of a stream.
#[derive(Debug)]
pub struct CompletionEvents {
    head: Head,
    rules: StreamRules,
    reports: Vec<Report>,
    /// Of each prompt.
    choices_each: usize,
}

impl CompletionEvents {
    /// A stream that has not begun.
    pub fn new(head: Head, rules: StreamRules, prepared: &Prepared, generation: &Generation) -> Self {
        let choices_each = prepared.request.choices;
        Self { head, rules, reports: reports(prepared, generation), choices_each }
    }

    fn chunk(
        &self,
        choices: Vec<CompletionChunkChoice>,
        usage: Member<proto::Usage>,
        timings: Option<Timings>,
    ) -> String {
        let chunk = CompletionChunk {
            id: self.head.id.clone(),
            object: ObjectName::TextCompletion,
            created: self.head.created,
            model: self.head.model.clone(),
            system_fingerprint: Some(self.head.fingerprint.clone()),
            choices,
            usage,
            timings,
        };
        serde_json::to_string(&chunk).expect("an answer is valid JSON")
    }
}

impl Events for CompletionEvents {
    fn piece(&mut self, piece: Piece, generation: &Generation) -> Vec<String> {
        let index = piece.choice;
        let report = &mut self.reports[index];
        let mut choices = Vec::new();
        let (echo, prompt_token_ids) = (report.echo.take(), report.prompt.take());
        if echo.is_some() || prompt_token_ids.is_some() {
            let scores = generation.scores(index / self.choices_each);
            let logprobs = echo.as_deref().and_then(|echo| report.logprobs(Some(echo), scores, &[]));
            let echoed = echo.map(|echo| Text::from(echo.text.clone())).unwrap_or_default();
            choices.push(CompletionChunkChoice { prompt_token_ids, logprobs, ..text(index, echoed) });
        }
        if !piece.text.is_empty() || !piece.tokens.is_empty() {
            let logprobs = report.logprobs(None, &[], &piece.tokens);
            let token_ids = token_ids(report.token_ids, &piece.tokens);
            choices.push(CompletionChunkChoice { logprobs, token_ids, ..text(index, piece.text.into()) });
        }
        if let Some(finish) = piece.finish {
            let (finish_reason, stop_reason) = (Some(finish.reason), Member::from(finish.stop_reason));
            choices.push(CompletionChunkChoice { finish_reason, stop_reason, ..text(index, Text::default()) });
        }
        let usage = chunk_usage(&self.rules, generation);
        choices.into_iter().map(|choice| self.chunk(vec![choice], usage.clone(), None)).collect()
    }

    fn end(&mut self, generation: &Generation) -> Vec<String> {
        let usage = self.rules.include_usage.then(|| Member::Value(usage(generation)));
        usage.map(|usage| self.chunk(Vec::new(), usage, generation.timings())).into_iter().collect()
    }
}

fn text(index: usize, text: Text) -> CompletionChunkChoice {
    CompletionChunkChoice {
        index,
        text,
        logprobs: None,
        finish_reason: None,
        stop_reason: Member::Absent,
        prompt_token_ids: None,
        token_ids: None,
    }
}
