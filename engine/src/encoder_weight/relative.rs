//! The weights of attention whose scores know distances and segments, and what XLNet's files call those of a layer.

use super::{EncoderLayerPart, EncoderPart, weight};
use crate::weight_name::{WeightName, WeightShape};

/// What a layer knows of distances and segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelativePart {
    /// What makes keys of distances `[hidden, hidden]`.
    Distance,
    /// Added to queries that meet keys `[hidden]`.
    ContentBias,
    /// Added to queries that meet keys of distances `[hidden]`.
    DistanceBias,
    /// Added to queries that meet vectors of segments `[hidden]`.
    SegmentBias,
    /// Vectors of a token of the same segment and of another's, one behind the other `[2 * hidden]`.
    Segments,
}

/// What a layer's attention has beside that of other families.
pub(super) fn of_attention(layer: usize, hidden: usize) -> [(WeightName, WeightShape); 5] {
    use RelativePart as R;
    let part = |of, shape| weight(EncoderPart::Layer(layer, EncoderLayerPart::Relative(of)), shape);
    let vector = |of, len| part(of, WeightShape::Vector(len));
    [
        part(R::Distance, WeightShape::Matrix { rows: hidden, columns: hidden }),
        vector(R::ContentBias, hidden),
        vector(R::DistanceBias, hidden),
        vector(R::SegmentBias, hidden),
        vector(R::Segments, 2 * hidden),
    ]
}

/// A tensor's name within its layer; what has one tensor alone is not told which.
pub(super) fn xlnet(part: EncoderLayerPart, term: &str) -> String {
    use EncoderLayerPart as L;
    use RelativePart as R;
    let (of_two, name) = match part {
        L::Query => (false, "rel_attn.q"),
        L::Key => (false, "rel_attn.k"),
        L::Value => (false, "rel_attn.v"),
        L::AttentionOutput => (false, "rel_attn.o"),
        L::Relative(R::Distance) => (false, "rel_attn.r"),
        L::Relative(R::ContentBias) => (false, "rel_attn.r_w_bias"),
        L::Relative(R::DistanceBias) => (false, "rel_attn.r_r_bias"),
        L::Relative(R::SegmentBias) => (false, "rel_attn.r_s_bias"),
        L::Relative(R::Segments) => (false, "rel_attn.seg_embed"),
        L::AttentionNorm => (true, "rel_attn.layer_norm"),
        L::Gate | L::DistanceKey | L::DistanceQuery => unreachable!("the family has no {part:?}"),
        L::Up => (true, "ff.layer_1"),
        L::Down => (true, "ff.layer_2"),
        L::MlpNorm => (true, "ff.layer_norm"),
    };
    if of_two { format!("{name}.{term}") } else { name.to_owned() }
}
