//! What an encoder's files say: both spellings, what is refused, how long texts may be, how scores are read.
#![allow(clippy::unwrap_used, reason = "tests")]

mod model_files;
mod support;

use engine::config::{EncoderHead, LabelScores, ModelConfig};
use engine::{Checkpoint, TokenizerSource};
use model_files::encoder_folder::{folder, with_field};
use serde_json::Value;
use support::{ENCODERS, fixture, load, whole};

#[test]
fn both_spellings_are_one_model() {
    for name in ENCODERS {
        let respelled = std::fs::read(fixture(name).join("config.v5.json")).unwrap();
        let respelled = folder(name, &[("config.json", &respelled)]);
        let [one, other] = [fixture(name).as_path(), respelled.path()].map(|path| Checkpoint::open(path).unwrap());
        assert_eq!(one.model(), other.model());
        assert_eq!(one.model().architecture(), name);
    }
}

#[test]
fn what_could_change_numbers_is_refused_by_name() {
    let cases = [
        ("bert", "surprise", Value::from(1), "'surprise': is not known"),
        ("bert", "is_decoder", Value::from(true), "true is not supported, only false"),
        ("bert", "position_embedding_type", Value::from("relative_key"), "only \"absolute\""),
        ("bert", "hidden_act", Value::from("relu"), "\"relu\" is not supported; supported: gelu,"),
        ("bert", "architectures", serde_json::json!(["BertLMHeadModel"]), "supported: BertModel,"),
        ("bert", "num_attention_heads", Value::from(5), "64 is no multiple of the 5 heads"),
        ("bert", "max_position_embeddings", Value::from(129), "shape [128, 64] is not [129, 64]"),
        ("bert", "layer_norm_eps", Value::from(0), "is not above 0"),
        ("roberta", "max_position_embeddings", Value::from(2), "leave none behind that of the pad token 1"),
        ("roberta", "pad_token_id", Value::from(512), "512 is not in 0..=511"),
        ("distilbert", "hidden_size", Value::from(64), "'hidden_size': is not known"),
        ("xlnet", "attn_type", Value::from("uni"), "only \"bi\""),
        ("xlnet", "bi_data", Value::from(true), "true is not supported, only false"),
        ("xlnet", "d_head", Value::from(32), "32 is not supported, only 16"),
        ("xlnet", "clamp_len", Value::from(1.5), "1.5 is not a whole number"),
        ("xlnet", "n_head", Value::from(8), "only 8"),
        ("xlnet", "type_vocab", Value::from(2), "'type_vocab': is not known"),
        ("xlnet", "architectures", serde_json::json!(["XLNetLMHeadModel"]), "supported: XLNetModel,"),
        ("xlnet-seqcls", "summary_type", Value::from("mean"), "only \"last\""),
        ("xlnet-seqcls", "summary_activation", Value::Null, "null is not supported, only \"tanh\""),
        ("modernbert", "norm_bias", Value::from(true), "true is not supported, only false"),
        ("modernbert", "decoder_bias", Value::from(false), "false is not supported, only true"),
        ("modernbert", "classifier_pooling", Value::from("max"), "\"max\" is not supported; supported: cls, mean"),
        ("modernbert", "classifier_activation", Value::from("elu"), "\"elu\" is not supported; supported: gelu,"),
        ("modernbert", "layer_types", serde_json::json!(["full_attention"]), "is not 3 times"),
        ("modernbert", "rope_parameters", serde_json::json!({"rope_theta": 1.0}), "is not an object of full_attention"),
        ("modernbert", "rope_scaling", serde_json::json!({"factor": 2.0}), "'rope_scaling': is not known"),
        ("mpnet", "relative_attention_num_buckets", Value::from(64), "64 is not supported, only 32"),
        ("mpnet", "pad_token_id", Value::from(0), "0 is not supported, only 1"),
        ("deberta-v2", "relative_attention", Value::Null, "null is not supported, only true"),
        ("deberta-v2", "position_biased_input", Value::Null, "null is not supported, only false"),
        ("deberta-v2", "pos_att_type", serde_json::json!(["c2p"]), "only c2p and p2c together"),
        ("deberta-v2", "pos_att_type", Value::from("p2c|c2p|p2p"), "only c2p and p2c together"),
        ("deberta-v2", "conv_kernel_size", Value::from(3), "3 is not supported, only 0"),
        ("deberta-v2", "position_buckets", Value::from(1), "1 is not above 1 and below the distances"),
        ("deberta-v2", "max_relative_positions", Value::from(5), "8 is not above 1 and below the distances"),
        ("deberta-v2", "norm_rel_ebd", Value::from("layer_norm|x"), "supported: none, layer_norm"),
        ("deberta-v2", "attention_head_size", Value::from(16), "16 is not supported, only 8"),
        ("deberta-v2", "position_buckets", Value::from(9), "shape [16, 32] is not [18, 32]"),
        ("nomic_bert", "num_experts", Value::from(8), "8 is not supported, only 0"),
        ("nomic_bert", "prenorm", Value::from(true), "true is not supported, only false"),
        ("nomic_bert", "rotary_emb_fraction", Value::from(0.5), "0.5 is not supported, only 1"),
        ("nomic_bert", "rotary_scaling_factor", Value::from(2.0), "'rotary_scaling_factor': is not known"),
        ("nomic_bert", "activation_function", Value::from("glu"), "\"glu\" is not supported"),
        ("nomic_bert", "hidden_size", Value::from(32), "is not known"),
        ("modernbert", "intermediate_size", Value::from(41), "shape [80, 32] does not have 82 rows"),
    ];
    for (name, field, value, reason) in cases {
        let scratch = folder(name, &[("config.json", &with_field(name, field, value))]);
        let error = Checkpoint::open(scratch.path()).unwrap_err().to_string();
        assert!(error.contains(reason) && !error.contains('\n'), "{field}: {error}");
    }
    let vectors: (&str, &[u8]) = ("1_Pooling/config.json", br#"{"pooling_mode_weightedmean_tokens": true}"#);
    let modules: (&str, &[u8]) = ("modules.json", br#"[{"path": "1_Pooling", "type": "models.Pooling"}]"#);
    let scratch = folder("bert", &[modules, vectors]);
    let error = load(scratch.path(), whole()).unwrap_err().to_string();
    assert!(error.contains("Pooling of weightedmean_tokens, which is not supported"), "{error}");
}

#[test]
fn the_longest_text_is_what_the_folder_says() {
    let longest = |name: &str, files: &[(&str, &[u8])]| {
        let scratch = folder(name, files);
        Checkpoint::open(scratch.path()).map(|checkpoint| checkpoint.model().max_positions())
    };
    assert_eq!(longest("bert", &[]).unwrap(), 128);
    assert_eq!(longest("xlnet", &[]).unwrap(), 4096, "distances have no end");
    assert_eq!(longest("roberta", &[]).unwrap(), 128, "two of 130 rows are the pad token's and that before it");
    let file = "sentence_bert_config.json";
    assert_eq!(longest("bert", &[(file, br#"{"max_seq_length": 40, "do_lower_case": false}"#)]).unwrap(), 40);
    assert_eq!(longest("bert", &[(file, br#"{"max_seq_length": 500}"#)]).unwrap(), 128);
}

#[test]
fn a_folder_may_ask_for_small_letters() {
    let asks = |content: &[u8]| {
        let files: [(&str, &[u8]); 2] = [("tokenizer.json", b"{}"), ("sentence_bert_config.json", content)];
        let scratch = folder("bert", &files);
        match Checkpoint::open(scratch.path()).unwrap().tokenizer().unwrap() {
            TokenizerSource::Json { lowercases, .. } => lowercases,
            TokenizerSource::Gguf(_) => panic!("a folder has no GGUF vocabulary"),
        }
    };
    assert!(asks(br#"{"max_seq_length": 40, "do_lower_case": true}"#));
    assert!(!asks(br#"{"do_lower_case": false}"#));
    assert!(!asks(b"{}"));
}

#[test]
fn files_say_how_scores_are_read() {
    let read = |name: &str, field: &str, value: Value| {
        let scratch = folder(name, &[("config.json", &with_field(name, field, value))]);
        let checkpoint = Checkpoint::open(scratch.path()).map_err(|error| error.to_string())?;
        let ModelConfig::Encoder(config) = checkpoint.model() else { panic!("{name} is an encoder") };
        let EncoderHead::Labels(labels) = &config.head else { panic!("{name} has labels") };
        Ok::<_, String>(labels.scores)
    };
    let old = "sbert_ce_default_activation_function";
    assert_eq!(read("bert-seqcls", "problem_type", Value::Null), Ok(LabelScores::One));
    assert_eq!(read("bert-xenc", "problem_type", Value::Null), Ok(LabelScores::Any));
    assert_eq!(read("bert-seqcls", "problem_type", "multi_label_classification".into()), Ok(LabelScores::Any));
    assert_eq!(read("bert-seqcls", "problem_type", "regression".into()), Ok(LabelScores::Raw));
    assert_eq!(read("bert-xenc", old, "torch.nn.modules.linear.Identity".into()), Ok(LabelScores::Raw));
    let new = serde_json::json!({"activation_fn": "torch.nn.modules.activation.Sigmoid", "version": "4.0.1"});
    assert_eq!(read("bert-xenc", "sentence_transformers", new), Ok(LabelScores::Any));
    assert!(read("bert-xenc", old, "torch.nn.Tanh".into()).unwrap_err().contains("\"torch.nn.Tanh\" is not supported"));
    let gap = serde_json::json!({"0": "A", "2": "B"});
    assert!(read("bert-seqcls", "id2label", gap).unwrap_err().contains("has 2 labels, but no text for id 1"));
    let fewer = serde_json::json!({"0": "A"});
    assert!(read("bert-seqcls", "id2label", fewer).unwrap_err().contains("classifier."));
}

#[test]
fn an_encoder_is_told_from_a_decoder() {
    let model = |name: &str| Checkpoint::open(&fixture(name)).unwrap();
    assert!(matches!(model("bert").model(), ModelConfig::Encoder(_)));
    assert!(matches!(model("llama2").model(), ModelConfig::Decoder(_)));
}
