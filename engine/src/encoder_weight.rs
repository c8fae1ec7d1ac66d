//! The weights of an encoder by what they are, and what files call them.

mod gguf;
mod naming;
mod relative;

pub(crate) use naming::EncoderNaming;
pub use relative::RelativePart;

use crate::config::{EncoderConfig, EncoderHead, Positions, StreamNorms, distance_bias};
use crate::weight_name::{WeightName, WeightShape};

/// A part of an encoder that has weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncoderPart {
    /// A vector for each token `[vocabulary, hidden]`.
    Words,
    /// A vector for each position `[positions, hidden]`.
    Positions,
    /// A vector for each kind of text `[types, hidden]`.
    Types,
    /// Norm of their sum.
    EmbeddingNorm,
    /// What is added to scores for a distance, in all layers `[buckets, heads]`.
    DistanceBias,
    /// A vector for each distance that is told apart, in all layers `[distances, hidden]`.
    Distances,
    /// Norm of these.
    DistanceNorm,
    /// A part of the layer with this number.
    Layer(usize, EncoderLayerPart),
    /// Norm behind the last layer, where layers norm what they read.
    LastNorm,
    /// First matrix of a head that gives labels to texts, or of all heads `[hidden, hidden]`.
    LabelDense,
    /// Norm behind it in all heads, where they have it.
    LabelNorm,
    /// Second matrix of that head `[labels, hidden]`.
    LabelOutput,
    /// In place of that the matrix of the task with this number `[labels, hidden]`.
    TaskOutput(usize),
    /// Head that gives labels to tokens `[labels, hidden]`.
    TokenLabels,
    /// Head that tells where answers begin and end `[2, hidden]`.
    Spans,
    /// Matrix of a head that tells words `[hidden, hidden]`.
    WordsDense,
    /// Norm of that head.
    WordsNorm,
    /// What that head adds to the score of each word `[vocabulary]`; the scores are products with [`EncoderPart::Words`].
    WordsBias,
}

impl EncoderPart {
    /// Whether its rows are added as they are: they are held as f32, whatever they are stored as.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Positions | Self::Types | Self::DistanceBias | Self::Distances)
    }
}

/// A part of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncoderLayerPart {
    /// `[hidden, hidden]`.
    Query,
    /// `[hidden, hidden]`.
    Key,
    /// `[hidden, hidden]`.
    Value,
    /// `[hidden, hidden]`.
    AttentionOutput,
    /// Norm beside attention.
    AttentionNorm,
    /// Of the MLP, where it has one `[intermediate, hidden]`.
    Gate,
    /// `[intermediate, hidden]`.
    Up,
    /// `[hidden, intermediate]`.
    Down,
    /// Norm beside the MLP.
    MlpNorm,
    /// What makes keys of distances, where [`EncoderLayerPart::Key`] does not `[hidden, hidden]`.
    DistanceKey,
    /// So of queries.
    DistanceQuery,
    /// What scores know of distances and segments, if they do.
    Relative(RelativePart),
}

/// Which of a part's two tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// What is multiplied with.
    Weight,
    /// What is added, one number for each row of a matrix.
    Bias,
}

/// Every weight of an encoder, and no other.
pub(crate) fn all(config: &EncoderConfig) -> Vec<(WeightName, WeightShape)> {
    let hidden = config.hidden_size;
    let mut weights = Vec::new();
    let mut table = |part, rows| weights.push(weight(part, WeightShape::Matrix { rows, columns: hidden }));
    table(EncoderPart::Words, config.vocab_size);
    if let Some(positions) = config.positions.table() {
        table(EncoderPart::Positions, positions.rows);
    }
    if config.num_types > 0 {
        table(EncoderPart::Types, config.num_types);
    }
    if config.positions.embedding_norm() {
        weights.extend(norm(EncoderPart::EmbeddingNorm, config));
    }
    if let Positions::Biased(_) = config.positions {
        let shape = WeightShape::Matrix { rows: distance_bias::BUCKETS, columns: config.num_heads };
        weights.push(weight(EncoderPart::DistanceBias, shape));
    }
    if let Positions::Disentangled(rule) = &config.positions {
        weights.push(weight(EncoderPart::Distances, WeightShape::Matrix { rows: rule.rows(), columns: hidden }));
        weights.extend(rule.has_norm.then(|| norm(EncoderPart::DistanceNorm, config)).into_iter().flatten());
    }
    for layer in 0..config.num_layers {
        weights.extend(of_layer(config, layer));
    }
    if config.stream_norms == StreamNorms::Before {
        weights.extend(norm(EncoderPart::LastNorm, config));
    }
    weights.extend(of_head(config));
    weights
}

fn of_layer(config: &EncoderConfig, layer: usize) -> Vec<(WeightName, WeightShape)> {
    use EncoderLayerPart as L;
    let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
    let part = |part| EncoderPart::Layer(layer, part);
    let mut weights = Vec::new();
    let mut squares = vec![L::Query, L::Key, L::Value, L::AttentionOutput];
    match &config.positions {
        Positions::Relative(_) => weights.extend(relative::of_attention(layer, hidden)),
        Positions::Disentangled(rule) if !rule.shares_matrices => squares.extend([L::DistanceKey, L::DistanceQuery]),
        Positions::Table(_) | Positions::Biased(_) | Positions::Disentangled(_) | Positions::Rotary(_) => {}
    }
    for of in squares {
        weights.extend(linear(part(of), (hidden, hidden), config.biases.of_attention()));
    }
    let gate = config.gated_mlp.then_some(L::Gate);
    for of in gate.into_iter().chain([L::Up]) {
        weights.extend(linear(part(of), (intermediate, hidden), config.biases.of_mlps()));
    }
    weights.extend(linear(part(L::Down), (hidden, intermediate), config.biases.of_mlps()));
    if config.has_attention_norm(layer) {
        weights.extend(norm(part(L::AttentionNorm), config));
    }
    weights.extend(norm(part(L::MlpNorm), config));
    weights
}

fn of_head(config: &EncoderConfig) -> Vec<(WeightName, WeightShape)> {
    let hidden = config.hidden_size;
    let dense = |part| linear(part, (hidden, hidden), config.biases.of_norms());
    let scores = |part, count| linear(part, (count, hidden), true);
    let mut weights = Vec::new();
    let is_of_texts = matches!(config.head, EncoderHead::Labels(_) | EncoderHead::Tasks(_));
    if is_of_texts || config.heads_alike && config.head.is_of_tokens() {
        weights.extend(dense(EncoderPart::LabelDense));
        if config.heads_alike {
            weights.extend(norm(EncoderPart::LabelNorm, config));
        }
    }
    match &config.head {
        EncoderHead::Vector => {}
        EncoderHead::Labels(labels) => weights.extend(scores(EncoderPart::LabelOutput, labels.names.len())),
        EncoderHead::Tasks(tasks) => {
            for (number, task) in tasks.iter().enumerate() {
                weights.extend(scores(EncoderPart::TaskOutput(number), task.labels.names.len()));
            }
        }
        EncoderHead::TokenLabels(labels) => weights.extend(scores(EncoderPart::TokenLabels, labels.len())),
        EncoderHead::Spans => weights.extend(scores(EncoderPart::Spans, 2)),
        EncoderHead::Words => {
            weights.extend(dense(EncoderPart::WordsDense));
            weights.extend(norm(EncoderPart::WordsNorm, config));
            weights.push(bias(EncoderPart::WordsBias, config.vocab_size));
        }
    }
    weights
}

fn weight(part: EncoderPart, shape: WeightShape) -> (WeightName, WeightShape) {
    (WeightName::Encoder(part, Term::Weight), shape)
}

fn bias(part: EncoderPart, len: usize) -> (WeightName, WeightShape) {
    (WeightName::Encoder(part, Term::Bias), WeightShape::Vector(len))
}

fn linear(
    part: EncoderPart,
    (rows, columns): (usize, usize),
    has_bias: bool,
) -> impl Iterator<Item = (WeightName, WeightShape)> {
    let bias = has_bias.then(|| bias(part, rows));
    std::iter::once(weight(part, WeightShape::Matrix { rows, columns })).chain(bias)
}

fn norm(part: EncoderPart, config: &EncoderConfig) -> impl Iterator<Item = (WeightName, WeightShape)> + use<> {
    let len = config.hidden_size;
    let bias = config.biases.of_norms().then(|| bias(part, len));
    std::iter::once(weight(part, WeightShape::Vector(len))).chain(bias)
}
