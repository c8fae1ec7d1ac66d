//! How attention and MLP follow each other: some GGUF files say it by a key, some by the norms that they have.

use super::Keys;
use super::stored::Stored;
use crate::config::LayerOrder;
use crate::config::families::Switch;
use crate::error::LoadError;
use crate::gguf::second_norm;
use crate::weight_name::LayerWeight;

/// That of all layers.
pub(super) fn read(keys: &Keys<'_>, stored: &Stored<'_>) -> Result<LayerOrder, LoadError> {
    let has_mlp_norm = stored.in_first_layer(LayerWeight::MlpNorm);
    if keys.family.falcon.is_some() {
        check_layout(keys)?;
        return Ok(match (stored.0.contains_key(&second_norm(0, "weight")), has_mlp_norm) {
            (true, _) => LayerOrder::Beside,
            (false, false) => LayerOrder::BesideOneNorm,
            (false, true) => LayerOrder::InTurn,
        });
    }
    Ok(match keys.family.order {
        Switch::Always(order) => order,
        // the norm tells, not the key: where config.json says nothing, converters write what does not hold
        Switch::Said(_, LayerOrder::BesideOneNorm, _) if has_mlp_norm => LayerOrder::InTurn,
        Switch::Said(_, LayerOrder::BesideOneNorm, _) => LayerOrder::BesideOneNorm,
        Switch::Said(key, order, default) => {
            let is_so = keys.metadata.optional_bool(&keys.full(key))?.unwrap_or(default);
            if is_so { order } else { LayerOrder::InTurn }
        }
    })
}

/// Whether Falcon's queries stand before its keys, and its keys before its values.
fn check_layout(keys: &Keys<'_>) -> Result<(), LoadError> {
    const KEY: &str = "tensor_data_layout";
    const KNOWN: &str = "jploski";
    match keys.metadata.optional_text(&keys.full(KEY))? {
        None | Some(KNOWN) => Ok(()),
        Some(other) => {
            let other = crate::error::shown(other);
            Err(keys.error(KEY, format!("\"{other}\" is not supported; supported: {KNOWN}")))
        }
    }
}
