//! Predicted outputs: what the client thinks that the answer will be, as of a text that is only to be edited.

use utoipa::openapi::schema::Object;

use crate::{Content, Text, schema, strict_object::strict_object};

strict_object! {
    /// `prediction`
    pub struct Prediction {
        required {
            /// `content`
            kind: Text,
            /// The text.
            content: Content,
        }
        forms { of_texts }
    }
}

fn of_texts(prediction: &Object) -> Object {
    let mut prediction = prediction.clone();
    schema::set(&mut prediction, "type", schema::words(&["content"]));
    schema::set(&mut prediction, "content", Content::of_texts());
    prediction
}
