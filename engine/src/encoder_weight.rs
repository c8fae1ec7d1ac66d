//! The weights of an encoder by what they are, and what files call them.

mod relative;

pub use relative::RelativePart;

use crate::config::{EncoderConfig, EncoderHead, Positions};
use crate::weight_name::{Naming, WeightName, WeightShape};

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
    /// A part of the layer with this number.
    Layer(usize, EncoderLayerPart),
    /// First matrix of a head that gives labels to texts `[hidden, hidden]`.
    LabelDense,
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
    /// Norm behind attention.
    AttentionNorm,
    /// `[intermediate, hidden]`.
    Up,
    /// `[hidden, intermediate]`.
    Down,
    /// Norm behind the MLP.
    MlpNorm,
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
    use EncoderLayerPart as L;
    let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
    let mut weights = Vec::new();
    let mut table = |part, rows| weights.push(weight(part, WeightShape::Matrix { rows, columns: hidden }));
    table(EncoderPart::Words, config.vocab_size);
    if let Positions::Table(positions) = config.positions {
        table(EncoderPart::Positions, positions.rows);
        if config.num_types > 0 {
            table(EncoderPart::Types, config.num_types);
        }
        weights.extend(norm(EncoderPart::EmbeddingNorm, hidden));
    }
    for layer in 0..config.num_layers {
        let part = |part| EncoderPart::Layer(layer, part);
        match config.positions {
            Positions::Table(_) => {
                let squares = [L::Query, L::Key, L::Value, L::AttentionOutput];
                weights.extend(squares.into_iter().flat_map(|of| linear(part(of), hidden, hidden)));
            }
            Positions::Relative(_) => weights.extend(relative::of_attention(layer, hidden)),
        }
        weights.extend(linear(part(L::Up), intermediate, hidden));
        weights.extend(linear(part(L::Down), hidden, intermediate));
        weights.extend([L::AttentionNorm, L::MlpNorm].into_iter().flat_map(|of| norm(part(of), hidden)));
    }
    match &config.head {
        EncoderHead::Vector => {}
        EncoderHead::Labels(labels) => {
            weights.extend(linear(EncoderPart::LabelDense, hidden, hidden));
            weights.extend(linear(EncoderPart::LabelOutput, labels.names.len(), hidden));
        }
        EncoderHead::Tasks(tasks) => {
            weights.extend(linear(EncoderPart::LabelDense, hidden, hidden));
            for (number, task) in tasks.iter().enumerate() {
                weights.extend(linear(EncoderPart::TaskOutput(number), task.labels.names.len(), hidden));
            }
        }
        EncoderHead::TokenLabels(labels) => weights.extend(linear(EncoderPart::TokenLabels, labels.len(), hidden)),
        EncoderHead::Spans => weights.extend(linear(EncoderPart::Spans, 2, hidden)),
        EncoderHead::Words => {
            weights.extend(linear(EncoderPart::WordsDense, hidden, hidden));
            weights.extend(norm(EncoderPart::WordsNorm, hidden));
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

fn linear(part: EncoderPart, rows: usize, columns: usize) -> [(WeightName, WeightShape); 2] {
    [weight(part, WeightShape::Matrix { rows, columns }), bias(part, rows)]
}

fn norm(part: EncoderPart, len: usize) -> [(WeightName, WeightShape); 2] {
    [weight(part, WeightShape::Vector(len)), bias(part, len)]
}

impl EncoderPart {
    /// The name of one of its tensors, without what the whole encoder's names begin with.
    pub(crate) fn stored(self, term: Term, naming: Naming) -> String {
        let term = match term {
            Term::Weight => "weight",
            Term::Bias => "bias",
        };
        let part = match self {
            Self::Words if naming == Naming::XlNet => "word_embedding",
            Self::Words => "embeddings.word_embeddings",
            Self::Positions => "embeddings.position_embeddings",
            Self::Types => "embeddings.token_type_embeddings",
            Self::EmbeddingNorm => "embeddings.LayerNorm",
            Self::LabelDense => match naming {
                Naming::Roberta => "classifier.dense",
                Naming::DistilBert => "pre_classifier",
                Naming::XlNet => "sequence_summary.summary",
                _ => "pooler.dense",
            },
            Self::LabelOutput if naming == Naming::Roberta => "classifier.out_proj",
            Self::LabelOutput if naming == Naming::XlNet => "logits_proj",
            Self::LabelOutput | Self::TokenLabels => "classifier",
            Self::TaskOutput(number) => return format!("heads.{number}.{term}"),
            Self::Spans => "qa_outputs",
            Self::WordsDense | Self::WordsNorm | Self::WordsBias => self.of_words(naming),
            Self::Layer(layer, part) if naming == Naming::DistilBert => {
                return format!("transformer.layer.{layer}.{}.{term}", part.distilbert());
            }
            Self::Layer(layer, part) if naming == Naming::XlNet => {
                return format!("layer.{layer}.{}", relative::xlnet(part, term));
            }
            Self::Layer(layer, part) => return format!("encoder.layer.{layer}.{}.{term}", part.bert()),
        };
        format!("{part}.{term}")
    }

    /// A part of the head that tells words.
    fn of_words(self, naming: Naming) -> &'static str {
        let [dense, norm, bias] = match naming {
            Naming::Roberta => ["lm_head.dense", "lm_head.layer_norm", "lm_head"],
            Naming::DistilBert => ["vocab_transform", "vocab_layer_norm", "vocab_projector"],
            _ => ["cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions"],
        };
        match self {
            Self::WordsDense => dense,
            Self::WordsNorm => norm,
            _ => bias,
        }
    }
}

impl EncoderLayerPart {
    fn bert(self) -> &'static str {
        match self {
            Self::Query => "attention.self.query",
            Self::Key => "attention.self.key",
            Self::Value => "attention.self.value",
            Self::AttentionOutput => "attention.output.dense",
            Self::AttentionNorm => "attention.output.LayerNorm",
            Self::Up => "intermediate.dense",
            Self::Down => "output.dense",
            Self::MlpNorm => "output.LayerNorm",
            Self::Relative(_) => unreachable!("the family has a table of positions"),
        }
    }

    fn distilbert(self) -> &'static str {
        match self {
            Self::Query => "attention.q_lin",
            Self::Key => "attention.k_lin",
            Self::Value => "attention.v_lin",
            Self::AttentionOutput => "attention.out_lin",
            Self::AttentionNorm => "sa_layer_norm",
            Self::Up => "ffn.lin1",
            Self::Down => "ffn.lin2",
            Self::MlpNorm => "output_layer_norm",
            Self::Relative(_) => unreachable!("the family has a table of positions"),
        }
    }
}
