//! Which fields of `config.json` are known: those that are read, those that are fixed, those that change no number.

use serde_json::Value;

use super::rope;
use crate::config::families::{Family, Turned};
use crate::config::json_fields::JsonFields;
use crate::error::LoadError;

/// Fields that are read of every family.
const READ: &[&str] = &["bos_token_id", "eos_token_id", "model_type", "tie_word_embeddings", "vocab_size"];

/// Fields that are read of families with rotary positions.
const ROTARY: &[&str] = &["head_dim", "rope_parameters", "rope_scaling"];

/// Fields that say nothing about the forward pass: training, bookkeeping, defaults of other programs.
pub(super) const HARMLESS: &[&str] = &[
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_commit_hash",
    "_from_model_config",
    "_model_name_or_path",
    "_name_or_path",
    "_num_labels",
    "activation_dropout",
    "attention_dropout",
    "attn_pdrop",
    // it names code, which is never run: the tensors of known families are read without it
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "cache_implementation",
    "chunk_size_feed_forward",
    "classifier_dropout",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "dropout",
    "dtype",
    "early_stopping",
    "embd_pdrop",
    "embed_dropout",
    "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "hidden_dropout",
    "id2label",
    "init_std",
    "initializer_range",
    "is_decoder",
    "is_llama_config",
    "label2id",
    "layerdrop",
    "length_penalty",
    "max_length",
    "max_sequence_length",
    "min_length",
    "model_max_length",
    "n_ctx",
    "n_special",
    "name_or_path",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "output_router_logits",
    "output_scores",
    "pad_token_id",
    "predict_special_tokens",
    "prefix",
    "pretraining_tp",
    "problem_type",
    "remove_invalid_values",
    "reorder_and_upcast_attn",
    "repetition_penalty",
    "resid_dropout",
    "resid_pdrop",
    "return_dict",
    "return_dict_in_generate",
    "router_aux_loss_coef",
    "router_jitter_noise",
    "sep_token_id",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_encoder_decoder",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers.js_config",
    "transformers_version",
    "typical_p",
    "unk_token_id",
    "unsloth_fixed",
    "unsloth_version",
    "use_bfloat16",
    "use_cache",
];

/// What the norm by mean and variance is called where it is named: MPT's makers say that they computed it in 16 bits.
const NORM_TYPES: [&str; 3] = ["layer_norm", "low_precision_layernorm", "layernorm"];

/// Fails on the first field whose name or value could mean another forward pass.
pub(super) fn check(json: &JsonFields, family: &Family) -> Result<(), LoadError> {
    for name in json.names() {
        let value = json.value(name).expect("names of set fields only");
        let verdict = match name {
            _ if family.names.activation.contains(&name) => check_activation(value, family),
            _ if READ.contains(&name) || family.names.contains(name) || family.fields.contains(&name) => Ok(()),
            _ if family.turned.field() == Some(name) => Ok(()),
            _ if HARMLESS.contains(&name) || is_rotary(name, family) => Ok(()),
            "architectures" => check_class(value, family),
            "quantization_config" => Err("quantised safetensors are not supported; use a GGUF file".to_owned()),
            "_remove_final_layer_norm"
            | "is_encoder_decoder"
            | "add_cross_attention"
            | "apply_residual_connection_post_layernorm"
            | "attention_bias"
            | "lm_head_bias"
            | "mlp_bias"
            | "qk_layernorm"
            | "rope_interleaved"
            | "scale_attn_by_inverse_layer_idx"
            | "use_bidirectional_attention"
            | "use_mrope"
            | "use_sliding_window" => expect(value, &Value::Bool(false)),
            "do_layer_norm_before" | "layer_norm_elementwise_affine" | "no_bias" | "rotary" | "scale_attn_weights" => {
                expect(value, &Value::Bool(true))
            }
            "mlp_type" => expect(value, &Value::from("default")),
            "norm_type" if NORM_TYPES.iter().any(|known| value.as_str() == Some(*known)) => Ok(()),
            "norm_type" => expect(value, &Value::from(NORM_TYPES[0])),
            "expansion_ratio" => expect(value, &Value::from(4)),
            "word_embed_proj_dim" => expect(value, json.value(family.names.hidden_size).unwrap_or(&Value::Null)),
            "decoder_sparse_step" | "full_attn_mod" | "interpolate_factor" | "moe_layer_freq" => {
                expect(value, &Value::from(1))
            }
            "scoring_func" => expect(value, &Value::from("softmax")),
            "mlp_only_layers" => expect(value, &Value::Array(Vec::new())),
            "partial_rotary_factor" if matches!(family.turned, Turned::Share(..)) => Ok(()),
            "partial_rotary_factor" => expect(value, &Value::from(1.0)),
            "pruned_heads" => expect(value, &Value::Object(serde_json::Map::new())),
            _ => Err("is not known, and what it changes cannot be guessed".to_owned()),
        };
        verdict.map_err(|reason| json.error(name, reason))?;
    }
    Ok(())
}

fn is_rotary(name: &str, family: &Family) -> bool {
    let is_known = ROTARY.contains(&name) || [family.names.kv_heads, family.names.theta, rope::THETA].contains(&name);
    family.default_theta.is_some() && is_known
}

fn check_class(value: &Value, family: &Family) -> Result<(), String> {
    let classes = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let known = [Some(family.causal_class), family.old_class];
    if classes.iter().any(|class| class.as_str().is_some_and(|class| known.contains(&Some(class)))) {
        return Ok(());
    }
    let found = crate::error::shown(&value.to_string());
    Err(format!("{found} is not supported; supported: {}", family.causal_class))
}

fn check_activation(value: &Value, family: &Family) -> Result<(), String> {
    let known: Vec<_> = family.activations.iter().map(|(name, _)| *name).collect();
    if value.as_str().is_some_and(|name| known.contains(&name)) {
        return Ok(());
    }
    let found = crate::error::shown(&value.to_string());
    Err(format!("{found} is not supported; supported: {}", known.join(", ")))
}

/// Whether the value is the only one that is computed.
pub(super) fn expect(value: &Value, expected: &Value) -> Result<(), String> {
    let equal = value == expected || (value.is_number() && value.as_f64() == expected.as_f64());
    if equal {
        Ok(())
    } else {
        Err(format!("{} is not supported, only {expected}", crate::error::shown(&value.to_string())))
    }
}
