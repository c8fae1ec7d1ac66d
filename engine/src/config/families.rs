//! The decoder families that can be loaded, a row of facts each: what files call them and what they leave unsaid.

/// What is the same in every model of a family.
#[derive(Debug, PartialEq)]
pub(crate) struct Family {
    /// `model_type` in config.json.
    pub(crate) model_type: &'static str,
    /// The class in `architectures` of config.json that has a language model's head.
    pub(crate) causal_class: &'static str,
    /// `general.architecture` in GGUF metadata, and the namespace of its keys.
    pub(crate) gguf_architecture: &'static str,
    /// Whether GGUF files store the rows of q and k as neighbouring rotary pairs.
    pub(crate) gguf_pairs: bool,
    /// Base of the rotary frequencies where the file gives none.
    pub(crate) default_theta: f32,
    /// `hidden_act` in config.json: spellings of the one activation.
    pub(crate) activations: &'static [&'static str],
}

/// Llama 1 to 3, and what shares their layers.
pub(crate) const LLAMA: Family = Family {
    model_type: "llama",
    causal_class: "LlamaForCausalLM",
    gguf_architecture: "llama",
    gguf_pairs: true,
    default_theta: 10_000.0,
    activations: &["silu", "swish"],
};

const FAMILIES: [&Family; 1] = [&LLAMA];

impl Family {
    pub(crate) fn of_gguf(architecture: &str) -> Option<&'static Self> {
        FAMILIES.into_iter().find(|family| family.gguf_architecture == architecture)
    }

    pub(crate) fn of_model_type(model_type: &str) -> Option<&'static Self> {
        FAMILIES.into_iter().find(|family| family.model_type == model_type)
    }

    /// The reason for refusing another architecture.
    pub(crate) fn refusal(name: &str) -> String {
        let known = FAMILIES.map(|family| family.model_type).join(", ");
        format!("\"{}\" is not supported; supported: {known}", crate::error::shown(name))
    }
}
