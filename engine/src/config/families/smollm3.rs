//! `SmolLM` 3: a Llama with layers in which no head turns.

use super::{Family, LLAMA, WindowRule};

/// `SmolLM` 3. Its predecessors say that they are Llamas. Its GGUF files do not say which layers are still.
pub(super) const SMOLLM3: Family = Family {
    model_type: "smollm3",
    causal_class: "SmolLM3ForCausalLM",
    gguf_architecture: Some("smollm3"),
    default_theta: Some(2_000_000.0),
    still_every: Some(4),
    default_kv_heads: Some(4),
    default_tied: true,
    window: WindowRule::Still,
    fields: &[
        "attention_bias",
        "layer_types",
        "max_window_layers",
        "mlp_bias",
        "no_rope_layer_interval",
        "no_rope_layers",
        "sliding_window",
        "use_sliding_window",
    ],
    ..LLAMA
};
