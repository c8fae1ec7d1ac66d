//! What the types of requests look like in the `OpenAPI` document, made from the declarations that parse them.
//!
//! A schema with a title, or of several words, is a component that others refer to; all else is written out where it is
//! used. An optional member may be `null`, which means that it is absent.

use utoipa::{
    Number, ToSchema,
    openapi::{
        Ref, RefOr,
        schema::{AdditionalProperties, Object, ObjectBuilder, OneOf, OneOfBuilder, Schema, SchemaType, Type},
    },
};

/// Components and their names.
pub(crate) type Components = Vec<(String, RefOr<Schema>)>;

/// Members that an object is described by.
pub(crate) trait Members {
    /// Adds them to an object.
    fn add_to(object: ObjectBuilder) -> ObjectBuilder;

    /// Adds the components they refer to.
    fn collect(components: &mut Components);
}

/// A member that is read and never written.
pub(crate) trait Received {
    /// Its schema; null is among its values.
    fn schema() -> RefOr<Schema>;
}

impl Received for serde::de::IgnoredAny {
    fn schema() -> RefOr<Schema> {
        any()
    }
}

/// A type where it is used.
pub(crate) fn used<T: ToSchema>() -> RefOr<Schema> {
    let schema = T::schema();
    if is_component(&schema) { Ref::from_schema_name(T::name()).into() } else { schema }
}

/// The type, if it is a component, and those that it refers to.
pub(crate) fn collect<T: ToSchema>(components: &mut Components) {
    let schema = T::schema();
    if is_component(&schema) {
        components.push((T::name().into_owned(), schema));
    }
    T::schemas(components);
}

fn is_component(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            object.title.is_some() || object.enum_values.as_ref().is_some_and(|words| words.len() > 1)
        }
        RefOr::T(Schema::OneOf(forms)) => forms.title.is_some(),
        _ => false,
    }
}

/// An object with these members and no others.
pub(crate) fn object<T: Members>(title: &str, lines: &[&str]) -> Object {
    let closed = ObjectBuilder::new()
        .schema_type(Type::Object)
        .title(Some(title))
        .description(description(lines))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    T::add_to(closed).build()
}

/// Adds a member that must be there.
pub(crate) fn required<T: ToSchema>(object: ObjectBuilder, name: &str, lines: &[&str]) -> ObjectBuilder {
    object.property(name, described(used::<T>(), lines)).required(name)
}

/// Adds a member that may be absent or null.
pub(crate) fn optional<T: ToSchema>(object: ObjectBuilder, name: &str, lines: &[&str]) -> ObjectBuilder {
    object.property(name, described(nullable(used::<T>()), lines))
}

/// Adds a member that is read only.
pub(crate) fn received<T: Received>(object: ObjectBuilder, name: &str, lines: &[&str]) -> ObjectBuilder {
    object.property(name, described(T::schema(), lines))
}

fn description(lines: &[&str]) -> Option<String> {
    let text = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

fn described(mut schema: RefOr<Schema>, lines: &[&str]) -> RefOr<Schema> {
    let text = description(lines);
    match &mut schema {
        RefOr::Ref(reference) => reference.description = text.unwrap_or_default(),
        RefOr::T(Schema::Object(object)) => object.description = text,
        RefOr::T(Schema::Array(array)) => array.description = text,
        RefOr::T(Schema::OneOf(forms)) => forms.description = text,
        RefOr::T(_) => {}
    }
    schema
}

/// The schema or null.
pub(crate) fn nullable(schema: RefOr<Schema>) -> RefOr<Schema> {
    let or_null = |kind: SchemaType| match kind {
        SchemaType::Type(kind) => SchemaType::Array(vec![kind, Type::Null]),
        other => other,
    };
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            object.schema_type = or_null(object.schema_type);
            if let Some(words) = &mut object.enum_values {
                words.push(serde_json::Value::Null);
            }
            Schema::Object(object).into()
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.schema_type = or_null(array.schema_type);
            Schema::Array(array).into()
        }
        RefOr::T(Schema::OneOf(mut forms)) => {
            forms.items.push(null());
            Schema::OneOf(forms).into()
        }
        other => OneOfBuilder::new().item(other).item(null()).into(),
    }
}

/// Null, and so nothing.
pub(crate) fn null() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Null).into()
}

/// Any value.
pub(crate) fn any() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

/// An integer of the range.
pub(crate) fn integer(least: i64, most: i64) -> ObjectBuilder {
    let bound = |bound: i64| Some(isize::try_from(bound).map_or(Number::Float(bound as f64), Number::Int));
    ObjectBuilder::new().schema_type(Type::Integer).minimum(bound(least)).maximum(bound(most))
}

/// A string.
pub(crate) fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Several schemas of which a value has exactly one.
pub(crate) fn one_of(forms: impl IntoIterator<Item = RefOr<Schema>>) -> OneOfBuilder {
    forms.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item)
}

/// The object in several forms, under its own name.
pub(crate) fn forms_of(object: &Object, forms: impl IntoIterator<Item = Object>) -> OneOf {
    let forms = forms.into_iter().map(untitled);
    one_of(forms).title(object.title.clone()).description(object.description.clone()).build()
}

/// An object to be written where it is used.
pub(crate) fn untitled(mut object: Object) -> RefOr<Schema> {
    (object.title, object.description) = (None, None);
    Schema::Object(object).into()
}

/// One form of an object: these members must be there, the ones in `absent` must not, which `null` means too.
pub(crate) fn form(whole: &Object, required: &[&str], absent: &[&str]) -> Object {
    let mut form = whole.clone();
    for name in required {
        let schema = form.properties.get_mut(*name).expect("a form is made of the object's members");
        *schema = not_null(schema.clone());
        if !form.required.iter().any(|known| known == name) {
            form.required.push((*name).to_owned());
        }
    }
    for name in absent {
        set(&mut form, name, null());
        form.required.retain(|known| known != name);
    }
    form
}

/// Replaces the schema of a member.
pub(crate) fn set(object: &mut Object, name: &str, schema: impl Into<RefOr<Schema>>) {
    let place = object.properties.get_mut(name).expect("a form is made of the object's members");
    let text = match place {
        RefOr::Ref(reference) => Some(reference.description.clone()),
        RefOr::T(Schema::Object(object)) => object.description.clone(),
        RefOr::T(Schema::Array(array)) => array.description.clone(),
        RefOr::T(Schema::OneOf(forms)) => forms.description.clone(),
        RefOr::T(_) => None,
    };
    *place = described(schema.into(), &text.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Of the words of a member only these.
pub(crate) fn words(words: &[&str]) -> ObjectBuilder {
    string().enum_values(Some(words.iter().copied()))
}

/// Takes null from what [`nullable`] made.
fn not_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    let without = |kind: SchemaType| match kind {
        SchemaType::Array(kinds) => {
            let mut kinds: Vec<_> = kinds.into_iter().filter(|kind| *kind != Type::Null).collect();
            if kinds.len() == 1 { SchemaType::Type(kinds.remove(0)) } else { SchemaType::Array(kinds) }
        }
        other => other,
    };
    let is_null = |schema: &RefOr<Schema>| matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null));
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            object.schema_type = without(object.schema_type);
            if let Some(words) = &mut object.enum_values {
                words.retain(|word| !word.is_null());
            }
            Schema::Object(object).into()
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.schema_type = without(array.schema_type);
            Schema::Array(array).into()
        }
        RefOr::T(Schema::OneOf(mut forms)) => {
            forms.items.retain(|form| !is_null(form));
            Schema::OneOf(forms).into()
        }
        other => other,
    }
}
