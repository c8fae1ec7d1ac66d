//! What a step must read and multiply at the least: what its time is held against.
//!
//! Read are the weights once, and the keys and values of every position that a sequence sees, once for each sequence.
//! Not counted: activations, norms and the embedding's rows, which caches hold or which are few. Of experts, those of one
//! token are read: all tokens may take the same.

mod seen;

use std::collections::BTreeMap;
use std::ops::AddAssign;

use scheduler::StepPlan;

use crate::checkpoint::Checkpoint;
use crate::config::ExpertsConfig;
use crate::kernels::cpu::bf16_tile::Bf16Dot;
use crate::kv_cache::KvGeometry;
use crate::limits::{Arithmetic, MachineLimits};
use crate::options::EngineOptions;
use crate::weight_loader::held_format;
use crate::weight_name::{WeightName, WeightShape};
use seen::Seen;

/// Bytes and operations of one step or several; an operation is a multiplication or an addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCost {
    /// Bytes to read from memory.
    pub bytes: u64,
    /// Operations on f32.
    pub f32_ops: u64,
    /// Operations on int8.
    pub int8_ops: u64,
    /// Operations on bf16.
    pub bf16_ops: u64,
}

/// From which the cost of every step of a model follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCost {
    /// Of the layers: weights, and the operations of one token.
    layers: StepCost,
    /// Of the head: weights, and the operations of one row.
    head: StepCost,
    /// How many layers see so many positions at most, or all.
    layers_by_window: BTreeMap<Option<usize>, u64>,
    /// Keys and values of one position in one layer.
    kv_bytes: u64,
    /// Operations of one token that sees one position, in one layer.
    attention_ops: u64,
}

impl ModelCost {
    /// Of a model computed with these options.
    pub fn new(checkpoint: &Checkpoint, options: &EngineOptions) -> Self {
        let config = checkpoint.config();
        let (mut layers, mut head, mut experts) = <(StepCost, StepCost, StepCost)>::default();
        for name in WeightName::all(config) {
            let cost = of_weight(checkpoint, options, name);
            match name {
                WeightName::EmbeddingNorm
                | WeightName::EmbeddingNormBias
                | WeightName::Layer(..)
                | WeightName::Head(..) => layers += cost,
                WeightName::Expert(..) => experts += cost,
                WeightName::PositionEmbedding | WeightName::Encoder(..) => {}
                WeightName::TokenEmbedding if !config.tied_embeddings => {}
                WeightName::TokenEmbedding
                | WeightName::Output
                | WeightName::OutputBias
                | WeightName::OutputNorm
                | WeightName::OutputNormBias => head += cost,
            }
        }
        if let Some(ExpertsConfig { count, per_token, .. }) = config.experts {
            layers += experts.share(per_token as u64, count as u64);
        }
        let kv = KvGeometry {
            layers: 1,
            blocks: 1,
            block_size: 1,
            kv_heads: config.num_kv_heads,
            head_dim: config.head_dim,
            dtype: options.kv_dtype,
        };
        let mut layers_by_window = BTreeMap::new();
        for window in &config.windows {
            *layers_by_window.entry(*window).or_default() += 1;
        }
        let attention_ops = (4 * config.num_heads * config.head_dim) as u64;
        Self { layers, head, layers_by_window, kv_bytes: kv.block_bytes(), attention_ops }
    }

    /// Of one step.
    pub fn step(&self, plan: &StepPlan) -> StepCost {
        let drawn = plan.works.iter().filter(|work| !work.samples.is_empty()).count();
        let rows = (drawn + plan.num_scores()) as u64;
        let mut cost = self.layers.for_rows(plan.num_tokens() as u64);
        cost += self.head.for_rows(rows);
        for work in &plan.works {
            for (window, layers) in &self.layers_by_window {
                let seen = Seen::by(work, *window);
                cost.bytes += layers * seen.positions * self.kv_bytes;
                cost.f32_ops += layers * seen.pairs * self.attention_ops;
            }
        }
        cost
    }
}

impl StepCost {
    /// Operations on one kind of number.
    pub fn ops(&self, arithmetic: Arithmetic) -> u64 {
        match arithmetic {
            Arithmetic::F32 => self.f32_ops,
            Arithmetic::Int8 => self.int8_ops,
            Arithmetic::Bf16 => self.bf16_ops,
        }
    }

    /// Operations in all.
    pub fn all_ops(&self) -> u64 {
        Arithmetic::ALL.map(|kind| self.ops(kind)).iter().sum()
    }

    /// The share of the machine's read bandwidth that doing this in so many seconds takes.
    pub fn read_share(&self, limits: &MachineLimits, seconds: f64) -> f64 {
        self.bytes as f64 / limits.read_bytes_per_s / seconds
    }

    /// The share of the machine's arithmetic, each kind of number at its own peak; none where a kind has no
    /// instructions of its own.
    pub fn arithmetic_share(&self, limits: &MachineLimits, seconds: f64) -> Option<f64> {
        let used = Arithmetic::ALL.into_iter().filter(|kind| self.ops(*kind) > 0);
        let times = used.map(|kind| Some(self.ops(kind) as f64 / limits.ops_per_s(kind)?));
        times.sum::<Option<f64>>().map(|at_peak| at_peak / seconds)
    }

    /// So many parts of all.
    fn share(self, parts: u64, all: u64) -> Self {
        Self {
            bytes: self.bytes * parts / all,
            f32_ops: self.f32_ops * parts / all,
            int8_ops: self.int8_ops * parts / all,
            bf16_ops: self.bf16_ops * parts / all,
        }
    }

    /// The weights once, the operations of one row `rows` times; nothing without rows.
    fn for_rows(self, rows: u64) -> Self {
        Self {
            bytes: if rows == 0 { 0 } else { self.bytes },
            f32_ops: rows * self.f32_ops,
            int8_ops: rows * self.int8_ops,
            bf16_ops: rows * self.bf16_ops,
        }
    }
}

impl AddAssign for StepCost {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.f32_ops += other.f32_ops;
        self.int8_ops += other.int8_ops;
        self.bf16_ops += other.bf16_ops;
    }
}

/// A weight's bytes as it is held, and the operations of one row.
fn of_weight(checkpoint: &Checkpoint, options: &EngineOptions, name: WeightName) -> StepCost {
    match name.shape(checkpoint.config()) {
        WeightShape::Vector(len) => StepCost { bytes: (len * size_of::<f32>()) as u64, ..StepCost::default() },
        WeightShape::Matrix { rows, columns } => {
            let format = held_format(checkpoint, options.dtype, Bf16Dot::of(options.isa).is_some(), name);
            let ops = 2 * (rows * columns) as u64;
            let of = |kind| if format.arithmetic() == kind { ops } else { 0 };
            StepCost {
                bytes: format.bytes(rows, columns),
                f32_ops: of(Arithmetic::F32),
                int8_ops: of(Arithmetic::Int8),
                bf16_ops: of(Arithmetic::Bf16),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use scheduler::{SeqId, Work};

    use super::*;
    use crate::kernels::cpu::isa::Isa;
    use crate::kv_cache::KvDtype;
    use crate::panels::Dtype;

    fn cost(file: &str, dtype: Dtype) -> (ModelCost, Checkpoint) {
        cost_of(&format!("llama_gguf/{file}"), dtype)
    }

    fn cost_of(model: &str, dtype: Dtype) -> (ModelCost, Checkpoint) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(model);
        let checkpoint = Checkpoint::open(&path).unwrap();
        let options = EngineOptions { threads: 1, isa: Isa::Scalar, dtype, kv_dtype: KvDtype::F32 };
        (ModelCost::new(&checkpoint, &options), checkpoint)
    }

    fn plan(works: &[(usize, usize)]) -> StepPlan {
        let work = |&(start, tokens): &(usize, usize)| Work { start, tokens: vec![0; tokens], ..Work::empty(SeqId(0)) };
        StepPlan { copies: Vec::new(), works: works.iter().map(work).collect() }
    }

    #[test]
    fn chunks_of_a_prompt_multiply_what_the_whole_does() {
        let (cost, checkpoint) = cost("llama-Q8_0.gguf", Dtype::Auto);
        let whole = cost.step(&plan(&[(0, 10)]));
        let mut chunks = cost.step(&plan(&[(0, 4)]));
        chunks += cost.step(&plan(&[(4, 6)]));
        assert_eq!((whole.f32_ops, whole.int8_ops, whole.bf16_ops), (chunks.f32_ops, chunks.int8_ops, 0));
        let config = checkpoint.config();
        let attention = 4 * config.num_layers * config.num_heads * config.head_dim * 55;
        assert_eq!(whole.f32_ops, attention as u64, "only attention is f32 where weights are quantised");
    }

    #[test]
    fn weights_are_read_once_and_keys_and_values_for_each_sequence() {
        let (cost, checkpoint) = cost("llama-F16.gguf", Dtype::Float32);
        let config = checkpoint.config();
        let kv = (2 * config.num_layers * config.num_kv_heads * config.head_dim.next_multiple_of(16) * 4) as u64;
        let [one, two] = [&[(7, 1)][..], &[(7, 1), (7, 1)]].map(|works| cost.step(&plan(works)));
        assert_eq!(two.bytes - one.bytes, 8 * kv);
        assert_eq!((two.f32_ops, two.int8_ops), (2 * one.f32_ops, 0));
    }

    #[test]
    fn experts_cost_what_one_token_takes_of_them() {
        let (cost, checkpoint) = cost_of("mixtral", Dtype::Float32);
        let config = checkpoint.config();
        let step = cost.step(&plan(&[(0, 1)]));
        let (hidden, kv_width) = (config.hidden_size, config.num_kv_heads * config.head_dim);
        let attention = 2 * hidden * hidden + 2 * hidden * kv_width;
        let experts = 2 * 3 * hidden * config.intermediate_size;
        let multiplied = config.num_layers * (attention + 4 * hidden + experts);
        let attended = 4 * config.num_layers * hidden;
        assert_eq!(step.f32_ops, (2 * multiplied + attended) as u64);
        // Two norms, and a panel of 16 rows for the router's 4.
        let beside = config.num_layers * (2 + 12) * hidden;
        assert_eq!(step.bytes, 4 * (multiplied + beside) as u64 + config.num_layers as u64 * cost.kv_bytes);
    }

    #[test]
    fn each_kind_of_number_is_held_against_its_own_peak() {
        let cost = StepCost { bytes: 50, f32_ops: 10, int8_ops: 40, bf16_ops: 0 };
        let limits = MachineLimits {
            read_bytes_per_s: 100.0,
            f32_ops_per_s: 100.0,
            int8_ops_per_s: Some(200.0),
            bf16_ops_per_s: None,
        };
        assert_eq!((cost.read_share(&limits, 2.0), cost.all_ops()), (0.25, 50));
        assert!(cost.arithmetic_share(&limits, 1.0).is_some_and(|share| (share - 0.3).abs() < 1e-12));
        assert_eq!(cost.arithmetic_share(&MachineLimits { int8_ops_per_s: None, ..limits }, 1.0), None);
    }
}
