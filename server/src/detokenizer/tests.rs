//! Deltas against the text as a whole, and both against the tokenizers crate.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::tokenizer::tests::Family;

fn deltas(tokenizer: &Arc<Tokenizer>, tokens: &[Token], skip_special: bool) -> String {
    let mut detokenizer = Detokenizer::new(ShownTokens::new(Arc::clone(tokenizer), skip_special, []));
    let mut text: String = tokens.iter().map(|&token| detokenizer.push(token)).collect();
    text.push_str(&detokenizer.finish());
    text
}

#[test]
fn a_character_comes_when_it_is_whole() {
    let tokenizer = Arc::new(Family::read("llama31").tokenizer());
    let tokens = tokenizer.encode("🙂", false).unwrap();
    assert!(tokens.len() > 1, "the emoji is several tokens");
    let mut detokenizer = Detokenizer::new(ShownTokens::new(Arc::clone(&tokenizer), true, []));
    for &token in &tokens[..tokens.len() - 1] {
        assert_eq!(detokenizer.push(token), "");
    }
    assert_eq!(detokenizer.push(tokens[tokens.len() - 1]), "🙂");
    assert_eq!(detokenizer.finish(), "");
}

#[test]
fn a_half_character_at_the_end_is_one_replacement() {
    let tokenizer = Arc::new(Family::read("llama31").tokenizer());
    let tokens = tokenizer.encode("a🙂", false).unwrap();
    assert_eq!(deltas(&tokenizer, &tokens[..tokens.len() - 1], true), "a\u{FFFD}");
}

#[test]
fn the_first_space_is_dropped_once_unless_a_text_goes_on() {
    let tokenizer = Arc::new(Family::read("llama2").tokenizer());
    let tokens = tokenizer.encode("a b", false).unwrap();
    assert_eq!(deltas(&tokenizer, &tokens, true), "a b");
    let mut detokenizer = Detokenizer::continuing(ShownTokens::new(Arc::clone(&tokenizer), true, []));
    let text: String = tokens.iter().map(|&token| detokenizer.push(token)).collect();
    assert_eq!(text, " a b");
}

/// Words end with a mark that is a space unless it is the last. The crate decodes no empty list.
#[test]
fn ended_words_are_parted_by_spaces() {
    let family = Family::read("openai_gpt");
    let tokenizer = Arc::new(family.tokenizer());
    let reference = tokenizers::Tokenizer::from_bytes(&family.tokenizer_json).unwrap();
    for text in ["Hello, world!", "it's we'll I'M DON'T", "  two  spaces\tand a tab ", "flag 🙂 flag 🙂"] {
        let tokens = tokenizer.encode(text, false).unwrap();
        for (end, skip) in (1..=tokens.len()).flat_map(|end| [(end, false), (end, true)]) {
            let expected = reference.decode(&tokens[..end], skip).unwrap();
            assert_eq!(deltas(&tokenizer, &tokens[..end], skip), expected, "{text}, {end}");
            assert_eq!(tokenizer.decode(&tokens[..end], skip), expected, "{text}, {end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn deltas_joined_are_the_whole(tokens in prop::collection::vec(0u32..520, 0..60), skip: bool, which in 0..4usize) {
        let family = Family::read(["llama2", "llama31", "qwen2", "gemma2"][which]);
        let tokenizer = Arc::new(family.tokenizer());
        let joined = deltas(&tokenizer, &tokens, skip);
        prop_assert_eq!(&joined, &tokenizer.decode(&tokens, skip));
        let bytes: Vec<u8> = tokens
            .iter()
            .filter(|&&token| !(skip && tokenizer.is_special(token)))
            .flat_map(|&token| tokenizer.token_bytes(token).to_vec())
            .collect();
        let naive = String::from_utf8_lossy(&bytes);
        let naive = if tokenizer.drops_leading_space() { naive.strip_prefix(' ').unwrap_or(&naive) } else { &naive };
        prop_assert_eq!(&joined, naive);
    }

    #[test]
    fn text_survives_the_way_through_tokens(text in "[a-z한글 \n🙂日]{0,40}", which in 0..4usize) {
        let tokenizer = Arc::new(Family::read(["llama2", "llama31", "qwen2", "gemma2"][which]).tokenizer());
        let tokens = tokenizer.encode(&text, false).unwrap();
        prop_assert_eq!(deltas(&tokenizer, &tokens, true), text);
    }

    #[test]
    fn byte_level_text_equals_the_tokenizers_crate(tokens in prop::collection::vec(0u32..512, 0..60), skip: bool) {
        let family = Family::read("llama31");
        let reference = tokenizers::Tokenizer::from_bytes(&family.tokenizer_json).unwrap();
        let expected = reference.decode(&tokens, skip).unwrap();
        prop_assert_eq!(family.tokenizer().decode(&tokens, skip), expected);
    }
}
