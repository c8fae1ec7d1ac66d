//! A member of an answer that may be left out, be null, or have a value: `usage` and `stop_reason` of chunks.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Absent, null or a value. Fields of this type carry `default` and `skip_serializing_if = "Member::is_absent"`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Member<T> {
    /// Left out.
    #[default]
    Absent,
    /// Written as null.
    Null,
    /// Written as it is.
    Value(T),
}

impl<T> Member<T> {
    /// Whether the member is left out.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

impl<T> From<Option<T>> for Member<T> {
    /// `None` is null.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }
}

impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}
