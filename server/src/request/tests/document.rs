//! What fits the schemas of requests is read, and is refused for rules between members only; what they do not name never is.

use engine::config::{LabelScores, Labels};
use proptest::prelude::*;
use proto::{
    ChatRequest, CompletionRequest, DetokenizeRequest, EmbeddingsRequest, PoolingRequest, RerankRequest, ScoreRequest,
    SimilarityRequest, TokenizeRequest,
};
use serde_json::Map;
use utoipa::ToSchema;

use super::*;
use crate::model_kind::Mask;

/// Schemas by name.
type Components = Map<String, Value>;

fn components<T: ToSchema>() -> Components {
    let mut components = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut components);
    components.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap())).collect()
}

/// Values that fit a schema.
fn fitting(schema: &Value, components: &Components) -> BoxedStrategy<Value> {
    if let Some(target) = schema["$ref"].as_str() {
        return match target.rsplit('/').next().unwrap() {
            "ModelName" => Just(json!("m")).boxed(),
            "TokenId" => (0..500).prop_map(Value::from).boxed(),
            name => fitting(&components[name], components),
        };
    }
    if let Some(forms) = schema["oneOf"].as_array() {
        return prop::strategy::Union::new(forms.iter().map(|form| fitting(form, components))).boxed();
    }
    if let Some(values) = schema["enum"].as_array() {
        return prop::sample::select(values.clone()).boxed();
    }
    let any = [json!(null), json!(true), json!("x"), json!({})];
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
        _ => return prop::sample::select(any.to_vec()).boxed(),
    };
    prop::strategy::Union::new(kinds.into_iter().map(|kind| of_kind(kind, schema, components))).boxed()
}

fn of_kind(kind: &str, schema: &Value, components: &Components) -> BoxedStrategy<Value> {
    let size = |name: &str| schema[name].as_u64().map(|size| size as usize);
    match kind {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => {
            let bound = |name: &str, default| schema[name].as_i64().unwrap_or(default);
            // The rules of these tests are those of a small model.
            let (least, most) = (bound("minimum", i64::MIN), bound("maximum", i64::MAX));
            prop_oneof![Just(least), Just(most), least..=most, Just(1_i64.clamp(least, most))]
                .prop_map(Value::from)
                .boxed()
        }
        "number" => {
            let bound = |name: &str, default| schema[name].as_f64().unwrap_or(default);
            let (least, most) = (bound("minimum", -1e9), bound("maximum", 1e9));
            prop_oneof![Just(least), Just(most), least..=most].prop_map(Value::from).boxed()
        }
        "string" => string(schema, size("minLength").unwrap_or(0)),
        "array" => {
            let least = size("minItems").unwrap_or(0);
            let most = size("maxItems").unwrap_or(usize::MAX).min(least + 2);
            prop::collection::vec(fitting(&schema["items"], components), least..=most).prop_map(Value::from).boxed()
        }
        _ => object(schema, components),
    }
}

fn string(schema: &Value, least: usize) -> BoxedStrategy<Value> {
    if let Some(pattern) = schema["pattern"].as_str() {
        return prop::string::string_regex(pattern.trim_matches(['^', '$'])).unwrap().prop_map(Value::from).boxed();
    }
    let letters = prop::collection::vec(any::<char>(), least..least + 12);
    letters.prop_map(|letters| letters.into_iter().collect::<String>().into()).boxed()
}

/// Some of an object's members, and all that it requires.
fn object(schema: &Value, components: &Components) -> BoxedStrategy<Value> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap()).collect();
    let mut members = Vec::new();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let is_required = required.contains(&name.as_str());
        let value = fitting(member, components);
        let value =
            if is_required { value.prop_map(Some).boxed() } else { prop::option::weighted(0.06, value).boxed() };
        members.push((Just(name.clone()), value).boxed());
    }
    members
        .prop_map(|members| {
            members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect::<Map<_, _>>().into()
        })
        .boxed()
}

/// Rules between members, or beyond what a schema says.
fn is_such_a_rule(error: &ApiError) -> bool {
    let words = [
        "contradicts",
        "neither 1 nor as many",
        "needs ",
        "is the name of another tool too",
        "is not the name of one of the tools",
        "is not among the calls",
        "must hold a JSON object",
        "is not a token id from 0 to",
        "is a name of the conversation itself",
        "by the model's chat template",
        "above n in a chat",
        "must be absent in a stream",
        "must be n in a stream",
        "max_completion_tokens is",
        "is for models with several heads",
    ];
    let of_another_member = ["best_of", "dimensions", "min_tokens", "n"].contains(&error.param().unwrap_or_default());
    let codes = ["invalid_schema", "string_above_max_length", "context_length_exceeded"];
    codes.contains(&error.code()) || of_another_member || words.iter().any(|words| error.message().contains(words))
}

fn check<T>(outcome: Result<T, ApiError>, body: &Value) -> Result<(), TestCaseError> {
    match outcome {
        Err(error) if !is_such_a_rule(&error) => Err(TestCaseError::fail(format!("{error:?}: {body}"))),
        _ => Ok(()),
    }
}

/// Reads a body as the route of its type does.
type Read = fn(&[u8]) -> Result<(), ApiError>;

/// Those of a model with a label.
fn rules_of_labels() -> RequestRules {
    let labels = Labels { names: vec!["A".to_owned()], scores: LabelScores::Raw };
    RequestRules { kind: ModelKind::Classifier(labels), ..rules() }
}

fn roads() -> [(Components, &'static str, Read); 15] {
    [
        (components::<ChatRequest>(), "ChatRequest", |body| chat(json::parse(body)?, &rules()).map(drop)),
        (components::<CompletionRequest>(), "CompletionRequest", |body| {
            completion(json::parse(body)?, &rules()).map(drop)
        }),
        (components::<TokenizeRequest>(), "TokenizeRequest", |body| tokenize(json::parse(body)?, &rules()).map(drop)),
        (components::<EmbeddingsRequest>(), "EmbeddingsRequest", |body| {
            embeddings(json::parse(body)?, &rules()).map(drop)
        }),
        (components::<RerankRequest>(), "RerankRequest", |body| rank(json::parse(body)?, &rules()).map(drop)),
        (components::<ScoreRequest>(), "ScoreRequest", |body| score(json::parse(body)?, &rules()).map(drop)),
        (components::<proto::ClassifyRequest>(), "ClassifyRequest", |body| {
            classify(json::parse(body)?, &rules_of_labels()).map(drop)
        }),
        (components::<proto::EmbedRequest>(), "EmbedRequest", |body| embed(json::parse(body)?, &rules()).map(drop)),
        (components::<proto::PredictRequest>(), "PredictRequest", |body| {
            predict(json::parse(body)?, &rules_of_labels()).map(drop)
        }),
        (components::<SimilarityRequest>(), "SimilarityRequest", |body| {
            similarity(json::parse(body)?, &rules()).map(drop)
        }),
        (components::<PoolingRequest>(), "PoolingRequest", |body| match pooling(json::parse(body)?, &rules()) {
            // Labels are another model's task.
            Err(error) if error.code() == "unsupported_model" => Ok(()),
            pooled => pooled.map(drop),
        }),
        (components::<proto::NerRequest>(), "NerRequest", |body| {
            let rules = RequestRules { kind: ModelKind::TokenClassifier(vec!["O".to_owned()]), ..rules() };
            ner(json::parse(body)?, &rules).map(drop)
        }),
        (components::<proto::QaRequest>(), "QaRequest", |body| {
            qa(json::parse(body)?, &RequestRules { kind: ModelKind::SpanReader, ..rules() }).map(drop)
        }),
        (components::<proto::FillMaskRequest>(), "FillMaskRequest", |body| {
            let mask = Mask { token: 4, text: "[MASK]".to_owned() };
            fill_mask(json::parse(body)?, &RequestRules { kind: ModelKind::MaskFiller(mask), ..rules() }).map(drop)
        }),
        (components::<DetokenizeRequest>(), "DetokenizeRequest", |body| {
            detokenize(&json::parse(body)?, &rules()).map(drop)
        }),
    ]
}

fn requests(road: usize) -> impl Strategy<Value = Value> {
    let (components, name, _) = &roads()[road];
    fitting(&components[*name], components)
}

fn any_request() -> impl Strategy<Value = (usize, Value)> {
    (0..roads().len()).prop_flat_map(|road| (Just(road), requests(road)))
}

/// Puts a member into the object that comes `place`th, walking down; none where the members are a client's own.
fn put(value: &mut Value, place: &mut usize) -> bool {
    const OWN: [&str; 10] = [
        "annotations",
        "guided_json",
        "metadata",
        "logit_bias",
        "chat_template_kwargs",
        "documents",
        "prompt_cache_options",
        "parameters",
        "schema",
        "json",
    ];
    match value {
        Value::Object(members) if *place == 0 => members.insert("unheard_of".to_owned(), json!(1)).is_none(),
        Value::Object(members) => {
            *place -= 1;
            let mut known = members.iter_mut().filter(|(name, _)| !OWN.contains(&name.as_str()));
            known.any(|(_, inner)| put(inner, place))
        }
        Value::Array(items) => items.iter_mut().any(|item| put(item, place)),
        _ => false,
    }
}

proptest! {
    // Many requests have no object for a place further down.
    #![proptest_config(ProptestConfig { cases: 600, max_global_rejects: 4096, ..ProptestConfig::default() })]

    #[test]
    fn what_fits_is_read((road, body) in any_request()) {
        check(roads()[road].2(body.to_string().as_bytes()), &body)?;
    }

    #[test]
    fn members_that_are_not_named_are_refused((road, mut body) in any_request(), mut place in 0..4_usize) {
        prop_assume!(put(&mut body, &mut place));
        let error = roads()[road].2(body.to_string().as_bytes()).expect_err("it has an unknown member");
        prop_assert_eq!(error.code(), "unknown_parameter", "{}: {:?}", body, error);
    }
}
