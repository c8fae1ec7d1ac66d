//! What was made of texts, or of each of their tokens, as it is sent.

use proto::{EncodingFormat, ObjectName, Pooled, PooledNumbers};

use super::embeddings::{base64, fitted};
use crate::request::VectorForm;

/// One entry for each text.
pub fn of_texts(form: VectorForm, texts: impl IntoIterator<Item = Vec<f32>>) -> Vec<Pooled> {
    let formed = |numbers| match (fitted(numbers, form), form.encoding) {
        (numbers, EncodingFormat::Float) => PooledNumbers::Text(numbers),
        (numbers, EncodingFormat::Base64) => PooledNumbers::Base64(base64(&numbers)),
    };
    entries(texts.into_iter().map(formed))
}

/// One entry for each text, of which there is a list of numbers for each token.
pub fn of_tokens(form: VectorForm, texts: impl IntoIterator<Item = Vec<Vec<f32>>>) -> Vec<Pooled> {
    let formed = |tokens: Vec<Vec<f32>>| {
        let tokens: Vec<_> = tokens.into_iter().map(|numbers| fitted(numbers, form)).collect();
        match form.encoding {
            EncodingFormat::Float => PooledNumbers::Tokens(tokens),
            EncodingFormat::Base64 => PooledNumbers::Base64(base64(&tokens.concat())),
        }
    };
    entries(texts.into_iter().map(formed))
}

fn entries(texts: impl Iterator<Item = PooledNumbers>) -> Vec<Pooled> {
    texts.enumerate().map(|(index, data)| Pooled { index, object: ObjectName::Pooling, data }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_unit_length_and_base64_holds_all() {
        let form = VectorForm { dimensions: 2, normalize: true, encoding: EncodingFormat::Float };
        let texts = || [vec![vec![3.0, -4.0], vec![0.0, 2.0]], vec![vec![-1.0, 0.0]]];
        let data = |form| of_tokens(form, texts()).into_iter().map(|entry| entry.data).collect::<Vec<_>>();
        let tokens = [vec![vec![0.6, -0.8], vec![0.0, 1.0]], vec![vec![-1.0, 0.0]]].map(PooledNumbers::Tokens);
        assert_eq!(data(form), tokens);
        let written = data(VectorForm { encoding: EncodingFormat::Base64, ..form });
        let whole = [vec![0.6, -0.8, 0.0, 1.0], vec![-1.0, 0.0]].map(|numbers| base64(&numbers));
        assert_eq!(written, whole.map(PooledNumbers::Base64));
    }
}
