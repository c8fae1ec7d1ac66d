//! The document of the API against the server that it describes, and the page that shows it.

use axum::{body::Body, http::Method};
use engine::config::{LabelScores, Labels};
use serde_json::{Value, json};
use server::{
    app,
    model_kind::{Mask, ModelKind},
};

use crate::support::{
    MODEL, Setup, TestServer,
    client::{Answer, chat_body, json_request, request},
    vocabulary::{MASK, VOCAB_SIZE},
};

const KEY: &str = "a-key-of-twenty-characters";

/// The document of a server.
struct Document(Value);

impl Document {
    async fn of(server: &TestServer) -> Self {
        let answer = server.get("/openapi.json").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        Self(answer.json())
    }

    /// Path, method and description of every operation.
    fn operations(&self) -> Vec<(&str, Method, &Value)> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (path.as_str(), method.to_uppercase().parse().unwrap(), operation))
        });
        operations.collect()
    }

    /// Why a value does not fit a schema of the document, whose objects have no members that it does not name.
    fn misfit(&self, schema: &Value, value: &Value) -> Option<String> {
        let mut whole = json!({"allOf": [schema], "components": self.0["components"]});
        close(&mut whole);
        let validator = jsonschema::draft202012::new(&whole).unwrap();
        validator.iter_errors(value).next().map(|error| format!("{error} at {}", error.instance_path))
    }

    /// Checks status, media type, headers and body of an answer.
    fn check(&self, operation: &Value, answer: &Answer, what: &str) {
        let documented = &operation["responses"][answer.status.to_string()];
        assert!(documented.is_object(), "{what}: {} is not documented", answer.status);
        for name in ["x-request-id", "openai-processing-ms"] {
            assert!(documented["headers"].get(name).is_some() && answer.headers.contains_key(name), "{what}: {name}");
        }
        let media_type = answer.header("content-type").replace("; charset=utf-8", "");
        let contents = documented["content"].as_object().unwrap();
        let found = contents.iter().find(|(name, _)| name.replace("; charset=utf-8", "") == media_type);
        let (_, content) = found.unwrap_or_else(|| panic!("{what}: {media_type} is not documented"));
        if media_type == "text/event-stream" {
            for chunk in answer.chunks() {
                assert_eq!(self.misfit(&content["x-event"], &chunk), None, "{what}: {chunk}");
            }
        } else if media_type == "application/json" {
            assert_eq!(self.misfit(&content["schema"], &answer.json()), None, "{what}: {}", answer.text());
        }
    }
}

/// An object that names its members has no others; parts of an `allOf` name some of them.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, inner) in members.iter_mut() {
                if name != "allOf" || inner.as_array().is_some_and(|parts| parts.len() == 1) {
                    close(inner);
                }
            }
            if members.get("properties").is_some_and(Value::is_object) {
                members.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let server = TestServer::start();
    let document = Document::of(&server).await;
    assert!(document.0["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut known: Vec<String> =
        [app::guarded_paths(), app::open_paths()].concat().iter().map(|path| path.replace("{*", "{")).collect();
    let mut described: Vec<String> = document.operations().iter().map(|(path, ..)| (*path).to_owned()).collect();
    known.sort();
    described.sort();
    assert_eq!(known, described, "each path has one method");
    let mut ids: Vec<_> =
        document.operations().iter().map(|(.., operation)| operation["operationId"].clone()).collect();
    ids.sort_by_key(Value::to_string);
    ids.dedup();
    assert_eq!(ids.len(), known.len(), "ids are unique");
    for (path, method, _) in document.operations() {
        for other in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let builder =
                request(other.clone(), &path.replace("{id}", MODEL)).header("content-type", "application/json");
            let status = server.send(builder.body(Body::from("{}")).unwrap()).await.status;
            assert_eq!(status == 405, other != method, "{other} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn its_schemas_are_schemas_and_refer_to_what_there_is() {
    let document = Document::of(&TestServer::start()).await.0;
    let components = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in components {
        assert!(jsonschema::meta::is_valid(schema), "{name}");
    }
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(components.contains_key(name), "{name}");
        assert!(!name.contains(['<', '/']), "{name}");
    }
}

#[tokio::test]
async fn its_examples_work_and_every_answer_fits() {
    let server = TestServer::start();
    let names = (0..8).map(|label| format!("L{label}")).collect();
    let kind = ModelKind::Classifier(Labels { names, scores: LabelScores::One });
    let labels = ["O", "B-PER", "I-PER"].map(str::to_owned).to_vec();
    let mask = Mask { token: MASK, text: "<mask>".to_owned() };
    let encoders = [
        ("classify", kind.clone()),
        ("sentiment", kind.clone()),
        ("predict", kind),
        ("ner", ModelKind::TokenClassifier(labels)),
        ("qa", ModelKind::SpanReader),
        ("fill-mask", ModelKind::MaskFiller(mask)),
    ];
    let encoders = encoders.map(|(task, kind)| (task, TestServer::with(Setup::encoder(kind, 1024))));
    let document = Document::of(&server).await;
    for (path, method, operation) in document.operations() {
        let Some(body) = operation.get("requestBody") else {
            let answer = server.send(request(method, &path.replace("{id}", MODEL)).body(Body::empty()).unwrap()).await;
            let is_served = operation["responses"].get("200").is_some();
            assert_eq!(answer.status == 200, is_served, "{path}");
            document.check(operation, &answer, path);
            continue;
        };
        let content = &body["content"]["application/json"];
        let examples = content["examples"].as_object().unwrap();
        assert!(!examples.is_empty(), "{path}");
        for (name, example) in examples {
            let what = format!("{path}: {name}");
            assert_eq!(document.misfit(&content["schema"], &example["value"]), None, "{what}");
            let encoder = encoders.iter().find(|(task, _)| path.ends_with(task));
            let server = encoder.map_or(&server, |(_, server)| server);
            let example = example["value"].to_string().replace("[MASK]", "<mask>");
            let answer = server.post(path, serde_json::from_str(&example).unwrap()).await;
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());
            document.check(operation, &answer, &what);
        }
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn refusals_are_as_documented() {
    let server = TestServer::start();
    let document = Document::of(&server).await;
    let post = |path: &str| document.0["paths"][path]["post"].clone();
    let bodies = [
        json!({"n": 0}),
        json!({"foo": 1}),
        json!({"temperature": "x"}),
        json!({"model": "none"}),
        json!({"max_tokens": 100_000}),
        json!({"regex": "("}),
        json!({"stop": vec!["x"; 17]}),
        json!({"user": "x".repeat(200)}),
        json!({"audio": {}}),
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"not": {}}}}}),
    ];
    for path in ["/v1/chat/completions", "/v1/chat/completions/render", "/apply-template"] {
        for body in &bodies {
            let answer = server.post(path, chat_body(body.clone())).await;
            if answer.status != 200 {
                document.check(&post(path), &answer, &format!("{path}: {body}"));
            }
        }
        let mut plain = json_request(path, &json!({}));
        plain.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        document.check(&post(path), &server.send(plain).await, path);
        let broken = request(Method::POST, path).header("content-type", "application/json").body(Body::from("{"));
        document.check(&post(path), &server.send(broken.unwrap()).await, path);
    }
    let unknown = server.get("/v1/models/none").await;
    document.check(&document.0["paths"]["/v1/models/{id}"]["get"], &unknown, "no model");
    let foreign = axum::http::Request::builder().uri("/version").header("host", "rebound.example");
    let foreign = server.send(foreign.body(Body::empty()).unwrap()).await;
    document.check(&document.0["paths"]["/version"]["get"], &foreign, "foreign host");
    let loading = TestServer::loading(&Setup::default());
    let document = Document::of(&loading).await;
    for (path, method, operation) in document.operations() {
        let mut asked = json_request(&path.replace("{id}", MODEL), &json!({}));
        *asked.method_mut() = method;
        document.check(operation, &loading.send(asked).await, path);
    }
}

#[tokio::test]
async fn bounds_are_those_of_the_server() {
    let flags = server::flags::Flags { max_n: Some(3), ..Setup::default().flags };
    let server = TestServer::with(Setup { flags, ..Setup::default() });
    let schemas = Document::of(&server).await.0["components"]["schemas"].clone();
    assert_eq!(schemas["ModelName"]["enum"], json!([MODEL, "fake-alias"]));
    assert_eq!(schemas["TokenId"]["maximum"], VOCAB_SIZE - 1);
    let chat = &schemas["ChatRequest"]["properties"];
    assert_eq!((&chat["n"]["minimum"], &chat["n"]["maximum"]), (&json!(1), &json!(3)));
    assert_eq!(chat["max_tokens"]["maximum"], 1023);
    assert_eq!(server.chat(json!({"n": 4})).await.error().0, 400);
}

#[tokio::test]
async fn with_keys_it_asks_for_one_and_says_so() {
    let server = TestServer::with(Setup { keys: vec![KEY], ..Setup::default() });
    let unkeyed = server.get("/openapi.json").await;
    assert_eq!(unkeyed.error(), (401, "invalid_api_key".to_owned()));
    let keyed = request(Method::GET, "/openapi.json").header("x-api-key", KEY).body(Body::empty()).unwrap();
    let document = Document(server.send(keyed).await.json());
    assert_eq!(document.0["security"], json!([{"bearer": []}, {"key": []}]));
    for (path, _, operation) in document.operations() {
        let is_open = app::open_paths().contains(&path);
        assert_eq!(operation.get("security") == Some(&json!([])), is_open, "{path}");
        assert_eq!(operation["responses"].get("401").is_none(), is_open, "{path}");
    }
    document.check(&document.0["paths"]["/openapi.json"]["get"], &unkeyed, "no key");
    let open = Document::of(&TestServer::start()).await;
    assert_eq!(open.0.get("security"), None);
}

#[tokio::test]
async fn changes_of_models_are_described_where_somebody_may_make_them() {
    let flags = server::flags::Flags { admin_api_key: vec![KEY.into()], ..Setup::default().flags };
    let server = TestServer::with(Setup { flags, ..Setup::default() });
    let document = Document::of(&server).await;
    let asked = |path: &str, body: &Value, key: &str| {
        let mut request = json_request(path, body);
        request.headers_mut().insert("x-api-key", key.parse().unwrap());
        server.send(request)
    };
    for path in ["/v1/models/load", "/v1/models/unload"] {
        let operation = &document.0["paths"][path]["post"];
        let example = &operation["requestBody"]["content"]["application/json"]["examples"]["the model"]["value"];
        assert_eq!(example["model"], MODEL);
        let cases = [(example.clone(), "wrong", 403), (json!({"model": "none"}), KEY, 404), (json!({}), KEY, 400)];
        for (body, key, status) in cases {
            let answer = asked(path, &body, key).await;
            assert_eq!(answer.status, status, "{path}: {body}");
            document.check(operation, &answer, path);
        }
    }
    let operation = &document.0["paths"]["/v1/models/unload"]["post"];
    let unloaded = asked("/v1/models/unload", &json!({"model": MODEL}), KEY).await;
    assert_eq!(unloaded.status, 200);
    document.check(operation, &unloaded, "unloaded");
    let gone = server.chat(json!({})).await;
    assert_eq!(gone.error(), (404, "model_not_loaded".to_owned()));
    document.check(&document.0["paths"]["/v1/chat/completions"]["post"], &gone, "not loaded");
}

#[tokio::test]
async fn the_page_needs_no_key_and_loads_nothing_from_elsewhere() {
    let server = TestServer::with(Setup { keys: vec![KEY], ..Setup::default() });
    for path in app::page_paths() {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'self';"));
        let text = answer.text().replace("http://www.w3.org/2000/svg", "");
        assert!(text.len() > 200 && !text.contains("://"), "{path} names another server");
        assert!(!text.contains("innerHTML") && !text.contains(KEY));
    }
    let page = server.get("/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for path in ["/docs/icon.svg", "/docs/page.css", "/docs/page.js"] {
        assert!(page.text().contains(path));
    }
    let foreign = axum::http::Request::builder().uri("/docs").header("host", "rebound.example");
    let foreign = TestServer::start().send(foreign.body(Body::empty()).unwrap()).await;
    assert_eq!(foreign.error(), (403, "host_not_allowed".to_owned()));
}
