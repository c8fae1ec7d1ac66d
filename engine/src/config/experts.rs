//! Several MLPs in a layer.

/// MLPs beside each other, of which each token takes a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpertsConfig {
    /// In each layer.
    pub count: usize,
    /// Of each token; at most all.
    pub per_token: usize,
    /// The shares of those that a token takes add up to one; else they are what a softmax over all gives them.
    pub normed: bool,
    /// Width of one more, if there is, that every token takes.
    pub shared: Option<usize>,
    /// Tokens take as much of that one as a gate says; else all of it.
    pub shared_gate: bool,
    /// The first layers have one MLP instead.
    pub dense: Option<DenseLayers>,
}

/// The layers before those with experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenseLayers {
    /// How many there are.
    pub count: usize,
    /// Width of their MLP.
    pub width: usize,
}
