//! The body of `POST /v1/chat/completions`.

use serde::{Deserialize, Serialize};
use utoipa::{ToSchema, openapi::schema::Object};

use crate::{
    AnyJson, AnyObject, Integer, List, Messages, Metadata, ModelName, NoneWord, OutputFields, Prediction, Refused,
    RefusedUnless, ResponseFormat, SamplingFields, SchedulingFields, ShortText, StoppingFields, Text, ToolChoice,
    Tools, integer::U32_MAX, list::of_items, output, scheduling, schema, strict_object::strict_object, template,
    word::word,
};

strict_object! {
    /// A request for the next turn of a chat.
    pub struct ChatRequest {
        groups {
            /// How tokens are drawn.
            sampling: SamplingFields,
            /// When it ends.
            stopping: StoppingFields,
            /// What the answer carries.
            output: OutputFields,
            /// Order, cache, bookkeeping.
            scheduling: SchedulingFields,
        }
        required {
            /// Name of the model.
            model: ModelName,
            /// The chat so far.
            messages: Messages,
        }
        optional {
            /// Tokens to generate at most, in the newer name.
            max_completion_tokens: Integer<1, U32_MAX>,
            /// Report log-probabilities.
            logprobs: bool,
            /// How many alternatives of each token.
            top_logprobs: Integer<0, 20>,
            /// Form of the answer.
            response_format: ResponseFormat,
            /// Functions the model may call.
            tools: Tools,
            /// Which of them.
            tool_choice: ToolChoice,
            /// Several calls in one answer.
            parallel_tool_calls: bool,
            /// What the answer may be.
            prediction: Prediction,
            /// A hint for models that think.
            reasoning_effort: ReasoningEffort,
            /// Tell thoughts.
            include_reasoning: bool,
            /// Tell thoughts apart from the content.
            separate_reasoning: bool,
            /// Tokens of a thought at most.
            thinking_token_budget: Integer<0, U32_MAX>,
            /// Open the assistant's turn.
            add_generation_prompt: bool,
            /// The last message is a prefix to continue.
            continue_final_message: bool,
            /// Variables for the template.
            chat_template_kwargs: AnyJson,
            /// Documents for the chat template.
            documents: AnyJson,
            /// Bookkeeping.
            safety_identifier: ShortText,
            /// Bookkeeping.
            prompt_cache_key: ShortText,
            /// Bookkeeping.
            prompt_cache_retention: ShortText,
            /// Bookkeeping.
            metadata: Metadata,
            /// Nothing is stored.
            store: bool,
            /// Bookkeeping.
            service_tier: ServiceTier,
            /// A hint.
            verbosity: Verbosity,
            /// Only `text`.
            modalities: List<Text, 16, 1>,
        }
        received {
            /// A hint.
            prompt_cache_options: AnyObject,
            /// Spoken answers.
            audio: Refused,
            /// Tools in their old form.
            functions: Refused,
            /// Choice of tools in its old form.
            function_call: RefusedUnless<NoneWord>,
            /// A search.
            web_search_options: Refused,
            /// A filter.
            moderation: Refused,
            /// A template.
            chat_template: Refused,
        }
        forms { narrow }
    }
}

fn narrow(request: &Object) -> Object {
    let mut request = request.clone();
    output::narrow(&mut request);
    output::only(&mut request, "echo", false);
    scheduling::narrow(&mut request);
    template::narrow(&mut request);
    let modalities = of_items(schema::words(&["text"]).into(), 1, Some(16));
    schema::set(&mut request, "modalities", schema::nullable(modalities.into()));
    schema::set(&mut request, "max_tokens", schema::nullable(schema::integer(1, U32_MAX).into()));
    request
}

/// How long to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", remote = "Self")]
pub enum ReasoningEffort {
    /// `none`
    None,
    /// `minimal`
    Minimal,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `xhigh`
    Xhigh,
}

word!(ReasoningEffort);

/// Class of service asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", remote = "Self")]
pub enum ServiceTier {
    /// `auto`
    Auto,
    /// `default`
    Default,
    /// `flex`
    Flex,
    /// `scale`
    Scale,
    /// `priority`
    Priority,
}

word!(ServiceTier);

/// How wordy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", remote = "Self")]
pub enum Verbosity {
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
}

word!(Verbosity);
