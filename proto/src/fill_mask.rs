//! Words in place of masks: `POST /v1/fill-mask`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Integer, ModelName, ReadingFields, Text, Texts, strict_object::strict_object, texts::narrowed};

strict_object! {
    /// A request for the words that masks in texts stand for.
    pub struct FillMaskRequest {
        groups {
            /// Around the texts.
            reading: ReadingFields,
        }
        required {
            /// Name of the model.
            model: ModelName,
            /// Texts that hold the model's mask token, one to eight times.
            input: Texts,
        }
        optional {
            /// So many candidates for each mask, the likeliest.
            top_k: Integer<1, 100>,
        }
        forms { narrowed }
    }
}

/// The masks of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TextMasks {
    /// The text's place.
    pub index: usize,
    /// In the order of the text.
    pub masks: Vec<FilledMask>,
}

/// What may stand in place of a mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FilledMask {
    /// The character that the mask begins with, counted from 0.
    pub position: usize,
    /// The likeliest first.
    pub candidates: Vec<MaskCandidate>,
}

/// A token in place of a mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MaskCandidate {
    /// Its id.
    pub token: u32,
    /// Its text.
    pub token_str: Text,
    /// Its probability.
    pub score: f32,
}
