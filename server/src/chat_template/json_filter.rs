//! The `tojson` filter as transformers has it: Python's separators, and nothing is escaped for HTML.

use std::io;

use minijinja::{
    Error, ErrorKind, Value,
    value::{Kwargs, ViaDeserialize},
};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

const MAX_INDENT: usize = 16;

#[allow(clippy::needless_pass_by_value, reason = "minijinja hands values over")]
pub(super) fn to_json(value: ViaDeserialize<serde_json::Value>, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let _: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    let indent = indent.map(|width| " ".repeat(width.min(MAX_INDENT)));
    let text = match &indent {
        Some(indent) => write(&value.0, PrettyFormatter::with_indent(indent.as_bytes())),
        None => write(&value.0, PythonFormatter),
    };
    text.map(Value::from_safe_string)
}

/// A value in one line, as templates write it.
pub(crate) fn one_line(value: &serde_json::Value) -> String {
    write(value, PythonFormatter).unwrap_or_default()
}

fn write(value: &serde_json::Value, formatter: impl Formatter) -> Result<String, Error> {
    let failed = || Error::new(ErrorKind::InvalidOperation, "not to be written as JSON");
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter)).map_err(|_| failed())?;
    String::from_utf8(bytes).map_err(|_| failed())
}

/// One line, with a space after each comma and colon.
struct PythonFormatter;

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn as_python_writes_it() {
        let value = json!({"a": [1, 2.5, "<b> & 'ü'"], "b": {}});
        assert_eq!(write(&value, PythonFormatter).unwrap(), r#"{"a": [1, 2.5, "<b> & 'ü'"], "b": {}}"#);
    }
}
