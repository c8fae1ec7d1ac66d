//! What a model's files say about its vectors, in the forms of sentence-transformers and of GGUF.

use std::fs;
use std::path::Path;

use anyhow::Result;
use engine::{Checkpoint, PoolingConfig, PoolingKind};
use model_files::Scratch;
use model_files::gguf_file::{GgufFile, Value};

mod model_files;

const LAST: PoolingConfig = PoolingConfig { kind: PoolingKind::Last, normalize: true };

fn other(kind: &str, normalize: bool) -> PoolingConfig {
    PoolingConfig { kind: PoolingKind::Other(kind.to_owned()), normalize }
}

/// A fixture's folder with these files in it.
fn folder(name: &str, files: &[(&str, &str)]) -> Result<Scratch> {
    let scratch = Scratch::new(name)?;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama31");
    for file in ["config.json", "model.safetensors"] {
        fs::copy(fixture.join(file), scratch.path().join(file))?;
    }
    fs::create_dir(scratch.path().join("1_Pooling"))?;
    for (file, text) in files {
        scratch.write(file, text.as_bytes())?;
    }
    Ok(scratch)
}

fn modules(names: &[&str]) -> String {
    let module = |name: &&str| {
        let path = if *name == "Pooling" { "1_Pooling" } else { "" };
        format!(r#"{{"idx": 0, "name": "0", "path": "{path}", "type": "sentence_transformers.models.{name}"}}"#)
    };
    format!("[{}]", names.iter().map(module).collect::<Vec<_>>().join(", "))
}

#[test]
fn folders_say_which_states_make_a_vector() -> Result<()> {
    let (all, raw) = (modules(&["Transformer", "Pooling", "Normalize"]), modules(&["Transformer", "Pooling"]));
    let (all, raw) = (all.as_str(), raw.as_str());
    let last = r#"{"pooling_mode_mean_tokens": false, "pooling_mode_lasttoken": true, "include_prompt": true}"#;
    let mean = r#"{"word_embedding_dimension": 64, "pooling_mode_mean_tokens": true}"#;
    let both = r#"{"pooling_mode_mean_tokens": true, "pooling_mode_lasttoken": true}"#;
    let cases = [
        (vec![], LAST),
        (vec![("modules.json", all), ("1_Pooling/config.json", last)], LAST),
        (vec![("modules.json", raw), ("1_Pooling/config.json", last)], PoolingConfig { normalize: false, ..LAST }),
        (vec![("modules.json", all), ("1_Pooling/config.json", r#"{"pooling_mode": "lasttoken"}"#)], LAST),
        (
            vec![("modules.json", all), ("1_Pooling/config.json", mean)],
            PoolingConfig { kind: PoolingKind::Mean, ..LAST },
        ),
        (
            vec![("modules.json", all), ("1_Pooling/config.json", r#"{"pooling_mode": "cls"}"#)],
            PoolingConfig { kind: PoolingKind::First, ..LAST },
        ),
        (
            vec![("modules.json", all), ("1_Pooling/config.json", r#"{"pooling_mode_max_tokens": true}"#)],
            PoolingConfig { kind: PoolingKind::Max, ..LAST },
        ),
        (
            vec![("modules.json", all), ("1_Pooling/config.json", both)],
            other("Pooling of lasttoken and mean_tokens", true),
        ),
        (vec![("modules.json", all)], other("Pooling without a 1_Pooling/config.json", true)),
    ];
    for (index, (files, want)) in cases.iter().enumerate() {
        let scratch = folder(&format!("pooling-{index}"), files)?;
        assert_eq!(Checkpoint::open(scratch.path())?.pooling(), want, "{files:?}");
    }
    let dense = modules(&["Transformer", "Pooling", "Dense", "Normalize"]);
    let scratch = folder("pooling-dense", &[("modules.json", &dense), ("1_Pooling/config.json", last)])?;
    assert_eq!(Checkpoint::open(scratch.path())?.pooling().kind, PoolingKind::Other("Dense".to_owned()));
    Ok(())
}

#[test]
fn files_that_lie_are_refused_by_name() -> Result<()> {
    let outside = modules(&["Transformer", "Pooling"]).replace("1_Pooling", "../1_Pooling");
    let pooling = modules(&["Transformer", "Pooling"]);
    let (outside, pooling) = (outside.as_str(), pooling.as_str());
    let cases = [
        (vec![("modules.json", "{}")], "modules.json: "),
        (vec![("modules.json", outside)], "'../1_Pooling' is not a plain file name"),
        (vec![("modules.json", pooling), ("1_Pooling/config.json", "[]")], "config.json: "),
        (
            vec![("modules.json", pooling), ("1_Pooling/config.json", r#"{"pooling_mode_lasttoken": 1}"#)],
            "'pooling_mode_lasttoken': is not true or false",
        ),
    ];
    for (index, (files, part)) in cases.iter().enumerate() {
        let scratch = folder(&format!("pooling-lie-{index}"), files)?;
        let error = Checkpoint::open(scratch.path()).expect_err("a lie is refused").to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{error}");
    }
    Ok(())
}

#[test]
fn gguf_files_have_a_number() -> Result<()> {
    for (number, want) in
        [(0, LAST), (1, other("pooling_type mean", true)), (2, other("pooling_type cls", true)), (3, LAST)]
    {
        let scratch = Scratch::new(&format!("pooling-gguf-{number}"))?;
        let file = GgufFile::tiny().with("llama.pooling_type", Value::U32(number));
        let checkpoint = Checkpoint::open(&scratch.write("model.gguf", &file.to_bytes())?)?;
        assert_eq!(checkpoint.pooling(), &want);
    }
    let scratch = Scratch::new("pooling-gguf-lie")?;
    let file = GgufFile::tiny().with("llama.pooling_type", Value::U32(9));
    let error = Checkpoint::open(&scratch.write("model.gguf", &file.to_bytes())?).expect_err("9 is none").to_string();
    assert!(error.contains("llama.pooling_type"), "{error}");
    Ok(())
}
