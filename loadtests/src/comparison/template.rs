//! Texts with holes: `{word}` is filled by the comparison, `${NAME}` and `${NAME:-otherwise}` by the environment.
//!
//! So a comparison can be shared: it names no machine's paths, ports or cores.

use anyhow::{Context, Result, bail};

/// What `{word}` stands for.
pub type Words<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Fills every hole. An unset variable without an otherwise and a word nobody knows are errors.
pub fn filled(text: &str, words: Words, variables: Words) -> Result<String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, hole) = rest.split_at(open);
        let close = hole.find('}').with_context(|| format!("'{text}' opens a brace and does not close it"))?;
        let name = &hole[1..close];
        if let Some(before) = before.strip_suffix('$') {
            whole.push_str(before);
            whole.push_str(&variable(name, variables)?);
        } else {
            whole.push_str(before);
            whole.push_str(&words(name).with_context(|| format!("'{text}': {{{name}}} stands for nothing"))?);
        }
        rest = &hole[close + 1..];
    }
    whole.push_str(rest);
    Ok(whole)
}

/// The variable of this process's environment; an empty one counts as unset.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn variable(hole: &str, variables: Words) -> Result<String> {
    let (name, otherwise) = match hole.split_once(":-") {
        Some((name, otherwise)) => (name, Some(otherwise)),
        None => (hole, None),
    };
    match (variables(name), otherwise) {
        (Some(value), _) => Ok(value),
        (None, Some(otherwise)) => Ok(otherwise.to_owned()),
        (None, None) => bail!("{name} is not set"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> Result<String> {
        let words = |word: &str| (word == "port").then(|| "81".to_owned());
        filled(text, &words, &|name| (name == "HOME").then(|| "/h".to_owned()))
    }

    #[test]
    fn holes_are_filled_and_the_rest_stays() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("--port={port}.", "--port=81."),
            ("${HOME}/{port}{port}", "/h/8181"),
            ("${NONE:-a b}", "a b"),
            ("${NONE:-}", ""),
            ("${HOME:-x}$", "/h$"),
        ] {
            assert_eq!(fill(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_is_named() {
        for (text, message) in
            [("${NONE}/x", "NONE is not set"), ("{prot}", "{prot} stands for nothing"), ("{port", "does not close it")]
        {
            assert!(fill(text).unwrap_err().to_string().contains(message), "{text}");
        }
    }
}
