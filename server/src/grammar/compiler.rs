//! From a form to a grammar that gives masks, once for each form.
//!
//! Fuel bounds the work and its memory: 1 M units (about 20 ms) to compile, 50 k for a mask, 30 k states of the lexer.
//! The clock only bounds how long a client waits.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use llguidance::{Matcher, ParserFactory, earley::SlicedBiasComputer, toktrie::InferenceCapabilities};
use scheduler::{Token, TokenMask};
use tokio::time;

use super::{
    free_text::FreeText,
    room::{GrammarRoom, Place},
    session::{Beginning, GrammarSession},
    spec::GrammarSpec,
    thought::{Behind, BoundThought, Thought, ThoughtMasks},
    token_set::every_token,
    vocabulary,
};
use crate::{error::ApiError, lane::Lane, reasoning::ReasoningFormat, shown_tokens::ShownTokens, tokenizer::Tokenizer};

/// Longest wait of a client for its grammar.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a grammar takes beside its lexer.
const BASE_BYTES: usize = 64 << 10;

/// States of one grammar's lexer, 1 to 2 kB each.
const MAX_LEXER_STATES: usize = 30_000;

/// Fuel of one mask, about 4 ms.
const MASK_FUEL: u64 = 50_000;

/// Why there is no grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// It contradicts itself, cannot be read, or cannot be kept.
    #[error("{0}")]
    Invalid(String),
    /// It costs too much.
    #[error("{0}")]
    TooComplex(String),
    /// Too many wait.
    #[error("too many grammars wait to be compiled")]
    Full,
    /// The model's answers have no end token.
    #[error("the model has no end token, so no form of its answers can be kept")]
    NoEnd,
}

/// The grammars of one model.
#[derive(Clone)]
pub struct Grammars(Arc<Shared>);

struct Shared {
    tokenizer: Arc<Tokenizer>,
    ends: Vec<Token>,
    /// Made for the first grammar: it looks at every token, and most servers never need it.
    factory: OnceLock<Result<ParserFactory, GrammarError>>,
    /// Of a model that thinks.
    thoughts: Option<Arc<ThoughtMasks>>,
    place: Place,
    /// Threads apart, so that no mask waits behind somebody's schema.
    compiling: Lane,
    masking: Lane,
}

/// A grammar at its beginning.
pub struct CompiledGrammar {
    matcher: Mutex<Matcher>,
    first: Arc<TokenMask>,
    /// The text that comes before it.
    free: Option<FreeText>,
    bytes: usize,
}

impl Grammars {
    /// The grammars of a model whose answers end with one of `ends`, and may begin with thoughts of this format.
    pub fn new(
        tokenizer: Arc<Tokenizer>,
        ends: Vec<Token>,
        reasoning: Option<&ReasoningFormat>,
        room: &GrammarRoom,
    ) -> Self {
        let thoughts = reasoning.map(|format| Arc::new(ThoughtMasks::new(&tokenizer, format, &ends)));
        Self(Arc::new(Shared {
            thoughts,
            tokenizer,
            ends,
            factory: OnceLock::new(),
            place: room.place(),
            compiling: Lane::new("grammar", 1),
            masking: Lane::new("mask", 2),
        }))
    }

    /// The grammar of a form: kept from before, or compiled now.
    pub async fn compile(&self, spec: &GrammarSpec) -> Result<Arc<CompiledGrammar>, ApiError> {
        self.find_or_compile(spec).await.map_err(|error| ApiError::grammar(spec.field(), &error))
    }

    /// Whether a thought may begin in front of an answer that is bound: its opening marker is one token.
    pub fn opens_thoughts(&self) -> bool {
        self.0.thoughts.as_ref().is_some_and(|masks| masks.open_with_a_token())
    }

    /// The masks of so many choices of one prompt; `shown` tells what their text shows.
    pub fn session(
        &self,
        grammar: Option<&CompiledGrammar>,
        thought: Option<BoundThought>,
        choices: usize,
        shown: ShownTokens,
    ) -> Result<GrammarSession, ApiError> {
        let bytes = grammar.map_or(0, CompiledGrammar::bytes);
        let share = self.0.place.in_use().take(bytes.saturating_mul(choices));
        let share = share.ok_or_else(|| ApiError::overloaded("too many grammars are in use"))?;
        let behind = match grammar.map(CompiledGrammar::free) {
            None => Behind::Anything,
            Some(Some(_)) => Behind::Text,
            Some(None) => Behind::Grammar,
        };
        let thought =
            self.0.thoughts.as_ref().zip(thought).map(|(masks, thought)| Thought::new(masks, thought, behind));
        let every = || Arc::new(every_token(&self.0.tokenizer));
        let first = grammar.map_or_else(every, |grammar| Arc::clone(grammar.first()));
        let beginning = Beginning { grammar, first, thought };
        Ok(GrammarSession::new(&beginning, choices, shown, (self.0.masking.clone(), share)))
    }

    async fn find_or_compile(&self, spec: &GrammarSpec) -> Result<Arc<CompiledGrammar>, GrammarError> {
        let key = spec.key();
        if let Some(grammar) = self.0.place.get(&key) {
            return Ok(grammar);
        }
        let place = self.0.place.waiting().take(1).ok_or(GrammarError::Full)?;
        let (shared, spec) = (Arc::clone(&self.0), spec.clone());
        let compiled = self.0.compiling.result(place, move || shared.compile_once(&key, &spec));
        match time::timeout(PATIENCE, compiled).await {
            Ok(compiled) => compiled.unwrap_or_else(|| Err(GrammarError::Invalid("cannot be read".to_owned()))),
            Err(_) => Err(GrammarError::TooComplex(format!("takes longer than {} s to compile", PATIENCE.as_secs()))),
        }
    }
}

impl Shared {
    /// Compiles, unless somebody who waited before asked for the same.
    fn compile_once(&self, key: &[u8; 32], spec: &GrammarSpec) -> Result<Arc<CompiledGrammar>, GrammarError> {
        if let Some(grammar) = self.place.get(key) {
            return Ok(grammar);
        }
        let factory =
            self.factory.get_or_init(|| factory(&self.tokenizer, &self.ends)).as_ref().map_err(Clone::clone)?;
        let grammar = Arc::new(CompiledGrammar::new(factory, spec, &self.tokenizer)?);
        self.place.insert(key, Arc::clone(&grammar));
        Ok(grammar)
    }
}

/// What compiles grammars over the model's tokens.
fn factory(tokenizer: &Tokenizer, ends: &[Token]) -> Result<ParserFactory, GrammarError> {
    let tokens = vocabulary::token_env(tokenizer, ends).ok_or(GrammarError::NoEnd)?;
    let slices = SlicedBiasComputer::general_slices();
    let factory = ParserFactory::new(&tokens, InferenceCapabilities::default(), &slices);
    let mut factory = factory.map_err(GrammarError::from_library)?;
    let limits = factory.limits_mut();
    limits.max_lexer_states = MAX_LEXER_STATES;
    limits.step_lexer_fuel = MASK_FUEL;
    limits.verbose_errors = false;
    factory.quiet();
    Ok(factory)
}

impl CompiledGrammar {
    fn new(factory: &ParserFactory, spec: &GrammarSpec, tokenizer: &Tokenizer) -> Result<Self, GrammarError> {
        let parser = factory.create_parser(spec.grammar(tokenizer)).map_err(GrammarError::from_library)?;
        let bytes = BASE_BYTES + parser.parser.lexer_stats().num_bytes;
        let mut matcher = Matcher::new(Ok(parser));
        let mask = matcher.compute_mask_or_eos().map_err(GrammarError::from_library)?;
        let first = TokenMask::new(Vec::from(mask));
        if first.is_empty() {
            return Err(GrammarError::Invalid("no answer can have this form".to_owned()));
        }
        let free = spec.free_until().map(|calls| FreeText::new(tokenizer, &calls));
        Ok(Self { matcher: Mutex::new(matcher), first: Arc::new(first), free, bytes })
    }

    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The text before it, if it begins later than the answer.
    pub(super) fn free(&self) -> Option<&FreeText> {
        self.free.as_ref()
    }

    /// What may be drawn first.
    pub(super) fn first(&self) -> &Arc<TokenMask> {
        &self.first
    }

    /// A matcher at the beginning that shares nothing with others.
    pub(super) fn matcher(&self) -> Matcher {
        self.matcher.lock().unwrap_or_else(PoisonError::into_inner).deep_clone()
    }
}

impl GrammarError {
    /// The library tells in words only whether a grammar is wrong or too large.
    fn from_library(error: impl fmt::Display) -> Self {
        const TOO_LARGE: [&str; 8] =
            ["fuel", "limit", "too large", "too big", "too many", "too complex", "exceeded", "max_"];
        let words = error.to_string();
        if words.starts_with("panic") {
            return Self::Invalid("cannot be kept".to_owned());
        }
        if TOO_LARGE.iter().any(|words_of_it| words.contains(words_of_it)) {
            Self::TooComplex(format!("costs too much: {words}"))
        } else {
            Self::Invalid(format!("cannot be used: {words}"))
        }
    }
}

impl fmt::Debug for Grammars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Grammars").finish_non_exhaustive()
    }
}

impl fmt::Debug for CompiledGrammar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CompiledGrammar").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
