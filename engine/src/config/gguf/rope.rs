//! Rotary embedding in GGUF metadata, and the divisors that lie beside the weights.

use super::Keys;
use crate::checkpoint::TensorMap;
use crate::config::{LongRope, RopeConfig, RopeScaling, range};
use crate::error::LoadError;
use crate::stored_tensor::StoredTensor;

/// Where a file does not say it, whatever a family's configuration means by silence.
pub(super) const THETA: f32 = 10_000.0;
const DIVISORS: &str = "rope_freqs.weight";
/// Divisors for texts that are short, and for those that may be long.
pub(super) const FACTORS: [&str; 2] = ["rope_factors_short.weight", "rope_factors_long.weight"];

/// Of all layers, or of those that see everything; none where the family has none.
pub(super) fn read(keys: &Keys<'_>, tensors: &TensorMap, turned_dim: usize) -> Result<Option<RopeConfig>, LoadError> {
    if keys.family.default_theta.is_none() {
        return Ok(None);
    }
    let theta = keys.positive("rope.freq_base")?.unwrap_or(THETA);
    Ok(Some(RopeConfig { theta, scaling: scaling(keys, tensors, turned_dim)? }))
}

/// Of layers that see a window, where the family has another one for them; contexts are not stretched there.
pub(super) fn read_local(keys: &Keys<'_>) -> Result<Option<RopeConfig>, LoadError> {
    let Some(default) = keys.family.gemma.and_then(|gemma| gemma.local_theta) else { return Ok(None) };
    let theta = keys.positive("rope.freq_base_swa")?.unwrap_or(default);
    Ok(Some(RopeConfig { theta, scaling: RopeScaling::None }))
}

fn scaling(keys: &Keys<'_>, tensors: &TensorMap, turned_dim: usize) -> Result<RopeScaling, LoadError> {
    let linear = linear_factor(keys)?;
    if let Some(long) = long_rope(keys, tensors, turned_dim)? {
        if let Some(factor) = linear {
            let reason = format!("{factor} beside tensor '{}' is not supported", FACTORS[0]);
            return Err(keys.error("rope.scaling.factor", reason));
        }
        return Ok(RopeScaling::Long(long));
    }
    let divisors = tensors.get(DIVISORS).map(|tensor| read_divisors(tensor, turned_dim)).transpose()?;
    match (linear, divisors) {
        (None, None) => Ok(RopeScaling::None),
        (Some(factor), None) => Ok(RopeScaling::Linear { factor }),
        (None, Some(divisors)) => Ok(RopeScaling::Divisors(divisors)),
        (Some(factor), Some(_)) => {
            Err(keys.error("rope.scaling.factor", format!("{factor} beside tensor '{DIVISORS}' is not supported")))
        }
    }
}

/// The two lists of divisors, where the file has them; families that may have none refuse them.
fn long_rope(keys: &Keys<'_>, tensors: &TensorMap, turned_dim: usize) -> Result<Option<LongRope>, LoadError> {
    let (short, long) = match FACTORS.map(|name| tensors.get(name)) {
        [None, None] => return Ok(None),
        [Some(short), Some(long)] => (short, long),
        [Some(one), None] | [None, Some(one)] => return Err(one.error("stands alone: its twin is missing")),
    };
    Ok(Some(LongRope {
        short: read_divisors(short, turned_dim)?,
        long: read_divisors(long, turned_dim)?,
        original_max_positions: keys.count("rope.scaling.original_context_length", range::POSITIONS)?,
        amplitude: keys.positive("rope.scaling.attn_factor")?.unwrap_or(1.0),
    }))
}

/// A scaling without a type is linear, and a factor of 1 is none.
fn linear_factor(keys: &Keys<'_>) -> Result<Option<f32>, LoadError> {
    const KEY: &str = "rope.scaling.type";
    match keys.metadata.optional_text(&keys.full(KEY))? {
        None | Some("linear") => {
            let factor = keys.positive("rope.scaling.factor")?.or(keys.positive("rope.scale_linear")?);
            Ok(factor.filter(|factor| factor.to_bits() != 1.0_f32.to_bits()))
        }
        Some("none") => Ok(None),
        Some("longrope") if keys.family.long_rope => Ok(None),
        Some(other) => {
            let other = crate::error::shown(other);
            Err(keys.error(KEY, format!("\"{other}\" is not supported; supported: none, linear")))
        }
    }
}

fn read_divisors(tensor: &StoredTensor, turned_dim: usize) -> Result<Vec<f32>, LoadError> {
    if tensor.shape() != [turned_dim / 2] {
        return Err(tensor.error(format!("shape {:?} is not [{}]", tensor.shape(), turned_dim / 2)));
    }
    let mut divisors = vec![0.0; turned_dim / 2];
    tensor.read_vector(&mut divisors)?;
    if let Some(divisor) = divisors.iter().find(|divisor| !(divisor.is_finite() && **divisor > 0.0)) {
        return Err(tensor.error(format!("{divisor} is not a finite number above 0")));
    }
    Ok(divisors)
}
