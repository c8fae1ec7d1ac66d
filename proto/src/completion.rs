//! The body of `POST /v1/completions`.

use crate::{
    Integer, OutputFields, Prompt, Refused, ResponseFormat, SamplingFields, SchedulingFields, StoppingFields, Text,
    strict_object::strict_object,
};

strict_object! {
    /// A request to continue one or several prompts.
    pub struct CompletionRequest {
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
            model: String,
            /// What to continue.
            prompt: Prompt,
        }
        optional {
            /// Report log-probabilities and so many alternatives.
            logprobs: Integer,
            /// Text after the gap, for models that fill in.
            suffix: Text,
            /// Form of the answer.
            response_format: ResponseFormat,
        }
        received {
            /// A prompt as numbers.
            prompt_embeds: Refused,
        }
    }
}
