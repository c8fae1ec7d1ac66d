//! The decoder families that can be loaded, a row of facts each: what files call them and what they leave unsaid.

mod bloom;
mod deepseek;
mod ernie;
mod falcon;
mod gemma;
mod gpt;
mod gpt_neox;
mod gptj;
mod mpt;
mod opt;
mod phi;
mod qwen_moe;
mod rules;
mod smollm3;
mod stablelm;
mod starcoder2;

use super::encoder_families::EncoderFamily;
use super::{Activation, AttentionBias, HeadNorm, LayerOrder, NormKind, SlopeKind, StreamNorms};
use crate::weight_name::{self, DecoderNames};
use bloom::BLOOM;
use deepseek::DEEPSEEK;
use ernie::ERNIE;
use falcon::FALCON;
pub(crate) use falcon::Falcon;
pub(crate) use gemma::Gemma;
use gemma::{GEMMA, GEMMA2, GEMMA3};
use gpt::{GPT_NEO, GPT1, GPT2};
use gpt_neox::GPT_NEOX;
use gptj::GPTJ;
use mpt::MPT;
use opt::OPT;
use phi::{PHI, PHI3};
use qwen_moe::{QWEN2_MOE, QWEN3_MOE};
pub(crate) use rules::{Experts, FieldNames, Fused, Shared, Switch, Turned, WindowRule, turns};
use smollm3::SMOLLM3;
use stablelm::STABLELM;
use starcoder2::STARCODER;

/// What is the same in every model of a family.
#[derive(Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact with a meaning of its own")]
pub(crate) struct Family {
    /// `model_type` in config.json.
    pub(crate) model_type: &'static str,
    /// The class in `architectures` of config.json that has a language model's head.
    pub(crate) causal_class: &'static str,
    /// What that class was called before transformers had one.
    pub(crate) old_class: Option<&'static str>,
    /// `general.architecture` in GGUF metadata, and the namespace of its keys; none where such files are not read, or say
    /// another family's.
    pub(crate) gguf_architecture: Option<&'static str>,
    /// Whether GGUF files store the rows of q and k as neighbouring rotary pairs.
    pub(crate) gguf_pairs: bool,
    /// Whether safetensors files do.
    pub(crate) pairs: bool,
    /// What config.json calls what every decoder has.
    pub(crate) names: &'static FieldNames,
    /// What safetensors files call their tensors.
    pub(crate) tensors: &'static DecoderNames,
    /// Positions where config.json gives none.
    pub(crate) default_max_positions: Option<usize>,
    /// Base of the rotary frequencies where the file gives none; families without one have learned positions.
    pub(crate) default_theta: Option<f32>,
    /// Whether `longrope` may stretch its contexts.
    pub(crate) long_rope: bool,
    /// Rows of learned positions before that of the first one.
    pub(crate) skipped_positions: usize,
    /// Scores fall with distance, in place of positions.
    pub(crate) slopes: Switch<Option<SlopeKind>>,
    /// How much of each head turns by its position.
    pub(crate) turned: Turned,
    /// One layer of so many has heads that do not turn where a file does not say which.
    pub(crate) still_every: Option<usize>,
    /// Key and value heads where config.json gives none; as many as query heads if this does not either.
    pub(crate) default_kv_heads: Option<usize>,
    /// Width of a head where config.json gives none; what the heads share out if this does not either.
    pub(crate) default_head_dim: Option<usize>,
    /// The norms.
    pub(crate) norm: NormKind,
    /// What is added to the mean square where config.json gives nothing.
    pub(crate) default_eps: Option<f32>,
    /// One stands behind the embedding.
    pub(crate) embedding_norm: bool,
    /// Where they stand.
    pub(crate) stream_norms: StreamNorms,
    /// How attention and MLP follow each other.
    pub(crate) order: Switch<LayerOrder>,
    /// Of the MLP: as config.json spells it; the first one where it does not say.
    pub(crate) activations: &'static [(&'static str, Activation)],
    /// Whether it gates a second product.
    pub(crate) gated_mlp: bool,
    /// Width of the MLP in widths of the stream where config.json gives none.
    pub(crate) default_mlp_ratio: Option<usize>,
    /// The head reads the embedding's rows where config.json does not say.
    pub(crate) default_tied: bool,
    /// Biases of attention.
    pub(crate) attention_bias: Switch<AttentionBias>,
    /// Whether the MLP has biases.
    pub(crate) mlp_bias: Switch<bool>,
    /// Whether the head has one.
    pub(crate) head_bias: bool,
    /// Scores are divided by the root of the head's width.
    pub(crate) scaled_scores: bool,
    /// How heads of queries and keys are normed.
    pub(crate) head_norms: Switch<HeadNorm>,
    /// What Falcon says in its own way, if it is that.
    pub(crate) falcon: Option<Falcon>,
    /// What all Gemmas share, if it is one.
    pub(crate) gemma: Option<Gemma>,
    /// Which layers see a window only.
    pub(crate) window: WindowRule,
    /// Layers have several MLPs.
    pub(crate) experts: Option<Experts>,
    /// Which matrices are stored as one.
    pub(crate) fused: Fused,
    /// What the names of its tensors begin with, where files without a head leave it away.
    pub(crate) body: Option<&'static str>,
    /// Fields of config.json that this family reads beside those that all do.
    pub(crate) fields: &'static [&'static str],
    /// So with keys of GGUF metadata, without their namespace.
    pub(crate) gguf_keys: &'static [&'static str],
}

const MODERN: FieldNames = FieldNames {
    hidden_size: "hidden_size",
    num_layers: "num_hidden_layers",
    num_heads: "num_attention_heads",
    intermediate_size: "intermediate_size",
    max_positions: "max_position_embeddings",
    norm_eps: Some("rms_norm_eps"),
    kv_heads: "num_key_value_heads",
    theta: "rope_theta",
    activation: &["hidden_act", "hidden_activation"],
    others: &[],
};

/// Of families that norm by mean and variance.
const LAYER_NORMED: FieldNames = FieldNames { norm_eps: Some("layer_norm_eps"), activation: &["hidden_act"], ..MODERN };

/// Llama 1 to 3, and what shares their layers.
pub(crate) const LLAMA: Family = Family {
    model_type: "llama",
    causal_class: "LlamaForCausalLM",
    old_class: None,
    gguf_architecture: Some("llama"),
    gguf_pairs: true,
    pairs: false,
    names: &MODERN,
    tensors: &weight_name::LLAMA,
    default_max_positions: None,
    default_theta: Some(10_000.0),
    long_rope: false,
    skipped_positions: 0,
    slopes: Switch::Always(None),
    turned: Turned::Whole,
    still_every: None,
    default_kv_heads: None,
    default_head_dim: None,
    norm: NormKind::RootMeanSquare,
    default_eps: None,
    embedding_norm: false,
    stream_norms: StreamNorms::Before,
    order: Switch::Always(LayerOrder::InTurn),
    activations: &[("silu", Activation::Silu), ("swish", Activation::Silu)],
    gated_mlp: true,
    default_mlp_ratio: None,
    default_tied: false,
    attention_bias: Switch::Said("attention_bias", AttentionBias::All, false),
    mlp_bias: Switch::Said("mlp_bias", true, false),
    head_bias: false,
    scaled_scores: true,
    head_norms: Switch::Always(HeadNorm::None),
    falcon: None,
    gemma: None,
    window: WindowRule::Never,
    experts: None,
    fused: Fused::Nothing,
    body: None,
    fields: &["attention_bias", "mlp_bias"],
    gguf_keys: &[],
};

/// Mistral 7B and what shares its layers. Its GGUF files say `llama`.
const MISTRAL: Family = Family {
    model_type: "mistral",
    causal_class: "MistralForCausalLM",
    gguf_architecture: None,
    default_kv_heads: Some(8),
    window: WindowRule::Every(Some(4096)),
    fields: &["sliding_window"],
    ..LLAMA
};

/// Mixtral 8x7B and 8x22B. Their GGUF files say `llama` too.
const MIXTRAL: Family = Family {
    model_type: "mixtral",
    causal_class: "MixtralForCausalLM",
    default_theta: Some(1_000_000.0),
    window: WindowRule::Every(None),
    experts: Some(Experts {
        count: (&["num_local_experts"], 8),
        per_token: ("num_experts_per_tok", 2),
        normed: Switch::Always(true),
        gguf_normed: true,
        shared: None,
        dense: None,
    }),
    fields: &["num_experts_per_tok", "num_local_experts", "sliding_window"],
    gguf_keys: &["expert_count", "expert_used_count"],
    ..MISTRAL
};

/// Qwen 2 and 2.5.
const QWEN2: Family = Family {
    model_type: "qwen2",
    causal_class: "Qwen2ForCausalLM",
    gguf_architecture: Some("qwen2"),
    gguf_pairs: false,
    default_kv_heads: Some(32),
    attention_bias: Switch::Always(AttentionBias::QueryKeyValue),
    window: WindowRule::Chosen { window: 4096, first: 28 },
    fields: &["layer_types", "max_window_layers", "sliding_window", "use_sliding_window"],
    ..LLAMA
};

/// Qwen 3, dense.
const QWEN3: Family = Family {
    model_type: "qwen3",
    causal_class: "Qwen3ForCausalLM",
    gguf_architecture: Some("qwen3"),
    default_head_dim: Some(128),
    attention_bias: LLAMA.attention_bias,
    head_norms: Switch::Always(HeadNorm::Shared),
    fields: &["attention_bias", "layer_types", "max_window_layers", "sliding_window", "use_sliding_window"],
    ..QWEN2
};

const FAMILIES: &[&Family] = &[
    &LLAMA, &MISTRAL, &MIXTRAL, &QWEN2, &QWEN3, &PHI, &PHI3, &GEMMA, &GEMMA2, &GEMMA3, &GPT2, &GPT_NEO, &GPT1,
    &GPT_NEOX, &STABLELM, &QWEN2_MOE, &QWEN3_MOE, &GPTJ, &OPT, &FALCON, &STARCODER, &BLOOM, &MPT, &SMOLLM3, &ERNIE,
    &DEEPSEEK,
];

impl Family {
    pub(crate) fn of_gguf(architecture: &str) -> Option<&'static Self> {
        FAMILIES.iter().copied().find(|family| family.gguf_architecture == Some(architecture))
    }

    /// The family of files with experts that say they are of this one.
    pub(crate) fn with_experts(&'static self) -> &'static Self {
        if *self == LLAMA { &MIXTRAL } else { self }
    }

    pub(crate) fn of_model_type(model_type: &str) -> Option<&'static Self> {
        FAMILIES.iter().copied().find(|family| family.model_type == model_type)
    }

    /// Whether GGUF files of it are read, be it as another family's.
    pub(crate) fn reads_gguf(&self) -> bool {
        self.gguf_architecture.is_some() || [&MISTRAL, &MIXTRAL].contains(&self)
    }

    /// The activation where a file does not say it.
    pub(crate) fn activation(&self) -> Activation {
        self.activations[0].1
    }

    /// The reason for refusing another `model_type`.
    pub(crate) fn refusal_of_model_type(name: &str) -> String {
        let decoders = FAMILIES.iter().map(|family| family.model_type);
        let known: Vec<_> = decoders.chain(EncoderFamily::model_types()).collect();
        refusal(name, &known)
    }

    /// The reason for refusing another `general.architecture`.
    pub(crate) fn refusal_of_gguf(name: &str) -> String {
        let decoders = FAMILIES.iter().filter_map(|family| family.gguf_architecture);
        let known: Vec<_> = decoders.chain(EncoderFamily::gguf_architectures()).collect();
        refusal(name, &known)
    }
}

fn refusal(name: &str, known: &[&str]) -> String {
    format!("\"{}\" is not supported; supported: {}", crate::error::shown(name), known.join(", "))
}
