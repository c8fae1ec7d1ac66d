//! Whose names a file uses for its weights.

use super::DecoderNames;

/// Whose names a file uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// llama.cpp's, in GGUF files.
    Gguf,
    /// transformers' for a family of decoders.
    Decoder(&'static DecoderNames),
    /// transformers' for BERT and its kin.
    Bert,
    /// transformers' for RoBERTa: as BERT's, but for heads.
    Roberta,
    /// transformers' for DistilBERT.
    DistilBert,
    /// transformers' for XLNet.
    XlNet,
}
