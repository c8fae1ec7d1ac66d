//! The vocabulary of a GGUF file: checked against the embedding when the file is opened, built when it is asked for.

use scheduler::Token;

use super::metadata::Metadata;
use super::value::PackedTexts;
use crate::error::LoadError;
use crate::tokenizer_source::GgufVocabulary;

const MODEL: &str = "tokenizer.ggml.model";
const TOKENS: &str = "tokenizer.ggml.tokens";
const SCORES: &str = "tokenizer.ggml.scores";
const TOKEN_TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";
const CHARSMAP: &str = "tokenizer.ggml.precompiled_charsmap";

/// Tokens that end a text or a turn wherever they exist. Metadata names one of them, and often not the one of turns.
const ENDS: [&str; 7] =
    ["<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>"];

/// Rules of splitting whose texts start with bos unless the file says otherwise.
const RULES_WITH_BOS: [&str; 5] = ["llama-bpe", "llama3", "llama-v3", "falcon3", "tekken"];

/// Rules of splitting of which a separator stands between two texts unless the file says otherwise.
const RULES_WITH_SEPARATOR: [&str; 1] = ["roberta-bpe"];

/// Rules of splitting of architectures whose older files do not say theirs.
const UNSAID_RULES: [(&str, &str); 9] = [
    ("bloom", "bloom"),
    ("falcon", "falcon"),
    ("gpt2", "gpt-2"),
    ("gptneox", "olmo"),
    ("mpt", "mpt"),
    ("phi2", "phi-2"),
    ("qwen2", "qwen2"),
    ("qwen2moe", "qwen2"),
    ("starcoder2", "starcoder"),
];

/// Checks that the lists fit the model's vocabulary.
pub(crate) fn check(metadata: &Metadata, vocab_size: usize) -> Result<(), LoadError> {
    let lengths = [
        (TOKENS, metadata.optional_texts(TOKENS)?.map(PackedTexts::len)),
        (SCORES, metadata.optional_floats(SCORES)?.map(<[f32]>::len)),
        (TOKEN_TYPES, metadata.optional_integers(TOKEN_TYPES)?.map(<[u32]>::len)),
    ];
    for (key, length) in lengths {
        if let Some(length) = length.filter(|&length| length != vocab_size) {
            return Err(metadata.error(key, format!("{length} tokens, the embedding has {vocab_size} rows")));
        }
    }
    metadata.optional_texts(MERGES)?;
    if let Some(index) = metadata.optional_floats(SCORES)?.unwrap_or(&[]).iter().position(|score| !score.is_finite()) {
        return Err(metadata.error(SCORES, format!("score {index} is not finite")));
    }
    Ok(())
}

/// Builds the vocabulary; an error if the file has none.
pub(crate) fn vocabulary(metadata: &Metadata, vocab_size: usize) -> Result<GgufVocabulary, LoadError> {
    let id = |name: &str| special_id(metadata, &format!("tokenizer.ggml.{name}_token_id"), vocab_size);
    let flag = |name: &str| metadata.optional_bool(&format!("tokenizer.ggml.{name}"));
    let model = metadata.text(MODEL)?.to_owned();
    let architecture = metadata.text("general.architecture")?;
    let unsaid = || UNSAID_RULES.iter().find(|(of, _)| *of == architecture).map(|(_, rule)| *rule);
    let pre = metadata.optional_text("tokenizer.ggml.pre")?.or_else(unsaid).map(str::to_owned);
    // unless the file says otherwise, sentencepiece puts a space in front of a text, Llama's texts and BERT's start with bos,
    // and BERT's are read in small letters without accents, as llama.cpp reads them
    let (is_sentencepiece, is_unigram, is_bert) = (model == "llama", model == "t5", model == "bert");
    let is_one_of = |rules: &[&str]| pre.as_deref().is_some_and(|pre| rules.contains(&pre));
    let starts_with_bos = is_sentencepiece || is_bert || is_one_of(&RULES_WITH_BOS);
    // BERT's files of 2024 name what begins a text by its own key alone; of XLM-RoBERTa two ends stand between two texts, which
    // its older files do not say
    let first = if is_bert { id("bos")?.or(id("cls")?) } else { id("bos")? };
    let lowercase = flag("normalizer.lowercase")?.unwrap_or(true);
    Ok(GgufVocabulary {
        tokens: texts(metadata, TOKENS)?.ok_or_else(|| metadata.error(TOKENS, "is missing"))?,
        scores: metadata.optional_floats(SCORES)?.unwrap_or(&[]).to_vec(),
        token_types: metadata.optional_integers(TOKEN_TYPES)?.unwrap_or(&[]).to_vec(),
        merges: texts(metadata, MERGES)?.unwrap_or_default(),
        bos_id: first,
        eos_id: id("eos")?,
        unknown_id: id("unknown")?,
        padding_id: id("padding")?,
        // the key is spelled so
        separator_id: id("seperator")?,
        mask_id: id("mask")?,
        add_bos: flag("add_bos_token")?.unwrap_or(starts_with_bos),
        add_eos: flag("add_eos_token")?.unwrap_or(is_unigram),
        add_separator: flag("add_sep_token")?.unwrap_or(is_unigram || is_one_of(&RULES_WITH_SEPARATOR)),
        add_space_prefix: flag("add_space_prefix")?.unwrap_or(is_sentencepiece || is_unigram),
        // files do not say it of Phi 3; Phi 4 has the same architecture and another tokenizer
        markup_swallows_space: is_sentencepiece && architecture == "phi3",
        lowercase,
        strips_accents: flag("normalizer.strip_accents")?.unwrap_or(lowercase),
        charsmap: metadata.optional_bytes(CHARSMAP)?.unwrap_or(&[]).to_vec(),
        model,
        pre,
    })
}

/// The tokens that end an answer: those that the metadata names, then those that are known by their text.
pub(crate) fn end_ids(metadata: &Metadata, vocab_size: usize) -> Result<Vec<Token>, LoadError> {
    let mut ids = Vec::new();
    for name in ["eos", "eot", "eom"] {
        ids.extend(special_id(metadata, &format!("tokenizer.ggml.{name}_token_id"), vocab_size)?);
    }
    if let Some(tokens) = metadata.optional_texts(TOKENS)? {
        let ends = tokens.bytes().zip(0..).filter(|(text, _)| ENDS.iter().any(|end| end.as_bytes() == *text));
        ids.extend(ends.map(|(_, id): (_, Token)| id));
    }
    let mut once = Vec::new();
    for id in ids {
        if !once.contains(&id) {
            once.push(id);
        }
    }
    Ok(once)
}

/// A token id below the vocabulary's size; some files write the highest number for "none".
pub(crate) fn special_id(metadata: &Metadata, key: &str, vocab_size: usize) -> Result<Option<Token>, LoadError> {
    let id = metadata.optional_count(key, 0..=u64::MAX)?.filter(|&id| id != u64::from(u32::MAX));
    match id {
        Some(id) if id >= vocab_size as u64 => {
            Err(metadata.error(key, format!("{id} is not below the vocabulary's {vocab_size}")))
        }
        id => Ok(id.map(|id| id as Token)),
    }
}

fn texts(metadata: &Metadata, key: &str) -> Result<Option<Vec<String>>, LoadError> {
    let not_utf8 = |index| metadata.error(key, format!("text {index} is not UTF-8"));
    metadata.optional_texts(key)?.map(|texts| texts.to_strings().map_err(not_utf8)).transpose()
}
