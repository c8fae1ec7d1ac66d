//! Request objects: read from a JSON object only, member by member, every member known.
//!
//! The `OpenAPI` document describes them from the same declaration ([`crate::schema`]).
//!
//! A derived struct would also take a list, and could share members with another only by `flatten`, which loses the
//! path of an error. Here a *group* is a struct of optional members that several requests share.
//! `null` is an absent member, and an absent required member is an error. An unknown member fails as its own value, so that the path names it.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
    ser::SerializeMap,
};

/// Optional members of an object.
pub(crate) trait Fields: Default {
    /// Reads the value of the named member; false if there is no such member and nothing was read.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Writes the members that are present.
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

/// An object with its required members.
pub(crate) trait StrictObject: Sized {
    /// Reads all members.
    fn read_all<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
}

/// Takes an object and nothing else.
pub(crate) struct ObjectVisitor<T>(pub(crate) PhantomData<T>);

impl<'de, T: StrictObject> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::read_all(map)
    }
}

/// The next name, which `seen` does not hold yet, added to it: a member is read once, also if it was `null` before.
pub(crate) fn next_name<'de, 'a, A: MapAccess<'de>>(
    map: &mut A,
    seen: &'a mut Vec<String>,
) -> Result<Option<&'a str>, A::Error> {
    let Some(name) = map.next_key::<String>()? else { return Ok(None) };
    if seen.contains(&name) {
        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
    }
    seen.push(name);
    Ok(seen.last().map(String::as_str))
}

/// Fails where the value of an unknown member stands.
pub(crate) struct Unknown<'a>(pub(crate) &'a str);

impl<'de> DeserializeSeed<'de> for Unknown<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(D::Error::unknown_field(self.0, &[]))
    }
}

/// The name of a member on the wire: `type` is a word of Rust, so such a field is called `kind`.
macro_rules! wire {
    (kind) => {
        "type"
    };
    ($name:ident) => {
        stringify!($name)
    };
}
pub(crate) use wire;

/// Declares a request object: groups (shared members), required members, optional ones, and received ones (optional,
/// read and never written). `forms` names what makes the schema out of the plain one where members depend on one another.
macro_rules! strict_object {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $Name:ident {
            $(groups { $($(#[doc = $group_doc:literal])* $group:ident: $Group:ty,)* })?
            $(required { $($(#[doc = $required_doc:literal])* $required:ident: $Required:ty,)* })?
            $(optional { $($(#[doc = $optional_doc:literal])* $optional:ident: $Optional:ty,)* })?
            $(received { $($(#[doc = $received_doc:literal])* $received:ident: $Received:ty,)* })?
            $(forms { $forms:path })?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        $vis struct $Name {
            $($($(#[doc = $required_doc])* $vis $required: $Required,)*)?
            $($($(#[doc = $optional_doc])* $vis $optional: Option<$Optional>,)*)?
            $($($(#[doc = $received_doc])* $vis $received: Option<$Received>,)*)?
            $($($(#[doc = $group_doc])* $vis $group: $Group,)*)?
        }

        impl $crate::strict_object::Fields for $Name {
            #[allow(unused_variables, unreachable_code, reason = "an object may have no optional member")]
            fn read<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                match name {
                    $($($crate::strict_object::wire!($optional) => self.$optional = map.next_value()?,)*)?
                    $($($crate::strict_object::wire!($received) => self.$received = map.next_value()?,)*)?
                    _ => {
                        $($(if self.$group.read(name, map)? {
                            return Ok(true);
                        })*)?
                        return Ok(false);
                    }
                }
                Ok(true)
            }

            fn write<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                $($(map.serialize_entry($crate::strict_object::wire!($required), &self.$required)?;)*)?
                $($(if let Some(value) = &self.$optional {
                    map.serialize_entry($crate::strict_object::wire!($optional), value)?;
                })*)?
                $($(self.$group.write(map)?;)*)?
                Ok(())
            }
        }

        impl $crate::strict_object::StrictObject for $Name {
            fn read_all<'de, A: serde::de::MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
                use $crate::strict_object::{Fields, Unknown, next_name};
                let mut object = Self::default();
                $($(let mut $required = None;)*)?
                let mut seen = Vec::new();
                while let Some(name) = next_name(&mut map, &mut seen)? {
                    match name {
                        $($($crate::strict_object::wire!($required) => $required = map.next_value()?,)*)?
                        name => if !object.read(name, &mut map)? {
                            map.next_value_seed(Unknown(name))?;
                        }
                    }
                }
                $($(object.$required = $required.ok_or_else(|| serde::de::Error::missing_field($crate::strict_object::wire!($required)))?;)*)?
                Ok(object)
            }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($crate::strict_object::ObjectVisitor(std::marker::PhantomData))
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                use $crate::strict_object::Fields;
                let mut map = serializer.serialize_map(None)?;
                self.write(&mut map)?;
                map.end()
            }
        }

        impl $crate::schema::Members for $Name {
            fn add_to(object: utoipa::openapi::ObjectBuilder) -> utoipa::openapi::ObjectBuilder {
                use $crate::{schema, strict_object::wire};
                $($(let object = schema::required::<$Required>(object, wire!($required), &[$($required_doc),*]);)*)?
                $($(let object = schema::optional::<$Optional>(object, wire!($optional), &[$($optional_doc),*]);)*)?
                $($(let object = schema::received::<$Received>(object, wire!($received), &[$($received_doc),*]);)*)?
                $($(let object = <$Group as schema::Members>::add_to(object);)*)?
                object
            }

            #[allow(unused_variables, reason = "an object may refer to nothing")]
            fn collect(components: &mut $crate::schema::Components) {
                $($($crate::schema::collect::<$Required>(components);)*)?
                $($($crate::schema::collect::<$Optional>(components);)*)?
                $($(<$Group as $crate::schema::Members>::collect(components);)*)?
            }
        }

        impl utoipa::PartialSchema for $Name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let object = $crate::schema::object::<Self>(stringify!($Name), &[$($doc),*]);
                $(let object = $forms(&object);)?
                utoipa::openapi::Schema::from(object).into()
            }
        }

        impl utoipa::ToSchema for $Name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($Name).into()
            }

            fn schemas(components: &mut $crate::schema::Components) {
                <Self as $crate::schema::Members>::collect(components);
            }
        }
    };
}
pub(crate) use strict_object;
