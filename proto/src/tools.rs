//! Tools: what a request declares, which of them its answer may or must call, and pieces of calls.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
    ser::SerializeMap,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{Object, ObjectBuilder, Type},
    },
};

use crate::{AnyJson, List, Refused, Text, schema, strict_object::strict_object, word::word};

/// All tools of a request.
pub type Tools = List<Tool, 128>;

strict_object! {
    /// A tool that the model may call.
    pub struct Tool {
        required {
            /// `function`
            kind: Text,
        }
        optional {
            /// What is called.
            function: FunctionDeclaration,
        }
        received {
            /// Of a tool with free text, which is not served.
            custom: Refused,
        }
        forms { of_function }
    }
}

fn of_function(tool: &Object) -> Object {
    let mut tool = schema::form(tool, &["function"], &[]);
    schema::set(&mut tool, "type", schema::words(&["function"]));
    tool
}

/// What a function or a schema may be called.
pub(crate) fn name() -> ObjectBuilder {
    schema::string().pattern(Some("^[A-Za-z0-9_-]{1,64}$"))
}

strict_object! {
    /// A function and the arguments it takes.
    pub struct FunctionDeclaration {
        required {
            /// Letters, digits, `_` and `-`.
            name: Text,
        }
        optional {
            /// For the model.
            description: Text,
            /// JSON Schema of an object.
            parameters: AnyJson,
            /// Whether the client wants the schema enforced; it always is.
            strict: bool,
        }
        forms { of_declaration }
    }
}

fn of_declaration(declaration: &Object) -> Object {
    let mut declaration = declaration.clone();
    schema::set(&mut declaration, "name", name());
    let parameters = ObjectBuilder::new().schema_type(Type::Object);
    schema::set(&mut declaration, "parameters", schema::nullable(parameters.into()));
    declaration
}

/// `tool_choice`
#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    /// Whether to call at all.
    Mode(ToolMode),
    /// This function is called.
    Function(Text),
    /// Some of the tools only.
    Allowed(AllowedTools),
}

/// Whether to call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", remote = "Self")]
pub enum ToolMode {
    /// No call.
    None,
    /// As the model likes.
    #[default]
    Auto,
    /// At least one call.
    Required,
}

word!(ToolMode);

strict_object! {
    /// `allowed_tools` of a choice.
    pub struct AllowedTools {
        required {
            /// `auto` or `required`
            mode: ToolMode,
            /// Those that may be called.
            tools: List<NamedTool, 128, 1>,
        }
        forms { of_choice }
    }
}

fn of_choice(choice: &Object) -> Object {
    let mut choice = choice.clone();
    schema::set(&mut choice, "mode", schema::words(&["auto", "required"]));
    choice
}

strict_object! {
    /// A tool by its name.
    pub struct NamedTool {
        required {
            /// `function`
            kind: Text,
            /// Which.
            function: NamedFunction,
        }
        forms { of_function }
    }
}

strict_object! {
    /// A function by its name.
    pub struct NamedFunction {
        required {
            /// Which.
            name: Text,
        }
    }
}

strict_object! {
    /// A choice that is an object.
    pub(crate) struct ChoiceMembers {
        required {
            /// Which kind.
            kind: ChoiceKind,
        }
        optional {
            /// Of a named function.
            function: NamedFunction,
            /// Of a choice of some tools.
            allowed_tools: AllowedTools,
        }
    }
}

/// `type` of a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum ChoiceKind {
    /// `function`
    #[default]
    Function,
    /// `allowed_tools`
    AllowedTools,
}

word!(ChoiceKind);

impl PartialSchema for ToolChoice {
    fn schema() -> RefOr<Schema> {
        let choice = schema::object::<ChoiceMembers>("ToolChoice", &[]);
        let mut function = schema::form(&choice, &["function"], &["allowed_tools"]);
        schema::set(&mut function, "type", schema::words(&["function"]));
        let mut allowed = schema::form(&choice, &["allowed_tools"], &["function"]);
        schema::set(&mut allowed, "type", schema::words(&["allowed_tools"]));
        let mut forms = schema::forms_of(&choice, [function, allowed]);
        forms.items.insert(0, schema::used::<ToolMode>());
        Schema::OneOf(forms).into()
    }
}

impl ToSchema for ToolChoice {
    fn schemas(components: &mut schema::Components) {
        schema::collect::<ToolMode>(components);
        <ChoiceMembers as schema::Members>::collect(components);
    }
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ToolChoiceVisitor)
    }
}

struct ToolChoiceVisitor;

impl<'de> Visitor<'de> for ToolChoiceVisitor {
    type Value = ToolChoice;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or an object")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<ToolChoice, E> {
        ToolMode::deserialize(serde::de::value::StrDeserializer::new(word)).map(ToolChoice::Mode)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ToolChoice, A::Error> {
        let members = <ChoiceMembers as Deserialize>::deserialize(MapAccessDeserializer::new(map))?;
        let missing = |name| A::Error::missing_field(name);
        match (members.kind, members.function, members.allowed_tools) {
            (ChoiceKind::Function, Some(function), None) => Ok(ToolChoice::Function(function.name)),
            (ChoiceKind::AllowedTools, None, Some(allowed)) => Ok(ToolChoice::Allowed(allowed)),
            (ChoiceKind::Function, None, _) => Err(missing("function")),
            (ChoiceKind::AllowedTools, _, None) => Err(missing("allowed_tools")),
            (_, Some(_), Some(_)) => Err(A::Error::unknown_field("of another choice", &[])),
        }
    }
}

impl Serialize for ToolChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Mode(mode) => Serialize::serialize(mode, serializer),
            Self::Function(name) => {
                object(serializer, ChoiceKind::Function, "function", &NamedFunction { name: name.clone() })
            }
            Self::Allowed(allowed) => object(serializer, ChoiceKind::AllowedTools, "allowed_tools", allowed),
        }
    }
}

fn object<S: Serializer>(
    serializer: S,
    kind: ChoiceKind,
    name: &'static str,
    value: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("type", &kind)?;
    map.serialize_entry(name, value)?;
    map.end()
}

/// A piece of a call: its beginning, or more of its arguments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolCallDelta {
    /// Which call of the message.
    pub index: usize,
    /// Its id, in its first piece only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// `function`, in its first piece only.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Text>,
    /// What is called with what.
    pub function: FunctionCallDelta,
}

/// A piece of a function's call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionCallDelta {
    /// Name of the function, in the first piece only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// More of the arguments' text.
    #[serde(default)]
    #[schema(required)]
    pub arguments: Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ToolChoice, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_choice_is_a_word_or_an_object() {
        let texts = [
            r#""required""#,
            r#"{"type":"function","function":{"name":"f"}}"#,
            r#"{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
        ];
        for text in texts {
            assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        }
        assert_eq!(read(r#""none""#), Ok(ToolChoice::Mode(ToolMode::None)));
    }

    #[test]
    fn other_choices_are_refused() {
        assert!(read(r#""sometimes""#).unwrap_err().starts_with("unknown variant `sometimes`"));
        assert!(read(r#"{"type":"function"}"#).unwrap_err().starts_with("missing field `function`"));
        assert!(read(r#"{"type":"function","name":"f"}"#).unwrap_err().starts_with("unknown field `name`"));
        assert!(read("1").unwrap_err().starts_with("invalid type: integer `1`, expected a string or an object"));
    }
}
