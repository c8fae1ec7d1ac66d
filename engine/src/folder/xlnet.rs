//! Tensors of XLNet as the other families hold them: matrices `[out, in]`, vectors of all heads in one.

use std::path::Path;

use crate::checkpoint::TensorMap;
use crate::config::EncoderConfig;
use crate::encoder_weight::{EncoderLayerPart, EncoderNaming, EncoderPart, RelativePart, Term};
use crate::error::LoadError;
use crate::fused::take;
use crate::stored_tensor::StoredTensor;

/// What stands for words that are to be guessed: only training reads it.
const MASK: &str = "mask_emb";

/// Rearranges the tensors, whose names begin where the encoder does.
pub(super) fn arrange(path: &Path, config: &EncoderConfig, tensors: &mut TensorMap) -> Result<(), LoadError> {
    use EncoderLayerPart as L;
    use RelativePart as R;
    tensors.remove(MASK);
    let (hidden, heads, width) = (config.hidden_size, config.num_heads, config.head_dim());
    let square = |tensor: StoredTensor| tensor.reshape(&[hidden, heads, width], &[hidden, hidden]);
    for layer in 0..config.num_layers {
        for of in [L::Query, L::Key, L::Value, L::Relative(R::Distance)] {
            replace(path, tensors, (layer, of), |tensor| square(tensor)?.transpose())?;
        }
        replace(path, tensors, (layer, L::AttentionOutput), square)?;
        for of in [R::ContentBias, R::DistanceBias, R::SegmentBias] {
            let vector = |tensor: StoredTensor| tensor.reshape(&[heads, width], &[hidden]);
            replace(path, tensors, (layer, L::Relative(of)), vector)?;
        }
        let both = |tensor: StoredTensor| tensor.reshape(&[2, heads, width], &[2 * hidden]);
        replace(path, tensors, (layer, L::Relative(R::Segments)), both)?;
    }
    Ok(())
}

/// Puts what `change` makes of a layer's tensor in its place.
fn replace(
    path: &Path,
    tensors: &mut TensorMap,
    (layer, part): (usize, EncoderLayerPart),
    change: impl FnOnce(StoredTensor) -> Result<StoredTensor, LoadError>,
) -> Result<(), LoadError> {
    let name = EncoderPart::Layer(layer, part).stored(Term::Weight, EncoderNaming::XlNet);
    let changed = change(take(path, tensors, &name)?)?;
    tensors.insert(name, changed);
    Ok(())
}
