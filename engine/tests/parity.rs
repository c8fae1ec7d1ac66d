//! Reference runs of transformers, and the promise that no schedule changes a bit.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use engine::{Dtype, Isa, KvDtype};
use scheduler::Token;
use std::path::{Path, PathBuf};
use support::reference::{arrays, check_cases, check_cases_under};
use support::{Answer, Runner, Setup, fixture, ids, json, load, sampled};

/// One of each family: windows of 8 positions (`mistral`), biases of q, k and v (`qwen2`), normed heads (`qwen3`), matrices
/// stored as one (`phi3`), caps and norms of results (`gemma2`), two rotations (`gemma3`), learned
/// positions and matrices stored transposed (`gpt2`), scores as they are and windows in some layers (`gpt3_like`), norms of
/// the stream itself (`openai_gpt`), experts (`mixtral`), scaled embeddings alone (`gemma`), attention
/// beside the MLP and heads of which half turns (`phi`), q, k and v stored head by head (`gpt_neox`), norms by mean and
/// variance before a gate (`stablelm`), norms of each head's own (`stablelm_beside`), an expert that
/// every token takes (`qwen2_moe`), shares that add up to one, of many experts (`qwen3_moe`), contexts
/// stretched by divisors (`phi3_long`), heads that turn in neighbouring pairs (`gptj`), positions that begin in the third
/// row (`opt`), one key for all queries (`falcon`), groups of heads stored together (`falcon_new`), windows over
/// layers with biases (`starcoder2`), scores that fall with rounded distances (`falcon_alibi`), that do so behind a normed
/// embedding (`bloom`), those of clipped queries and keys (`mpt`, `mpt_plain`), layers whose heads do not turn (`smollm3`), biases
/// everywhere behind neighbouring pairs (`ernie4_5`), and experts in all layers but the first (`deepseek`).
const FOLDERS: [&str; 32] = [
    "llama2",
    "llama31",
    "mistral",
    "qwen2",
    "qwen3",
    "phi3",
    "gemma2",
    "gemma3",
    "gpt2",
    "gpt3_like",
    "openai_gpt",
    "mixtral",
    "gemma",
    "phi",
    "gpt_neox",
    "stablelm",
    "stablelm_beside",
    "qwen2_moe",
    "qwen3_moe",
    "phi3_long",
    "gptj",
    "opt",
    "falcon",
    "falcon_new",
    "starcoder2",
    "falcon_alibi",
    "bloom",
    "mpt",
    "mpt_plain",
    "smollm3",
    "ernie4_5",
    "deepseek",
];

/// A fixture's folder with its configuration in transformers 5's spelling.
fn respelled(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-v5"));
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    std::fs::rename(folder.join("config.v5.json"), folder.join("config.json")).unwrap();
    folder
}

#[test]
fn folders_give_the_reference_logits_and_greedy_tokens_in_both_spellings() {
    for name in FOLDERS {
        let reference = json(&fixture(name).join("reference.json"));
        for model in [fixture(name), respelled(name)] {
            check_cases(&model, &reference["cases"], &arrays(&fixture(name)));
        }
    }
}

#[test]
fn gguf_files_give_the_reference_logits_and_greedy_tokens() {
    let reference = json(&fixture("llama_gguf/reference.json"));
    let arrays = arrays(&fixture("llama_gguf"));
    for (file, of_file) in reference["files"].as_object().unwrap() {
        check_cases(&fixture("llama_gguf").join(file), &of_file["cases"], &arrays);
    }
}

/// Where no text may be longer than those the model was first trained for.
#[test]
fn short_texts_turn_by_divisors_of_their_own() {
    let folder = fixture("phi3_long");
    let reference = json(&folder.join("reference.json"));
    let setup = Setup { max_model_len: Some(32), ..Setup::default() };
    check_cases_under(setup, &folder, &reference["short_cases"], &arrays(&folder));
}

fn prompts(name: &str) -> Vec<Vec<Token>> {
    json(&fixture(name).join("reference.json"))["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| ids(&case["input_ids"]))
        .collect()
}

/// Each prompt alone, whole, on a fresh engine: what every other schedule must equal.
fn undisturbed(name: &str) -> Vec<Answer> {
    alone(&fixture(name), &prompts(name), Setup::default())
}

fn alone(model: &Path, prompts: &[Vec<Token>], setup: Setup) -> Vec<Answer> {
    let answer = |(index, prompt): (usize, &Vec<Token>)| {
        Runner::new(load(model, setup).unwrap(), setup).alone(prompt, sampled(24, index as u64), 0)
    };
    prompts.iter().enumerate().map(answer).collect()
}

/// All prompts at once under a setup; asserts that each answer has the same bits.
fn check_schedule(name: &str, setup: Setup, want: &[Answer], what: &str) -> Vec<Answer> {
    let answers = together(&fixture(name), &prompts(name), setup);
    for (got, want) in answers.iter().zip(want) {
        got.assert_same(want, what);
    }
    answers
}

fn together(model: &Path, prompts: &[Vec<Token>], setup: Setup) -> Vec<Answer> {
    let mut runner = Runner::new(load(model, setup).unwrap(), setup);
    let submit = |(index, prompt): (usize, &Vec<Token>)| runner.submit(prompt, sampled(24, index as u64), index as u8);
    let seqs: Vec<_> = prompts.iter().enumerate().map(submit).collect();
    let mut answers = runner.finish();
    seqs.iter().map(|seq| answers.remove(seq).unwrap()).collect()
}

/// Weights as they are stored, keys and values in every type: chunks in a batch on three threads, preempted, on every
/// instruction set, against each prompt alone.
#[test]
fn every_type_of_weights_and_cache_leaves_every_bit() {
    let reference = json(&fixture("llama_gguf/reference.json"));
    for (file, of_file) in reference["files"].as_object().unwrap() {
        let cases = of_file["cases"].as_array().unwrap();
        let prompts: Vec<Vec<Token>> = cases.iter().map(|case| ids(&case["input_ids"])).collect();
        let model = fixture("llama_gguf").join(file);
        for kv_dtype in KvDtype::ALL {
            let setup = Setup { dtype: Dtype::Auto, kv_dtype, ..Setup::default() };
            let want = alone(&model, &prompts, setup);
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
                let busy = Setup { isa, threads: 3, max_num_batched_tokens: 5, block_size: 4, num_blocks: 20, ..setup };
                for (got, want) in together(&model, &prompts, busy).iter().zip(&want) {
                    got.assert_same(want, &format!("{file}, {kv_dtype:?}, {isa}"));
                }
            }
        }
    }
}

#[test]
fn batch_equals_alone_bit_for_bit() {
    for name in FOLDERS {
        check_schedule(name, Setup::default(), &undisturbed(name), "batch");
    }
}

#[test]
fn chunks_equal_whole_bit_for_bit() {
    for name in FOLDERS {
        let want = undisturbed(name);
        for chunk in [3, 5, 7] {
            let setup = Setup { max_num_batched_tokens: chunk, max_num_seqs: 3, ..Setup::default() };
            check_schedule(name, setup, &want, &format!("chunks of {chunk}"));
        }
    }
}

#[test]
fn block_sizes_and_thread_counts_leave_every_bit() {
    let want = undisturbed("llama31");
    for block_size in [1, 4, 16] {
        for threads in [1, 2, 3] {
            let setup = Setup { block_size, num_blocks: 1024 / block_size, threads, ..Setup::default() };
            check_schedule("llama31", setup, &want, &format!("blocks of {block_size}, {threads} threads"));
        }
    }
}

#[test]
fn instruction_sets_leave_every_bit() {
    let want = undisturbed("llama31");
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        check_schedule("llama31", Setup { isa, ..Setup::default() }, &want, &format!("{isa:?}"));
    }
}

#[test]
fn preemption_leaves_every_bit() {
    let setup = Setup { block_size: 4, num_blocks: 20, ..Setup::default() };
    let answers = check_schedule("llama31", setup, &undisturbed("llama31"), "preempted");
    assert!(answers.iter().any(|answer| answer.preemptions > 0), "the pool was small enough to preempt");
}

/// Of blocks that stayed used to the end, and of some that were given back when the window had passed them, in all layers or in
/// those that have one.
#[test]
fn a_prefix_hit_leaves_every_bit() {
    for name in ["llama31", "mistral", "gemma3"] {
        let setup = Setup { block_size: 4, ..Setup::default() };
        let mut runner = Runner::new(load(&fixture(name), setup).unwrap(), setup);
        for prompt in prompts(name) {
            let miss = runner.alone(&prompt, sampled(24, 9), 7);
            let hit = runner.alone(&prompt, sampled(24, 9), 7);
            assert!(miss.cached_tokens == 0 && hit.cached_tokens > 0);
            hit.assert_same(&miss, "prefix hit");
        }
    }
}

/// Texts longer than the pool: their windows of 8 positions move on, and so do the blocks, to others' texts too.
#[test]
fn blocks_that_a_window_gives_back_leave_every_bit() {
    let want = undisturbed("mistral");
    for (block_size, num_blocks, max_num_seqs) in [(1, 16, 1), (4, 8, 3), (4, 6, 3), (16, 2, 1)] {
        let setup = Setup { block_size, num_blocks, max_num_seqs, max_num_batched_tokens: 5, ..Setup::default() };
        assert!(prompts("mistral").iter().all(|prompt| prompt.len() + 23 > block_size * num_blocks));
        check_schedule("mistral", setup, &want, &format!("{num_blocks} blocks of {block_size}"));
    }
}

/// Layers with windows of 8 positions beside layers that see all, in a pool that holds no text: against one pool that holds
/// everything, alone and together, in chunks and preempted.
#[test]
fn blocks_that_windows_beside_other_layers_give_back_leave_every_bit() {
    for name in ["gemma2", "gemma3", "gpt3_like"] {
        let want = alone(&fixture(name), &prompts(name), Setup { windowed_pool: false, ..Setup::default() });
        for (block_size, num_blocks, max_num_seqs) in [(1, 200, 3), (4, 40, 3), (4, 16, 2), (4, 40, 1)] {
            let setup = Setup { block_size, num_blocks, max_num_seqs, max_num_batched_tokens: 5, ..Setup::default() };
            let windowed = load(&fixture(name), setup).unwrap().windowed().unwrap();
            assert!(windowed.num_blocks * block_size < 29 + 23, "the longest text does not fit into {windowed:?}");
            check_schedule(name, setup, &want, &format!("{name}, {windowed:?} beside {num_blocks} of {block_size}"));
        }
    }
}

#[test]
fn a_seed_gives_the_same_tokens_whatever_else_runs() {
    let setup = Setup::default();
    let prompt = &prompts("llama31")[1];
    let mut runner = Runner::new(load(&fixture("llama31"), setup).unwrap(), setup);
    let alone = runner.alone(prompt, sampled(30, 77), 0);
    let other = runner.alone(prompt, sampled(30, 78), 0);
    assert_ne!(alone.tokens, other.tokens, "another seed is another text");
    let first = runner.submit(prompt, sampled(30, 77), 1);
    for seed in 0..6 {
        runner.submit(&prompt[..3 + seed as usize], sampled(40, seed), 2);
    }
    runner.finish().remove(&first).unwrap().assert_same(&alone, "seeded");
}
