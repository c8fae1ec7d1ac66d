//! How arguments are spelled: as a JSON object, as Python does it, or with marked texts.
//!
//! What a notation has no words for stands in it as JSON, so that every object can be written.

use serde_json::{Map, Value, json};

use crate::chat_template::one_line;

/// Marks the beginning and the end of a text.
pub(crate) const ESCAPE: &str = "<escape>";

/// A spelling of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `{"city": "Zermatt", "days": 3}`
    Json,
    /// `(city="Zermatt", days=3)`, and `(**{"a b": 1})` where a name is no word
    Python,
    /// `{city:<escape>Zermatt<escape>,days:3}`
    Escaped,
}

impl Notation {
    /// Begins arguments.
    pub(crate) fn open(self) -> char {
        match self {
            Self::Python => '(',
            Self::Json | Self::Escaped => '{',
        }
    }

    /// What stands around texts, if it is no quote.
    pub(crate) fn mark(self) -> Option<&'static str> {
        (self == Self::Escaped).then_some(ESCAPE)
    }

    /// What arguments look like.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Json => "{\"ARGUMENT\": VALUE}",
            Self::Python => "(ARGUMENT=VALUE)",
            Self::Escaped => "{ARGUMENT:VALUE}",
        }
    }

    /// A JSON object in this notation.
    pub(crate) fn write(self, arguments: &Map<String, Value>) -> String {
        let spells = arguments.keys().all(|name| is_word(name));
        match self {
            Self::Json => one_line(&json!(arguments)),
            Self::Python if spells => {
                let members = arguments.iter().map(|(name, value)| format!("{name}={}", self.value(value)));
                format!("({})", members.collect::<Vec<_>>().join(", "))
            }
            Self::Python => format!("(**{})", one_line(&json!(arguments))),
            Self::Escaped => escaped_object(arguments),
        }
    }

    /// The value of an argument.
    pub(crate) fn value(self, value: &Value) -> String {
        match (self, value) {
            (Self::Python, Value::Bool(true)) => "True".to_owned(),
            (Self::Python, Value::Bool(false)) => "False".to_owned(),
            (Self::Python, Value::Null) => "None".to_owned(),
            (Self::Escaped, Value::String(text)) if !text.contains(ESCAPE) => format!("{ESCAPE}{text}{ESCAPE}"),
            (Self::Escaped, Value::Object(members)) => escaped_object(members),
            (Self::Escaped, Value::Array(items)) => {
                let items: Vec<String> = items.iter().map(|item| self.value(item)).collect();
                format!("[{}]", items.join(","))
            }
            (_, value) => one_line(value),
        }
    }
}

/// Whether a name can stand without quotes.
pub(crate) fn is_word(name: &str) -> bool {
    let mut letters = name.chars();
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    letters.next().is_some_and(is_letter) && letters.all(|letter| is_letter(letter) || letter.is_ascii_digit())
}

fn escaped_object(members: &Map<String, Value>) -> String {
    let name = |name: &String| if is_word(name) { name.clone() } else { json!(name).to_string() };
    let member = |(own, value): (&String, &Value)| format!("{}:{}", name(own), Notation::Escaped.value(value));
    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_spelled_as_the_models_do() {
        let arguments = json!({"city": "Zer\"matt", "open": true, "days": [3, null, {"a": "b"}]});
        let written = |notation: Notation| notation.write(arguments.as_object().unwrap());
        assert_eq!(written(Notation::Python), r#"(city="Zer\"matt", open=True, days=[3, null, {"a": "b"}])"#);
        assert_eq!(
            written(Notation::Escaped),
            r#"{city:<escape>Zer"matt<escape>,open:true,days:[3,null,{a:<escape>b<escape>}]}"#
        );
        let odd = json!({"a b": "<escape>"});
        assert_eq!(Notation::Python.write(odd.as_object().unwrap()), r#"(**{"a b": "<escape>"})"#);
        assert_eq!(Notation::Escaped.write(odd.as_object().unwrap()), r#"{"a b":"<escape>"}"#);
    }
}
