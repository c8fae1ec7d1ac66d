//! Vectors as they are sent: cut, of unit length, as numbers or as base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use proto::{
    Embedding, EmbeddingUsage, EmbeddingVector, EmbeddingsResponse, EncodingFormat, ObjectName, Timings, Vectors,
};

use crate::request::VectorForm;

/// All but the vectors.
#[derive(Clone, Debug)]
pub struct EmbeddingsHead {
    /// The name asked for.
    pub model: String,
    /// What it cost.
    pub usage: EmbeddingUsage,
    /// Where time and memory went, if the answer tells.
    pub timings: Option<Timings>,
}

/// The whole answer.
pub fn whole(head: EmbeddingsHead, form: VectorForm, vectors: Vec<Vec<f32>>) -> EmbeddingsResponse {
    let data = vectors.into_iter().enumerate().map(|(index, vector)| Embedding {
        object: ObjectName::Embedding,
        index,
        embedding: formed(vector, form),
    });
    EmbeddingsResponse {
        object: ObjectName::List,
        model: head.model,
        data: data.collect(),
        usage: head.usage,
        timings: head.timings,
    }
}

/// The vectors alone, as numbers.
pub fn bare(form: VectorForm, vectors: Vec<Vec<f32>>) -> Vectors {
    Vectors(vectors.into_iter().map(|vector| fitted(vector, form)).collect())
}

/// A vector, cut and of unit length where it is to be.
pub(super) fn fitted(mut vector: Vec<f32>, form: VectorForm) -> Vec<f32> {
    vector.truncate(form.dimensions);
    if form.normalize {
        normalize(&mut vector);
    }
    vector
}

fn formed(vector: Vec<f32>, form: VectorForm) -> EmbeddingVector {
    let vector = fitted(vector, form);
    match form.encoding {
        EncodingFormat::Float => EmbeddingVector::Floats(vector),
        EncodingFormat::Base64 => EmbeddingVector::Base64(base64(&vector)),
    }
}

/// Little-endian numbers.
pub(super) fn base64(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// Gives a vector unit length; one of zeros stays as it is.
fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        for number in vector {
            *number = (f64::from(*number) / length) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: VectorForm = VectorForm { dimensions: 3, normalize: true, encoding: EncodingFormat::Float };

    #[test]
    fn vectors_are_cut_first_and_then_of_unit_length() {
        let floats = |form| formed(vec![3.0, -4.0, 12.0], form);
        assert_eq!(floats(VectorForm { dimensions: 2, ..FORM }), EmbeddingVector::Floats(vec![0.6, -0.8]));
        let as_is = VectorForm { dimensions: 2, normalize: false, ..FORM };
        assert_eq!(floats(as_is), EmbeddingVector::Floats(vec![3.0, -4.0]));
        let EmbeddingVector::Floats(whole) = floats(FORM) else { panic!("numbers were asked for") };
        assert!((whole.iter().map(|number| number * number).sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(formed(vec![0.0; 3], FORM), EmbeddingVector::Floats(vec![0.0; 3]));
        assert_eq!(formed(vec![1e-30, 0.0, 0.0], FORM), EmbeddingVector::Floats(vec![1.0, 0.0, 0.0]));
    }

    #[test]
    fn base64_holds_little_endian_numbers() {
        let form = VectorForm { normalize: false, encoding: EncodingFormat::Base64, ..FORM };
        assert_eq!(formed(vec![0.25, -2.0], form), EmbeddingVector::Base64("AACAPgAAAMA=".to_owned()));
    }
}
