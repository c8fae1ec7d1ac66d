//! Errors as answers of the document: for each status its codes, their headers, and one example of each.

use std::collections::BTreeMap;

use proto::{ErrorBody, ErrorObject};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        AllOfBuilder, Content, ContentBuilder, Header, ObjectBuilder, Ref, Response, ResponseBuilder,
        example::ExampleBuilder, schema::Type,
    },
};

use crate::error::ApiError;

/// Headers of every answer.
const COMMON: [(&str, &str); 2] = [
    ("x-request-id", "The client's id, or one of the server's."),
    ("openai-processing-ms", "Milliseconds until the headers were sent."),
];

/// Adds what every answer carries.
pub(super) fn with_common_headers(response: ResponseBuilder) -> ResponseBuilder {
    COMMON.into_iter().fold(response, |response, (name, says)| response.header(name, header(says)))
}

pub(super) fn header(says: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
    header.description = Some(says.to_owned());
    header
}

/// The errors as answers, by status.
pub(super) fn responses(errors: &[ApiError]) -> BTreeMap<u16, Response> {
    let mut by_status: BTreeMap<u16, Vec<&ApiError>> = BTreeMap::new();
    for error in errors {
        by_status.entry(error.status()).or_default().push(error);
    }
    by_status.into_iter().map(|(status, errors)| (status, response(&errors))).collect()
}

fn response(errors: &[&ApiError]) -> Response {
    let mut codes: Vec<&str> = errors.iter().map(|error| error.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    let says = codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
    let names = errors.iter().flat_map(|error| error.header_names());
    let response = names.fold(ResponseBuilder::new().description(says), |response, name| {
        response.header(name, header("Of some of these errors."))
    });
    with_common_headers(response).content("application/json", content(&codes, errors)).build()
}

/// An error object whose code is one of these.
fn content(codes: &[&str], errors: &[&ApiError]) -> Content {
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes.iter().copied()));
    let error = ObjectBuilder::new().schema_type(Type::Object).property("code", code);
    let body = ObjectBuilder::new().schema_type(Type::Object).property("error", error);
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(ErrorBody::name())).item(body);
    let example = |error: &&ApiError| {
        let value = serde_json::to_value(error.body()).expect("strings are valid JSON");
        (error.code(), ExampleBuilder::new().summary(error.message()).value(Some(value)).build())
    };
    ContentBuilder::new().schema(Some(schema)).examples_from_iter(errors.iter().map(example)).build()
}

/// The components of errors.
pub(super) fn components() -> Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)> {
    vec![
        (ErrorBody::name().into_owned(), ErrorBody::schema()),
        (ErrorObject::name().into_owned(), ErrorObject::schema()),
    ]
}
