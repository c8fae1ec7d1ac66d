//! An answer's text, cut into content and calls.
//!
//! Invariant: the deltas do not depend on how the text is cut into pieces but for where they are cut themselves. What
//! follows the opening words is kept to the format by the grammar; a text that breaks off gives the calls so far.

use super::{CallFormat, trigger::Trigger};

/// What is new about the calls of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallDelta {
    /// A call of this function begins.
    Begin(String),
    /// More of the arguments of the call that began last.
    Arguments(String),
}

/// Content, then calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Text of the answer.
    pub content: String,
    /// What follows it.
    pub calls: Vec<CallDelta>,
}

/// The reading, as far as it has come.
#[derive(Debug)]
pub struct CallReader {
    format: &'static CallFormat,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Content, with bytes that may become the opening words held back.
    Content { trigger: Trigger, held: String },
    /// Words of the format before a name: those left.
    BeforeName(String),
    /// A name, as far as it came.
    Name(String),
    /// Words of the format before the arguments: those left.
    BeforeArguments(&'static str),
    /// Arguments.
    Arguments(Object),
    /// Behind arguments: what came since.
    AfterArguments(String),
}

/// A JSON object on its way to its last brace.
#[derive(Debug, Default)]
struct Object {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl CallReader {
    /// Reads an answer that begins with content.
    pub fn new(format: &'static CallFormat) -> Self {
        Self { format, stage: Stage::Content { trigger: Trigger::new(format), held: String::new() } }
    }

    /// Whether a call has begun or is about to.
    pub fn is_calling(&self) -> bool {
        !matches!(self.stage, Stage::Content { .. })
    }

    /// Adds text and gives what is settled.
    pub fn push(&mut self, text: &str) -> Read {
        let mut read = Read::default();
        for character in text.chars() {
            self.step(character, &mut read);
        }
        self.settle(&mut read);
        read
    }

    /// Ends the answer: gives the content that was held back.
    pub fn finish(&mut self) -> String {
        match &mut self.stage {
            Stage::Content { held, .. } => std::mem::take(held),
            _ => String::new(),
        }
    }

    fn step(&mut self, character: char, read: &mut Read) {
        let format = self.format;
        match &mut self.stage {
            Stage::Content { trigger, held } => {
                held.push(character);
                let mut bytes = [0; 4];
                // The opening words end with a whole character.
                if character.encode_utf8(&mut bytes).bytes().fold(false, |_, byte| trigger.step(byte)) {
                    held.truncate(held.len() - format.open.len());
                    read.content += held;
                    self.stage = Stage::before_name(format);
                }
            }
            Stage::BeforeName(left) => {
                left.remove(0);
                if left.is_empty() {
                    self.stage = Stage::Name(String::new());
                }
            }
            Stage::Name(name) => match format.before_arguments.strip_prefix(character) {
                Some(left) => {
                    read.calls.push(CallDelta::Begin(std::mem::take(name)));
                    self.stage = Stage::before_arguments(left);
                }
                None => name.push(character),
            },
            Stage::BeforeArguments(left) => {
                self.stage = Stage::before_arguments(left.strip_prefix(character).unwrap_or_default());
            }
            Stage::Arguments(object) => {
                add_arguments(&mut read.calls, character);
                if object.ends_with(character) {
                    self.stage = Stage::AfterArguments(String::new());
                }
            }
            Stage::AfterArguments(came) => {
                came.push(character);
                let rest = came.strip_prefix(format.after_arguments).and_then(|rest| rest.strip_prefix(format.between));
                if rest == Some(format.before_name) {
                    self.stage = Stage::Name(String::new());
                }
            }
        }
    }

    /// Content that cannot become the opening words any more.
    fn settle(&mut self, read: &mut Read) {
        if let Stage::Content { trigger, held } = &mut self.stage {
            let rest = held.split_off(held.len() - trigger.held());
            read.content += &std::mem::replace(held, rest);
        }
    }
}

impl Stage {
    fn before_name(format: &CallFormat) -> Self {
        let words = format.lead.to_owned() + format.before_name;
        if words.is_empty() { Self::Name(String::new()) } else { Self::BeforeName(words) }
    }

    fn before_arguments(left: &'static str) -> Self {
        if left.is_empty() { Self::Arguments(Object::default()) } else { Self::BeforeArguments(left) }
    }
}

impl Object {
    /// Whether this character closes the object.
    fn ends_with(&mut self, character: char) -> bool {
        match character {
            _ if self.escaped => self.escaped = false,
            '\\' if self.in_string => self.escaped = true,
            '"' => self.in_string = !self.in_string,
            '{' if !self.in_string => self.depth += 1,
            '}' if !self.in_string => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

fn add_arguments(calls: &mut Vec<CallDelta>, character: char) {
    if let Some(CallDelta::Arguments(text)) = calls.last_mut() {
        text.push(character);
    } else {
        calls.push(CallDelta::Arguments(character.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};

    use super::{super::format::FORMATS, *};

    /// What pieces of a text add up to.
    fn read(format: &'static CallFormat, pieces: &[&str]) -> (String, Vec<(String, String)>) {
        let mut reader = CallReader::new(format);
        let (mut content, mut calls) = (String::new(), Vec::<(String, String)>::new());
        for piece in pieces {
            let read = reader.push(piece);
            assert!(calls.is_empty() || read.content.is_empty(), "content comes before calls");
            content += &read.content;
            for delta in read.calls {
                match delta {
                    CallDelta::Begin(name) => calls.push((name, String::new())),
                    CallDelta::Arguments(text) => calls.last_mut().unwrap().1 += &text,
                }
            }
        }
        content += &reader.finish();
        (content, calls)
    }

    fn pieces<'a>(text: &'a str, cuts: &[Index]) -> Vec<&'a str> {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).collect();
        ends.push(text.len());
        ends.sort_unstable();
        let starts = std::iter::once(0).chain(ends.iter().copied()).collect::<Vec<_>>();
        starts.into_iter().zip(ends).map(|(start, end)| &text[start..end]).collect()
    }

    /// JSON objects with braces and quotes in their strings.
    fn arguments() -> impl Strategy<Value = String> {
        let text = "[ a{}\"\\\\:,é산]{0,8}";
        let value = prop_oneof![
            text.prop_map(serde_json::Value::from),
            any::<i32>().prop_map(serde_json::Value::from),
            proptest::collection::vec(text.prop_map(serde_json::Value::from), 0..3).prop_map(serde_json::Value::from),
        ];
        let member = (text, value);
        proptest::collection::vec(member, 0..4)
            .prop_map(|members| serde_json::Value::Object(members.into_iter().collect()).to_string())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn any_cut_of_an_answer_reads_the_same(
            format in 0..FORMATS.len(),
            content in "[ a<{\\[tool_cal\"é]{0,12}",
            calls in proptest::collection::vec(("[a-zA-Z0-9_-]{1,9}", arguments()), 0..4),
            cuts in proptest::collection::vec(any::<Index>(), 0..8),
            kept in any::<Index>(),
        ) {
            let format = &FORMATS[format];
            let content = if format.after_text || calls.is_empty() { content } else { String::new() };
            let borrowed = calls.iter().map(|(name, arguments)| (name.as_str(), arguments.as_str()));
            let written = if calls.is_empty() { String::new() } else { format.write(borrowed) };
            let text = content.clone() + &written;
            prop_assert_eq!(read(format, &pieces(&text, &cuts)), (content, calls));

            let cut = &text[..text.floor_char_boundary(kept.index(text.len() + 1))];
            prop_assert_eq!(read(format, &pieces(cut, &cuts)), read(format, &[cut]));
        }
    }
}
