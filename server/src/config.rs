//! What the server runs with: flags over environment over file over defaults, checked once.
//!
//! Everything behind this file gets plain values; nothing reads a flag or a variable later.

use std::{
    env,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    thread,
    time::Duration,
};

use clap::Args;
use engine::{Dtype, EngineOptions, Isa, KvDtype, MemoryLimits};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use scheduler::Speculation;

use crate::{
    access_keys::{AccessKeys, KEY_VARIABLE},
    flags::{Flags, GenerationConfig, LogFormat, LogLevel, SpeculativeMethod},
    model_entry::{self, ModelEntry},
    reasoning::ReasoningParser,
    tools::{CallFormat, format::FORMATS},
    units::{ByteSize, Span},
};

/// The model that is served when none is named.
pub const DEFAULT_MODEL: &str = "smollm2-135m-instruct";

/// Settings that are read from nowhere but where they are looked for by name.
const NOT_MERGED: [&str; 4] = ["config", "first_model", "api_key", "admin_api_key"];
const MIB: u64 = 1 << 20;

/// One checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The models, at least one.
    pub models: Vec<ModelEntry>,
    /// A chat template in place of the model's own.
    pub chat_template: Option<PathBuf>,
    /// How the model writes calls, in place of how its template does.
    pub tool_call_parser: Option<&'static CallFormat>,
    /// How the model marks its thoughts.
    pub reasoning_parser: ReasoningParser,
    /// Where sampling defaults come from.
    pub generation_config: GenerationConfig,
    /// Where to listen.
    pub address: SocketAddr,
    /// Who may call.
    pub access: Access,
    /// How the engine computes.
    pub engine: EngineOptions,
    /// What decides about its memory and its steps.
    pub memory: MemoryLimits,
    /// How next tokens are proposed, if they are.
    pub speculation: Speculation,
    /// What a request and the queue may take.
    pub limits: RequestLimits,
    /// How it stops and when it counts as stalled.
    pub lifecycle: Lifecycle,
    /// Answers say where the request's time went.
    pub request_accounting: bool,
    /// Form of the log.
    pub log_format: LogFormat,
    /// How much is logged.
    pub log_level: LogLevel,
}

/// Who may call.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// What callers must know.
    pub keys: AccessKeys,
    /// Names accepted in `Host` beside the loopback ones.
    pub hosts: Vec<String>,
    /// Origins that get CORS headers.
    pub origins: Vec<String>,
}

/// What one request and all waiting ones may take.
#[derive(Clone, Debug)]
pub struct RequestLimits {
    /// Requests that may wait.
    pub queued_requests: usize,
    /// Prompt tokens that may wait; 64 contexts if not given.
    pub queued_tokens: Option<usize>,
    /// Longest wait before the first step.
    pub queue_wait: Duration,
    /// Longest time of a request.
    pub request_timeout: Duration,
    /// Largest body.
    pub body_bytes: usize,
    /// Bodies held at once.
    pub inflight_body_bytes: usize,
    /// Time to a complete body.
    pub body_timeout: Duration,
    /// Most choices of a prompt.
    pub choices: usize,
    /// Inputs of one request that are embedded.
    pub batch_inputs: usize,
    /// Bytes of a prompt; 16 bytes for each token of the context if not given.
    pub prompt_bytes: Option<usize>,
}

/// How the process stops, and when it counts as stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// Grace of running requests.
    pub shutdown_timeout: Duration,
    /// How long new work is still accepted after a stop signal.
    pub drain_delay: Duration,
    /// No step for so long while work waits: unhealthy.
    pub stall_timeout: Duration,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or a variable does not parse.
    #[error("{0}")]
    Source(String),
    /// A value makes no sense.
    #[error("{flag}: {reason}")]
    Value {
        /// Which flag.
        flag: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    /// Puts flags over environment over file over defaults, and checks the result.
    pub fn resolve(flags: &Flags) -> Result<Self, ConfigError> {
        let merged = merged(flags)?;
        let keys = AccessKeys::read(flags, merged.api_key_file.as_deref())?;
        Self::checked(&merged, keys)
    }

    fn checked(flags: &Flags, keys: AccessKeys) -> Result<Self, ConfigError> {
        let config = Self {
            models: model_entry::entries(&flags.model, &flags.served_model_name)?,
            chat_template: flags.chat_template.clone(),
            tool_call_parser: flags.tool_call_parser.as_deref().map(tool_call_parser).transpose()?,
            reasoning_parser: reasoning_parser(flags.reasoning_parser.as_deref().unwrap_or("auto"))?,
            generation_config: flags.generation_config.unwrap_or_default(),
            address: SocketAddr::new(flags.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), flags.port.unwrap_or(8000)),
            access: Access { keys, hosts: flags.allowed_hosts.clone(), origins: flags.allowed_origins.clone() },
            engine: EngineNames {
                threads: flags.threads,
                isa: flags.isa.as_deref(),
                dtype: flags.dtype.as_deref(),
                kv_cache_dtype: flags.kv_cache_dtype.as_deref(),
            }
            .options()?,
            memory: memory_limits(flags)?,
            speculation: speculation(flags)?,
            limits: request_limits(flags)?,
            lifecycle: lifecycle(flags),
            request_accounting: flags.request_accounting.unwrap_or(true),
            log_format: flags.log_format.unwrap_or_default(),
            log_level: flags.log_level.unwrap_or_default(),
        };
        config.check_exposure(flags.allow_unauthenticated.unwrap_or(false))?;
        Ok(config)
    }

    /// An address that others can reach needs a key, or the word that it does not.
    fn check_exposure(&self, allowed: bool) -> Result<(), ConfigError> {
        if self.address.ip().is_loopback() || !self.access.keys.api.is_empty() || allowed {
            return Ok(());
        }
        let reason = format!(
            "{} can be reached from other machines: set --api-key-file or {KEY_VARIABLE}, or pass --allow-unauthenticated",
            self.address.ip()
        );
        Err(ConfigError::Value { flag: "--host", reason })
    }
}

fn merged(flags: &Flags) -> Result<Flags, ConfigError> {
    let mut figment = Figment::new();
    if let Some(file) = &flags.config {
        figment = figment.merge(Toml::file_exact(file));
    }
    let mut typed = flags.clone();
    if let Some(first) = typed.first_model.take() {
        typed.model.insert(0, first);
    }
    let merged: Result<Flags, _> = figment.merge(environment()).merge(Serialized::defaults(typed)).extract();
    merged.map_err(|error| ConfigError::Source(error.to_string()))
}

/// The variables that are named as flags are. Kubernetes sets `GONDOLA_PORT=tcp://...` for a service called gondola:
/// such values are not ours.
fn environment() -> Env {
    let command = Flags::augment_args(clap::Command::new("serve"));
    let names: Vec<String> = command.get_arguments().map(|argument| argument.get_id().to_string()).collect();
    let foreign: Vec<String> = env::vars_os()
        .filter(|(_, value)| value.to_string_lossy().starts_with("tcp://"))
        .map(|(name, _)| name.to_string_lossy().to_ascii_lowercase())
        .collect();
    Env::prefixed("GONDOLA_").filter(move |name| {
        let name = name.as_str().to_ascii_lowercase();
        !NOT_MERGED.contains(&name.as_str()) && names.contains(&name) && !foreign.contains(&format!("gondola_{name}"))
    })
}

/// Settings of the engine as flags spell them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EngineNames<'a> {
    pub(crate) threads: Option<usize>,
    pub(crate) isa: Option<&'a str>,
    pub(crate) dtype: Option<&'a str>,
    pub(crate) kv_cache_dtype: Option<&'a str>,
}

impl EngineNames<'_> {
    /// What they mean, defaults for those that are absent.
    pub(crate) fn options(self) -> Result<EngineOptions, ConfigError> {
        let threads = self.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        within("--threads", threads, 1, 1024)?;
        let isa = self.isa.map_or_else(|| Ok(Isa::detect()), isa)?;
        let dtype = self.dtype.map_or(Ok(Dtype::Auto), dtype)?;
        let kv_dtype = kv_dtype(self.kv_cache_dtype.unwrap_or("auto"), dtype)?;
        Ok(EngineOptions { threads, isa, dtype, kv_dtype })
    }
}

/// What decides about memory, checked.
pub(crate) fn memory_limits(flags: &Flags) -> Result<MemoryLimits, ConfigError> {
    let limits = MemoryLimits {
        block_size: flags.block_size.unwrap_or(16),
        num_kv_blocks: flags.num_kv_blocks,
        kv_cache_memory_bytes: flags.kv_cache_memory_bytes.map(|size| size.0),
        max_num_seqs: flags.max_num_seqs.unwrap_or(64),
        max_num_batched_tokens: flags.max_num_batched_tokens.unwrap_or(256),
        max_model_len: flags.max_model_len,
        num_speculative_tokens: rows_for_proposals(speculation(flags)?),
        windowed_pool: true,
    };
    within("--block-size", limits.block_size, 1, 1024)?;
    if !limits.block_size.is_power_of_two() {
        return Err(value("--block-size", format!("{} is no power of two", limits.block_size)));
    }
    within("--max-num-seqs", limits.max_num_seqs, 1, 4096)?;
    within("--max-num-batched-tokens", limits.max_num_batched_tokens, 1, 1 << 20)?;
    within("--num-kv-blocks", limits.num_kv_blocks.unwrap_or(1), 1, 1 << 30)?;
    within("--max-model-len", limits.max_model_len.unwrap_or(1), 1, 1 << 24)?;
    Ok(limits)
}

fn speculation(flags: &Flags) -> Result<Speculation, ConfigError> {
    let usual = Speculation::PREDICTIONS;
    let num_speculative_tokens = flags.num_speculative_tokens.unwrap_or(usual.num_speculative_tokens);
    let prompt_lookup_max = flags.prompt_lookup_max.unwrap_or(usual.prompt_lookup_max);
    let prompt_lookup_min = flags.prompt_lookup_min.unwrap_or(prompt_lookup_max.min(usual.prompt_lookup_min));
    within("--num-speculative-tokens", num_speculative_tokens, 1, Speculation::MOST_TOKENS)?;
    within("--prompt-lookup-max", prompt_lookup_max, 1, 64)?;
    within("--prompt-lookup-min", prompt_lookup_min, 1, prompt_lookup_max)?;
    let own_text = matches!(flags.speculative, Some(SpeculativeMethod::Ngram));
    Ok(Speculation { num_speculative_tokens, prompt_lookup_max, prompt_lookup_min, own_text })
}

/// Rows of logits kept for the proposals of each sequence. Predictions make do with those of sequences that do not run.
fn rows_for_proposals(speculation: Speculation) -> usize {
    if speculation.own_text { speculation.num_speculative_tokens } else { 0 }
}

/// As `--dtype` spells it.
pub(crate) fn dtype_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Auto => "auto",
        Dtype::Float32 => "float32",
        Dtype::Float16 => "float16",
        Dtype::Bfloat16 => "bfloat16",
    }
}

fn dtype(name: &str) -> Result<Dtype, ConfigError> {
    match name {
        "auto" => Ok(Dtype::Auto),
        "float32" => Ok(Dtype::Float32),
        "float16" => Ok(Dtype::Float16),
        "bfloat16" => Ok(Dtype::Bfloat16),
        other => Err(value("--dtype", format!("'{other}' is none of auto, float32, float16, bfloat16"))),
    }
}

/// Halves by default: f32 keys and values are for those who asked for f32 weights.
fn kv_dtype(name: &str, weights: Dtype) -> Result<KvDtype, ConfigError> {
    match KvDtype::ALL.into_iter().find(|dtype| dtype.name() == name) {
        Some(dtype) => Ok(dtype),
        None if name == "auto" && weights == Dtype::Float32 => Ok(KvDtype::F32),
        None if name == "auto" => Ok(KvDtype::F16),
        None => Err(value("--kv-cache-dtype", format!("'{name}' is none of auto, f32, f16, q8_0"))),
    }
}

fn tool_call_parser(name: &str) -> Result<&'static CallFormat, ConfigError> {
    CallFormat::named(name).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        value("--tool-call-parser", format!("'{name}' is none of {}", names.join(", ")))
    })
}

fn reasoning_parser(name: &str) -> Result<ReasoningParser, ConfigError> {
    ReasoningParser::named(name).ok_or_else(|| {
        value("--reasoning-parser", format!("'{name}' is none of {}", ReasoningParser::names().join(", ")))
    })
}

fn isa(name: &str) -> Result<Isa, ConfigError> {
    let isa = Isa::ALL.into_iter().find(|isa| isa.name() == name).ok_or_else(|| {
        let names = Isa::ALL.map(Isa::name).join(", ");
        value("--isa", format!("'{name}' is none of {names}"))
    })?;
    if isa.is_available() { Ok(isa) } else { Err(value("--isa", format!("this machine has no {name}"))) }
}

fn request_limits(flags: &Flags) -> Result<RequestLimits, ConfigError> {
    let max_num_seqs = flags.max_num_seqs.unwrap_or(64);
    let limits = RequestLimits {
        queued_requests: flags.max_num_queued_reqs.unwrap_or(usize::max(256, 4 * max_num_seqs)),
        queued_tokens: flags.max_num_queued_tokens,
        queue_wait: seconds(flags.max_queue_wait, 300),
        request_timeout: seconds(flags.request_timeout, 3600),
        body_bytes: bytes(flags.max_body_bytes, 4 * MIB),
        inflight_body_bytes: bytes(flags.max_inflight_body_bytes, 256 * MIB),
        body_timeout: seconds(flags.body_timeout, 30),
        choices: flags.max_n.unwrap_or(8),
        batch_inputs: flags.max_batch_inputs.unwrap_or(proto::MAX_INPUTS),
        prompt_bytes: flags.max_prompt_bytes.map(|size| bytes(Some(size), 0)),
    };
    within("--max-n", limits.choices, 1, 128)?;
    within("--max-batch-inputs", limits.batch_inputs, 1, proto::MAX_INPUTS)?;
    within("--max-num-queued-reqs", limits.queued_requests, 1, 1 << 16)?;
    within("--max-body-bytes", limits.body_bytes, 1, 1 << 30)?;
    within("--max-inflight-body-bytes", limits.inflight_body_bytes, limits.body_bytes, 1 << 40)?;
    Ok(limits)
}

fn lifecycle(flags: &Flags) -> Lifecycle {
    Lifecycle {
        shutdown_timeout: seconds(flags.shutdown_timeout, 30),
        drain_delay: seconds(flags.drain_delay, 0),
        stall_timeout: seconds(flags.stall_timeout, 60),
    }
}

fn seconds(span: Option<Span>, default: u64) -> Duration {
    span.map_or(Duration::from_secs(default), |span| span.0)
}

fn bytes(size: Option<ByteSize>, default: u64) -> usize {
    usize::try_from(size.map_or(default, |size| size.0)).unwrap_or(usize::MAX)
}

fn within(flag: &'static str, number: usize, least: usize, most: usize) -> Result<(), ConfigError> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    Err(value(flag, format!("{number} is not in {least} to {most}")))
}

fn value(flag: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Value { flag, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(change: impl FnOnce(&mut Flags)) -> Result<Config, ConfigError> {
        let mut flags = Flags::default();
        change(&mut flags);
        Config::resolve(&flags)
    }

    #[test]
    fn without_flags_the_defaults_hold() {
        let config = resolved(|_| {}).unwrap();
        assert_eq!(config.address.to_string(), "127.0.0.1:8000");
        let model = ModelEntry { source: DEFAULT_MODEL.to_owned(), names: vec![DEFAULT_MODEL.to_owned()] };
        assert_eq!(config.models, [model]);
        assert_eq!((config.memory.max_num_seqs, config.memory.max_num_batched_tokens), (64, 256));
        assert_eq!((config.limits.queued_requests, config.limits.body_bytes, config.limits.choices), (256, 4 << 20, 8));
        assert_eq!(config.lifecycle.shutdown_timeout, Duration::from_secs(30));
    }

    #[test]
    fn the_queue_grows_with_the_batch() {
        let config = resolved(|flags| flags.max_num_seqs = Some(100)).unwrap();
        assert_eq!(config.limits.queued_requests, 400);
    }

    #[test]
    fn models_stand_in_the_order_of_the_command_line() {
        let config = resolved(|flags| {
            flags.first_model = Some("org/a".to_owned());
            flags.model = vec!["org/b=bee".to_owned(), "c".to_owned()];
        });
        let models = config.unwrap().models;
        let told: Vec<_> = models.iter().map(|model| (model.source.as_str(), model.names.join(","))).collect();
        assert_eq!(told, [("org/a", "org/a".to_owned()), ("org/b", "bee".to_owned()), ("c", "c".to_owned())]);
    }

    #[test]
    fn an_open_address_needs_a_key_or_the_word() {
        let open = |flags: &mut Flags| flags.host = Some([0, 0, 0, 0].into());
        let message = resolved(open).unwrap_err().to_string();
        assert!(message.contains("--host") && message.contains("--allow-unauthenticated"), "{message}");
        assert!(resolved(|flags| (open(flags), flags.allow_unauthenticated = Some(true)).1).is_ok());
        assert!(resolved(|flags| (open(flags), flags.api_key = vec!["a-long-enough-key".into()]).1).is_ok());
    }

    /// Bodies, events of every accepted request, and connections at 64 KiB each stay within 1.5 GiB.
    #[test]
    fn the_caps_add_up() {
        let config = resolved(|_| {}).unwrap();
        let logprobs = 20 * size_of::<(scheduler::Token, f32)>();
        let event = size_of::<(usize, scheduler::Event)>() + logprobs;
        let requests = config.limits.queued_requests + config.memory.max_num_seqs;
        let events = requests * crate::worker::EVENTS_PER_REQUEST * event;
        let connections = 4096 * (64 << 10);
        let sum = config.limits.inflight_body_bytes + events + connections;
        assert!(sum < 3 << 29, "{} MiB", sum >> 20);
    }

    #[test]
    fn nothing_but_predictions_is_proposed_unless_asked_for() {
        let of = |change: fn(&mut Flags)| resolved(change).map(|config| config.speculation);
        let eight = Speculation { num_speculative_tokens: 8, ..Speculation::PREDICTIONS };
        assert_eq!(of(|flags| flags.num_speculative_tokens = Some(8)).unwrap(), eight);
        let own_text = Speculation { own_text: true, ..Speculation::PREDICTIONS };
        assert_eq!(of(|flags| flags.speculative = Some(SpeculativeMethod::Ngram)).unwrap(), own_text);
        let message = of(|flags| flags.prompt_lookup_min = Some(5)).unwrap_err().to_string();
        assert_eq!(message, "--prompt-lookup-min: 5 is not in 1 to 4");
    }

    #[test]
    fn values_out_of_range_are_named() {
        let message = resolved(|flags| flags.max_n = Some(0)).unwrap_err().to_string();
        assert_eq!(message, "--max-n: 0 is not in 1 to 128");
        assert!(resolved(|flags| flags.block_size = Some(0)).is_err());
        assert!(resolved(|flags| flags.isa = Some("abacus".to_owned())).is_err());
        let message = resolved(|flags| flags.dtype = Some("float13".to_owned())).unwrap_err().to_string();
        assert_eq!(message, "--dtype: 'float13' is none of auto, float32, float16, bfloat16");
        let message = resolved(|flags| flags.kv_cache_dtype = Some("fp8".to_owned())).unwrap_err().to_string();
        assert_eq!(message, "--kv-cache-dtype: 'fp8' is none of auto, f32, f16, q8_0");
    }
}
