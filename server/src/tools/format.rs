//! How families of models write calls.
//!
//! ```text
//! open lead (before_name NAME before_arguments ARGUMENTS after_arguments) between (...) close
//! ```
//!
//! ARGUMENTS are spelled in the format's notation.
//!
//! The spellings are those that the models' own chat templates write earlier calls in.

use serde_json::Value;

use super::notation::Notation;

/// Where calls may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Behind any text.
    InText,
    /// At the beginning of an answer, which else has none.
    AtStart,
    /// The same, and it takes a function's name to tell calls from text.
    AtStartWithName,
}

/// How calls are written.
#[derive(Debug, PartialEq, Eq)]
pub struct CallFormat {
    /// What `--tool-call-parser` calls it.
    pub name: &'static str,
    /// Opens the calls, and is the sign that the answer's text is over.
    pub open: &'static str,
    /// Where that may stand.
    pub opening: Opening,
    /// Between `open` and the first call.
    pub lead: &'static str,
    /// Begins each call.
    pub before_name: &'static str,
    /// Ends the name; if it is empty, the arguments do.
    pub before_arguments: &'static str,
    /// How arguments are spelled.
    pub notation: Notation,
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
        opening: Opening::InText,
        lead: "",
        before_name: "\n{\"name\": \"",
        before_arguments: "\", \"arguments\": ",
        notation: Notation::Json,
        after_arguments: "}\n</tool_call>",
        between: "\n<tool_call>",
        close: "",
    },
    CallFormat {
        name: "llama3_json",
        open: "{\"name\": \"",
        opening: Opening::AtStart,
        lead: "",
        before_name: "",
        before_arguments: "\", \"parameters\": ",
        notation: Notation::Json,
        after_arguments: "}",
        between: "; {\"name\": \"",
        close: "",
    },
    CallFormat {
        name: "mistral",
        open: "[TOOL_CALLS]",
        opening: Opening::InText,
        lead: "[",
        before_name: "{\"name\": \"",
        before_arguments: "\", \"arguments\": ",
        notation: Notation::Json,
        after_arguments: "}",
        between: ", ",
        close: "]",
    },
    CallFormat {
        name: "mistral_args",
        open: "[TOOL_CALLS]",
        opening: Opening::InText,
        lead: "",
        before_name: "",
        before_arguments: "[ARGS]",
        notation: Notation::Json,
        after_arguments: "",
        between: "[TOOL_CALLS]",
        close: "",
    },
    CallFormat {
        name: "phi4_mini_json",
        open: "functools[",
        opening: Opening::InText,
        lead: "",
        before_name: "{\"name\": \"",
        before_arguments: "\", \"arguments\": ",
        notation: Notation::Json,
        after_arguments: "}",
        between: ", ",
        close: "]",
    },
    CallFormat {
        name: "deepseek_v3",
        open: "<｜tool▁calls▁begin｜>",
        opening: Opening::InText,
        lead: "",
        before_name: "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
        before_arguments: "\n```json\n",
        notation: Notation::Json,
        after_arguments: "\n```<｜tool▁call▁end｜>",
        between: "\n",
        close: "<｜tool▁calls▁end｜>",
    },
    CallFormat {
        name: "deepseek_v31",
        open: "<｜tool▁calls▁begin｜>",
        opening: Opening::InText,
        lead: "",
        before_name: "<｜tool▁call▁begin｜>",
        before_arguments: "<｜tool▁sep｜>",
        notation: Notation::Json,
        after_arguments: "<｜tool▁call▁end｜>",
        between: "",
        close: "<｜tool▁calls▁end｜>",
    },
    CallFormat {
        name: "phi4_mini",
        open: "<|tool_call|>",
        opening: Opening::InText,
        lead: "[",
        before_name: "{\"name\": \"",
        before_arguments: "\", \"arguments\": ",
        notation: Notation::Json,
        after_arguments: "}",
        between: ", ",
        close: "]<|/tool_call|>",
    },
    CallFormat {
        name: "pythonic",
        open: "[",
        opening: Opening::AtStartWithName,
        lead: "",
        before_name: "",
        before_arguments: "",
        notation: Notation::Python,
        after_arguments: "",
        between: ", ",
        close: "]",
    },
    CallFormat {
        name: "functiongemma",
        open: "<start_function_call>",
        opening: Opening::InText,
        lead: "",
        before_name: "call:",
        before_arguments: "",
        notation: Notation::Escaped,
        after_arguments: "<end_function_call>",
        between: "<start_function_call>",
        close: "",
    },
];

/// Words of a chat template, and the format that a template with all of them writes. The first that fits counts.
const SIGNS: &[(&[&str], &str)] = &[
    (&["<tool_call>"], "hermes"),
    (&["<start_function_call>"], "functiongemma"),
    (&["<|tool|>", "<|/tool|>"], "phi4_mini"),
    (&["[func_name1("], "pythonic"),
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
    pub fn words(&self) -> Vec<&'static str> {
        let Self { open, lead, before_name, before_arguments, after_arguments, between, close, .. } = *self;
        let own = [open, lead, before_name, before_arguments, after_arguments, between, close];
        own.into_iter().chain(self.notation.mark()).collect()
    }

    /// The words that open calls, the first of which is of this function.
    pub(crate) fn open_with(&self, name: &str) -> String {
        let Self { open, lead, before_name, before_arguments, .. } = self;
        let end = if before_arguments.is_empty() { self.notation.open().to_string() } else { String::new() };
        format!("{open}{lead}{before_name}{name}{before_arguments}{end}")
    }

    /// What begins behind a name.
    pub(crate) fn name_end(&self) -> char {
        self.before_arguments.chars().next().unwrap_or(self.notation.open())
    }

    /// Calls as a model writes them, each a name and its arguments, an object.
    pub fn write<'a>(&self, calls: impl IntoIterator<Item = (&'a str, &'a Value)>) -> String {
        let spelled = |(name, arguments): (&'a str, &'a Value)| {
            (name, arguments.as_object().map(|arguments| self.notation.write(arguments)).unwrap_or_default())
        };
        self.put_together(calls.into_iter().map(spelled))
    }

    /// What a call looks like.
    pub fn example(&self) -> String {
        self.put_together([("NAME", self.notation.example().to_owned())])
    }

    fn put_together<'a>(&self, calls: impl IntoIterator<Item = (&'a str, String)>) -> String {
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
    use serde_json::json;

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
            ("'Respond in the format [func_name1(params_name1=params_value1'", "pythonic"),
            ("{{ '<start_function_call>call:' + tool_call['name'] }}", "functiongemma"),
            ("'<|tool|>' + message['tools'] + '<|/tool|>'", "phi4_mini"),
            ("nothing of it", "hermes"),
        ];
        for (template, name) in cases {
            assert_eq!(CallFormat::of_template(template).name, name, "{template}");
        }
    }

    #[test]
    fn calls_are_written_as_the_models_do() {
        let (none, one) = (json!({}), json!({"x": 1, "y": "z"}));
        let written = |name: &str| CallFormat::named(name).unwrap().write([("a", &none), ("b", &one)]);
        assert_eq!(
            written("hermes"),
            "<tool_call>\n{\"name\": \"a\", \"arguments\": {}}\n</tool_call>\n\
             <tool_call>\n{\"name\": \"b\", \"arguments\": {\"x\": 1, \"y\": \"z\"}}\n</tool_call>"
        );
        assert_eq!(
            written("mistral"),
            r#"[TOOL_CALLS][{"name": "a", "arguments": {}}, {"name": "b", "arguments": {"x": 1, "y": "z"}}]"#
        );
        assert_eq!(
            written("llama3_json"),
            r#"{"name": "a", "parameters": {}}; {"name": "b", "parameters": {"x": 1, "y": "z"}}"#
        );
        assert_eq!(written("pythonic"), r#"[a(), b(x=1, y="z")]"#);
        assert_eq!(
            written("functiongemma"),
            "<start_function_call>call:a{}<end_function_call>\
             <start_function_call>call:b{x:1,y:<escape>z<escape>}<end_function_call>"
        );
    }
}
