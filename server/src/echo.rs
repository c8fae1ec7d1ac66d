//! A prompt that is sent back before its answer: its text, and where its tokens stand in it.

use scheduler::Token;

use crate::tokenizer::Tokenizer;

/// An echoed prompt.
#[derive(Debug)]
pub struct Echo {
    /// Its text.
    pub text: String,
    /// Its tokens and how many characters of the text come before each; empty unless they are scored.
    pub places: Vec<(Token, usize)>,
}

impl Echo {
    /// A text whose tokens are not asked about.
    pub fn of_text(text: String) -> Self {
        Self { text, places: Vec::new() }
    }

    /// A text with the places of its tokens.
    pub fn with_places(tokenizer: &Tokenizer, text: String, tokens: &[Token]) -> Self {
        let (mut rest, mut offset) = (text.as_bytes(), 0);
        let place = |&token: &Token| {
            let place = (token, offset);
            let (its, behind) = rest.split_at(length(tokenizer, token, rest));
            offset += its.iter().filter(|byte| begins_character(**byte)).count();
            rest = behind;
            place
        };
        let places = tokens.iter().map(place).collect();
        Self { text, places }
    }
}

/// How many of the next bytes of a text a token stands for. Tokens may have a space that the tokenizer put there, begin
/// tokens are not in the text, and a normaliser may have spelled a token otherwise: then it has as many characters.
fn length(tokenizer: &Tokenizer, token: Token, text: &[u8]) -> usize {
    let bytes = tokenizer.token_bytes(token);
    let bare = bytes.strip_prefix(b" ").unwrap_or(bytes);
    if text.starts_with(bytes) {
        bytes.len()
    } else if text.starts_with(bare) {
        bare.len()
    } else if tokenizer.is_special(token) {
        0
    } else {
        let characters = bytes.iter().filter(|byte| begins_character(**byte)).count();
        let mut starts = (0..text.len()).filter(|at| begins_character(text[*at]));
        starts.nth(characters).unwrap_or(text.len())
    }
}

fn begins_character(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::tests::Family;

    /// The parts of a text that its tokens begin at.
    fn parts(family: &str, text: &str) -> Vec<String> {
        let tokenizer = Family::read(family).tokenizer();
        let tokens = tokenizer.encode(text, true).unwrap();
        let echo = Echo::with_places(&tokenizer, text.to_owned(), &tokens);
        assert!(echo.places.iter().map(|(token, _)| token).eq(&tokens));
        let letters: Vec<char> = text.chars().collect();
        let starts: Vec<usize> = echo.places.iter().map(|(_, offset)| *offset).collect();
        assert!(starts.is_sorted() && starts.iter().all(|start| *start <= letters.len()), "{starts:?}");
        let ends = starts.iter().skip(1).copied().chain([letters.len()]);
        let parts: Vec<String> =
            starts.iter().zip(ends).map(|(start, end)| letters[*start..end].iter().collect()).collect();
        for (token, part) in tokens.iter().zip(&parts).filter(|(token, _)| !tokenizer.is_special(**token)) {
            let word = tokenizer.token_text(*token);
            let is_whole = word == *part || word.strip_prefix(' ') == Some(part);
            assert!(is_whole || word.contains(char::REPLACEMENT_CHARACTER), "{family}: {word:?} stands for {part:?}");
        }
        parts
    }

    #[test]
    fn tokens_stand_where_their_words_are() {
        for family in ["llama2", "llama31", "qwen2", "gpt2", "gemma2"] {
            for text in ["up we go", " a space first", "two  spaces\n\nand lines", "산 and 🚠, naïve", "x"] {
                assert_eq!(parts(family, text).concat(), text, "{family}");
            }
        }
    }

    #[test]
    fn tokens_that_are_not_in_the_text_have_no_room_in_it() {
        assert_eq!(parts("llama2", "up")[0], "", "the begin token");
        let tokenizer = Family::read("llama2").tokenizer();
        let begin = tokenizer.encode("", true).unwrap();
        let text = tokenizer.bos_text().to_owned() + "up";
        let tokens = [begin.clone(), begin, tokenizer.encode("up", false).unwrap()].concat();
        let offsets = |text: &str| -> Vec<usize> {
            let echo = Echo::with_places(&tokenizer, text.to_owned(), &tokens);
            echo.places.into_iter().map(|(_, offset)| offset).collect()
        };
        let length = tokenizer.bos_text().len();
        assert_eq!(offsets(&text)[..3], [0, length, length], "the first stands in the text, the second does not");
        assert_eq!(offsets("up")[..3], [0, 0, 0]);
    }

    #[test]
    fn a_token_that_is_spelled_otherwise_has_as_many_characters() {
        let tokenizer = Family::read("gpt2").tokenizer();
        let tokens = tokenizer.encode("up we go", false).unwrap();
        let echo = Echo::with_places(&tokenizer, "UP WE GO".to_owned(), &tokens);
        let plain = Echo::with_places(&tokenizer, "up we go".to_owned(), &tokens);
        assert_eq!(echo.places, plain.places);
    }
}
