//! How the states of a text become its vector, as a model's files say it.

/// What the files say, or what decoders do where they say nothing.
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
    /// That of the last token.
    Last,
    /// Something that is not computed here, in the words of the files.
    Other(String),
}

impl Default for PoolingConfig {
    fn default() -> Self {
        Self { kind: PoolingKind::Last, normalize: true }
    }
}
