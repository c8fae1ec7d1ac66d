//! SmolLM2-135M-Instruct itself, in every weight type: a request's tokens and log-probabilities, and those of its prompt,
//! are the same bits alone and under random schedules: other budgets and threads, neighbours that come and go, preemption, prefix hits.
//!
//! Reads the file that `GONDOLA_TEST_MODEL` names and fails without it; writes it anew in each type.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs::File;
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, write};
use candle_core::quantized::{GgmlDType, QTensor};
use engine::{Dtype, KvDtype};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use scheduler::{SamplingParams, Token};
use support::{Answer, Runner, Setup, fixture, greedy, ids, json, load, sampled, scored};

const TYPES: [GgmlDType; 13] = [
    GgmlDType::F32,
    GgmlDType::F16,
    GgmlDType::BF16,
    GgmlDType::Q8_0,
    GgmlDType::Q4_0,
    GgmlDType::Q4_1,
    GgmlDType::Q5_0,
    GgmlDType::Q5_1,
    GgmlDType::Q2K,
    GgmlDType::Q3K,
    GgmlDType::Q4K,
    GgmlDType::Q5K,
    GgmlDType::Q6K,
];
/// Random schedules of each type.
const SCHEDULES: usize = 2;
/// Tokens that each request generates.
const ANSWER: usize = 6;

/// What may differ from run to run without a trace.
#[derive(Debug)]
struct Schedule {
    threads: usize,
    max_num_batched_tokens: usize,
    max_num_seqs: usize,
    num_blocks: usize,
    /// Turns before each request.
    gaps: Vec<usize>,
}

fn schedule(requests: usize) -> impl Strategy<Value = Schedule> {
    let gaps = prop::collection::vec(0..3usize, requests);
    (1..3usize, 3..90usize, 2..9usize, 9..16usize, gaps).prop_map(
        |(threads, max_num_batched_tokens, max_num_seqs, num_blocks, gaps)| Schedule {
            threads,
            max_num_batched_tokens,
            max_num_seqs,
            num_blocks,
            gaps,
        },
    )
}

#[test]
fn random_schedules_leave_every_bit_in_every_weight_type() {
    let mut random = TestRunner::deterministic();
    let (mut preemptions, mut cached) = (0, 0);
    for kind in TYPES {
        let file = Rewritten::new(kind);
        let dtypes: &[Dtype] = if kind == GgmlDType::BF16 { &[Dtype::Auto, Dtype::Bfloat16] } else { &[Dtype::Auto] };
        for (&dtype, kv_dtype) in dtypes.iter().zip([KvDtype::F16, KvDtype::Q8_0]) {
            let setup = Setup { dtype, kv_dtype, ..Setup::default() };
            let alone = alone(&file.path, setup);
            for _ in 0..SCHEDULES {
                let schedule = schedule(2 * alone.len()).new_tree(&mut random).unwrap().current();
                let answers = under(&schedule, &file.path, setup);
                for (request, answer) in answers.iter().enumerate() {
                    let want = &alone[request / 2];
                    answer.assert_same(want, &format!("{kind:?}, {dtype:?}, {schedule:?}"));
                    preemptions += answer.preemptions;
                    cached += answer.cached_tokens;
                }
            }
        }
    }
    assert!(preemptions > 0 && cached > 0, "{preemptions} preemptions, {cached} tokens from the prefix cache");
}

/// Each prompt on its own, on one thread, in one piece.
fn alone(path: &Path, setup: Setup) -> Vec<Answer> {
    let setup = Setup { threads: 1, max_num_batched_tokens: 512, ..setup };
    let mut runner = Runner::new(load(path, setup).unwrap(), setup);
    let prompts = prompts();
    prompts.iter().enumerate().map(|(index, prompt)| runner.alone(prompt, params(index), index as u8)).collect()
}

/// Each prompt twice in a row, the second time with a prefix that may be cached.
fn under(schedule: &Schedule, path: &Path, setup: Setup) -> Vec<Answer> {
    let setup = Setup {
        threads: schedule.threads,
        max_num_batched_tokens: schedule.max_num_batched_tokens,
        max_num_seqs: schedule.max_num_seqs,
        num_blocks: schedule.num_blocks,
        ..setup
    };
    let mut runner = Runner::new(load(path, setup).unwrap(), setup);
    let prompts = prompts();
    let mut seqs = Vec::new();
    for (request, gap) in schedule.gaps.iter().enumerate() {
        let index = request / 2;
        runner.turns(*gap);
        seqs.push(runner.submit(&prompts[index], params(index), index as u8));
    }
    let mut answers = runner.finish();
    seqs.iter().map(|seq| answers.remove(seq).unwrap()).collect()
}

fn params(index: usize) -> SamplingParams {
    match index % 3 {
        0 => greedy(ANSWER),
        1 => sampled(ANSWER, index as u64),
        _ => scored(greedy(ANSWER)),
    }
}

fn prompts() -> Vec<Vec<Token>> {
    let reference = json(&fixture("smollm2-135m/reference.json"));
    reference["cases"].as_array().unwrap().iter().map(|case| ids(&case["input_ids"])).collect()
}

/// The model's file with its matrices in another type, removed when dropped.
struct Rewritten {
    path: PathBuf,
}

impl Rewritten {
    /// Rows that hold no whole blocks of the type become Q8_0, as llama.cpp's tools do it with a near type.
    fn new(kind: GgmlDType) -> Self {
        let model = std::env::var_os("GONDOLA_TEST_MODEL").expect("GONDOLA_TEST_MODEL names SmolLM2's file");
        let mut file = File::open(model).unwrap();
        let content = Content::read(&mut file).unwrap();
        let mut tensors: Vec<(&str, QTensor)> = Vec::new();
        for name in content.tensor_infos.keys() {
            let tensor = content.tensor(&mut file, name, &Device::Cpu).unwrap();
            tensors.push((name, if tensor.rank() == 2 { converted(&tensor, kind) } else { tensor }));
        }
        let metadata: Vec<_> = content.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("invariance-{kind:?}.gguf"));
        write(&mut File::create(&path).unwrap(), &metadata, &tensors).unwrap();
        Self { path }
    }
}

impl Drop for Rewritten {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).unwrap();
    }
}

fn converted(tensor: &QTensor, kind: GgmlDType) -> QTensor {
    let whole = tensor.shape().dims()[1].is_multiple_of(kind.block_size());
    let kind = if whole { kind } else { GgmlDType::Q8_0 };
    QTensor::quantize(&tensor.dequantize(&Device::Cpu).unwrap(), kind).unwrap()
}
