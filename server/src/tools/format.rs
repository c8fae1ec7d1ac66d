//! How families of models write calls.
//!
//! ```text
//! open lead (before_name NAME before_arguments ARGUMENTS after_arguments) between (...) close
//! ```
//!
//! The spellings are those that the models' own chat templates write earlier calls in.

/// How calls are written. ARGUMENTS is a JSON object.
#[derive(Debug, PartialEq, Eq)]
pub struct CallFormat {
    /// What `--tool-call-parser` calls it.
    pub name: &'static str,
    /// Opens the calls, and is the sign that the answer's text is over.
    pub open: &'static str,
    /// Whether calls may follow text; if not, an answer begins with `open` or has no call.
    pub after_text: bool,
    /// Between `open` and the first call.
    pub lead: &'static str,
    /// Begins each call.
    pub before_name: &'static str,
    /// Ends the name.
    pub before_arguments: &'static str,
    /// Ends each call.
    pub after_arguments: &'static str,
    /// Between two calls.
    pub between: &'static str,
    /// After the last call.
    pub close: &'static str,
}

/// All of them; the first is that of models which were taught none.
pub const FORMATS: &[CallFormat] = &[
    CallFormat {
        name: "hermes",
        open: "<tool_call>",
        after_text: true,
        lead: "",
        before_name: "\n{\"name\": \"",
        before_arguments: "\", \"arguments\": ",
        after_arguments: "}\n</tool_call>",
        between: "\n<tool_call>",
        close: "",
    },
    CallFormat {
        name: "llama3_json",
        open: "{\"name\": \"",
        after_text: false,
        lead: "",
        before_name: "",
        before_arguments: "\", \"parameters\": ",
        after_arguments: "}",
        between: "; {\"name\": \"",
        close: "",
    },
    CallFormat {
        name: "mistral",
        open: "[TOOL_CALLS]",
        after_text: true,
        lead: "[",
        before_name: "{\"name\": \"",
        before_arguments: "\", \"arguments\": ",
        after_arguments: "}",
        between: ", ",
        close: "]",
    },
    CallFormat {
        name: "mistral_args",
        open: "[TOOL_CALLS]",
        after_text: true,
        lead: "",
        before_name: "",
        before_arguments: "[ARGS]",
        after_arguments: "",
        between: "[TOOL_CALLS]",
        close: "",
    },
    CallFormat {
        name: "phi4_mini_json",
        open: "functools[",
        after_text: true,
        lead: "",
        before_name: "{\"name\": \"",
        before_arguments: "\", \"arguments\": ",
        after_arguments: "}",
        between: ", ",
        close: "]",
    },
    CallFormat {
        name: "deepseek_v3",
        open: "<｜tool▁calls▁begin｜>",
        after_text: true,
        lead: "",
        before_name: "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
        before_arguments: "\n```json\n",
        after_arguments: "\n```<｜tool▁call▁end｜>",
        between: "\n",
        close: "<｜tool▁calls▁end｜>",
    },
    CallFormat {
        name: "deepseek_v31",
        open: "<｜tool▁calls▁begin｜>",
        after_text: true,
        lead: "",
        before_name: "<｜tool▁call▁begin｜>",
        before_arguments: "<｜tool▁sep｜>",
        after_arguments: "<｜tool▁call▁end｜>",
        between: "",
        close: "<｜tool▁calls▁end｜>",
    },
];

/// Words of a chat template, and the format that a template with all of them writes. The first that fits counts.
const SIGNS: &[(&[&str], &str)] = &[
    (&["<tool_call>"], "hermes"),
    (&["<｜tool▁calls▁begin｜>", "```json"], "deepseek_v3"),
    (&["<｜tool▁calls▁begin｜>"], "deepseek_v31"),
    (&["[TOOL_CALLS]", "[ARGS]"], "mistral_args"),
    (&["[TOOL_CALLS]"], "mistral"),
    (&["functools"], "phi4_mini_json"),
    (&["\"parameters\": "], "llama3_json"),
];

impl CallFormat {
    /// The format of models that were taught none.
    pub const fn plain() -> &'static Self {
        &FORMATS[0]
    }

    /// The format of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The format that a chat template with tools writes calls in.
    pub fn of_template(template: &str) -> &'static Self {
        let fits = |words: &[&str]| words.iter().all(|word| template.contains(word));
        let sign = SIGNS.iter().find(|(words, _)| fits(words));
        sign.and_then(|(_, name)| Self::named(name)).unwrap_or(Self::plain())
    }

    /// All words that the format is made of.
    pub fn words(&self) -> [&'static str; 7] {
        let Self { open, lead, before_name, before_arguments, after_arguments, between, close, .. } = *self;
        [open, lead, before_name, before_arguments, after_arguments, between, close]
    }

    /// Calls as a model writes them, each a name and its arguments.
    pub fn write<'a>(&self, calls: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let Self { before_name, before_arguments, after_arguments, .. } = self;
        let calls: Vec<String> = calls
            .into_iter()
            .map(|(name, arguments)| format!("{before_name}{name}{before_arguments}{arguments}{after_arguments}"))
            .collect();
        format!("{}{}{}{}", self.open, self.lead, calls.join(self.between), self.close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_names_a_format() {
        assert!(SIGNS.iter().all(|(_, name)| CallFormat::named(name).is_some()));
    }

    #[test]
    fn templates_tell_their_format() {
        let cases = [
            ("{{ '<tool_call>\\n' }}", "hermes"),
            ("{{'[TOOL_CALLS] ['}}", "mistral"),
            ("'[TOOL_CALLS]' + name + '[ARGS]'", "mistral_args"),
            (r#"{"name": function name, "parameters": dictionary}"#, "llama3_json"),
            ("nothing of it", "hermes"),
        ];
        for (template, name) in cases {
            assert_eq!(CallFormat::of_template(template).name, name, "{template}");
        }
    }

    #[test]
    fn calls_are_written_as_the_models_do() {
        let calls = [("a", "{}"), ("b", r#"{"x": 1}"#)];
        let written = |name: &str| CallFormat::named(name).unwrap().write(calls);
        assert_eq!(
            written("hermes"),
            "<tool_call>\n{\"name\": \"a\", \"arguments\": {}}\n</tool_call>\n\
             <tool_call>\n{\"name\": \"b\", \"arguments\": {\"x\": 1}}\n</tool_call>"
        );
        assert_eq!(
            written("mistral"),
            r#"[TOOL_CALLS][{"name": "a", "arguments": {}}, {"name": "b", "arguments": {"x": 1}}]"#
        );
        assert_eq!(written("llama3_json"), r#"{"name": "a", "parameters": {}}; {"name": "b", "parameters": {"x": 1}}"#);
    }
}
