//! Arguments in any notation, read letter by letter and given as a JSON object.

use super::notation::{ESCAPE, Notation};
use crate::substring::Substring;

/// Arguments on their way to their last letter.
#[derive(Debug)]
pub(super) enum ArgumentReader {
    Json(JsonObject),
    Python(PythonCall),
    Escaped(EscapedObject),
}

impl ArgumentReader {
    /// Arguments of which nothing has come.
    pub(super) fn new(notation: Notation) -> Self {
        match notation {
            Notation::Json => Self::Json(JsonObject::default()),
            Notation::Python => Self::Python(PythonCall::default()),
            Notation::Escaped => Self::Escaped(EscapedObject::new()),
        }
    }

    /// Adds a letter; the JSON that is settled goes to `json`. True with the last one.
    pub(super) fn push(&mut self, letter: char, json: &mut String) -> bool {
        match self {
            Self::Json(object) => {
                json.push(letter);
                object.ends_with(letter)
            }
            Self::Python(call) => call.push(letter, json),
            Self::Escaped(object) => object.push(letter, json),
        }
    }
}

/// A JSON object.
#[derive(Debug, Default)]
pub(super) struct JsonObject {
    depth: usize,
    text: JsonText,
}

/// Whether a place is in a text, and whether behind a backslash of it.
#[derive(Debug, Default)]
struct JsonText {
    is_open: bool,
    escaped: bool,
}

impl JsonText {
    /// Whether this letter belongs to a text, its quotes included.
    fn takes(&mut self, letter: char) -> bool {
        match letter {
            _ if self.escaped => self.escaped = false,
            '\\' if self.is_open => self.escaped = true,
            '"' => self.is_open = !self.is_open,
            _ => return self.is_open,
        }
        true
    }
}

impl JsonObject {
    /// Whether this letter closes the object.
    fn ends_with(&mut self, letter: char) -> bool {
        match letter {
            letter if self.text.takes(letter) => {}
            '{' => self.depth += 1,
            '}' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// Arguments as Python calls have them.
#[derive(Debug, Default)]
pub(super) struct PythonCall {
    at: PythonPlace,
    members: usize,
}

#[derive(Debug)]
enum PythonPlace {
    /// Before or in a name.
    Name(String),
    /// In a value, so deep in its lists and objects; with a word that may be one of Python's.
    Value { depth: usize, text: JsonText, word: String },
    /// In a JSON object that holds all arguments.
    Whole(JsonObject),
}

impl Default for PythonPlace {
    fn default() -> Self {
        Self::Name(String::new())
    }
}

impl PythonCall {
    fn push(&mut self, letter: char, json: &mut String) -> bool {
        match &mut self.at {
            PythonPlace::Name(name) => match letter {
                '=' => {
                    json.push_str(if self.members == 0 { "{" } else { ", " });
                    push_quoted(name, json);
                    json.push_str(": ");
                    self.members += 1;
                    self.at = PythonPlace::Value { depth: 0, text: JsonText::default(), word: String::new() };
                }
                '*' => self.at = PythonPlace::Whole(JsonObject::default()),
                ')' => return self.end(json),
                '(' | ' ' => {}
                letter => name.push(letter),
            },
            PythonPlace::Whole(object) => match letter {
                '*' if object.depth == 0 => {}
                ')' if object.depth == 0 => return true,
                letter => {
                    json.push(letter);
                    object.ends_with(letter);
                }
            },
            PythonPlace::Value { depth, text, word } => {
                if !text.is_open && letter.is_ascii_alphabetic() {
                    word.push(letter);
                    return false;
                }
                json.push_str(word_of_json(word));
                word.clear();
                match letter {
                    letter if text.takes(letter) => json.push(letter),
                    ',' if *depth == 0 => self.at = PythonPlace::default(),
                    ')' if *depth == 0 => return self.end(json),
                    letter => {
                        match letter {
                            '[' | '{' => *depth += 1,
                            ']' | '}' => *depth = depth.saturating_sub(1),
                            _ => {}
                        }
                        json.push(letter);
                    }
                }
            }
        }
        false
    }

    fn end(&self, json: &mut String) -> bool {
        json.push_str(if self.members == 0 { "{}" } else { "}" });
        true
    }
}

/// A word outside of texts, in JSON.
fn word_of_json(word: &str) -> &str {
    match word {
        "True" => "true",
        "False" => "false",
        "None" => "null",
        word => word,
    }
}

/// An object whose names are bare and whose texts stand between marks.
#[derive(Debug)]
pub(super) struct EscapedObject {
    at: EscapedPlace,
    /// Of what is open, whether it is an object.
    open: Vec<bool>,
}

#[derive(Debug)]
enum EscapedPlace {
    /// Before or in a name.
    Name(String),
    /// Before, in or behind a value.
    Value,
    /// In a JSON text, which may be a name.
    Quoted(JsonText),
    /// In the first mark of a text: bytes of it that came.
    Mark(usize),
    /// In a text, with the end of it that may be the second mark.
    Text { mark: Substring, held: String },
}

impl EscapedObject {
    fn new() -> Self {
        Self { at: EscapedPlace::Value, open: Vec::new() }
    }

    fn push(&mut self, letter: char, json: &mut String) -> bool {
        match &mut self.at {
            EscapedPlace::Quoted(text) => {
                json.push(letter);
                text.takes(letter);
                if !text.is_open {
                    self.at = EscapedPlace::Value;
                }
            }
            EscapedPlace::Mark(came) => {
                *came += letter.len_utf8();
                if *came == ESCAPE.len() {
                    json.push('"');
                    self.at = EscapedPlace::Text { mark: Substring::new(ESCAPE), held: String::new() };
                }
            }
            EscapedPlace::Text { mark, held } => {
                held.push(letter);
                let is_over = letter.encode_utf8(&mut [0; 4]).bytes().fold(false, |_, byte| mark.step(byte));
                let settled = held.len() - mark.matched();
                push_escaped(&held[..settled], json);
                held.drain(..settled);
                if is_over {
                    json.push('"');
                    self.at = EscapedPlace::Value;
                }
            }
            EscapedPlace::Name(name) if !matches!(letter, '"' | ':' | '}' | ',') && !letter.is_whitespace() => {
                name.push(letter);
            }
            EscapedPlace::Name(name) if letter == ':' => {
                push_quoted(name, json);
                json.push(':');
                self.at = EscapedPlace::Value;
            }
            EscapedPlace::Name(_) | EscapedPlace::Value => return self.push_structure(letter, json),
        }
        false
    }

    /// A letter outside of texts and bare names.
    fn push_structure(&mut self, letter: char, json: &mut String) -> bool {
        match letter {
            '<' => {
                self.at = EscapedPlace::Mark(1);
                return false;
            }
            '"' => {
                let mut text = JsonText::default();
                text.takes(letter);
                self.at = EscapedPlace::Quoted(text);
            }
            '{' | '[' => {
                self.open.push(letter == '{');
                self.go_on();
            }
            '}' | ']' => {
                self.open.pop();
                self.at = EscapedPlace::Value;
            }
            ',' => self.go_on(),
            _ => {}
        }
        json.push(letter);
        self.open.is_empty()
    }

    /// What follows a bracket or a comma.
    fn go_on(&mut self) {
        let in_object = self.open.last().is_some_and(|is_object| *is_object);
        self.at = if in_object { EscapedPlace::Name(String::new()) } else { EscapedPlace::Value };
    }
}

fn push_quoted(text: &str, json: &mut String) {
    json.push('"');
    push_escaped(text, json);
    json.push('"');
}

/// The inside of a JSON text.
fn push_escaped(text: &str, json: &mut String) {
    let quoted = serde_json::Value::from(text).to_string();
    json.push_str(&quoted[1..quoted.len() - 1]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(notation: Notation, text: &str) -> String {
        let mut reader = ArgumentReader::new(notation);
        let mut json = String::new();
        let ends: Vec<usize> =
            text.char_indices().filter(|(_, letter)| reader.push(*letter, &mut json)).map(|(index, _)| index).collect();
        assert_eq!(ends, [text.len() - 1], "{text} ends with its last letter, and gives {json}");
        json
    }

    #[test]
    fn python_is_read_as_json() {
        let cases = [
            ("()", "{}"),
            (
                r#"(a="x,)\"(", b=True, c=[None, 1e5, {"d": "}"}])"#,
                r#"{"a": "x,)\"(", "b": true, "c": [null, 1e5, {"d": "}"}]}"#,
            ),
            (r#"(a=-1.5,b_2="None")"#, r#"{"a": -1.5, "b_2": "None"}"#),
            (r#"(**{"a b": [")"]})"#, r#"{"a b": [")"]}"#),
        ];
        for (text, json) in cases {
            assert_eq!(read(Notation::Python, text), json);
        }
    }

    #[test]
    fn marked_texts_are_read_as_json() {
        let cases = [
            ("{}", "{}"),
            ("{a:<escape>x\"}\n<esc<escape>,b:true}", "{\"a\":\"x\\\"}\\n<esc\",\"b\":true}"),
            ("{a:[<escape><escape>,1],b:{c:<escape>d<escape>}}", r#"{"a":["",1],"b":{"c":"d"}}"#),
            (r#"{"a b": {"c": "}<escape>"}, "d": [1, 2]}"#, r#"{"a b": {"c": "}<escape>"}, "d": [1, 2]}"#),
        ];
        for (text, json) in cases {
            assert_eq!(read(Notation::Escaped, text), json);
        }
    }
}
