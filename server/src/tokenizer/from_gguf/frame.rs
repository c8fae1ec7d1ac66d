//! What stands around texts: llama.cpp's rules, by the flags that GGUF files have.

use engine::GgufVocabulary;
use scheduler::Token;

use super::missing;
use crate::tokenizer::{PairFrame, TokenizerError};

/// The tokens around one text, and around two.
pub(super) struct Frame {
    pub(super) prefix: Vec<Token>,
    pub(super) suffix: Vec<Token>,
    pub(super) pair: PairFrame,
}

impl Frame {
    pub(super) fn of(vocabulary: &GgufVocabulary) -> Result<Self, TokenizerError> {
        let wanted = |wanted: bool, id: Option<Token>| -> Vec<Token> { id.filter(|_| wanted).into_iter().collect() };
        if vocabulary.model == "bert" && vocabulary.add_bos && vocabulary.bos_id.is_none() {
            return Err(missing("cls_token_id"));
        }
        let prefix = wanted(vocabulary.add_bos, vocabulary.bos_id);
        let end = wanted(vocabulary.add_eos, vocabulary.eos_id);
        let (between, suffix) = if vocabulary.model == "bert" {
            // one separator closes each text, whatever the flags of other kinds say
            let separator = vec![vocabulary.separator_id.ok_or_else(|| missing("seperator_token_id"))?];
            (separator.clone(), separator)
        } else {
            let separator = wanted(vocabulary.add_separator, vocabulary.separator_id);
            ([end.as_slice(), &separator].concat(), end)
        };
        let pair = PairFrame { before: prefix.clone(), between, behind: suffix.clone() };
        Ok(Self { prefix, suffix, pair })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a text that begins with 1 and ends with 2, 3 being the separator.
    fn frame(model: &str, add_separator: bool) -> Frame {
        let vocabulary = GgufVocabulary {
            model: model.to_owned(),
            bos_id: Some(1),
            eos_id: Some(2),
            separator_id: Some(3),
            add_bos: true,
            add_eos: true,
            add_separator,
            ..GgufVocabulary::default()
        };
        Frame::of(&vocabulary).unwrap()
    }

    #[test]
    fn what_begins_a_text_is_not_left_out_in_silence() {
        let vocabulary = GgufVocabulary {
            model: "bert".to_owned(),
            separator_id: Some(3),
            add_bos: true,
            ..GgufVocabulary::default()
        };
        let Err(error) = Frame::of(&vocabulary) else { panic!("nothing begins a text") };
        assert!(error.to_string().contains("cls_token_id"), "{error}");
        assert!(Frame::of(&GgufVocabulary { add_bos: false, ..vocabulary }).unwrap().prefix.is_empty());
    }

    #[test]
    fn a_separator_stands_between_texts_where_the_file_wants_one() {
        let of = |frame: Frame| (frame.pair.before, frame.pair.between, frame.pair.behind);
        assert_eq!(of(frame("gpt2", true)), (vec![1], vec![2, 3], vec![2]));
        assert_eq!(of(frame("t5", false)), (vec![1], vec![2], vec![2]));
        assert_eq!(of(frame("bert", true)), (vec![1], vec![3], vec![3]));
        assert_eq!(of(frame("bert", false)), (vec![1], vec![3], vec![3]));
        assert_eq!((frame("bert", true).suffix, frame("gpt2", true).suffix), (vec![3], vec![2]));
    }
}
