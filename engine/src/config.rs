//! What a model is: the facts its family and its files state, checked, in one spelling.

mod disentangled;
pub(crate) mod distance_bias;
mod encoder;
pub(crate) mod encoder_families;
mod experts;
pub(crate) mod families;
pub(crate) mod gguf;
pub(crate) mod hugging_face;
pub(crate) mod json_fields;
mod model;
pub(crate) mod range;
mod relative;
mod rotary;
mod slopes;

use scheduler::KvPool;

pub use crate::kernels::cpu::activation::Activation;
pub use crate::kernels::cpu::score_rule::SlopeKind;
pub use disentangled::DisentangledRule;
pub use encoder::{
    Biases, EncoderConfig, EncoderHead, LabelScores, LabelState, Labels, PositionRule, Positions, Squash, Task,
};
pub use experts::{DenseLayers, ExpertsConfig};
pub use model::ModelConfig;
pub use relative::RelativeRule;
pub use rotary::RotaryRule;
pub use slopes::SlopeRule;

/// A decoder's shape and arithmetic, from `config.json` (both spellings of transformers) or GGUF metadata.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own that files state")]
pub struct DecoderConfig {
    /// As the file names it, such as `llama`.
    pub architecture: String,
    /// Rows of the embedding and of the head.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Decoder layers.
    pub num_layers: usize,
    /// Query heads.
    pub num_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Width of the MLP, or of each of several.
    pub intermediate_size: usize,
    /// Positions the model was made for.
    pub max_positions: usize,
    /// Of rows, heads and results.
    pub norms: NormConfig,
    /// Rotary embedding; where there is none and no slopes either, each of `max_positions` has a learned row that is added to
    /// the embedding.
    pub rope: Option<RopeConfig>,
    /// Scores fall with distance.
    pub slopes: Option<SlopeRule>,
    /// Elements of each head that turn, from its first on: an even number, at most all.
    pub turned_dim: usize,
    /// Another one for layers that see a window only.
    pub local_rope: Option<RopeConfig>,
    /// Of each layer: whether its heads turn, where those of the model do.
    pub turns: Vec<bool>,
    /// How attention and MLP follow each other.
    pub order: LayerOrder,
    /// Of the MLP's gate, or of its one product where nothing gates it.
    pub activation: Activation,
    /// Whether the MLP has a gate.
    pub gated_mlp: bool,
    /// Several MLPs in a layer, where there are.
    pub experts: Option<ExpertsConfig>,
    /// Queries, keys and values are held within this.
    pub attention_clip: Option<f32>,
    /// Factor of attention scores.
    pub attention_scale: f32,
    /// Attention scores are held within this.
    pub attention_softcap: Option<f32>,
    /// So are logits.
    pub logit_softcap: Option<f32>,
    /// Factor of the embedding's rows.
    pub embedding_scale: f32,
    /// Whether the head reads the embedding's rows.
    pub tied_embeddings: bool,
    /// Biases of the attention's linear layers.
    pub attention_bias: AttentionBias,
    /// Biases in the MLP.
    pub mlp_bias: bool,
    /// A bias in the head.
    pub head_bias: bool,
    /// Of each layer: the positions that a token sees, its own included, if not all before it.
    pub windows: Vec<Option<usize>>,
}

impl DecoderConfig {
    /// Whether positions have learned rows.
    pub fn learns_positions(&self) -> bool {
        self.rope.is_none() && self.slopes.is_none()
    }

    /// Positions that a token sees, its own included, in the layer that sees most; none if one sees all before it.
    pub fn window(&self) -> Option<usize> {
        let windows: Option<Vec<usize>> = self.windows.iter().copied().collect();
        windows?.into_iter().max()
    }

    /// The same of those layers that see a window only, if others see all positions.
    pub fn window_beside_all(&self) -> Option<usize> {
        self.windows.iter().copied().flatten().max().filter(|_| self.windows.contains(&None))
    }

    /// What a layer has in place of one MLP.
    pub(crate) fn experts_of(&self, layer: usize) -> Option<ExpertsConfig> {
        self.experts.filter(|experts| experts.dense.is_none_or(|dense| layer >= dense.count))
    }

    /// Width of a layer's only MLP.
    pub(crate) fn mlp_width(&self) -> usize {
        let dense = self.experts.and_then(|experts| experts.dense);
        dense.map_or(self.intermediate_size, |dense| dense.width)
    }

    /// Whose blocks each layer uses where those that see a window have a pool of their own.
    pub(crate) fn pools(&self) -> Vec<KvPool> {
        let pool = |window: &Option<usize>| if window.is_some() { KvPool::Windowed } else { KvPool::Main };
        self.windows.iter().map(pool).collect()
    }
}

/// The norms of a decoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormConfig {
    /// By what rows are divided.
    pub kind: NormKind,
    /// Where the residual stream is normed.
    pub stream: StreamNorms,
    /// Added to the mean square.
    pub eps: f32,
    /// Files hold weights less one.
    pub less_one: bool,
    /// Of the heads of queries and keys, before they turn.
    pub of_heads: HeadNorm,
    /// The results of attention and MLP go through one before they are added.
    pub of_outputs: bool,
    /// So does the embedding, before all layers.
    pub of_embedding: bool,
}

/// The kinds of norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// By the root mean square.
    RootMeanSquare,
    /// By mean and variance, with a bias.
    Layer,
    /// By mean and variance, without one.
    UnbiasedLayer,
}

/// The norms that heads of queries and keys go through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeadNorm {
    /// None.
    #[default]
    None,
    /// One for all queries and one for all keys.
    Shared,
    /// Each head its own, by mean and variance without a bias.
    Each,
}

/// Where a model norms the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamNorms {
    /// On its way into attention, MLP and head.
    Before,
    /// The stream itself, after attention and after the MLP were added to it.
    After,
}

/// How the attention and the MLP of a layer follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayerOrder {
    /// The MLP reads the stream that attention was added to.
    #[default]
    InTurn,
    /// Both read the stream as it enters the layer, each through its norm.
    Beside,
    /// Both read it through one norm.
    BesideOneNorm,
}

/// Which linear layers of attention have biases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttentionBias {
    /// None.
    #[default]
    None,
    /// q, k and v.
    QueryKeyValue,
    /// The output.
    Output,
    /// q, k, v and the output.
    All,
}

impl AttentionBias {
    /// Whether q, k and v have them.
    pub fn of_inputs(self) -> bool {
        matches!(self, Self::QueryKeyValue | Self::All)
    }

    /// Whether the output has one.
    pub fn of_output(self) -> bool {
        matches!(self, Self::Output | Self::All)
    }
}

/// Rotary position embedding: pair (i, i + `turned_dim` / 2), angle = position x inverse frequency, in f32.
#[derive(Clone, Debug, PartialEq)]
pub struct RopeConfig {
    /// Base of the frequencies.
    pub theta: f32,
    /// How long contexts stretch the frequencies.
    pub scaling: RopeScaling,
}

/// Change of the inverse frequencies.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// None.
    None,
    /// All divided by the factor.
    Linear {
        /// Divisor.
        factor: f32,
    },
    /// Llama 3: low frequencies divided, high ones kept, a ramp between.
    Llama3 {
        /// Divisor of the low frequencies.
        factor: f32,
        /// Wavelengths above `original_max_positions / low` are divided.
        low_freq_factor: f32,
        /// Wavelengths below `original_max_positions / high` are kept.
        high_freq_factor: f32,
        /// Context the model was first trained for.
        original_max_positions: usize,
    },
    /// One divisor for each frequency, as GGUF's `rope_freqs.weight` holds them.
    Divisors(Vec<f32>),
    /// Phi 3: other divisors where texts may be long.
    Long(LongRope),
}

/// `LongRoPE`: a divisor for each frequency, other ones where texts may be longer than those the model was first trained for.
#[derive(Clone, Debug, PartialEq)]
pub struct LongRope {
    /// Where no text is.
    pub short: Vec<f32>,
    /// Where texts may be.
    pub long: Vec<f32>,
    /// Context the model was first trained for.
    pub original_max_positions: usize,
    /// Factor of cosines and sines, for short texts too.
    pub amplitude: f32,
}

impl LongRope {
    /// The divisors for a model whose longest text has so many tokens. The choice is made once, not for each text: the keys
    /// of a text would have to be computed anew when it outgrows the short ones, and its numbers would depend on its length.
    pub fn divisors(&self, longest: usize) -> &[f32] {
        if longest > self.original_max_positions { &self.long } else { &self.short }
    }
}
