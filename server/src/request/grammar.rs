//! The form the answer is bound to. Several names say the same; one of them may be used.

use proto::{AnyJson, ChoiceText, Choices, FormatKind, NamedSchema, OutputFields, ResponseFormat, StructuredOutputs};
use serde_json::Value;

use crate::{
    error::ApiError,
    grammar::{Form, GrammarSpec},
};

/// Longest name of a schema or a function.
const MAX_NAME: usize = 64;

/// What a name is.
pub(super) const NAME_RULE: &str = "must be 1 to 64 letters, digits, _ or -";

/// Whether a schema or a function may be called so.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain)
}

/// A form and the path that names it.
type Named = (&'static str, Form);

/// Reads all members that bind the answer to a form.
pub(super) fn grammar(
    format: Option<ResponseFormat>,
    fields: &mut OutputFields,
) -> Result<Option<GrammarSpec>, ApiError> {
    let mut forms = Vec::new();
    forms.extend(format.map(response_format).transpose()?.flatten());
    forms.extend(fields.structured_outputs.take().map(structured_outputs).transpose()?);
    forms.extend(fields.guided_json.take().map(|json| schema("guided_json", json)).transpose()?);
    forms.extend(fields.guided_regex.take().map(|text| ("guided_regex", Form::Regex(text.into_string()))));
    forms.extend(fields.guided_choice.take().map(|texts| ("guided_choice", choice(texts))));
    forms.extend(fields.guided_grammar.take().map(|text| ("guided_grammar", Form::Lark(text.into_string()))));
    forms.extend(fields.regex.take().map(|text| ("regex", Form::Regex(text.into_string()))));
    let mut forms = forms.into_iter();
    let Some((path, form)) = forms.next() else { return Ok(None) };
    if let Some((other, _)) = forms.next() {
        return Err(ApiError::invalid_value(other, format_args!("contradicts {path}: only one form can be kept")));
    }
    GrammarSpec::new(form, path).map(Some)
}

fn response_format(format: ResponseFormat) -> Result<Option<Named>, ApiError> {
    match (format.kind, format.json_schema) {
        (FormatKind::JsonSchema, Some(named)) => json_schema(named).map(Some),
        (FormatKind::JsonSchema, None) => Err(ApiError::missing("response_format.json_schema")),
        (_, Some(_)) => Err(ApiError::invalid_value("response_format.json_schema", "needs the type json_schema")),
        (FormatKind::JsonObject, None) => Ok(Some(("response_format", Form::JsonObject))),
        (FormatKind::Text, None) => Ok(None),
    }
}

fn json_schema(named: NamedSchema) -> Result<Named, ApiError> {
    const NAME: &str = "response_format.json_schema.name";
    if !is_name(&named.name) {
        return Err(ApiError::invalid_value(NAME, NAME_RULE));
    }
    let schema = named.schema.ok_or_else(|| ApiError::missing("response_format.json_schema.schema"))?;
    Ok(("response_format.json_schema.schema", Form::Schema(schema.0)))
}

fn structured_outputs(wanted: StructuredOutputs) -> Result<Named, ApiError> {
    if wanted.structural_tag.is_some() {
        return Err(ApiError::unsupported_parameter("structured_outputs.structural_tag", ""));
    }
    let json_object = match wanted.json_object {
        Some(false) | None => None,
        Some(true) => Some(("structured_outputs.json_object", Form::JsonObject)),
    };
    let forms = [
        wanted.json.map(|json| schema("structured_outputs.json", json)).transpose()?,
        wanted.regex.map(|text| ("structured_outputs.regex", Form::Regex(text.into_string()))),
        wanted.choice.map(|texts| ("structured_outputs.choice", choice(texts))),
        wanted.grammar.map(|text| ("structured_outputs.grammar", Form::Lark(text.into_string()))),
        json_object,
    ];
    let mut forms = forms.into_iter().flatten();
    match (forms.next(), forms.next()) {
        (Some(form), None) => Ok(form),
        _ => Err(ApiError::invalid_value(
            "structured_outputs",
            "must have exactly one of json, regex, choice, grammar, json_object",
        )),
    }
}

/// A schema, or the text of one.
fn schema(path: &'static str, json: AnyJson) -> Result<Named, ApiError> {
    let schema = match json.0 {
        Value::String(text) => crate::json::value(&text)
            .map_err(|_| ApiError::invalid_schema(path, "is a string that is not valid json"))?,
        value => value,
    };
    Ok((path, Form::Schema(schema)))
}

fn choice(texts: Choices) -> Form {
    Form::Choice(texts.0.into_iter().map(ChoiceText::into_string).collect())
}
