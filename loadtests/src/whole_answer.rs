//! An answer about texts, which comes whole: how many results it has, and the tokens that the server counted.
//!
//! Reads what is measured and ignores the rest, so that other servers can be measured alike.

use serde::{Deserialize, de::IgnoredAny};

use crate::{chunk::Usage, failure::Failure};

#[derive(Deserialize)]
struct WholeAnswer {
    data: Option<Vec<IgnoredAny>>,
    results: Option<Vec<IgnoredAny>>,
    usage: Option<Usage>,
}

/// The server's counts in a body that has a result for each of so many texts.
pub fn usage(body: &[u8], texts: usize) -> Result<Option<Usage>, Failure> {
    let answer: WholeAnswer = serde_json::from_slice(body).map_err(|_| Failure::NotAnAnswer)?;
    let results = answer.data.or(answer.results).ok_or(Failure::NotAnAnswer)?;
    if results.len() == texts { Ok(answer.usage) } else { Err(Failure::OtherResults(results.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_a_result() {
        let vectors =
            br#"{"data":[{"embedding":"AA=="},{"embedding":[0.5]}],"usage":{"prompt_tokens":7,"total_tokens":7}}"#;
        assert_eq!(usage(vectors, 2).unwrap().unwrap().prompt_tokens, 7);
        assert_eq!(usage(br#"{"results":[{"index":0}]}"#, 1), Ok(None));
        assert_eq!(usage(vectors, 3), Err(Failure::OtherResults(2)));
        for other in [&b"{}"[..], b"{\"data\":[", b"[1]"] {
            assert_eq!(usage(other, 1), Err(Failure::NotAnAnswer));
        }
    }
}
