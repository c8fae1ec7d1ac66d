//! What a prompt costs: no shape of text takes longer than 2 s per MiB.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Instant;

use server::tokenizer::{Tokenizer, TokenizerError};
use support::vocabulary;

/// The byte cap of an 8K context.
const BYTES: usize = 128 << 10;
const SECONDS_PER_MIB: f64 = 2.0;

#[test]
fn a_prompt_of_any_shape_is_tokenised_in_time() {
    let tokenizer = Tokenizer::load(&vocabulary::source(), vocabulary::VOCAB_SIZE).unwrap();
    for piece in ["a", " ", "\n", "word ", "<|im_start|>", "<|im_", "\u{1F600}", "\u{AC00}", "0", "a\u{301}", "\u{0}"] {
        let text = piece.repeat(BYTES / piece.len());
        let start = Instant::now();
        let tokens = tokenizer.encode(&text, true);
        let seconds = start.elapsed().as_secs_f64();
        assert!(seconds < SECONDS_PER_MIB * BYTES as f64 / f64::from(1 << 20), "{piece:?} took {seconds} s");
        match tokens {
            Ok(tokens) => assert!(!tokens.is_empty()),
            Err(error) => assert!(matches!(error, TokenizerError::LongWord { .. }), "{piece:?}: {error}"),
        }
    }
}
