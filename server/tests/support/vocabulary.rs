//! A tokenizer with one token for each byte, and the control tokens of a chat.

use engine::TokenizerSource;
use scheduler::Token;
use serde_json::{Map, Value, json};

/// Begins a text.
pub const BOS: Token = 256;
/// Ends an answer.
pub const EOS: Token = 257;
/// All tokens there are.
pub const VOCAB_SIZE: usize = 263;
/// Stands for a word.
pub const MASK: Token = 262;

const SPECIALS: [&str; 7] = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "[THINK]", "[/THINK]", "<mask>"];

/// A template in the style of `ChatML`.
pub const TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n\
                            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// A `tokenizer.json` of a byte-level vocabulary: the id of a byte is the byte.
pub fn source() -> TokenizerSource {
    let vocabulary: Map<String, Value> =
        (0..=255u8).map(|byte| (visible(byte).to_string(), Value::from(byte))).collect();
    let special = |(id, text): (usize, &&str)| {
        json!({"id": 256 + id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let tokenizer = json!({
        "version": "1.0",
        "added_tokens": SPECIALS.iter().enumerate().map(special).collect::<Vec<_>>(),
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "vocab": vocabulary, "merges": []},
    });
    TokenizerSource::Json {
        tokenizer: tokenizer.to_string().into_bytes(),
        bos_token: Some("<s>".to_owned()),
        eos_token: Some("</s>".to_owned()),
        mask_token: Some("<mask>".to_owned()),
        lowercases: false,
    }
}

/// The tokens of a text: its special ones, and its bytes.
pub fn spell(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        let special = SPECIALS.iter().position(|special| rest.starts_with(special.as_bytes()));
        tokens.push(special.map_or(Token::from(*byte), |special| 256 + special as Token));
        rest = special.map_or(behind, |special| &rest[SPECIALS[special].len()..]);
    }
    tokens
}

/// The letter that stands for a byte in byte-level vocabularies: printable ones for themselves, others from U+0100 on.
fn visible(byte: u8) -> char {
    let is_printable = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    if is_printable(byte) {
        return char::from(byte);
    }
    let rank = (0..byte).filter(|other| !is_printable(*other)).count() as u32;
    char::from_u32(256 + rank).expect("a letter of the Latin blocks")
}
