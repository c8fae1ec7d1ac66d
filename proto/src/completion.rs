//! The body of `POST /v1/completions`.

use utoipa::openapi::schema::Object;

use crate::{
    Integer, ModelName, OutputFields, Prompt, Refused, ResponseFormat, SamplingFields, SchedulingFields,
    StoppingFields, Text, output, scheduling, schema, strict_object::strict_object,
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
            model: ModelName,
            /// What to continue.
            prompt: Prompt,
        }
        optional {
            /// Report log-probabilities and so many alternatives.
            logprobs: Integer<0, 20>,
            /// Text after the gap, for models that fill in.
            suffix: Text,
            /// Form of the answer.
            response_format: ResponseFormat,
        }
        received {
            /// A prompt as numbers.
            prompt_embeds: Refused,
        }
        forms { narrow }
    }
}

fn narrow(request: &Object) -> Object {
    let mut request = request.clone();
    output::narrow(&mut request);
    scheduling::narrow(&mut request);
    // No model that is served fills gaps.
    schema::set(&mut request, "suffix", schema::null());
    request
}
