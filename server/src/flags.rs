//! The flags of `gondola serve`, as typed: nothing is filled in or checked here.
//!
//! Every field may also come from a TOML file (`max_num_seqs = 32`) or the environment (`GONDOLA_MAX_NUM_SEQS`).

use std::{net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::units::{ByteSize, Span};

/// Serve one or several models over HTTP.
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(after_help = EXAMPLES)]
pub struct Flags {
    /// A .gguf file, a Hugging Face folder, a hub id (org/name) or a short name [default: smollm2-135m-instruct]
    #[arg(value_name = "MODEL")]
    #[serde(skip)]
    pub first_model: Option<String>,

    /// TOML file with any of these settings; flags and environment win over it
    #[arg(long, value_name = "FILE", env = "GONDOLA_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<IpAddr>,

    /// Port to listen on; 0 takes a free one [default: 8000]
    #[arg(long, help_heading = "Network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,

    /// Host names accepted beside the loopback ones when no key is set (repeatable)
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Network")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub allowed_hosts: Vec<String>,

    /// Exact origins of web pages that may call the API (repeatable) [default: none, CORS is off]
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', help_heading = "Network")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub allowed_origins: Vec<String>,

    /// Key that clients must send (repeatable; other users see it in the process list, prefer a file)
    #[arg(long, value_name = "KEY", help_heading = "Access")]
    #[serde(skip)]
    pub api_key: Vec<crate::auth::Secret>,

    /// File with one key a line; lines that start with # are comments. `GONDOLA_API_KEY` adds more, comma-separated
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_file: Option<PathBuf>,

    /// Listen beyond this machine without a key
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", help_heading = "Access")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_unauthenticated: Option<bool>,

    /// Key for routes that change the server, such as /v1/models/load (repeatable; `GONDOLA_ADMIN_API_KEY` adds more,
    /// comma-separated) [default: none, those routes are off]
    #[arg(long, value_name = "KEY", help_heading = "Access")]
    #[serde(skip)]
    pub admin_api_key: Vec<crate::auth::Secret>,

    /// Answers say where the request's time went (`timings`) [default: true]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", help_heading = "Answers")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_accounting: Option<bool>,

    /// One more model, or the only one; NAME is what clients call it (repeatable)
    #[arg(long, value_name = "MODEL[=NAME]", help_heading = "Model")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub model: Vec<String>,

    /// Name that clients use for the only model (repeatable) [default: the name it was started with]
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Model")]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub served_model_name: Vec<String>,

    /// Most tokens of one sequence, prompt and answer [default: the model's, lowered to what the KV pool holds]
    #[arg(long, value_name = "TOKENS", help_heading = "Model")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_model_len: Option<usize>,

    /// Jinja chat template in place of the model's own
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<PathBuf>,

    /// How the model writes calls of tools: hermes, llama3_json, mistral, mistral_args, phi4_mini,
    /// phi4_mini_json, deepseek_v3, deepseek_v31, pythonic or functiongemma [default: as its chat template does]
    #[allow(clippy::doc_markdown, reason = "the help shows it as it is typed")]
    #[arg(long, value_name = "FORMAT", help_heading = "Model")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_parser: Option<String>,

    /// How the model marks its thoughts: auto (as its chat template does), none, qwen3, deepseek_r1 (every answer begins
    /// with one), mistral or seed_oss [default: auto]
    #[allow(clippy::doc_markdown, reason = "the help shows it as it is typed")]
    #[arg(long, value_name = "FORMAT", help_heading = "Model")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_parser: Option<String>,

    /// Where sampling defaults come from: the model's own (auto) or the API's table (openai) [default: auto]
    #[arg(long, value_name = "SOURCE", help_heading = "Model")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation_config: Option<GenerationConfig>,

    /// Sequences that run at once [default: 64]
    #[arg(long, value_name = "N", help_heading = "Batching")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_num_seqs: Option<usize>,

    /// Tokens that one step computes at most [default: 256]
    #[arg(long, value_name = "TOKENS", help_heading = "Batching")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_num_batched_tokens: Option<usize>,

    /// Tokens in a KV block [default: 16]
    #[arg(long, value_name = "TOKENS", help_heading = "Batching")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_size: Option<usize>,

    /// Exact number of KV blocks of each model [default: from the memory that is free at start]
    #[arg(long, value_name = "N", help_heading = "Batching")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_kv_blocks: Option<usize>,

    /// Memory for KV blocks of each model, such as 2GiB [default: a quarter of what is free at start, for all together]
    #[arg(long, value_name = "SIZE", help_heading = "Batching")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_cache_memory_bytes: Option<ByteSize>,

    /// Threads of the engine [default: one for each core]
    #[arg(long, value_name = "N", help_heading = "Batching")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,

    /// Instruction set of the kernels: scalar, avx2, avx512, amx, neon or neon-dotprod [default: the best
    /// of this machine]
    #[arg(long, value_name = "ISA", help_heading = "Batching")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isa: Option<String>,

    /// Weights as: auto (as they are stored), float32, float16 or bfloat16 (float weights in 16 bits) [default: auto]
    #[arg(long, value_name = "DTYPE", help_heading = "Batching")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,

    /// Keys and values as: auto, f32, f16, q8_0 [default: auto: f16, or f32 with --dtype float32]
    #[allow(clippy::doc_markdown, reason = "the help shows it as it is typed")]
    #[arg(long, value_name = "DTYPE", help_heading = "Batching")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_cache_dtype: Option<String>,

    /// Propose next tokens from what the text said before (ngram) and verify them in the same step [default: off]
    #[arg(long, value_name = "METHOD", help_heading = "Speculation")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speculative: Option<SpeculativeMethod>,

    /// Tokens proposed for a sequence in one step at most [default: 4]
    #[arg(long, value_name = "N", help_heading = "Speculation")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_speculative_tokens: Option<usize>,

    /// Most of the last tokens that are looked up in the text before [default: 4]
    #[arg(long, value_name = "TOKENS", help_heading = "Speculation")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_lookup_max: Option<usize>,

    /// Fewest of the last tokens that are looked up [default: 2, or --prompt-lookup-max if that is less]
    #[arg(long, value_name = "TOKENS", help_heading = "Speculation")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_lookup_min: Option<usize>,

    /// Requests that may wait [default: the larger of 256 and 4 x --max-num-seqs]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_num_queued_reqs: Option<usize>,

    /// Prompt tokens that may wait [default: 64 x the context]
    #[arg(long, value_name = "TOKENS", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_num_queued_tokens: Option<usize>,

    /// Longest wait before the first step [default: 300s]
    #[arg(long, value_name = "TIME", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_queue_wait: Option<Span>,

    /// Longest time of a request as a whole [default: 3600s]
    #[arg(long, value_name = "TIME", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_timeout: Option<Span>,

    /// Largest request body [default: 4MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<ByteSize>,

    /// Request bodies held at once [default: 256MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_inflight_body_bytes: Option<ByteSize>,

    /// Time to a complete body, and as much again for each 64 KiB that came, 300 s in all [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_timeout: Option<Span>,

    /// Most choices of one prompt (n) [default: 8]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_n: Option<usize>,

    /// Most inputs of one request for embeddings, at most 2048 [default: 2048]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_inputs: Option<usize>,

    /// Bytes of a prompt, before it is tokenised [default: 16 x the context, at least 64KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_prompt_bytes: Option<ByteSize>,

    /// After a stop signal, how long running requests may take to finish [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = "Start and stop")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_timeout: Option<Span>,

    /// After a stop signal, how long new requests are still accepted while /ready is red [default: 0s]
    #[arg(long, value_name = "TIME", help_heading = "Start and stop")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_delay: Option<Span>,

    /// /health turns red when work waits and no step ends for so long [default: 60s]
    #[arg(long, value_name = "TIME", help_heading = "Start and stop")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_timeout: Option<Span>,

    /// Form of the log on stderr [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Start and stop")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,

    /// How much is logged [default: info]
    #[arg(long, value_name = "LEVEL", help_heading = "Start and stop")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
}

/// Where sampling defaults come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GenerationConfig {
    /// The model's own file where it sets them, else the API's table.
    #[default]
    Auto,
    /// The API's table alone.
    Openai,
}

/// Where proposals for next tokens come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpeculativeMethod {
    /// From the sequence's own tokens.
    Ngram,
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is logged; prompts and keys never are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures.
    Error,
    /// And what needs attention.
    Warn,
    /// And one line for each request.
    #[default]
    Info,
    /// And how each request went through the engine.
    Debug,
}

const EXAMPLES: &str = "\
Examples:
  gondola serve
  gondola serve model.gguf --port 8001
  gondola serve HuggingFaceTB/SmolLM2-135M-Instruct --max-num-seqs 16
  gondola serve --model chat.gguf=chat --model all-minilm-l6-v2
  GONDOLA_API_KEY=... gondola serve --host 0.0.0.0

Sizes take KiB, MiB, GiB; times take ms, s, m, h (plain numbers are bytes and seconds).
Each long flag is also a GONDOLA_ variable (GONDOLA_MAX_NUM_SEQS=32) and a key of --config (max_num_seqs = 32).";

/// Reads a list, or one string with commas, as an environment variable holds it.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(list) => list.split(',').map(|name| name.trim().to_owned()).collect(),
        OneOrMany::Many(list) => list,
    })
}
