//! The document of the API: `OpenAPI` 3.1, made from the types that parse requests and write answers, from the errors that
//! refuse them, and from what each route says of itself.
//!
//! Bounds that a flag or the model moves are filled in here, so that the document is exact for the server that answers.

mod bounds;
mod endpoint;
mod refusals;

use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

pub use self::endpoint::Endpoint;
use crate::app::{self, App};

const DESCRIPTION: &str = "Chats, completions and what goes with them, as the OpenAI API has them. Requests are strict: \
                           an unknown member is refused, `null` means absent. Every error has the same four members.";

/// What the document depends on beside the types.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Names of models that are answered; examples use the first.
    pub models: Vec<String>,
    /// Whether requests need a key.
    pub has_keys: bool,
    /// Most bytes of a body.
    pub body_bytes: usize,
    /// Most choices for one prompt.
    pub choices: usize,
    /// Whether some keys may change the server.
    pub has_admins: bool,
    /// Of the models that are loaded: the most tokens there are, and the most in one sequence.
    pub vocabulary: Option<(usize, usize)>,
    /// Most numbers of a vector, once a model is loaded that makes some.
    pub dimensions: Option<usize>,
    /// What stands for words that are told, once a model is loaded that tells some.
    pub mask: Option<String>,
}

impl Facts {
    /// Of this server, now.
    pub fn of(app: &App) -> Self {
        let served: Vec<_> = app.models().served().collect();
        let rules = || served.iter().map(|model| &model.rules);
        let longest = rules().map(|rules| rules.max_model_len).max();
        Self {
            models: app.models().names().cloned().collect(),
            has_keys: !app.keys.is_open(),
            body_bytes: app.config.limits.body_bytes,
            choices: app.config.limits.choices,
            has_admins: !app.admins.is_open(),
            vocabulary: rules().map(|rules| rules.vocab_size).max().zip(longest),
            dimensions: rules().filter_map(|rules| Some(rules.vectors.as_ref().ok()?.dimensions)).max(),
            mask: rules().find_map(|rules| Some(rules.kind.mask()?.text.clone())),
        }
    }

    /// The model that examples ask.
    pub fn model(&self) -> &str {
        &self.models[0]
    }

    /// What stands for words in examples.
    pub fn mask(&self) -> &str {
        self.mask.as_deref().unwrap_or("[MASK]")
    }
}

/// The document of a server with these facts.
pub fn document(facts: &Facts) -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut components = Vec::new();
    for (path, describe, is_open) in app::descriptions() {
        let endpoint = describe(facts);
        let endpoint = if is_open { endpoint.open() } else { endpoint.guarded(facts.has_keys) };
        let (method, operation) = endpoint.operation(path, &mut components);
        paths = paths.path(path.replace("{*", "{"), PathItem::new(method, operation));
    }
    bounds::fill_in(&mut components, facts);
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key")));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(components)
        .security_scheme("bearer", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()))
        .security_scheme("key", key);
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Gondola")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license.build()));
    let needed = ["bearer", "key"].map(|name| SecurityRequirement::new::<_, [&str; 0], &str>(name, []));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths.build())
        .components(Some(components.build()))
        .security(facts.has_keys.then_some(needed))
        .build()
}
