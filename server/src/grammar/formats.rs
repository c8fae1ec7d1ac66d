//! Which formats of strings can be kept, and what the library's idea of them leaves open.
//!
//! What is drawn need not be all that a format allows, but is allowed by it.

use serde_json::{Map, Value, json};

/// Formats of strings that are kept.
pub(super) const FORMATS: &[&str] = &[
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// The year 0 is none in most languages.
const YEAR: &str = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)";

const LEAP_YEAR: &str = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)";

/// No leap seconds: none is planned, and few programs can read one.
const TIME: &str = "[0-9]{2}:[0-9]{2}:[0-5]";

const POINTER: &str = "(?:/(?:[^~/]|~[01])*)*";

/// A letter of a URI's path, but for the colon.
const LETTER: &str = "[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2}";

/// Where the library does not know a format, or says less than its name, adds a pattern that says the rest.
pub(super) fn tighten(members: &mut Map<String, Value>) {
    let Some(Value::String(format)) = members.get("format") else { return };
    let (format, pattern) = match format.as_str() {
        // Days that exist; the library knows how long a month is at most.
        "date" => (Some("date"), Some(format!("^{}", date()))),
        "date-time" => (Some("date-time"), Some(format!("^{}[^tT]*[tT]{TIME}", date()))),
        "time" => (Some("time"), Some(format!("^{TIME}"))),
        "idn-email" => (Some("email"), None),
        "idn-hostname" => (Some("hostname"), None),
        "iri" => (Some("uri"), None),
        "iri-reference" | "uri-reference" => (None, Some(uri_reference())),
        "json-pointer" => (None, Some(format!("^{POINTER}$"))),
        "relative-json-pointer" => (None, Some(format!("^(?:0|[1-9][0-9]*)(?:#|{POINTER})$"))),
        "uri-template" => (None, Some(uri_template())),
        _ => return,
    };
    match format {
        Some(format) => drop(members.insert("format".to_owned(), Value::from(format))),
        None => members.retain(|name, _| name != "format"),
    }
    match pattern {
        Some(pattern) if members.contains_key("pattern") => {
            if let Value::Array(parts) = members.entry("allOf").or_insert_with(|| json!([])) {
                parts.push(json!({"pattern": pattern}));
            }
        }
        Some(pattern) => drop(members.insert("pattern".to_owned(), Value::String(pattern))),
        None => {}
    }
}

fn date() -> String {
    format!("(?:{YEAR}-(?:0[13-9]|1[0-2]|02-(?:[01]|2[0-8]))|{LEAP_YEAR}-02-29)")
}

fn uri_reference() -> String {
    let (first, other, scheme) = (format!("(?:{LETTER})"), format!("(?:{LETTER}|:)"), "[A-Za-z][A-Za-z0-9+.-]*:");
    let path = format!("(?:/{other}*)*");
    let place = format!("//[A-Za-z0-9._~-]*(?::[0-9]*)?{path}|/(?:{other}+{path})?");
    let query = format!("(?:{LETTER}|[:/?])*");
    format!(
        "^(?:(?:{scheme})?(?:{place})|{scheme}(?:{other}+{path})?|(?:{first}+{path})?)(?:\\?{query})?(?:#{query})?$"
    )
}

fn uri_template() -> String {
    let name = "[A-Za-z0-9_]+(?:\\.[A-Za-z0-9_]+)*(?:\\*|:[1-9][0-9]{0,3})?";
    let letter = "[A-Za-z0-9._~:/?#@!$&()*+,;=-]|%[0-9A-Fa-f]{2}";
    format!("^(?:{letter}|\\{{[+#./;?&]?{name}(?:,{name})*\\}})*$")
}
