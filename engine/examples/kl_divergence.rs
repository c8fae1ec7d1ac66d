//! How far quantised weights, and the arithmetic on them, move a model's next-token distributions: the mean
//! Kullback-Leibler divergence from a reference file computed in f32, in the manner of `llama-perplexity
//! --kl-divergence`.
//!
//! ```sh
//! cargo run --release -p engine --example kl_divergence -- TOKENS CHUNK REFERENCE.gguf MODEL.gguf...
//! ```
//!
//! TOKENS is a file of token ids, as JSON: one list. It is cut into chunks of CHUNK tokens, each a sequence of its own; the
//! second half of each chunk counts.
#![allow(clippy::print_stdout, reason = "its output")]

use std::path::Path;

use anyhow::{Context, Result, bail};
use engine::{Checkpoint, Dtype, Engine, EngineOptions, Isa, KvDtype, MemoryLimits, MemoryPlan};
use scheduler::{BlockId, SeqId, StepPlan, Token, Work};

const BLOCK_SIZE: usize = 16;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tokens, chunk, reference, models @ ..] = arguments.as_slice() else {
        bail!("usage: kl_divergence TOKENS CHUNK REFERENCE.gguf MODEL.gguf...");
    };
    let chunk: usize = chunk.parse().context("CHUNK is a number of tokens")?;
    let tokens: Vec<Token> = serde_json::from_str(&std::fs::read_to_string(tokens)?)?;
    let chunks: Vec<Vec<Token>> = tokens.chunks_exact(chunk).map(<[Token]>::to_vec).collect();
    let mut reference = Model::load(Path::new(reference), chunk, Dtype::Float32)?;
    println!("{} chunks of {chunk} tokens\nmean KL      same top  model", chunks.len());
    for path in models {
        let mut model = Model::load(Path::new(path), chunk, Dtype::Auto)?;
        let (mut divergence, mut same, mut count) = (0.0, 0, 0);
        for tokens in &chunks {
            let vocab = reference.vocab_size;
            let (want, got) = (reference.logits(tokens)?, model.logits(tokens)?);
            for (want, got) in want.chunks_exact(vocab).zip(got.chunks_exact(vocab)).skip(chunk / 2).take(chunk / 2 - 1)
            {
                divergence += kl_divergence(want, got);
                same += usize::from(top(want) == top(got));
                count += 1;
            }
        }
        let count = f64::from(count);
        println!("{:.8}   {:5.2} %   {path}", divergence / count, 100.0 * same as f64 / count);
    }
    Ok(())
}

struct Model {
    engine: Engine,
    vocab_size: usize,
}

impl Model {
    /// Loads it with room for one chunk.
    fn load(path: &Path, chunk: usize, dtype: Dtype) -> Result<Self> {
        let checkpoint = Checkpoint::open(path)?;
        let threads = std::thread::available_parallelism()?.get();
        let kv_dtype = if dtype == Dtype::Float32 { KvDtype::F32 } else { KvDtype::F16 };
        let options = EngineOptions { threads, isa: Isa::detect(), dtype, kv_dtype };
        let limits = MemoryLimits {
            block_size: BLOCK_SIZE,
            num_kv_blocks: Some(chunk.div_ceil(BLOCK_SIZE)),
            max_num_seqs: 1,
            max_num_batched_tokens: chunk,
            windowed_pool: false,
            ..MemoryLimits::default()
        };
        let plan = MemoryPlan::new(&checkpoint, &options, &limits)?;
        Ok(Self { engine: Engine::load(&checkpoint, &options, &plan)?, vocab_size: checkpoint.facts().vocab_size })
    }

    /// Of each token of a chunk.
    fn logits(&mut self, tokens: &[Token]) -> Result<Vec<f32>> {
        let blocks = (0..tokens.len().div_ceil(BLOCK_SIZE) as u32).map(BlockId).collect();
        let work = Work { tokens: tokens.to_vec(), blocks, ..Work::empty(SeqId(0)) };
        Ok(self.engine.logits(&StepPlan { copies: Vec::new(), works: vec![work] })?.to_vec())
    }
}

/// The sum of p * ln(p / q), p and q the distributions of two rows of logits.
fn kl_divergence(want: &[f32], got: &[f32]) -> f64 {
    let (p, q) = (log_sum_exp(want), log_sum_exp(got));
    let terms = want.iter().zip(got).map(|(want, got)| {
        let (p, q) = (f64::from(*want) - p, f64::from(*got) - q);
        p.exp() * (p - q)
    });
    terms.sum()
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let greatest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    greatest + logits.iter().map(|logit| (f64::from(*logit) - greatest).exp()).sum::<f64>().ln()
}

fn top(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
}
