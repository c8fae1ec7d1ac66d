//! Answers of chats: whole, and as chunks (role, deltas, finish; then usage).

use proto::{
    AssistantMessage, ChatChoice, ChatChunk, ChatChunkChoice, ChatDelta, ChatResponse, Member, ObjectName, Role,
    Timings,
};

use super::{
    Head, WholeChoice,
    calls::{self, CallCount},
    chunk_usage,
    logprobs::{self, Words},
    prompt_logprobs::prompt_logprobs,
    token_ids, usage,
};
use crate::{
    choice::GeneratedToken,
    generate::{Generation, Piece},
    prepare::Prepared,
    request::StreamRules,
    sse::Events,
};

/// What an answer reports beside its text.
#[derive(Clone, Debug)]
struct Report {
    words: Words,
    logprobs: bool,
    token_ids: bool,
    prompt: Option<Vec<u32>>,
}

/// The whole answer.
pub fn whole(head: Head, prepared: &Prepared, generation: &Generation, choices: Vec<WholeChoice>) -> ChatResponse {
    let report = Report::new(prepared, generation);
    let choices = choices.into_iter().enumerate().map(|(index, choice)| report.choice(index, choice));
    ChatResponse {
        id: head.id,
        object: ObjectName::ChatCompletion,
        created: head.created,
        model: head.model,
        system_fingerprint: Some(head.fingerprint),
        service_tier: Some("default".to_owned()),
        choices: choices.collect(),
        usage: usage(generation),
        timings: generation.timings(),
        prompt_logprobs: prompt_logprobs(&report.words, prepared, generation, 0),
        prompt_token_ids: report.prompt,
    }
}

impl Report {
    fn new(prepared: &Prepared, generation: &Generation) -> Self {
        let request = &prepared.request;
        Self {
            words: Words::new(prepared, generation),
            logprobs: request.logprobs.is_some(),
            token_ids: request.return_token_ids,
            prompt: request.return_token_ids.then(|| prepared.prompts[0].tokens.clone()),
        }
    }

    fn choice(&self, index: usize, choice: WholeChoice) -> ChatChoice {
        let (finish_reason, stop_reason) = choice.finish.map(|finish| (finish.reason, finish.stop_reason)).unzip();
        ChatChoice {
            index,
            finish_reason,
            stop_reason: stop_reason.flatten(),
            logprobs: self.logprobs(&choice.tokens[choice.thought_tokens..]),
            message: AssistantMessage::new(choice.text, calls::whole(choice.calls)).after(choice.thought),
            token_ids: token_ids(self.token_ids, &choice.tokens),
        }
    }

    /// Of the tokens behind a thought.
    fn logprobs(&self, tokens: &[GeneratedToken]) -> Option<proto::ChatLogprobs> {
        self.logprobs.then(|| logprobs::of_chat(&self.words, tokens))
    }
}

/// The chunks of a stream.
#[derive(Debug)]
pub struct ChatEvents {
    head: Head,
    rules: StreamRules,
    report: Report,
    choices: Vec<Progress>,
}

/// What is out of one choice.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// Whether the role chunk is.
    begun: bool,
    calls: CallCount,
}

impl ChatEvents {
    /// A stream that has not begun.
    pub fn new(head: Head, rules: StreamRules, prepared: &Prepared, generation: &Generation) -> Self {
        let report = Report::new(prepared, generation);
        Self { head, rules, report, choices: vec![Progress::default(); generation.num_choices()] }
    }

    fn chunk(
        &mut self,
        choices: Vec<ChatChunkChoice>,
        usage: Member<proto::Usage>,
        timings: Option<Timings>,
    ) -> String {
        let chunk = ChatChunk {
            id: self.head.id.clone(),
            object: ObjectName::ChatCompletionChunk,
            created: self.head.created,
            model: self.head.model.clone(),
            system_fingerprint: Some(self.head.fingerprint.clone()),
            choices,
            usage,
            timings,
            prompt_token_ids: self.report.prompt.take(),
        };
        serde_json::to_string(&chunk).expect("an answer is valid JSON")
    }
}

impl Events for ChatEvents {
    fn piece(&mut self, piece: Piece, generation: &Generation) -> Vec<String> {
        let index = piece.choice;
        let mut deltas = Vec::new();
        let progress = &mut self.choices[index];
        if !std::mem::replace(&mut progress.begun, true) {
            let role = Some(Role::Assistant);
            deltas.push(delta(index, ChatDelta { role, content: Some("".into()), ..ChatDelta::default() }));
        }
        let calls = progress.calls.next(piece.calls);
        if !piece.thought.is_empty() {
            let reasoning_content = Some(piece.thought.into());
            deltas.push(delta(index, ChatDelta { reasoning_content, ..ChatDelta::default() }));
        }
        let answer = &piece.tokens[piece.thought_tokens..];
        if !piece.text.is_empty() || (calls.is_empty() && !answer.is_empty()) {
            deltas.push(delta(index, ChatDelta { content: Some(piece.text.into()), ..ChatDelta::default() }));
        }
        for call in calls {
            deltas.push(delta(index, ChatDelta { tool_calls: vec![call], ..ChatDelta::default() }));
        }
        if let Some(last) = deltas.last_mut().filter(|_| !piece.tokens.is_empty()) {
            last.logprobs = self.report.logprobs(answer).filter(|_| !answer.is_empty());
            last.token_ids = token_ids(self.report.token_ids, &piece.tokens);
        }
        if let Some(finish) = piece.finish {
            let (finish_reason, stop_reason) = (Some(finish.reason), Member::from(finish.stop_reason));
            deltas.push(ChatChunkChoice { finish_reason, stop_reason, ..delta(index, ChatDelta::default()) });
        }
        let usage = chunk_usage(&self.rules, generation);
        deltas.into_iter().map(|choice| self.chunk(vec![choice], usage.clone(), None)).collect()
    }

    fn end(&mut self, generation: &Generation) -> Vec<String> {
        let usage = self.rules.include_usage.then(|| Member::Value(usage(generation)));
        usage.map(|usage| self.chunk(Vec::new(), usage, generation.timings())).into_iter().collect()
    }
}

fn delta(index: usize, delta: ChatDelta) -> ChatChunkChoice {
    ChatChunkChoice { index, delta, logprobs: None, finish_reason: None, stop_reason: Member::Absent, token_ids: None }
}
