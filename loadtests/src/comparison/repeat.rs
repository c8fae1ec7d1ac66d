//! The command line that repeats a comparison, as a shell reads it.

/// This program with these arguments.
pub fn line(arguments: impl Iterator<Item = String>) -> String {
    let words = arguments.map(|argument| quoted(&argument));
    ["loadtests".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_change_are_quoted() {
        let arguments = ["compare", "--model", "a=b c", "", "it's", "$x"].map(str::to_owned);
        assert_eq!(line(arguments.into_iter()), r"loadtests compare --model 'a=b c' '' 'it'\''s' '$x'");
    }
}
