//! The markers that families of models think between.

/// How thoughts are marked.
#[derive(Debug, PartialEq, Eq)]
pub struct ReasoningFormat {
    /// What `--reasoning-parser` calls it.
    pub name: &'static str,
    /// Begins a thought.
    pub open: &'static str,
    /// Ends it.
    pub close: &'static str,
    /// Whether every answer begins with a thought, its opening marker written or not.
    pub always: bool,
}

/// All of them; of those with the same markers the first is what a chat template tells.
pub const FORMATS: &[ReasoningFormat] = &[
    ReasoningFormat { name: "qwen3", open: "<think>", close: "</think>", always: false },
    ReasoningFormat { name: "deepseek_r1", open: "<think>", close: "</think>", always: true },
    ReasoningFormat { name: "mistral", open: "[THINK]", close: "[/THINK]", always: false },
    ReasoningFormat { name: "seed_oss", open: "<seed:think>", close: "</seed:think>", always: false },
];

/// Where the format of a model comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReasoningParser {
    /// Its chat template tells.
    #[default]
    Auto,
    /// It has none.
    None,
    /// It is this one.
    Named(&'static ReasoningFormat),
}

/// How the answer to one prompt may begin with a thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinking {
    /// Its markers.
    pub format: &'static ReasoningFormat,
    /// Whether the answer goes on in a thought that is open already.
    pub begun: bool,
}

impl ReasoningFormat {
    /// The format of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The format whose end a chat template knows: it takes the thoughts of earlier turns off, or opens one.
    pub fn of_template(template: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| template.contains(format.close))
    }

    /// All words that the format is made of.
    pub fn markers(&self) -> [&'static str; 2] {
        [self.open, self.close]
    }

    /// Whether an answer behind a prompt that ends with this text goes on in a thought.
    pub fn is_begun_by(&self, prompt: &str) -> bool {
        let prompt = prompt.trim_end();
        prompt.ends_with(self.open) || (self.always && !prompt.ends_with(self.close))
    }

    /// Whether a text opens a thought and does not close it.
    pub fn is_open_in(&self, text: &str) -> bool {
        text.rfind(self.open).is_some_and(|start| !text[start..].contains(self.close))
    }
}

impl ReasoningParser {
    /// What `--reasoning-parser` says by this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "none" => Some(Self::None),
            name => ReasoningFormat::named(name).map(Self::Named),
        }
    }

    /// All names.
    pub fn names() -> Vec<&'static str> {
        ["auto", "none"].into_iter().chain(FORMATS.iter().map(|format| format.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_template(template: &str) -> Option<&'static str> {
        ReasoningFormat::of_template(template).map(|format| format.name)
    }

    #[test]
    fn templates_tell_their_markers() {
        assert_eq!(of_template("{% set content = content.split('</think>')[-1] %}"), Some("qwen3"));
        assert_eq!(of_template("{{- '[THINK]' + message.thinking + '[/THINK]' }}"), Some("mistral"));
        assert_eq!(of_template("{% set end = \"</seed:think>\" %}"), Some("seed_oss"));
        assert_eq!(of_template("{{ message.content }}"), None);
    }

    #[test]
    fn a_prompt_may_open_the_thought() {
        let begins = |name: &str, prompt: &str| ReasoningFormat::named(name).unwrap().is_begun_by(prompt);
        assert!(begins("qwen3", "<|im_start|>assistant\n<think>\n"));
        assert!(!begins("qwen3", "<|im_start|>assistant\n<think>\n\n</think>\n\n"));
        assert!(!begins("qwen3", "<|im_start|>assistant\n"));
        assert!(begins("deepseek_r1", "<|im_start|>assistant\n"));
        assert!(!begins("deepseek_r1", "<|im_start|>assistant\n</think>\n"));
    }

    #[test]
    fn a_text_may_leave_a_thought_open() {
        let open = |text: &str| ReasoningFormat::named("mistral").unwrap().is_open_in(text);
        assert!(open("[THINK]a"));
        assert!(!open("[THINK]a[/THINK]b"));
        assert!(!open("a[/THINK]b"));
    }
}
