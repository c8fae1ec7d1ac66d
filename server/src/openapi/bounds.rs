//! Bounds of members that a flag or the model moves.

use utoipa::{
    Number,
    openapi::{
        RefOr,
        schema::{Object, Schema},
    },
};

use super::Facts;
use crate::request::MAX_BEAMS;

/// Fills them into the components.
pub(super) fn fill_in(components: &mut [(String, RefOr<Schema>)], facts: &Facts) {
    for (name, schema) in components {
        for object in objects(schema) {
            fill_in_one(name, object, facts);
        }
    }
}

/// The object, or the objects that are its forms.
fn objects(schema: &mut RefOr<Schema>) -> Vec<&mut Object> {
    match schema {
        RefOr::T(Schema::Object(object)) => vec![object],
        RefOr::T(Schema::OneOf(forms)) => forms.items.iter_mut().flat_map(objects).collect(),
        _ => Vec::new(),
    }
}

fn fill_in_one(name: &str, object: &mut Object, facts: &Facts) {
    match (name, facts.vocabulary) {
        ("ModelName", _) => {
            object.enum_values = Some(facts.models.iter().map(|model| model.as_str().into()).collect());
        }
        ("TokenId", Some((tokens, _))) => at_most(object, tokens.saturating_sub(1)),
        ("ChatRequest" | "CompletionRequest", vocabulary) => {
            member_at_most(object, "n", facts.choices);
            member_at_most(object, "best_of", facts.choices.max(MAX_BEAMS));
            let Some((_, max_model_len)) = vocabulary else { return };
            // A prompt has a token.
            for name in ["max_tokens", "max_completion_tokens"] {
                member_at_most(object, name, max_model_len - 1);
            }
            member_at_most(object, "min_tokens", max_model_len);
        }
        ("EmbeddingsRequest" | "EmbedRequest", _) => {
            if let Some(dimensions) = facts.dimensions {
                member_at_most(object, "dimensions", dimensions);
            }
        }
        _ => {}
    }
}

fn member_at_most(object: &mut Object, name: &str, most: usize) {
    if let Some(RefOr::T(Schema::Object(member))) = object.properties.get_mut(name) {
        at_most(member, most);
    }
}

fn at_most(object: &mut Object, most: usize) {
    object.maximum = Some(Number::UInt(most));
}
