//! What of a decoder fits into a machine: its weights as they are and as GGUF files could hold them, its keys and values as
//! halves and in 8 bits.

use std::fmt;

use super::MemoryLimits;
use super::byte_count::ByteCount;
use super::needs::{Needs, held_blocks};
use super::sizes::{QUANTISED, Sizes};
use crate::config::DecoderConfig;
use crate::kv_cache::KvDtype;

/// What keys and values may be kept as where memory is short.
const KEPT: [KvDtype; 2] = [KvDtype::F16, KvDtype::Q8_0];

/// One way to hold a decoder, and what it leaves for texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// What GGUF files call the type of its matrices; none for what they are stored as now.
    pub quantised: Option<&'static str>,
    /// All parameters once.
    pub weights_bytes: u64,
    /// What keys and values are kept as.
    pub kv_dtype: KvDtype,
    /// Keys and values of one token.
    pub kv_bytes_per_token: u64,
    /// Those that a sequence holds which has as many tokens as it may have.
    pub kv_bytes_of_longest: u64,
    /// Tokens that one sequence may have where it is alone; 0 where nothing fits.
    pub max_model_len: usize,
    /// Sequences that may have as many tokens as the model allows, all at once; no more than may run at once.
    pub sequences: u64,
    /// What is missing to one block beside weights and steps.
    pub missing_bytes: u64,
}

/// All ways that are worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fits {
    /// Memory that may be taken.
    pub available_bytes: u64,
    /// Tokens that a sequence may have, by the settings and the model.
    pub context: usize,
    /// The ways: weights as they are first.
    pub ways: Vec<Fit>,
}

impl Fits {
    /// Tries files that are smaller than what is there.
    pub(crate) fn new(config: &DecoderConfig, sizes: Sizes, limits: &MemoryLimits, available_bytes: u64) -> Self {
        let context = limits.max_model_len.unwrap_or(config.max_positions).min(config.max_positions);
        let held = held_blocks(config, limits, context).max(1);
        let smaller = QUANTISED.iter().zip(sizes.quantised.into_iter().flatten());
        let smaller = smaller.filter(|&(_, bytes)| bytes < sizes.weights);
        let weights =
            std::iter::once((None, sizes.weights)).chain(smaller.map(|(kind, bytes)| (Some(kind.name()), bytes)));
        let ways = weights.flat_map(|(quantised, weights)| {
            KEPT.map(|kv_dtype| {
                let sizes = Sizes { weights, kv_dtype, ..sizes };
                let needs = Needs::of_decoder(config, sizes, limits, available_bytes);
                Fit::new(quantised, (&needs, kv_dtype), (limits, context), held)
            })
        });
        Self { available_bytes, context, ways: ways.collect() }
    }
}

impl Fit {
    /// Where a sequence of the whole context holds so many blocks.
    fn new(
        quantised: Option<&'static str>,
        (needs, kv_dtype): (&Needs, KvDtype),
        (limits, context): (&MemoryLimits, usize),
        held: u64,
    ) -> Self {
        let blocks = needs.blocks_left();
        let max_model_len = if blocks >= held { context } else { blocks as usize * limits.block_size };
        Self {
            quantised,
            weights_bytes: needs.weights,
            kv_dtype,
            kv_bytes_per_token: needs.bytes_held(1) / limits.block_size as u64,
            kv_bytes_of_longest: needs.bytes_held(held),
            max_model_len,
            sequences: (blocks / held).min(limits.max_num_seqs as u64),
            missing_bytes: needs.total_bytes(1).saturating_sub(needs.available),
        }
    }
}

impl fmt::Display for Fits {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let (available, context) = (ByteCount(self.available_bytes), self.context);
        writeln!(formatter, "what fits into {available}, if texts have {context} tokens at most:")?;
        let [weights, kv, token, whole] = ["weights", "KV", "a token", "a whole text"];
        write!(formatter, "{weights:<21}  {kv:<4}  {token:>11}  {whole:>12}  longest text  such at once")?;
        for way in &self.ways {
            let (weights, kv) = (way.quantised.unwrap_or("as stored"), way.kv_dtype.name());
            let bytes = [way.weights_bytes, way.kv_bytes_per_token, way.kv_bytes_of_longest].map(ByteCount);
            write!(formatter, "\n{weights:<10}{:>11}  {kv:<4}  {:>11}  {:>12}", bytes[0], bytes[1], bytes[2])?;
            match way.missing_bytes {
                0 => write!(formatter, "  {:>12}  {:>12}", way.max_model_len, way.sequences)?,
                missing => write!(formatter, "  {} too little", ByteCount(missing))?,
            }
        }
        Ok(())
    }
}
