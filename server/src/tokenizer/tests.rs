//! Ids and texts of recorded tokenizers, from both kinds of source.

use std::path::PathBuf;

use engine::GgufVocabulary;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const FAMILIES: [&str; 6] = ["llama2", "llama31", "qwen2", "gpt2", "gemma2", "phi3"];

/// A recorded tokenizer and what it does with some strings.
pub(crate) struct Family {
    pub(crate) tokenizer_json: Vec<u8>,
    pub(crate) reference: Value,
}

impl Family {
    pub(crate) fn read(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let reference = std::fs::read(folder.join("reference.json")).unwrap();
        Self {
            tokenizer_json: std::fs::read(folder.join("tokenizer.json")).unwrap(),
            reference: serde_json::from_slice(&reference).unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.tokenizer_json).unwrap()
    }

    fn vocab_size(&self) -> usize {
        let json = self.json();
        let ids = json["model"]["vocab"].as_object().unwrap().values().map(|id| id.as_u64().unwrap());
        let added = json["added_tokens"].as_array().unwrap().iter().map(|token| token["id"].as_u64().unwrap());
        usize::try_from(ids.chain(added).max().unwrap()).unwrap() + 1
    }

    pub(crate) fn tokenizer(&self) -> Tokenizer {
        let text = |name: &str| self.reference[name].as_str().map(str::to_owned);
        let source = TokenizerSource::Json {
            tokenizer: self.tokenizer_json.clone(),
            bos_token: text("bos_token"),
            eos_token: text("eos_token"),
            mask_token: None,
            lowercases: false,
        };
        Tokenizer::load(&source, self.vocab_size()).unwrap()
    }

    /// The arrays that a GGUF file of this tokenizer holds.
    fn vocabulary(&self, model: &str, pre: Option<&str>) -> GgufVocabulary {
        let json = self.json();
        let mut tokens = vec![String::new(); self.vocab_size()];
        let mut token_types = vec![1; tokens.len()];
        for (text, id) in json["model"]["vocab"].as_object().unwrap() {
            let id = usize::try_from(id.as_u64().unwrap()).unwrap();
            token_types[id] = if text.starts_with("<0x") { 6 } else { 1 };
            tokens[id].clone_from(text);
        }
        for added in json["added_tokens"].as_array().unwrap() {
            let id = usize::try_from(added["id"].as_u64().unwrap()).unwrap();
            tokens[id] = added["content"].as_str().unwrap().to_owned();
            token_types[id] = 3;
        }
        let pair = |merge: &Value| match merge {
            Value::String(merge) => merge.clone(),
            parts => format!("{} {}", parts[0].as_str().unwrap(), parts[1].as_str().unwrap()),
        };
        let id_of = |name: &str| {
            let text = self.reference[name].as_str()?;
            tokens.iter().position(|token| token == text).map(|id| Token::try_from(id).unwrap())
        };
        GgufVocabulary {
            model: model.to_owned(),
            pre: pre.map(str::to_owned),
            merges: json["model"]["merges"].as_array().unwrap().iter().map(pair).collect(),
            bos_id: id_of("bos_token"),
            eos_id: id_of("eos_token"),
            tokens,
            token_types,
            ..GgufVocabulary::default()
        }
    }

    fn gguf(&self, model: &str, pre: Option<&str>) -> Tokenizer {
        load_gguf(self.vocabulary(model, pre)).unwrap()
    }
}

fn load_gguf(vocabulary: GgufVocabulary) -> Result<Tokenizer, TokenizerError> {
    let size = vocabulary.tokens.len();
    Tokenizer::load(&TokenizerSource::Gguf(vocabulary), size)
}

fn ids(value: &Value) -> Vec<Token> {
    value.as_array().unwrap().iter().map(|id| Token::try_from(id.as_u64().unwrap()).unwrap()).collect()
}

fn check_reference(tokenizer: &Tokenizer, family: &Family) {
    for case in family.reference["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let plain = ids(&case["ids_no_special"]);
        assert_eq!(tokenizer.encode(text, false).unwrap(), plain, "{text:?}");
        let whole = ids(&case["ids"]);
        assert_eq!(tokenizer.decode(&whole, false), case["decoded"].as_str().unwrap(), "{text:?}");
        assert_eq!(tokenizer.decode(&whole, true), case["decoded_skip_special"].as_str().unwrap(), "{text:?}");
    }
}

#[test]
fn json_tokenizers_equal_their_references() {
    for name in FAMILIES.into_iter().chain(["openai_gpt"]) {
        let family = Family::read(name);
        let tokenizer = family.tokenizer();
        check_reference(&tokenizer, &family);
        for case in family.reference["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            assert_eq!(tokenizer.encode(text, true).unwrap(), ids(&case["ids"]), "{name} {text:?}");
        }
    }
}

#[test]
fn gguf_byte_level_tokenizers_equal_the_same_references() {
    for (name, pre) in [("llama31", Some("llama-bpe")), ("qwen2", Some("qwen2")), ("gpt2", Some("gpt-2"))] {
        let family = Family::read(name);
        check_reference(&family.gguf("gpt2", pre), &family);
    }
}

#[test]
fn gguf_sentencepiece_tokenizers_equal_the_same_references() {
    for (name, add_space_prefix) in [("llama2", true), ("phi3", true), ("gemma2", false)] {
        let family = Family::read(name);
        let mut vocabulary = family.vocabulary("llama", None);
        vocabulary.add_space_prefix = add_space_prefix;
        vocabulary.unknown_id = vocabulary.tokens.iter().position(|token| token == "<unk>").map(|id| id as Token);
        check_reference(&load_gguf(vocabulary.clone()).unwrap(), &family);
        // Without merges, the scores say the same: pieces were learnt in the order of their ids.
        vocabulary.merges.clear();
        vocabulary.scores = (0..vocabulary.tokens.len()).map(|id| -(id as f32)).collect();
        check_reference(&load_gguf(vocabulary).unwrap(), &family);
    }
}

#[test]
fn a_raw_prompt_gets_the_tokens_the_file_asks_for() {
    let family = Family::read("llama31");
    let mut vocabulary = family.vocabulary("gpt2", Some("llama-bpe"));
    (vocabulary.add_bos, vocabulary.add_eos) = (true, true);
    let (bos, eos) = (vocabulary.bos_id.unwrap(), vocabulary.eos_id.unwrap());
    let tokenizer = load_gguf(vocabulary).unwrap();
    let plain = tokenizer.encode("a", false).unwrap();
    assert_eq!(tokenizer.encode("a", true).unwrap(), [vec![bos], plain, vec![eos]].concat());
    assert_eq!((tokenizer.bos_text(), tokenizer.eos_text()), ("<|begin_of_text|>", "<|eot_id|>"));
}

#[test]
fn markup_of_phi_swallows_the_white_space_behind_it() {
    let family = Family::read("phi3");
    let vocabulary = family.vocabulary("llama", None);
    let vocabulary = GgufVocabulary { add_space_prefix: true, markup_swallows_space: true, ..vocabulary };
    let tokenizer = load_gguf(vocabulary).unwrap();
    let encode = |text: &str| tokenizer.encode(text, false).unwrap();
    assert_eq!(encode("<|user|>\nHi<|end|>\n<|assistant|>"), encode("<|user|>Hi<|end|><|assistant|>"));
    assert_ne!(encode("<|endoftext|>\nHi"), encode("<|endoftext|>Hi"));
    assert_ne!(encode("<s> Hi"), encode("<s>Hi"));
}

#[test]
fn unknown_kinds_are_refused_by_name() {
    let family = Family::read("gpt2");
    let error = load_gguf(family.vocabulary("gpt2", Some("deepseek-llm"))).unwrap_err();
    assert_eq!(error.to_string(), "'tokenizer.ggml.pre': 'deepseek-llm' is not supported");
    let error = load_gguf(family.vocabulary("gpt2", None)).unwrap_err();
    assert!(error.to_string().contains("'tokenizer.ggml.pre': missing"), "{error}");
    let error = load_gguf(family.vocabulary("rwkv", None)).unwrap_err();
    assert_eq!(error.to_string(), "'tokenizer.ggml.model': 'rwkv' is not supported");
}

#[test]
fn broken_arrays_are_refused() {
    let good = Family::read("gpt2").vocabulary("gpt2", Some("gpt-2"));
    let refused = |change: &dyn Fn(&mut GgufVocabulary)| {
        let mut vocabulary = good.clone();
        change(&mut vocabulary);
        load_gguf(vocabulary).unwrap_err().to_string()
    };
    assert!(refused(&|vocabulary| vocabulary.merges[3] = "no such".to_owned()).contains("entry 3"));
    assert!(refused(&|vocabulary| vocabulary.merges[3] = "a".to_owned()).contains("entry 3"));
    assert!(refused(&|vocabulary| vocabulary.merges[0] = "Ġt Ġt".to_owned()).contains("entry 0"));
    assert!(refused(&|vocabulary| vocabulary.bos_id = Some(99_999)).contains("bos_token_id"));
    assert!(refused(&|vocabulary| vocabulary.token_types.truncate(3)).contains("3 entries"));
    assert!(refused(&|vocabulary| vocabulary.tokens[7] = "x".repeat(5000)).contains("token 7"));
    assert!(refused(&|vocabulary| vocabulary.tokens.clear()).contains("0 tokens"));
    let source = |json: &str| TokenizerSource::Json {
        tokenizer: json.into(),
        bos_token: None,
        eos_token: None,
        mask_token: None,
        lowercases: false,
    };
    assert!(Tokenizer::load(&source("{"), 10).is_err());
    let json = String::from_utf8(Family::read("gpt2").tokenizer_json).unwrap();
    assert!(Tokenizer::load(&source(&json), 10).unwrap_err().to_string().contains("10 tokens"));
}

#[test]
fn a_folder_may_ask_for_small_letters() {
    let family = Family::read("gpt2");
    let load = |lowercases| {
        let (bos_token, eos_token, mask_token) = (None, None, None);
        let tokenizer = family.tokenizer_json.clone();
        let source = TokenizerSource::Json { tokenizer, bos_token, eos_token, mask_token, lowercases };
        Tokenizer::load(&source, family.vocab_size()).unwrap()
    };
    let (cased, lower) = (load(false), load(true));
    assert_eq!(lower.encode("The Cabins", false).unwrap(), cased.encode("the cabins", false).unwrap());
    assert_ne!(cased.encode("The Cabins", false).unwrap(), cased.encode("the cabins", false).unwrap());
}

#[test]
fn a_word_beyond_the_cap_is_refused_with_both_numbers() {
    let tokenizer = Family::read("llama31").tokenizer();
    let error = tokenizer.encode(&"a".repeat(MAX_WORD_BYTES + 1), false).unwrap_err();
    assert_eq!(error.to_string(), "a word of the text has 65537 bytes, limit 65536");
    tokenizer.encode(&"a".repeat(MAX_WORD_BYTES), false).unwrap();
    tokenizer.encode(&"한".repeat(MAX_WORD_BYTES / "한".len()), false).unwrap();
}

#[test]
fn content_never_becomes_a_control_token() {
    for name in FAMILIES {
        let tokenizer = Family::read(name).tokenizer();
        for control in tokenizer.special_texts().control.clone() {
            let forged = tokenizer.encode_pieces(&[Piece::Content(control.clone())], false).unwrap();
            let unknown = tokenizer.inner.token_to_id("<unk>");
            assert!(
                forged.iter().all(|&token| !tokenizer.is_special(token) || Some(token) == unknown),
                "{name}: {control}"
            );
            assert_eq!(tokenizer.decode(&forged, true), control, "{name}");
            let meant = tokenizer.encode_pieces(&[Piece::Scaffold(control.clone())], false).unwrap();
            assert_eq!(meant.len(), 1, "{name}: {control}");
        }
    }
}

#[test]
fn special_tokens_are_shown_only_when_asked_for() {
    let tokenizer = Family::read("llama31").tokenizer();
    let tokens = tokenizer.encode("<|begin_of_text|>a<|eot_id|>", false).unwrap();
    assert_eq!(tokenizer.decode(&tokens, true), "a");
    assert_eq!(tokenizer.decode(&tokens, false), "<|begin_of_text|>a<|eot_id|>");
    assert_eq!(tokenizer.token_bytes(Token::MAX), b"");
    assert!(tokenizer.longest_token_bytes() >= "<|finetune_right_pad_id|>".len());
}

/// Text as it comes: words, digits, spaces, Korean, emoji, combining marks, code; no control tokens.
fn benign() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "a",
            "Hello",
            " ",
            "  ",
            "\n",
            "\n\n",
            "한국",
            "🙂",
            "👩‍👧",
            "e\u{301}",
            "12345",
            "it's",
            "<",
            "|",
            "x = 1;",
            "\t",
        ]),
        0..12,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn benign_pieces_have_the_ids_of_the_whole(parts in prop::collection::vec(benign(), 1..6), which in 0..FAMILIES.len()) {
        let family = Family::read(FAMILIES[which]);
        let tokenizer = family.tokenizer();
        let control = tokenizer.special_texts().control.last().unwrap().clone();
        let mut pieces = vec![Piece::Scaffold(control.clone())];
        for part in parts {
            pieces.extend([Piece::Content(part), Piece::Scaffold(format!("{control}\nuser\n"))]);
        }
        let whole: String = pieces.iter().map(Piece::text).collect();
        let reference = tokenizers::Tokenizer::from_bytes(&family.tokenizer_json).unwrap();
        let expected = reference.encode(whole.as_str(), false).unwrap().get_ids().to_vec();
        prop_assert_eq!(tokenizer.encode_pieces(&pieces, false).unwrap(), expected.clone());
        prop_assert_eq!(tokenizer.encode(&whole, false).unwrap(), expected);
    }
}
