//! Which errors a kind of route may answer with, each by example: the document of the API lists them.
//!
//! An error that is new in the table stands here too, under all that can raise it.

use std::time::Duration;

use super::ApiError;

/// Where an example needs a member of a request.
const MEMBER: &str = "messages[0].content";

impl ApiError {
    /// Of every route behind the guard: with keys, and without.
    pub fn of_access(has_keys: bool) -> Vec<Self> {
        vec![if has_keys { Self::invalid_api_key() } else { Self::host_not_allowed() }, Self::internal()]
    }

    /// Of routes that need a loaded model.
    pub fn of_model() -> Vec<Self> {
        vec![Self::model_loading(), Self::model_not_loaded("gpt-4")]
    }

    /// Of routes that load models and unload them.
    pub fn of_changes(max_body_bytes: usize) -> Vec<Self> {
        let mut errors = Self::of_bodies(max_body_bytes);
        errors.extend([
            Self::missing("model"),
            Self::invalid_type("model", "must be a string, not integer 5"),
            Self::unknown_parameter("foo"),
            Self::permission_denied(),
            Self::model_not_found("gpt-4"),
            Self::model_changing(),
            Self::no_room_for_model(
                "needs 3.00 GiB: weights 2.00 GiB + KV 0.90 GiB (1000 blocks) + scratch 0.10 GiB; have 2.50 GiB",
            ),
            Self::invalid_model("config.json: 'rope_theta': -1 is not a finite number above 0"),
            Self::shutting_down(),
        ]);
        errors
    }

    /// Of routes that read a body of so many bytes at most.
    pub fn of_bodies(max_bytes: usize) -> Vec<Self> {
        vec![
            Self::invalid_json("the body is empty"),
            Self::not_an_object(),
            Self::slow_body(),
            Self::request_too_large(max_bytes),
            Self::unsupported_media_type("content-type must be application/json"),
            Self::overloaded("too many request bodies at once"),
        ]
    }

    /// Of routes whose body names a model and has members.
    pub fn of_members() -> Vec<Self> {
        vec![
            Self::missing("model"),
            Self::invalid_type(MEMBER, "must be a string, not integer 5"),
            Self::invalid_value("messages[0].role", "must be one of system, developer, user, assistant, tool"),
            Self::integer_above("n", 8),
            Self::integer_below("n", 1),
            Self::string_above("user", 200, 128, "bytes"),
            Self::string_below("cache_salt"),
            Self::array_above("messages", 4096),
            Self::array_below("messages"),
            Self::unknown_parameter("messages[0].foo"),
            Self::unsupported_parameter("audio", ""),
            Self::unsupported_value("messages[0].content[0].type", "image_url is not supported by this model"),
            Self::model_not_found("gpt-4"),
            Self::prompt_bytes("messages", 200_000, 131_072),
        ]
    }

    /// Of routes that render a chat.
    pub fn of_chats() -> Vec<Self> {
        vec![
            Self::no_chat_template(),
            Self::template_error("roles must alternate"),
            Self::invalid_schema("tools[0].function.parameters.not", "cannot be enforced"),
        ]
    }

    /// Of routes that read settings of a generation.
    pub fn of_settings() -> Vec<Self> {
        vec![
            Self::decimal_above("temperature", 2),
            Self::decimal_below("temperature", "at least 0"),
            Self::invalid_schema("response_format.json_schema.schema.not", "cannot be enforced"),
        ]
    }

    /// Of routes that tell whether a request could run.
    pub fn of_length() -> Vec<Self> {
        vec![Self::context_length("messages", 8800, 200, 8192)]
    }

    /// Of routes that generate.
    pub fn of_generation() -> Vec<Self> {
        const WAIT: Duration = Duration::from_secs(2);
        vec![
            Self::grammar_failed("regex"),
            Self::queue_full("256 requests wait, limit 256", WAIT),
            Self::queue_timeout(WAIT),
            Self::engine(),
            Self::shutting_down(),
            Self::engine_restarting(),
            Self::ran_too_long(),
        ]
    }

    /// The names of the headers that it brings.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }
}
