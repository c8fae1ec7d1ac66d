//! Random texts of a form, over a vocabulary of single bytes.

use std::sync::Arc;

use llguidance::Matcher;

use super::vocabulary::{self, EOS};
use crate::{
    grammar::{CompiledGrammar, Form, GrammarRoom, GrammarSpec, Grammars},
    shown_tokens::ShownTokens,
    tokenizer::Tokenizer,
};

/// Tokens drawn freely; from then on whatever ends the text.
const FREE_TOKENS: usize = 200;

/// Numbers that look random; the seed tells them all.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// The grammars of a model whose tokens are the bytes and some control tokens.
pub(super) fn grammars() -> Grammars {
    grammars_in(&GrammarRoom::default())
}

/// The same in a room that others share.
pub(super) fn grammars_in(room: &GrammarRoom) -> Grammars {
    Grammars::new(tokenizer(), vec![EOS], None, room)
}

/// What of such a model's answers is shown.
pub(super) fn shown() -> ShownTokens {
    ShownTokens::new(tokenizer(), true, [])
}

fn tokenizer() -> Arc<Tokenizer> {
    Tokenizer::load(&vocabulary::source(), vocabulary::VOCAB_SIZE).unwrap().into()
}

/// A form's grammar, or why there is none.
pub(super) fn compile(grammars: &Grammars, form: Form) -> Result<Arc<CompiledGrammar>, String> {
    let spec = GrammarSpec::new(form, "form").map_err(|error| format!("{error:?}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(grammars.compile(&spec)).map_err(|error| format!("{error:?}"))
}

/// Whether the whole text has the form.
pub(super) fn allows(grammar: &CompiledGrammar, text: &str) -> bool {
    let mut matcher = grammar.matcher();
    let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
    matcher.validate_tokens(&tokens).unwrap() == tokens.len()
        && matcher.consume_tokens(&tokens).is_ok()
        && matcher.is_accepting().unwrap()
}

/// A random text of the form.
pub(super) fn draw(grammar: &CompiledGrammar, dice: &mut Dice) -> String {
    let mut matcher = grammar.matcher();
    let mut bytes = Vec::new();
    loop {
        for token in matcher.consume_ff_tokens() {
            bytes.extend(u8::try_from(token));
        }
        let Some(byte) = next(&mut matcher, bytes.len(), dice) else { return String::from_utf8(bytes).unwrap() };
        matcher.consume_token(u32::from(byte)).unwrap();
        bytes.push(byte);
    }
}

/// The next byte, or none at the end. Ends are likelier than under a fair die.
fn next(matcher: &mut Matcher, drawn: usize, dice: &mut Dice) -> Option<u8> {
    let mask = matcher.compute_mask_or_eos().unwrap();
    let allowed: Vec<u8> = (0..=255u8).filter(|byte| mask.is_allowed(u32::from(*byte))).collect();
    let hurries = drawn > FREE_TOKENS;
    if allowed.is_empty() || (mask.is_allowed(EOS) && (hurries || dice.roll(2) == 0)) {
        return None;
    }
    // Where any letter may come, braces are text.
    let ends: &[u8] = if allowed.contains(&b'~') { b"\"" } else { b"}]\"" };
    match ends.iter().find(|byte| allowed.contains(byte)) {
        Some(byte) if hurries || dice.roll(4) == 0 => Some(*byte),
        _ => Some(allowed[dice.roll(allowed.len())]),
    }
}
