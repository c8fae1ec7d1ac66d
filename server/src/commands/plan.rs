//! `gondola plan`: what a model takes in memory and what of it fits into a machine, from its configuration alone.

use std::io::{self, Write};

use engine::{Outline, available_bytes, error::LoadError};

use super::number_flags::NumberFlags;
use crate::{
    config::{self, ConfigError, DEFAULT_MODEL},
    flags::{Flags, SpeculativeMethod},
    model_source::{self, ModelError},
    units::ByteSize,
};

/// Say what a model takes in memory and what of it fits into this machine; ends with 1 if the settings do not.
///
/// A folder needs no weights for it, its config.json says their sizes. Nothing is downloaded or loaded.
#[derive(Clone, Debug, clap::Args)]
pub struct PlanFlags {
    /// A .gguf file, a Hugging Face folder, or a hub id (org/name) or short name whose files are in the cache
    #[arg(default_value = DEFAULT_MODEL)]
    pub model: String,

    /// Plan for a machine with so much free memory, such as 16GiB [default: what is free on this one]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<ByteSize>,

    /// Most tokens of one sequence, prompt and answer [default: the model's, lowered to what the KV pool holds]
    #[arg(long, value_name = "TOKENS", env = "GONDOLA_MAX_MODEL_LEN")]
    pub max_model_len: Option<usize>,

    /// Sequences that run at once [default: 64]
    #[arg(long, value_name = "N", env = "GONDOLA_MAX_NUM_SEQS")]
    pub max_num_seqs: Option<usize>,

    /// Tokens that one step computes at most [default: 256]
    #[arg(long, value_name = "TOKENS", env = "GONDOLA_MAX_NUM_BATCHED_TOKENS")]
    pub max_num_batched_tokens: Option<usize>,

    /// Tokens in a KV block [default: 16]
    #[arg(long, value_name = "TOKENS", env = "GONDOLA_BLOCK_SIZE")]
    pub block_size: Option<usize>,

    /// Exact number of KV blocks [default: from the memory that is free]
    #[arg(long, value_name = "N", env = "GONDOLA_NUM_KV_BLOCKS")]
    pub num_kv_blocks: Option<usize>,

    /// Memory for KV blocks, such as 2GiB [default: a quarter of what is free]
    #[arg(long, value_name = "SIZE", env = "GONDOLA_KV_CACHE_MEMORY_BYTES")]
    pub kv_cache_memory_bytes: Option<ByteSize>,

    /// Propose next tokens from what the text said before (ngram) [default: off]
    #[arg(long, value_name = "METHOD", env = "GONDOLA_SPECULATIVE")]
    pub speculative: Option<SpeculativeMethod>,

    /// Tokens proposed for a sequence in one step at most [default: 4]
    #[arg(long, value_name = "N", env = "GONDOLA_NUM_SPECULATIVE_TOKENS")]
    pub num_speculative_tokens: Option<usize>,

    /// How it computes.
    #[command(flatten)]
    pub numbers: NumberFlags,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A flag makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model is not there.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model is not as it should be, or does not fit.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Nobody reads stdout.
    #[error("stdout: {0}")]
    Output(#[from] io::Error),
}

/// Plans and prints. What would fit is told before the error that the wanted settings do not.
pub fn run(flags: &PlanFlags) -> Result<(), PlanError> {
    let options = flags.numbers.with_threads(None).options()?;
    let limits = config::memory_limits(&flags.of_serve())?;
    let outline = Outline::open(&model_source::find(&flags.model)?)?;
    let available = flags.memory.map_or_else(available_bytes, |size| Ok(size.0))?;
    let plan = outline.plan(&options, &limits, available);
    let mut parts = vec![outline.to_string()];
    parts.extend(plan.as_ref().ok().map(ToString::to_string));
    parts.extend(outline.fits(&options, &limits, available).map(|fits| fits.to_string()));
    io::stdout().lock().write_all((parts.join("\n\n") + "\n").as_bytes())?;
    plan?;
    Ok(())
}

impl PlanFlags {
    /// The same as flags of `gondola serve`, which knows their defaults and bounds.
    fn of_serve(&self) -> Flags {
        Flags {
            max_model_len: self.max_model_len,
            max_num_seqs: self.max_num_seqs,
            max_num_batched_tokens: self.max_num_batched_tokens,
            block_size: self.block_size,
            num_kv_blocks: self.num_kv_blocks,
            kv_cache_memory_bytes: self.kv_cache_memory_bytes,
            speculative: self.speculative,
            num_speculative_tokens: self.num_speculative_tokens,
            ..Flags::default()
        }
    }
}
