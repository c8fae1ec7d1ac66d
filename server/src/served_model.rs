//! A loaded model as the HTTP side sees it: text rules, and the way to the engine.

use std::sync::Arc;

use engine::{GenerationDefaults, PoolingConfig, PoolingKind};
use scheduler::{Limits, Token};

use crate::{
    chat_template::ChatTemplate,
    config::Config,
    engine_handle::EngineHandle,
    grammar::{GrammarRoom, Grammars},
    metrics::ModelMetrics,
    model_kind::ModelKind,
    reasoning::{ReasoningFormat, ReasoningParser},
    request::{GenerateRequest, RequestRules, VectorRules},
    tokenizer::Tokenizer,
    tools::CallFormat,
};

/// What a checkpoint says that the HTTP side needs.
#[derive(Debug)]
pub struct ModelParts {
    /// What it does.
    pub kind: ModelKind,
    /// Text to tokens and back.
    pub tokenizer: Arc<Tokenizer>,
    /// Messages to text, if the model chats.
    pub template: Option<ChatTemplate>,
    /// Sampling settings that requests leave out.
    pub defaults: GenerationDefaults,
    /// How a text becomes a vector.
    pub pooling: PoolingConfig,
    /// Numbers of a vector.
    pub hidden_size: usize,
    /// Most tokens of a sequence.
    pub max_model_len: usize,
    /// Tokens there are.
    pub vocab_size: usize,
    /// The token a text begins with.
    pub bos_id: Option<Token>,
    /// The tokens that end an answer.
    pub eos_ids: Vec<Token>,
    /// 12 hex digits: equal ones give equal tokens.
    pub fingerprint: String,
}

/// One model that is served.
#[derive(Debug)]
pub struct ServedModel {
    pub(crate) tokenizer: Arc<Tokenizer>,
    pub(crate) template: Option<ChatTemplate>,
    pub(crate) rules: RequestRules,
    pub(crate) bos_id: Option<Token>,
    pub(crate) eos_ids: Vec<Token>,
    pub(crate) fingerprint: String,
    pub(crate) grammars: Grammars,
    pub(crate) engine: EngineHandle,
    pub(crate) limits: Limits,
}

/// How the model marks thoughts: as it was configured, or as its chat template tells.
fn reasoning_format(config: &Config, template: Option<&ChatTemplate>) -> Option<&'static ReasoningFormat> {
    match config.reasoning_parser {
        ReasoningParser::Auto => template.and_then(|template| ReasoningFormat::of_template(template.source())),
        ReasoningParser::None => None,
        ReasoningParser::Named(format) => Some(format),
    }
}

/// How the model writes calls: as it was configured, or as its chat template does.
fn call_format(config: &Config, template: Option<&ChatTemplate>) -> &'static CallFormat {
    let known = template.filter(|template| template.knows_tools() || template.takes_tools_in_system());
    config
        .tool_call_parser
        .or_else(|| known.map(|template| CallFormat::of_template(template.source())))
        .unwrap_or(CallFormat::plain())
}

/// What vectors the model makes; of a decoder, the last token's state is all that is pooled.
fn vectors(parts: &ModelParts) -> Result<VectorRules, String> {
    let rules = VectorRules { dimensions: parts.hidden_size, normalize: parts.pooling.normalize };
    match (&parts.kind, &parts.pooling.kind) {
        (ModelKind::Decoder, PoolingKind::Last) | (ModelKind::Embedder, _) => Ok(rules),
        (ModelKind::Decoder, kind) => Err(format!(
            "the model is a decoder whose files ask for {kind}: its vectors are not served, but chats and completions are"
        )),
        (kind, _) => Err(kind.serves().to_owned()),
    }
}

impl ServedModel {
    /// A model of these parts, under these names; its grammars share the room of all.
    pub fn new(
        names: &[String],
        parts: ModelParts,
        limits: Limits,
        engine: EngineHandle,
        (config, room): (&Config, &GrammarRoom),
    ) -> Self {
        let prompt_bytes =
            config.limits.prompt_bytes.unwrap_or_else(|| usize::max(16 * limits.max_model_len, 64 << 10));
        let reasoning = reasoning_format(config, parts.template.as_ref());
        Self {
            rules: RequestRules {
                models: names.to_vec(),
                kind: parts.kind.clone(),
                max_model_len: limits.max_model_len,
                vocab_size: parts.vocab_size,
                max_choices: config.limits.choices,
                max_prompt_bytes: prompt_bytes,
                defaults: (&parts.defaults).into(),
                calls: call_format(config, parts.template.as_ref()),
                max_inputs: config.limits.batch_inputs,
                vectors: vectors(&parts),
                reasoning,
                template_variables: parts.template.as_ref().map(|own| own.variables().clone()).unwrap_or_default(),
            },
            grammars: Grammars::new(Arc::clone(&parts.tokenizer), parts.eos_ids.clone(), reasoning, room),
            tokenizer: parts.tokenizer,
            template: parts.template,
            bos_id: parts.bos_id,
            eos_ids: parts.eos_ids,
            fingerprint: format!("fp_{}", parts.fingerprint),
            engine,
            limits,
        }
    }

    /// How a request's calls are written.
    pub(crate) fn calls_of(&self, request: &GenerateRequest) -> &'static CallFormat {
        request.calls().map_or(self.rules.calls, |calls| calls.format)
    }

    /// The engine thread, as seen from here.
    pub fn engine(&self) -> &EngineHandle {
        &self.engine
    }

    /// What is counted of it.
    pub(crate) fn metrics(&self) -> &Arc<ModelMetrics> {
        self.engine.status().metrics()
    }
}
