//! Tensors of DeBERTa by the names of BERT: the head that tells words may have names of the family's own.

use crate::checkpoint::TensorMap;
use crate::config::json_fields::JsonFields;
use crate::error::LoadError;

/// Whether the head has BERT's names; it does where config.json does not say.
const LEGACY: &str = "legacy";
/// What the family calls its parts, and what BERT does.
const NAMES: [(&str, &str); 5] = [
    ("lm_predictions.lm_head.dense.weight", "cls.predictions.transform.dense.weight"),
    ("lm_predictions.lm_head.dense.bias", "cls.predictions.transform.dense.bias"),
    ("lm_predictions.lm_head.LayerNorm.weight", "cls.predictions.transform.LayerNorm.weight"),
    ("lm_predictions.lm_head.LayerNorm.bias", "cls.predictions.transform.LayerNorm.bias"),
    ("lm_predictions.lm_head.bias", "cls.predictions.bias"),
];

/// Renames the head where it has names of its own.
pub(super) fn rename(json: &JsonFields, tensors: &mut TensorMap) -> Result<(), LoadError> {
    if json.bool(LEGACY)?.unwrap_or(true) {
        return Ok(());
    }
    for (own, name) in NAMES {
        if let Some(tensor) = tensors.remove(own) {
            tensors.insert(name.to_owned(), tensor);
        }
    }
    Ok(())
}
