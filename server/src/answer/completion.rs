//! Answers of completions: whole, and as chunks (echoed prompt, text, finish; then usage).

use proto::{
    CompletionChoice, CompletionChunk, CompletionChunkChoice, CompletionLogprobs, CompletionResponse, Member,
    ObjectName, Text, Timings,
};

use super::{
    Head, WholeChoice, chunk_usage,
    logprobs::{LegacyLogprobs, Words},
    token_ids, usage,
};
use crate::{
    choice::GeneratedToken,
    generate::{Generation, Piece},
    prepare::Prepared,
    request::StreamRules,
    sse::Events,
};

/// What one choice reports beside its text.
#[derive(Clone, Debug)]
struct Report {
    logprobs: Option<LegacyLogprobs>,
    token_ids: bool,
    echo: Option<Text>,
    prompt: Option<Vec<u32>>,
}

/// The whole answer.
pub fn whole(
    head: Head,
    prepared: &Prepared,
    generation: &Generation,
    choices: Vec<WholeChoice>,
) -> CompletionResponse {
    let reports = reports(prepared, generation);
    let choices =
        choices.into_iter().zip(reports).enumerate().map(|(index, (choice, report))| report.choice(index, choice));
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
    let report = |prompt: &crate::prepare::PreparedPrompt| Report {
        logprobs: request.logprobs.then(|| {
            LegacyLogprobs::new(Words::new(prepared, generation), request.skip_special_tokens, prompt.echo.as_deref())
        }),
        token_ids: request.return_token_ids,
        echo: prompt.echo.as_deref().map(Text::from),
        prompt: request.return_token_ids.then(|| prompt.tokens.clone()),
    };
    let prompts = prepared.prompts.iter();
    prompts.flat_map(|prompt| std::iter::repeat_n(report(prompt), request.returned)).collect()
}

impl Report {
    fn choice(mut self, index: usize, choice: WholeChoice) -> CompletionChoice {
        let (finish_reason, stop_reason) = choice.finish.map(|finish| (finish.reason, finish.stop_reason)).unzip();
        let echo = self.echo.take().unwrap_or_default().into_string();
        CompletionChoice {
            index,
            text: (echo + &choice.text).into(),
            finish_reason,
            stop_reason: stop_reason.flatten(),
            logprobs: self.logprobs(&choice.tokens),
            prompt_token_ids: self.prompt,
            token_ids: token_ids(self.token_ids, &choice.tokens),
        }
    }

    fn logprobs(&mut self, tokens: &[GeneratedToken]) -> Option<CompletionLogprobs> {
        self.logprobs.as_mut().map(|logprobs| logprobs.next(tokens))
    }
}

/// The chunks of a stream.
#[derive(Debug)]
pub struct CompletionEvents {
    head: Head,
    rules: StreamRules,
    reports: Vec<Report>,
}

impl CompletionEvents {
    /// A stream that has not begun.
    pub fn new(head: Head, rules: StreamRules, prepared: &Prepared, generation: &Generation) -> Self {
        Self { head, rules, reports: reports(prepared, generation) }
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
            choices.push(CompletionChunkChoice { prompt_token_ids, ..text(index, echo.unwrap_or_default()) });
        }
        if !piece.text.is_empty() || !piece.tokens.is_empty() {
            let logprobs = report.logprobs(&piece.tokens);
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
