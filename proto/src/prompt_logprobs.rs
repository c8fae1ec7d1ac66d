//! `prompt_logprobs`: how likely each token of the prompt was, and what could have stood in its place.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, Ref, RefOr, Schema},
};

use crate::{
    Logprob, Text,
    map::{PairsVisitor, write_pairs},
};

/// One token in a place of the prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PromptLogprob {
    /// Its log-probability there.
    pub logprob: Logprob,
    /// Its place among all tokens, the likeliest being 1.
    pub rank: usize,
    /// Its text.
    pub decoded_token: Text,
}

/// Token ids in one place of the prompt and how likely each was, best first; the prompt's own is always among them.
#[derive(Clone, Default, PartialEq)]
pub struct PlaceLogprobs(Vec<(String, PromptLogprob)>);

impl PlaceLogprobs {
    /// The tokens, best first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PromptLogprob)> {
        self.0.iter().map(|(id, token)| (id.as_str(), token))
    }
}

impl FromIterator<(u32, PromptLogprob)> for PlaceLogprobs {
    /// Each id once.
    fn from_iter<I: IntoIterator<Item = (u32, PromptLogprob)>>(tokens: I) -> Self {
        Self(tokens.into_iter().map(|(id, token)| (id.to_string(), token)).collect())
    }
}

impl std::fmt::Debug for PlaceLogprobs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PlaceLogprobs({})", self.0.len())
    }
}

impl Serialize for PlaceLogprobs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_pairs(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for PlaceLogprobs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor { keep: usize::MAX, values: PhantomData }).map(Self)
    }
}

impl PartialSchema for PlaceLogprobs {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().additional_properties(Some(Ref::from_schema_name(PromptLogprob::name()))).into()
    }
}

impl ToSchema for PlaceLogprobs {
    fn schemas(components: &mut crate::schema::Components) {
        components.push((PromptLogprob::name().into_owned(), PromptLogprob::schema()));
        PromptLogprob::schemas(components);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_map_of_ids_in_the_order_given() {
        let token = |logprob: f32, rank| PromptLogprob { logprob: logprob.into(), rank, decoded_token: " up".into() };
        let place: PlaceLogprobs = [(40, token(-0.5, 1)), (7, token(f32::NEG_INFINITY, 90))].into_iter().collect();
        let text = r#"{"40":{"logprob":-0.5,"rank":1,"decoded_token":" up"},"7":{"logprob":-9999.0,"rank":90,"decoded_token":" up"}}"#;
        assert_eq!(serde_json::to_string(&place).unwrap(), text);
        assert_eq!(serde_json::from_str::<PlaceLogprobs>(text).unwrap(), place);
    }
}
