//! The rows about models: which are served, which could be, and what they cannot do.

use axum::http::StatusCode;

use super::{ApiError, INVALID, excerpt};

impl ApiError {
    /// No model has this name.
    pub fn model_not_found(name: &str) -> Self {
        let message = format!("model \"{}\" is not served here", excerpt(name));
        Self::new(StatusCode::NOT_FOUND, INVALID, "model_not_found", message).at("model")
    }

    /// The model was unloaded.
    pub fn model_not_loaded(name: &str) -> Self {
        let message = format!("model \"{}\" is not loaded, POST /v1/models/load loads it", excerpt(name));
        Self::new(StatusCode::NOT_FOUND, INVALID, "model_not_loaded", message).at("model")
    }

    /// The model is not loaded yet.
    pub fn model_loading() -> Self {
        Self::unavailable("model_loading", "the model is being loaded")
    }

    /// The model is just being loaded or unloaded by somebody else.
    pub fn model_changing() -> Self {
        Self::new(StatusCode::CONFLICT, INVALID, "conflict", "the model is being loaded or unloaded")
    }

    /// The machine has no room for the model; the arithmetic says why.
    pub fn no_room_for_model(arithmetic: &str) -> Self {
        Self::bad_request("insufficient_memory", "model", format!("the model does not fit: {arithmetic}"))
    }

    /// The model's files are not there, or not as they should be.
    pub fn invalid_model(says: &str) -> Self {
        Self::bad_request("invalid_model", "model", format!("the model cannot be loaded: {says}"))
    }

    /// The model cannot serve the route; the message says which it can.
    pub fn unsupported_model(message: &str) -> Self {
        Self::bad_request("unsupported_model", "model", message)
    }

    /// A decoder that was trained without a chat template is asked to chat.
    pub fn no_chat_template() -> Self {
        Self::unsupported_model("the model has no chat template, start the server with --chat-template")
    }
}
