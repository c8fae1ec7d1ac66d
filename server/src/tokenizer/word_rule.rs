//! How byte-level vocabularies split text into words before they merge, by the names that GGUF files use.
//!
//! A name that is not known here is refused: a near rule would give wrong text in silence.

use tokenizers::{
    SplitDelimiterBehavior,
    pre_tokenizers::{
        PreTokenizerWrapper,
        byte_level::ByteLevel,
        digits::Digits,
        punctuation::Punctuation,
        sequence::Sequence,
        split::{Split, SplitPattern},
    },
};

use super::TokenizerError;

/// Splits text as Llama 3 does; Qwen 2 takes digits one by one.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// That of Mistral's newer models: a word ends where small letters are followed by a capital one.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// That of BLOOM: marks of several scripts stand apart from words, as runs.
const BLOOM: &str = r" ?[^(\s|.,!?…。，、।۔،)]+";

/// Falcon's last step: digits three by three.
const THREE_DIGITS: &str = "[0-9][0-9][0-9]";

/// What happens to a text before its words are merged.
pub(super) struct WordRule {
    pub(super) pre_tokenizer: Sequence,
    /// A word that is a token is that token, whatever merges would make of it.
    pub(super) takes_whole_words: bool,
    /// Letters and their marks become one character where there is one.
    pub(super) composes: bool,
}

impl WordRule {
    /// The rule of this name in `tokenizer.ggml.pre`.
    pub(super) fn named(name: &str) -> Result<Self, TokenizerError> {
        let bytes = |splits: bool| ByteLevel::new(false, true, splits);
        let (steps, takes_whole_words) = match name {
            // GPT-NeoX, Pythia and StableLM 3B have the words of OLMo and MPT
            "gpt-2" | "phi-2" | "mpt" | "olmo" | "roberta-bpe" | "modern-bert" => (vec![bytes(true).into()], false),
            "smollm" | "starcoder" | "refact" => (vec![Digits::new(true).into(), bytes(true).into()], false),
            "falcon" => (falcon()?, false),
            "bloom" | "poro-chat" | "gpt3-finnish" => (vec![words(BLOOM)?.into(), bytes(false).into()], false),
            "llama-bpe" | "llama3" | "llama-v3" | "falcon3" => (vec![words(LLAMA3)?.into(), bytes(false).into()], true),
            "dbrx" | "smaug-bpe" => (vec![words(LLAMA3)?.into(), bytes(false).into()], false),
            "qwen2" | "deepseek-r1-qwen" | "stablelm2" => (vec![words(QWEN2)?.into(), bytes(false).into()], false),
            "tekken" => (vec![words(TEKKEN)?.into(), bytes(false).into()], true),
            other => return Err(TokenizerError::Unsupported(format!("'tokenizer.ggml.pre': '{other}'"))),
        };
        let composes = ["qwen2", "stablelm2", "mpt", "olmo", "modern-bert"].contains(&name);
        Ok(Self { pre_tokenizer: Sequence::new(steps), takes_whole_words, composes })
    }
}

/// Runs of punctuation, words, digits apart from the space before them, and those three by three.
fn falcon() -> Result<Vec<PreTokenizerWrapper>, TokenizerError> {
    Ok(vec![
        Punctuation::new(SplitDelimiterBehavior::Contiguous).into(),
        ByteLevel::new(false, true, true).into(),
        Digits::new(false).into(),
        words(THREE_DIGITS)?.into(),
    ])
}

fn words(pattern: &str) -> Result<Split, TokenizerError> {
    let pattern = SplitPattern::Regex(pattern.to_owned());
    Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(|_| TokenizerError::Failed)
}

#[cfg(test)]
mod tests {
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

    use super::*;

    /// The words of a text, spelled as it is.
    fn split(name: &str, text: &str) -> Vec<String> {
        let mut words = PreTokenizedString::from(text);
        WordRule::named(name).unwrap().pre_tokenizer.pre_tokenize(&mut words).unwrap();
        let splits = words.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.into_iter().map(|(_, (start, end), _)| text[start..end].to_owned()).collect()
    }

    #[test]
    fn each_rule_splits_in_its_own_way() {
        let text = "HelloWorld it'S 1234\n x";
        assert_eq!(split("gpt-2", text), ["HelloWorld", " it", "'", "S", " 1234", "\n", " x"]);
        assert_eq!(split("smollm", text), ["HelloWorld", " it", "'", "S", " ", "1", "2", "3", "4", "\n", " x"]);
        let llama = ["HelloWorld", " it", "'S", " ", "123", "4", "\n", " x"];
        for name in ["llama-bpe", "llama3", "llama-v3", "falcon3", "dbrx", "smaug-bpe"] {
            assert_eq!(split(name, text), llama, "{name}");
        }
        let qwen = ["HelloWorld", " it", "'S", " ", "1", "2", "3", "4", "\n", " x"];
        assert_eq!(
            (split("qwen2", text), split("deepseek-r1-qwen", text)),
            (qwen.map(str::to_owned).to_vec(), qwen.map(str::to_owned).to_vec())
        );
        assert_eq!(split("stablelm2", text), split("qwen2", text));
        let falcon = ["HelloWorld", " it", "'", "S", " ", "123", "4", "\n", " x"];
        assert_eq!(split("falcon", text), falcon);
        assert_eq!(split("falcon", "a (x) $+3 12"), ["a", " ", "(", "x", ")", " ", "$+", "3", " ", "12"]);
        for name in ["phi-2", "mpt", "olmo", "roberta-bpe", "modern-bert"] {
            assert_eq!(split(name, text), split("gpt-2", text), "{name}");
        }
        for name in ["starcoder", "refact"] {
            assert_eq!(split(name, text), split("smollm", text), "{name}");
        }
        assert_eq!(split("bloom", "a  b, c|d (e)。f"), ["a", " ", " b", ",", " c", "|", "d", " (", "e", ")。", "f"]);
        for name in ["poro-chat", "gpt3-finnish"] {
            assert_eq!(split(name, text), split("bloom", text), "{name}");
        }
        assert_eq!(split("tekken", text), ["Hello", "World", " it", "'S", " ", "1", "2", "3", "4", "\n", " x"]);
    }

    #[test]
    fn whole_words_come_first_where_the_vocabulary_was_made_so() {
        let whole = |name| WordRule::named(name).unwrap().takes_whole_words;
        assert!(whole("llama-bpe") && whole("tekken"));
        assert!(!whole("dbrx") && !whole("qwen2") && !whole("gpt-2"));
    }

    #[test]
    fn marks_join_their_letters_where_the_vocabulary_was_made_so() {
        let composed = |name| WordRule::named(name).unwrap().composes;
        assert!(["qwen2", "stablelm2", "mpt", "olmo", "modern-bert"].into_iter().all(composed));
        assert!(!["gpt-2", "phi-2", "falcon", "starcoder", "refact", "roberta-bpe"].into_iter().any(composed));
    }
}
