//! Whose names a file uses for its weights.

use super::DecoderNames;
use crate::config::StreamNorms;
use crate::encoder_weight::EncoderNaming;

/// Whose names a file uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// llama.cpp's, in GGUF files.
    Gguf,
    /// So for encoders whose layers norm there.
    GgufEncoder(StreamNorms),
    /// transformers' for a family of decoders.
    Decoder(&'static DecoderNames),
    /// transformers' for an encoder.
    Encoder(EncoderNaming),
}

impl Naming {
    /// That of an encoder; panics if the model is none.
    pub(super) fn of_encoder(self) -> EncoderNaming {
        match self {
            Self::Encoder(naming) => naming,
            other => panic!("{other:?} names no weights of an encoder"),
        }
    }
}
