//! Words of a closed set, read from a string only.
//!
//! A derived enum would also take `{"user": null}` for `"user"`, and fails on a number as on broken JSON. So such an enum
//! derives with `remote = "Self"`, which makes functions in place of impls, and [`word`] hands only strings to them.

/// Implements `Serialize` and `Deserialize` for an enum of words.
macro_rules! word {
    ($Word:ident) => {
        impl<'de> serde::Deserialize<'de> for $Word {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct WordVisitor;

                impl serde::de::Visitor<'_> for WordVisitor {
                    type Value = $Word;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str("a string")
                    }

                    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<$Word, E> {
                        $Word::deserialize(serde::de::value::StrDeserializer::new(word))
                    }
                }

                deserializer.deserialize_str(WordVisitor)
            }
        }

        impl serde::Serialize for $Word {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $Word::serialize(self, serializer)
            }
        }
    };
}
pub(crate) use word;
