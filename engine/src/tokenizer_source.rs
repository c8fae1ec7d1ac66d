//! The parts of a model's tokenizer, as the files have them. Building one is the server's work.

use scheduler::Token;

/// Where a tokenizer comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenizerSource {
    /// `tokenizer.json` of a folder.
    Json {
        /// The file's bytes, not parsed yet.
        tokenizer: Vec<u8>,
        /// Text of the token that begins a text, from `tokenizer_config.json`.
        bos_token: Option<String>,
        /// Text of the token that ends one.
        eos_token: Option<String>,
        /// Text of the token that stands for a word that is to be told.
        mask_token: Option<String>,
        /// Texts are read in small letters, whatever `tokenizer.json` does.
        lowercases: bool,
    },
    /// The metadata of a GGUF file.
    Gguf(GgufVocabulary),
}

/// The vocabulary in a GGUF file; lists that the file lacks are empty, the others have one entry for each token.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact with a meaning of its own")]
pub struct GgufVocabulary {
    /// Kind of tokenizer: `gpt2`, `llama`, `bert` or `t5`.
    pub model: String,
    /// Name of the rule that splits text before merging.
    pub pre: Option<String>,
    /// Text of each token.
    pub tokens: Vec<String>,
    /// Score of each token, finite.
    pub scores: Vec<f32>,
    /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    pub token_types: Vec<u32>,
    /// Pairs that are merged, the first first.
    pub merges: Vec<String>,
    /// Begins a text.
    pub bos_id: Option<Token>,
    /// Ends a text.
    pub eos_id: Option<Token>,
    /// Stands for what is not in the vocabulary.
    pub unknown_id: Option<Token>,
    /// Fills batches.
    pub padding_id: Option<Token>,
    /// Stands between two texts, and ends one where the kind is `bert`.
    pub separator_id: Option<Token>,
    /// Stands for a word that is to be told; white space in front of it is its own.
    pub mask_id: Option<Token>,
    /// Whether a text starts with `bos_id`.
    pub add_bos: bool,
    /// Whether a text ends with `eos_id`.
    pub add_eos: bool,
    /// Whether `separator_id` stands between two texts, behind what ends the first.
    pub add_separator: bool,
    /// Whether a space is put in front of a text.
    pub add_space_prefix: bool,
    /// Whether the tokens of markup swallow white space that follows them.
    pub markup_swallows_space: bool,
    /// Whether texts of the kind `bert` are read in small letters.
    pub lowercase: bool,
    /// Whether they lose their accents.
    pub strips_accents: bool,
    /// What is put in the place of characters where the kind is `t5`, as sentencepiece compiles it; empty if nothing is.
    pub charsmap: Vec<u8>,
}
