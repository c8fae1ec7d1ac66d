//! What files call the weights of an encoder. XLNet's layers have a file of their own.

use super::{EncoderLayerPart, EncoderPart, Term, relative};

/// Whose names a file uses: those of a family in transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EncoderNaming {
    /// BERT and its kin.
    Bert,
    /// RoBERTa: as BERT, but for heads.
    Roberta,
    DistilBert,
    MpNet,
    Deberta,
    XlNet,
    /// Once what it stores as one is apart.
    ModernBert,
    /// NomicBERT, in the same way.
    Nomic,
}

impl EncoderPart {
    /// The name of one of its tensors, without what the whole encoder's names begin with.
    pub(crate) fn stored(self, term: Term, naming: EncoderNaming) -> String {
        use EncoderNaming as N;
        let part = match (self, naming) {
            (Self::Layer(layer, part), _) => {
                return format!("{}.{layer}.{}", naming.layers(), naming.of_layer(part, term));
            }
            (Self::TaskOutput(number), _) => return format!("heads.{number}.{}", term.stored()),
            (Self::Words, N::XlNet) => "word_embedding",
            (Self::Words, N::ModernBert) => "embeddings.tok_embeddings",
            (Self::Words, _) => "embeddings.word_embeddings",
            (Self::Positions, _) => "embeddings.position_embeddings",
            (Self::Types, _) => "embeddings.token_type_embeddings",
            (Self::EmbeddingNorm, N::ModernBert) => "embeddings.norm",
            (Self::EmbeddingNorm, N::Nomic) => "emb_ln",
            (Self::EmbeddingNorm, _) => "embeddings.LayerNorm",
            (Self::DistanceBias, _) => "encoder.relative_attention_bias",
            (Self::Distances, _) => "encoder.rel_embeddings",
            (Self::DistanceNorm, _) => "encoder.LayerNorm",
            (Self::LastNorm, _) => "final_norm",
            (Self::LabelDense, N::Roberta | N::MpNet) => "classifier.dense",
            (Self::LabelDense, N::DistilBert) => "pre_classifier",
            (Self::LabelDense, N::XlNet) => "sequence_summary.summary",
            (Self::LabelDense, N::ModernBert) => "head.dense",
            (Self::LabelDense, N::Bert | N::Deberta | N::Nomic) => "pooler.dense",
            (Self::LabelNorm, _) => "head.norm",
            (Self::LabelOutput, N::Roberta | N::MpNet) => "classifier.out_proj",
            (Self::LabelOutput, N::XlNet) => "logits_proj",
            (Self::Spans, N::ModernBert) | (Self::LabelOutput | Self::TokenLabels, _) => "classifier",
            (Self::Spans, _) => "qa_outputs",
            (Self::WordsDense | Self::WordsNorm | Self::WordsBias, _) => self.of_words(naming),
        };
        format!("{part}.{}", term.stored())
    }

    /// A part of the head that tells words.
    fn of_words(self, naming: EncoderNaming) -> &'static str {
        let [dense, norm, bias] = match naming {
            EncoderNaming::Roberta | EncoderNaming::MpNet => ["lm_head.dense", "lm_head.layer_norm", "lm_head"],
            EncoderNaming::DistilBert => ["vocab_transform", "vocab_layer_norm", "vocab_projector"],
            EncoderNaming::ModernBert => ["head.dense", "head.norm", "decoder"],
            EncoderNaming::Nomic => {
                ["cls.predictions.transform.dense", "cls.predictions.transform.layer_norm", "cls.predictions"]
            }
            EncoderNaming::Bert | EncoderNaming::Deberta | EncoderNaming::XlNet => {
                ["cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions"]
            }
        };
        match self {
            Self::WordsDense => dense,
            Self::WordsNorm => norm,
            _ => bias,
        }
    }
}

impl Term {
    /// How its tensor's name ends.
    pub(super) fn stored(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
        }
    }
}

impl EncoderNaming {
    /// Where the layers stand.
    pub(crate) fn layers(self) -> &'static str {
        match self {
            Self::Bert | Self::Roberta | Self::MpNet | Self::Deberta => "encoder.layer",
            Self::DistilBert => "transformer.layer",
            Self::XlNet => "layer",
            Self::ModernBert => "layers",
            Self::Nomic => "encoder.layers",
        }
    }

    /// A tensor's name within its layer.
    fn of_layer(self, part: EncoderLayerPart, term: Term) -> String {
        let part = match self {
            Self::Bert | Self::Roberta => part.bert(),
            Self::DistilBert => part.distilbert(),
            Self::MpNet => part.mpnet(),
            Self::Deberta => part.deberta(),
            Self::ModernBert => part.modern_bert(),
            Self::Nomic => part.nomic(),
            Self::XlNet => return relative::xlnet(part, term.stored()),
        };
        format!("{part}.{}", term.stored())
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
            Self::Gate | Self::DistanceKey | Self::DistanceQuery | Self::Relative(_) => self.missing(),
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
            Self::Gate | Self::DistanceKey | Self::DistanceQuery | Self::Relative(_) => self.missing(),
        }
    }

    /// As BERT, but for attention.
    fn mpnet(self) -> &'static str {
        match self {
            Self::Query => "attention.attn.q",
            Self::Key => "attention.attn.k",
            Self::Value => "attention.attn.v",
            Self::AttentionOutput => "attention.attn.o",
            Self::AttentionNorm => "attention.LayerNorm",
            other => other.bert(),
        }
    }

    /// As BERT, but for what goes into attention.
    fn deberta(self) -> &'static str {
        match self {
            Self::Query => "attention.self.query_proj",
            Self::Key => "attention.self.key_proj",
            Self::Value => "attention.self.value_proj",
            Self::DistanceKey => "attention.self.pos_key_proj",
            Self::DistanceQuery => "attention.self.pos_query_proj",
            other => other.bert(),
        }
    }

    fn modern_bert(self) -> &'static str {
        match self {
            Self::Query => "attn.Wq",
            Self::Key => "attn.Wk",
            Self::Value => "attn.Wv",
            Self::AttentionOutput => "attn.Wo",
            Self::AttentionNorm => "attn_norm",
            Self::Gate => "mlp.Wg",
            Self::Up => "mlp.Wu",
            Self::Down => "mlp.Wo",
            Self::MlpNorm => "mlp_norm",
            Self::DistanceKey | Self::DistanceQuery | Self::Relative(_) => self.missing(),
        }
    }

    fn nomic(self) -> &'static str {
        match self {
            Self::Query => "attn.q",
            Self::Key => "attn.k",
            Self::Value => "attn.v",
            Self::AttentionOutput => "attn.out_proj",
            Self::AttentionNorm => "norm1",
            Self::Gate => "mlp.fc12",
            Self::Up => "mlp.fc11",
            Self::Down => "mlp.fc2",
            Self::MlpNorm => "norm2",
            Self::DistanceKey | Self::DistanceQuery | Self::Relative(_) => self.missing(),
        }
    }

    /// The configuration lists the weights of its own family only.
    fn missing(self) -> ! {
        unreachable!("the family has no {self:?}")
    }
}
