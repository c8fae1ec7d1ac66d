//! What a chat template may read beside the conversation: values that are not looked into further.

use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, SchemaType, Type};

use crate::{list::of_items, schema};

/// Most documents.
pub const MAX_DOCUMENTS: usize = 2048;
/// Most variables.
pub const MAX_TEMPLATE_ARGUMENTS: usize = 32;

/// What `documents` and `chat_template_kwargs` of a request take: objects, and scalars under names of their own.
pub(crate) fn narrow(request: &mut Object) {
    let document = ObjectBuilder::new().schema_type(Type::Object);
    let documents = of_items(document.into(), 0, Some(MAX_DOCUMENTS));
    schema::set(request, "documents", schema::nullable(documents.into()));
    let scalars = SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Null]);
    let scalar = ObjectBuilder::new().schema_type(scalars);
    let arguments = ObjectBuilder::new()
        .schema_type(Type::Object)
        .max_properties(Some(MAX_TEMPLATE_ARGUMENTS))
        .additional_properties(Some(AdditionalProperties::from(scalar)));
    schema::set(request, "chat_template_kwargs", schema::nullable(arguments.into()));
}
