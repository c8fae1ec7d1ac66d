//! The form an answer is bound to: `OpenAI`'s `response_format`, and the names other servers have for the same.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{Object, ObjectBuilder, OneOf, SchemaType, Type},
    },
};

use crate::{BoundedText, List, Refused, Text, schema, strict_object::strict_object, tools, word::word};

/// Most answers to choose from.
pub const MAX_STRUCTURED_CHOICES: usize = 1024;

/// Any JSON value, kept as it came: a schema or its text. Debug shows no content.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AnyJson(pub Value);

impl fmt::Debug for AnyJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AnyJson")
    }
}

impl PartialSchema for AnyJson {
    fn schema() -> RefOr<Schema> {
        schema::any()
    }
}

impl ToSchema for AnyJson {}

/// One of the texts that an answer may be.
pub type ChoiceText = BoundedText<1, { 64 << 10 }>;

/// The texts that an answer may be.
pub type Choices = List<ChoiceText, MAX_STRUCTURED_CHOICES, 1>;

strict_object! {
    /// `response_format`
    pub struct ResponseFormat {
        required {
            /// `text`, `json_object` or `json_schema`
            kind: FormatKind,
        }
        optional {
            /// The schema, if it is `json_schema`.
            json_schema: NamedSchema,
        }
        forms { of_kinds }
    }
}

fn of_kinds(format: &Object) -> OneOf {
    let mut plain = schema::form(format, &[], &["json_schema"]);
    schema::set(&mut plain, "type", schema::words(&["text", "json_object"]));
    let mut schema = schema::form(format, &["json_schema"], &[]);
    schema::set(&mut schema, "type", schema::words(&["json_schema"]));
    schema::forms_of(format, [plain, schema])
}

/// `type` of a response format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum FormatKind {
    /// Free text.
    #[default]
    Text,
    /// One JSON object.
    JsonObject,
    /// JSON under a schema.
    JsonSchema,
}

word!(FormatKind);

strict_object! {
    /// A JSON Schema and what it is called.
    pub struct NamedSchema {
        required {
            /// Letters, digits, `_` and `-`.
            name: Text,
        }
        optional {
            /// For people.
            description: Text,
            /// The schema.
            schema: AnyJson,
            /// Whether the client wants it enforced; it always is.
            strict: bool,
        }
        forms { of_schema }
    }
}

fn of_schema(named: &Object) -> Object {
    let mut named = schema::form(named, &["schema"], &[]);
    schema::set(&mut named, "name", tools::name());
    schema::set(&mut named, "schema", of_types([Type::Object, Type::Boolean]));
    named
}

fn of_types(types: impl IntoIterator<Item = Type>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter(types))
}

/// A schema or its text.
pub(crate) fn schema_or_text() -> RefOr<Schema> {
    of_types([Type::Object, Type::Boolean, Type::String]).into()
}

/// A regular expression of a bounded size.
pub(crate) fn regex() -> RefOr<Schema> {
    schema::string().max_length(Some(4 << 10)).into()
}

/// A grammar of a bounded size.
pub(crate) fn grammar() -> RefOr<Schema> {
    schema::string().max_length(Some(64 << 10)).into()
}

strict_object! {
    /// `structured_outputs`: exactly one of its members is given.
    pub struct StructuredOutputs {
        optional {
            /// A JSON Schema, or its text.
            json: AnyJson,
            /// A regular expression that the whole answer matches.
            regex: Text,
            /// The answer is one of these.
            choice: Choices,
            /// A grammar in the notation of Lark.
            grammar: Text,
            /// Any JSON object.
            json_object: bool,
        }
        received {
            /// Text with structured parts.
            structural_tag: Refused,
        }
        forms { of_members }
    }
}

/// One form for each member: the others are absent.
fn of_members(outputs: &Object) -> OneOf {
    const NAMES: [&str; 5] = ["json", "regex", "choice", "grammar", "json_object"];
    let form = |name: &'static str| {
        let others: Vec<&str> = NAMES.into_iter().filter(|other| *other != name).collect();
        let mut form = schema::form(outputs, &[name], &others);
        let json_object = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Boolean, Type::Null]));
        match name {
            "json" => schema::set(&mut form, name, schema_or_text()),
            "regex" => schema::set(&mut form, name, regex()),
            "grammar" => schema::set(&mut form, name, grammar()),
            _ => {}
        }
        let of_object = if name == "json_object" {
            json_object.enum_values(Some([Value::Bool(true)]))
        } else {
            json_object.enum_values(Some([Value::Bool(false), Value::Null]))
        };
        schema::set(&mut form, "json_object", of_object);
        form
    };
    schema::forms_of(outputs, NAMES.map(form))
}
