//! In which ways families say their facts in files, or leave them unsaid.

/// What config.json calls what every decoder has.
#[derive(Debug, PartialEq)]
pub(crate) struct FieldNames {
    pub(crate) hidden_size: &'static str,
    pub(crate) num_layers: &'static str,
    pub(crate) num_heads: &'static str,
    pub(crate) intermediate_size: &'static str,
    pub(crate) max_positions: &'static str,
    /// None where it cannot be said: it is torch's own.
    pub(crate) norm_eps: Option<&'static str>,
    /// Of families whose heads turn.
    pub(crate) kv_heads: &'static str,
    /// So too.
    pub(crate) theta: &'static str,
    /// Any of them may stand.
    pub(crate) activation: &'static [&'static str],
    /// Fields of counts, and what some files call them.
    pub(crate) others: &'static [(&'static str, &'static str)],
}

impl FieldNames {
    /// Whether a field is one of them.
    pub(crate) fn contains(&self, name: &str) -> bool {
        let others = [self.hidden_size, self.num_layers, self.num_heads, self.intermediate_size];
        others.contains(&name)
            || self.max_positions == name
            || self.norm_eps == Some(name)
            || self.activation.contains(&name)
            || self.others.iter().any(|(_, other)| *other == name)
    }
}

/// A fact that a field of config.json may turn off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch<T> {
    /// It holds.
    Always(T),
    /// It holds if the field is true, the type's default if it is false; whether it holds where the field is absent.
    Said(&'static str, T, bool),
}

/// How much of each head turns, from its first element on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Turned {
    /// All of it.
    Whole,
    /// As great a share as the field says, be it in `rope_parameters`; this one where it is absent.
    Share(&'static str, f64),
    /// As many elements as the field says; these where it is absent.
    Elements(&'static str, usize),
}

impl Turned {
    /// The field that says it.
    pub(crate) fn field(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Share(field, _) | Self::Elements(field, _) => Some(field),
        }
    }
}

/// Of each layer whether its heads turn: all do, but those of one in so many.
pub(crate) fn turns(still_every: Option<usize>, num_layers: usize) -> Vec<bool> {
    (1..=num_layers).map(|number| still_every.is_none_or(|every| !number.is_multiple_of(every))).collect()
}

/// How files say which layers see a window only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowRule {
    /// None do.
    Never,
    /// `sliding_window` is that of every layer; this where the field is absent, none where it is null.
    Every(Option<usize>),
    /// `use_sliding_window` turns `sliding_window` (this where it is absent) on for `layer_types`, or from layer
    /// `max_window_layers` on (this where it is absent).
    Chosen {
        /// Positions.
        window: usize,
        /// Layers.
        first: usize,
    },
    /// `layer_types`, or all layers but every one of this number, see `sliding_window` (this where it is absent).
    AllBut {
        /// Layers.
        every: usize,
        /// Positions.
        window: usize,
    },
    /// `use_sliding_window` turns `sliding_window` on for `layer_types`, or for layers whose heads do not turn.
    Still,
    /// Those that `attention_types` calls local see `window_size` (256 where it is absent).
    Local,
}

/// Which matrices of a layer files store as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fused {
    /// None.
    Nothing,
    /// q, k and v, one behind the other, and so gate and up.
    Rows,
    /// q, k and v in what is called this, one behind the other.
    Stacked(&'static str),
    /// q, k and v in what is called this, for each key head: the query heads that share it, itself, its value head.
    Groups(&'static str),
    /// q, k and v, and all matrices lie transposed.
    Columns,
}

/// How config.json says how many MLPs a layer has and how many each token takes, and the numbers where it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Experts {
    /// Any of the fields may stand.
    pub(crate) count: (&'static [&'static str], usize),
    pub(crate) per_token: (&'static str, usize),
    /// Whether the shares of those that a token takes add up to one.
    pub(crate) normed: Switch<bool>,
    /// Whether they do in GGUF files, which do not say.
    pub(crate) gguf_normed: bool,
    /// The one that every token takes, where there is one.
    pub(crate) shared: Option<Shared>,
    /// How many of the first layers have one MLP instead, and its width, where some may.
    pub(crate) dense: Option<(&'static str, &'static str)>,
}

/// How config.json says how wide the expert is that every token takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    /// So wide, and as much of it as a gate says; this wide where the field is absent.
    Gated(&'static str, usize),
    /// As wide as so many of the others, and all of it; there is none where the field is absent.
    Whole(&'static str),
}
