//! The public JSON of Gondola's HTTP API, and nothing more: no routes, no limits that a flag can move, no text work.
//!
//! Requests are strict: an unknown member, a member given twice and a value of the wrong type are errors that keep
//! their path. Responses are written exactly as documented and read leniently, so that a client can use them
//! against other servers too. No type here prints text of users or models when it is debug-printed.
#![forbid(unsafe_code)]

mod schema;
mod strict_object;
mod word;

mod bounded_text;
mod chat;
mod chat_response;
mod classify;
mod completion;
mod completion_response;
mod content;
mod decimal;
mod embed;
mod embeddings;
mod error;
mod fill_mask;
mod integer;
mod list;
mod listing;
mod logprobs;
mod map;
mod member;
mod message;
mod model;
mod model_name;
mod ner;
mod object_name;
mod output;
mod pooling;
mod predict;
mod prediction;
mod prompt;
mod prompt_logprobs;
mod qa;
mod refused;
mod rerank;
mod sampling;
mod scheduling;
mod score;
mod similarity;
mod stopping;
mod stream;
mod structured;
mod template;
mod text;
mod texts;
mod timings;
mod tokens;
mod tools;
mod truncation;
mod usage;

pub use bounded_text::{BoundedText, ShortText, Word};
pub use chat::{ChatRequest, ReasoningEffort, ServiceTier, Verbosity};
pub use chat_response::{AssistantMessage, ChatChoice, ChatChunk, ChatChunkChoice, ChatDelta, ChatResponse};
pub use classify::{Classified, ClassifyInput, ClassifyRequest, ClassifyText, TextPair};
pub use completion::CompletionRequest;
pub use completion_response::{CompletionChoice, CompletionChunk, CompletionChunkChoice, CompletionResponse};
pub use content::{Content, ContentPart, MediaKind};
pub use decimal::{Decimal, PositiveDecimal};
pub use embed::{EmbedRequest, Vectors};
pub use embeddings::{
    Embedding, EmbeddingInput, EmbeddingUsage, EmbeddingVector, EmbeddingsRequest, EmbeddingsResponse, EncodingFormat,
    MAX_INPUTS,
};
pub use error::{ErrorBody, ErrorObject};
pub use fill_mask::{FillMaskRequest, FilledMask, MaskCandidate, TextMasks};
pub use integer::{Integer, TokenId};
pub use list::List;
pub use listing::Listing;
pub use logprobs::{ChatLogprobs, CompletionLogprobs, Logprob, TokenLogprob, TopLogprob, TopTokens};
pub use map::{AnyObject, LogitBias, Metadata};
pub use member::Member;
pub use message::{ChatMessage, FunctionCall, Messages, Role, ToolCall};
pub use model::{Model, ModelList, ModelRequest, ModelStatus};
pub use model_name::ModelName;
pub use ner::{Aggregation, Entity, NerRequest, TextEntities};
pub use object_name::ObjectName;
pub use output::OutputFields;
pub use pooling::{Pooled, PooledNumbers, PoolingRequest, PoolingTask};
pub use predict::{LabelScore, PredictInput, PredictRequest, Predictions, TextOrPair};
pub use prediction::Prediction;
pub use prompt::{MAX_PROMPTS, Prompt};
pub use prompt_logprobs::{PlaceLogprobs, PromptLogprob};
pub use qa::{QaRequest, SpanAnswer, TextAnswers};
pub use refused::{False, NoneWord, Off, Refused, RefusedUnless};
pub use rerank::{RankedText, RerankAnswer, RerankRequest, RerankResponse, RerankResult};
pub use sampling::SamplingFields;
pub use scheduling::SchedulingFields;
pub use score::{PairScore, ScoreRequest};
pub use similarity::{Similarities, SimilarityInputs, SimilarityParameters, SimilarityRequest};
pub use stopping::{FinishReason, Stop, StopReason, StoppingFields};
pub use stream::StreamOptions;
pub use structured::{
    AnyJson, ChoiceText, Choices, FormatKind, MAX_STRUCTURED_CHOICES, NamedSchema, ResponseFormat, StructuredOutputs,
};
pub use template::{MAX_DOCUMENTS, MAX_TEMPLATE_ARGUMENTS};
pub use text::Text;
pub use texts::{Document, DocumentObject, DocumentText, InputText, ReadingFields, Texts};
pub use timings::Timings;
pub use tokens::{
    DetokenizeRequest, InputTokens, PromptText, RenderedRequest, RenderedSampling, TokenizeRequest, TokenizeResponse,
};
pub use tools::{
    AllowedTools, FunctionCallDelta, FunctionDeclaration, NamedFunction, NamedTool, Tool, ToolCallDelta, ToolChoice,
    ToolMode, Tools,
};
pub use truncation::{TruncationDirection, TruncationFields};
pub use usage::{CompletionTokensDetails, PromptTokensDetails, Usage};
