//! An encoder's shape and arithmetic.

use scheduler::Token;

use super::{Activation, DisentangledRule, RelativeRule, RotaryRule, StreamNorms};

/// What `config.json` says of an encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderConfig {
    /// Such as `bert`.
    pub architecture: &'static str,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Layers.
    pub num_layers: usize,
    /// Heads of queries, keys and values, which share the width evenly.
    pub num_heads: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// How tokens are told where they stand.
    pub positions: Positions,
    /// Of each layer: the tokens that a token sees to each side, itself included, if not all.
    pub windows: Vec<Option<usize>>,
    /// Kinds of text that are told apart by a vector each; 0 if none are.
    pub num_types: usize,
    /// Most tokens of a text.
    pub max_tokens: usize,
    /// Added to the variance in norms.
    pub norm_eps: f32,
    /// Where layers norm the residual stream.
    pub stream_norms: StreamNorms,
    /// What has biases.
    pub biases: Biases,
    /// Between the two products of the MLP, or of its gate.
    pub activation: Activation,
    /// Whether the MLP has a gate.
    pub gated_mlp: bool,
    /// What stands behind the last layer.
    pub head: EncoderHead,
    /// Which state a head that gives labels to texts reads.
    pub label_state: LabelState,
    /// Between the two matrices of such a head.
    pub squash: Squash,
    /// Heads over tokens have the first of these matrices too, and a norm stands behind the squash of every head.
    pub heads_alike: bool,
}

/// What has biases: this, and what stands above it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Biases {
    /// The matrices that heads make scores with.
    Scores,
    /// Norms, and the other matrices of heads.
    Norms,
    /// The matrices of MLPs.
    Mlps,
    /// Those of attention.
    All,
}

/// A state that stands for its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelState {
    /// That of the first token.
    First,
    /// That of the last token.
    Last,
    /// The mean of all.
    Mean,
}

/// What stands between the two matrices of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Squash {
    /// Numbers end up from -1 to 1.
    Tanh,
    /// From 0 on.
    Relu,
    /// An activation of MLPs.
    Smooth(Activation),
}

/// What an encoder makes of the last states of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum EncoderHead {
    /// A vector, by the rules of [`crate::PoolingConfig`].
    Vector,
    /// A score for each label, of a text or of a pair of texts.
    Labels(Labels),
    /// Scores of the labels of several tasks, at least one, side by side in their order: one encoder, many heads.
    Tasks(Vec<Task>),
    /// A score for each of these labels, at least one, of each token: its vector is `[tokens, labels]`.
    TokenLabels(Vec<String>),
    /// How well each token begins and ends the answer to a question, the first text, in the second: `[tokens, 2]`.
    Spans,
    /// A score for each token of the vocabulary at the places asked for: `[places, vocabulary]`.
    Words,
}

impl EncoderHead {
    /// Whether it gives numbers to each token.
    pub(crate) fn is_of_tokens(&self) -> bool {
        matches!(self, Self::TokenLabels(_) | Self::Spans)
    }
}

/// A head among others over one encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// What requests call it.
    pub name: String,
    /// What it scores.
    pub labels: Labels,
    /// It was trained on pairs of texts, others on single ones.
    pub is_pair: bool,
}

/// The labels of a classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    /// At least one.
    pub names: Vec<String>,
    /// What scores mean.
    pub scores: LabelScores,
}

/// How scores are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelScores {
    /// One label is right: probabilities by softmax.
    One,
    /// Each label may be right or wrong: probabilities by sigmoid.
    Any,
    /// They are what was asked for.
    Raw,
}

impl Labels {
    /// What transformers calls so many labels that have no names.
    pub(crate) fn unnamed(count: usize) -> Vec<String> {
        (0..count).map(|id| format!("LABEL_{id}")).collect()
    }
}

impl LabelScores {
    /// How scores of so many labels are read where files do not say it.
    pub(crate) fn unsaid(labels: usize) -> Self {
        if labels == 1 { Self::Any } else { Self::One }
    }
}

/// How tokens are told where they stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Positions {
    /// A row of a table is added to each token's embedding.
    Table(PositionRule),
    /// So it is, and attention scores get a number for how far apart two tokens are, and on which side.
    Biased(PositionRule),
    /// Attention scores know how far apart two tokens are.
    Relative(RelativeRule),
    /// They are products of tokens and distances, too.
    Disentangled(DisentangledRule),
    /// Queries and keys turn.
    Rotary(RotaryRule),
}

/// Which row of the table of positions a token takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionRule {
    /// Rows of the table.
    pub rows: usize,
    /// Where rows are counted from this token's id on: it takes that row, and the others follow, it left out.
    pub pad: Option<Token>,
}

impl EncoderConfig {
    /// Width of one head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_heads
    }

    /// Whether a layer has a norm beside attention: before that of the first layer stands the norm of the embeddings.
    pub(crate) fn has_attention_norm(&self, layer: usize) -> bool {
        layer > 0 || self.stream_norms == StreamNorms::After
    }
}

impl Biases {
    /// Whether norms and the matrices of heads but the last have them.
    pub fn of_norms(self) -> bool {
        self >= Self::Norms
    }

    /// Whether the matrices of MLPs have them.
    pub fn of_mlps(self) -> bool {
        self >= Self::Mlps
    }

    /// Whether those of attention have them.
    pub fn of_attention(self) -> bool {
        self >= Self::All
    }
}

impl Positions {
    /// Most tokens of a text.
    pub fn max_tokens(&self) -> usize {
        match self {
            Self::Table(rule) | Self::Biased(rule) => rule.max_tokens(),
            Self::Relative(_) => RelativeRule::MAX_TOKENS,
            Self::Disentangled(rule) => rule.max_tokens,
            Self::Rotary(rule) => rule.max_tokens,
        }
    }

    /// The table from which a row is added to each token's embedding, if there is one.
    pub fn table(&self) -> Option<PositionRule> {
        match self {
            Self::Table(rule) | Self::Biased(rule) => Some(*rule),
            Self::Relative(_) | Self::Disentangled(_) | Self::Rotary(_) => None,
        }
    }

    /// Whether what is read off the tables goes through a norm before the first layer.
    pub(crate) fn embedding_norm(&self) -> bool {
        !matches!(self, Self::Relative(_))
    }
}

impl PositionRule {
    /// Tokens for which there are rows.
    pub fn max_tokens(&self) -> usize {
        self.rows - self.pad.map_or(0, |pad| pad as usize + 1)
    }

    /// The rows of a text's tokens, in order.
    pub(crate) fn rows_of<'a>(&'a self, tokens: &'a [Token]) -> impl Iterator<Item = usize> + 'a {
        let mut next = self.pad.map_or(0, |pad| pad as usize + 1);
        tokens.iter().map(move |token| match self.pad {
            Some(pad) if pad == *token => pad as usize,
            _ => {
                next += 1;
                next - 1
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_from_the_pad_token_on_and_leave_it_out() {
        let rows = |pad| PositionRule { rows: 10, pad }.rows_of(&[7, 1, 7, 0]).collect::<Vec<_>>();
        assert_eq!(rows(None), [0, 1, 2, 3]);
        assert_eq!(rows(Some(1)), [2, 1, 3, 4]);
        assert_eq!(PositionRule { rows: 10, pad: Some(1) }.max_tokens(), 8);
        assert_eq!(PositionRule { rows: 10, pad: None }.max_tokens(), 10);
    }
}
