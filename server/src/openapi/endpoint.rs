//! What a route says of itself: its method, what it takes, what it answers, and how it refuses.

use proto::Listing;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, Content, ContentBuilder, HttpMethod, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder,
        Schema,
        example::ExampleBuilder,
        extensions::ExtensionsBuilder,
        path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::Type,
    },
};

use super::{Facts, refusals};
use crate::error::ApiError;

type Components = Vec<(String, RefOr<Schema>)>;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// A route, described.
#[derive(Debug)]
#[must_use]
pub struct Endpoint {
    method: HttpMethod,
    operation: OperationBuilder,
    answers: Vec<Answer>,
    errors: Vec<ApiError>,
    components: Components,
}

/// An answer that is no error.
#[derive(Debug)]
struct Answer {
    status: u16,
    says: String,
    /// By media type.
    contents: Vec<(&'static str, Content)>,
}

impl Endpoint {
    fn new(method: HttpMethod, summary: &str) -> Self {
        let operation = OperationBuilder::new().summary(Some(summary));
        Self { method, operation, answers: Vec::new(), errors: Vec::new(), components: Vec::new() }
    }

    /// One that answers GET and HEAD.
    pub fn get(summary: &str) -> Self {
        Self::new(HttpMethod::Get, summary)
    }

    /// One that answers POST.
    pub fn post(summary: &str) -> Self {
        Self::new(HttpMethod::Post, summary)
    }

    /// It reads a JSON body of this type, which asks a model; the examples work.
    pub fn takes<T: ToSchema>(self, facts: &Facts, examples: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.reads::<T>(examples)
            .refuses(ApiError::of_model())
            .refuses(ApiError::of_bodies(facts.body_bytes))
            .refuses(ApiError::of_members())
    }

    /// It reads a JSON body of this type; how it refuses one is said apart.
    pub fn reads<T: ToSchema>(mut self, examples: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let example = |(name, value): (&'static str, Value)| {
            (name, ExampleBuilder::new().summary(name).value(Some(value)).build())
        };
        let examples = examples.into_iter().map(example);
        let content = ContentBuilder::new().schema(Some(self.refer::<T>())).examples_from_iter(examples);
        let body = RequestBodyBuilder::new().content(JSON, content.build()).required(Some(Required::True));
        self.operation = self.operation.request_body(Some(body.build()));
        self
    }

    /// It reads a header.
    pub fn reads_header(mut self, name: &str, says: &str, schema: ObjectBuilder) -> Self {
        let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::False);
        self.operation = self.operation.parameter(header.description(Some(says)).schema(Some(schema)));
        self
    }

    /// A part of its path is a value of this type.
    pub fn in_path<T: ToSchema>(mut self, name: &str, says: &str) -> Self {
        let schema = self.refer::<T>();
        let part = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        self.operation = self.operation.parameter(part.description(Some(says)).schema(Some(schema)));
        self
    }

    /// It answers 200 with JSON of this type.
    pub fn answers<T: ToSchema>(self, says: &str) -> Self {
        self.answers_with::<T>(200, says)
    }

    /// It answers this status with JSON of this type.
    pub fn answers_with<T: ToSchema>(mut self, status: u16, says: &str) -> Self {
        let content = ContentBuilder::new().schema(Some(self.refer::<T>())).build();
        self.answer(status, says, JSON, content)
    }

    /// It answers 200 with a listing of results of this type; the listing has no name of its own, all would share it.
    pub fn answers_listing<T: ToSchema>(mut self, says: &str) -> Self {
        self.refer::<T>();
        Listing::<T>::schemas(&mut self.components);
        let content = ContentBuilder::new().schema(Some(Listing::<T>::schema())).build();
        self.answer(200, says, JSON, content)
    }

    /// It answers 200 with a JSON list of this type.
    pub fn answers_list<T: ToSchema>(mut self, says: &str) -> Self {
        let list = ArrayBuilder::new().items(self.refer::<T>());
        self.answer(200, says, JSON, ContentBuilder::new().schema(Some(list)).build())
    }

    /// It answers 200 with a text of this media type.
    pub fn answers_text(self, media_type: &'static str, says: &str) -> Self {
        self.answer(200, says, media_type, text())
    }

    fn answer(mut self, status: u16, says: &str, media_type: &'static str, content: Content) -> Self {
        self.answers.push(Answer { status, says: says.to_owned(), contents: vec![(media_type, content)] });
        self
    }

    /// Asked to stream, it answers with events in place of the answer declared last. The schema is that of one event, as
    /// later versions of `OpenAPI` have it; the data of each but the last is JSON of this type.
    pub fn or_streams<T: ToSchema>(mut self) -> Self {
        let chunk = serde_json::json!({"$ref": self.refer::<T>().ref_location});
        let data = ObjectBuilder::new().schema_type(Type::String).content_media_type(JSON);
        let event = ObjectBuilder::new().schema_type(Type::Object).property("data", data).required("data");
        let mut events = ContentBuilder::new().schema(Some(event)).build();
        events.extensions = Some(ExtensionsBuilder::new().add("event", chunk).build());
        let whole = self.answers.last_mut().expect("it has an answer that is whole");
        whole.contents.push((EVENTS, events));
        self
    }

    /// It may refuse like this.
    pub fn refuses(mut self, errors: impl IntoIterator<Item = ApiError>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// It is open: no key, whatever the `Host`.
    pub(super) fn open(mut self) -> Self {
        self.operation = self.operation.securities(Some([]));
        self
    }

    /// It is behind the guard.
    pub(super) fn guarded(self, has_keys: bool) -> Self {
        self.refuses(ApiError::of_access(has_keys))
    }

    /// The operation at a path; its components are added to the others.
    pub(super) fn operation(mut self, path: &str, components: &mut Components) -> (HttpMethod, Operation) {
        components.append(&mut self.components);
        components.extend(refusals::components());
        let id: Vec<&str> =
            path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
        let echoed = ObjectBuilder::new().schema_type(Type::String);
        let says = "Echoed and logged if it is 1 to 128 visible ASCII characters.";
        let described = self.reads_header("x-request-id", says, echoed);
        let mut operation = described.operation.operation_id(Some(id.join("_")));
        for Answer { status, says, contents } in described.answers {
            let response = refusals::with_common_headers(ResponseBuilder::new().description(says))
                .header("x-gondola-ignored", refusals::header("Members without effect, if there are any."));
            let response = contents
                .into_iter()
                .fold(response, |response, (media_type, content)| response.content(media_type, content));
            operation = operation.response(status.to_string(), response.build());
        }
        for (status, response) in refusals::responses(&described.errors) {
            operation = operation.response(status.to_string(), response);
        }
        (described.method, operation.build())
    }

    /// A reference to a type, which becomes a component with all it refers to.
    fn refer<T: ToSchema>(&mut self) -> Ref {
        self.components.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.components);
        Ref::from_schema_name(T::name())
    }
}

fn text() -> Content {
    ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build()
}
