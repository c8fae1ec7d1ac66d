//! `prompt` of a completion: a string, strings, token ids, or lists of token ids. One kind in one list.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema, schema::OneOfBuilder},
};

use crate::{
    Text, TokenId,
    integer::{narrow, whole},
    list::{of_items, too_few, with_rest},
    schema,
};

/// Prompts in one request at most.
pub const MAX_PROMPTS: usize = 128;

/// What to continue; lists are never empty.
#[derive(Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Prompt {
    /// One text.
    Text(Text),
    /// Several texts.
    Texts(Vec<Text>),
    /// One prompt as token ids.
    Tokens(Vec<TokenId>),
    /// Several prompts as token ids.
    TokenLists(Vec<Vec<TokenId>>),
}

impl Default for Prompt {
    fn default() -> Self {
        Self::Text(Text::default())
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(formatter),
            Self::Texts(texts) => texts.fmt(formatter),
            Self::Tokens(ids) => write!(formatter, "Tokens({} ids)", ids.len()),
            Self::TokenLists(lists) => write!(formatter, "TokenLists({} lists)", lists.len()),
        }
    }
}

impl<'de> Deserialize<'de> for Prompt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PromptVisitor { max: MAX_PROMPTS })
    }
}

impl PartialSchema for Prompt {
    fn schema() -> RefOr<Schema> {
        of_prompts(schema::used::<Text>(), MAX_PROMPTS).title(Some("Prompt")).into()
    }
}

impl ToSchema for Prompt {
    fn schemas(components: &mut schema::Components) {
        schema::collect::<TokenId>(components);
    }
}

/// The four forms, with at most `max` texts or lists.
pub(crate) fn of_prompts(text: RefOr<Schema>, max: usize) -> OneOfBuilder {
    let ids = || of_items(schema::used::<TokenId>(), 1, None);
    let texts = of_items(text.clone(), 1, Some(max));
    let lists = of_items(ids().into(), 1, Some(max));
    schema::one_of([text, texts.into(), ids().into(), lists.into()])
}

/// Reads a prompt of at most `max` texts or lists.
pub(crate) struct PromptVisitor {
    pub(crate) max: usize,
}

impl<'de> Visitor<'de> for PromptVisitor {
    type Value = Prompt;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a list of strings, a list of token ids or a list of lists of token ids")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Prompt, E> {
        Ok(Prompt::Text(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Prompt, E> {
        Ok(Prompt::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Prompt, A::Error> {
        match seq.next_element()?.ok_or_else(|| too_few::<A::Error>(0))? {
            Item::Text(text) => with_rest(text, &mut seq, self.max).map(Prompt::Texts),
            Item::Token(id) => with_rest(id, &mut seq, usize::MAX).map(Prompt::Tokens),
            Item::Tokens(ids) => {
                let lists = with_rest(TokenList(ids), &mut seq, self.max)?;
                Ok(Prompt::TokenLists(lists.into_iter().map(|list| list.0).collect()))
            }
        }
    }
}

/// A prompt's token ids, at least one.
struct TokenList(Vec<TokenId>);

impl<'de> Deserialize<'de> for TokenList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ids = Vec::deserialize(deserializer)?;
        if ids.is_empty() { Err(too_few(0)) } else { Ok(Self(ids)) }
    }
}

/// The first item of a list says what the others are.
enum Item {
    Text(Text),
    Token(TokenId),
    Tokens(Vec<TokenId>),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a token id or a list of token ids")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Text(text.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Item, E> {
        narrow(value.into()).map(TokenId).map(Item::Token)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Item, E> {
        narrow(value.into()).map(TokenId).map(Item::Token)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Item, E> {
        let id = whole(value).ok_or_else(|| E::invalid_type(serde::de::Unexpected::Float(value), &self))?;
        narrow(id).map(TokenId).map(Item::Token)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Item, A::Error> {
        TokenList::deserialize(SeqAccessDeserializer::new(seq)).map(|list| Item::Tokens(list.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Prompt, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn all_four_kinds() {
        assert_eq!(parse("\"a\""), Ok(Prompt::Text("a".into())));
        assert_eq!(parse("[\"a\",\"\"]"), Ok(Prompt::Texts(vec!["a".into(), "".into()])));
        assert_eq!(parse("[1,2.0]"), Ok(Prompt::Tokens(vec![TokenId(1), TokenId(2)])));
        assert_eq!(parse("[[1],[2]]"), Ok(Prompt::TokenLists(vec![vec![TokenId(1)], vec![TokenId(2)]])));
    }

    #[test]
    fn kinds_do_not_mix() {
        for text in ["[\"a\",1]", "[1,\"a\"]", "[[1],2]", "[[1],\"a\"]", "[1,[2]]", "{}", "[true]", "[1.5]"] {
            assert!(parse(text).unwrap_err().starts_with("invalid type: "), "{text}");
        }
    }

    #[test]
    fn lists_are_not_empty_and_end_at_the_cap() {
        for text in ["[]", "[[]]", "[[1],[]]"] {
            assert!(parse(text).unwrap_err().starts_with("invalid length 0"), "{text}");
        }
        let of = |count: usize, item: &str| format!("[{}]", vec![item; count].join(","));
        for item in ["\"\"", "[1]"] {
            assert!(parse(&of(MAX_PROMPTS, item)).is_ok());
            assert!(parse(&of(MAX_PROMPTS + 1, item)).unwrap_err().starts_with("invalid length 129"));
        }
        assert!(parse(&of(1000, "1")).is_ok());
    }
}
