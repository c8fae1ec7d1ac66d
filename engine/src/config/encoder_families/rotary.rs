//! Families whose queries and keys turn.

use super::bert::{BERT, SPELLING};
use super::{EncoderFamily, Only, PositionKind, Spelling};
use crate::config::{Activation, Biases, Squash, StreamNorms};
use crate::encoder_weight::EncoderNaming;

const MODERN_BERT_SPELLING: Spelling = Spelling { norm_eps: "norm_eps", activation: "hidden_activation", ..SPELLING };

/// ModernBERT.
pub(super) const MODERN_BERT: EncoderFamily = EncoderFamily {
    model_type: "modernbert",
    class: "ModernBert",
    body: "model.",
    gguf_architecture: Some("modern-bert"),
    naming: EncoderNaming::ModernBert,
    spelling: &MODERN_BERT_SPELLING,
    positions: PositionKind::Rotary {
        theta: ("global_rope_theta", 160_000.0),
        local: Some(("local_rope_theta", 10_000.0)),
    },
    default_types: None,
    default_eps: 1e-5,
    stream_norms: StreamNorms::Before,
    biases: Biases::Scores,
    gated_mlp: true,
    squash: Squash::Smooth(Activation::Gelu),
    squash_field: Some("classifier_activation"),
    heads_alike: true,
    fields: &[
        "classifier_pooling",
        "global_attn_every_n_layers",
        "global_rope_theta",
        "layer_types",
        "local_attention",
        "local_rope_theta",
        "rope_parameters",
    ],
    gguf_keys: &[
        // norms have a key of another name
        "attention.layer_norm_rms_epsilon",
        "attention.sliding_window",
        "attention.sliding_window_pattern",
        "classifier.pooling_type",
        "hidden_activation",
        "rope.dimension_count",
        "rope.freq_base",
        "rope.freq_base_swa",
        "rope.scaling.type",
    ],
    only: &[
        ("attention_bias", Only::False),
        ("classifier_bias", Only::False),
        ("decoder_bias", Only::True),
        ("mlp_bias", Only::False),
        ("norm_bias", Only::False),
    ],
    harmless: &[
        "cls_token_id",
        "deterministic_flash_attn",
        "embedding_dropout",
        "initializer_cutoff_factor",
        // norms have a field of another name
        "layer_norm_eps",
        "mlp_dropout",
        "reference_compile",
        "repad_logits_with_grad",
        "sparse_pred_ignore_index",
        "sparse_prediction",
    ],
    ..BERT
};

/// NomicBERT, as transformers writes its configuration.
pub(super) const NOMIC: EncoderFamily = EncoderFamily {
    model_type: "nomic_bert",
    class: "NomicBert",
    body: "nomic_bert.",
    gguf_architecture: Some("nomic-bert"),
    naming: EncoderNaming::Nomic,
    positions: PositionKind::Rotary { theta: ("rope_theta", 1000.0), local: None },
    biases: Biases::Norms,
    gated_mlp: true,
    default_activation: "silu",
    fields: &["head_dim", "rope_parameters", "rope_theta"],
    gguf_keys: &["rope.dimension_count", "rope.freq_base", "rope.scaling.type"],
    ..BERT
};

const OLD_NOMIC_SPELLING: Spelling = Spelling {
    hidden_size: "n_embd",
    num_layers: "n_layer",
    num_heads: "n_head",
    intermediate_size: "n_inner",
    max_positions: "n_positions",
    norm_eps: "layer_norm_epsilon",
    activation: "activation_function",
};

/// The same as the code wrote it that came with the first models: names of GPT-2, and what that code can do beside them.
pub(super) const OLD_NOMIC: EncoderFamily = EncoderFamily {
    spelling: &OLD_NOMIC_SPELLING,
    positions: PositionKind::Rotary { theta: ("rotary_emb_base", 10_000.0), local: None },
    default_eps: 1e-5,
    fields: &["rotary_emb_base"],
    only: &[
        ("causal", Only::False),
        ("ffn_div", Only::Number(1)),
        ("mlp_fc1_bias", Only::False),
        ("mlp_fc2_bias", Only::False),
        ("moe_every_n_layers", Only::Number(0)),
        ("num_experts", Only::Number(0)),
        ("parallel_block", Only::False),
        ("prenorm", Only::False),
        ("qkv_proj_bias", Only::False),
        ("rotary_emb_fraction", Only::Number(1)),
        ("rotary_emb_interleaved", Only::False),
        ("scale_attn_by_inverse_layer_idx", Only::False),
        ("scale_attn_weights", Only::True),
        ("use_rms_norm", Only::False),
    ],
    harmless: &[
        "dense_seq_output",
        "expert_choice_router",
        "fused_bias_fc",
        "fused_dropout_add_ln",
        "max_trained_positions",
        "moe_impl",
        "moe_normalize_expert_weights",
        "moe_resid_pdrop",
        "moe_top_k",
        "num_shared_experts",
        "pad_vocab_size_multiple",
        "parallel_block_tied_norm",
        "use_flash_attn",
        "use_xentropy",
    ],
    ..NOMIC
};
