//! How the states of a text become its vector, as a model's files say it.

/// What the files say, or what models of the kind do where they say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolingConfig {
    /// Which states make the vector.
    pub kind: PoolingKind,
    /// Whether vectors have unit length.
    pub normalize: bool,
}

/// Which states make a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolingKind {
    /// That of the first token.
    First,
    /// That of the last token.
    Last,
    /// The mean of all.
    Mean,
    /// Of each number the greatest.
    Max,
    /// Something that is not computed here, in the words of the files.
    Other(String),
}

impl std::fmt::Display for PoolingKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::First => "the first token's state",
            Self::Last => "the last token's state",
            Self::Mean => "the mean of all states",
            Self::Max => "the greatest numbers of all states",
            Self::Other(kind) => kind.as_str(),
        })
    }
}

impl PoolingConfig {
    /// The last token of a decoder has seen all others.
    pub(crate) const OF_DECODERS: Self = Self { kind: PoolingKind::Last, normalize: true };
    /// As sentence-transformers wraps an encoder that has no files of it, but of unit length.
    pub(crate) const OF_ENCODERS: Self = Self { kind: PoolingKind::Mean, normalize: true };
}
