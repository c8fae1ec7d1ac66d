//! The search for one text in bytes that come one at a time (Knuth, Morris, Pratt).

/// A text that is looked for, and how much of it the bytes so far end with.
#[derive(Clone, Debug)]
pub(crate) struct Substring {
    text: String,
    /// For each length matched: the next shorter prefix that the matched part ends with.
    fallback: Vec<usize>,
    matched: usize,
}

impl Substring {
    /// Begins a search; the text is not empty.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let bytes = text.as_bytes();
        let mut fallback = vec![0; bytes.len() + 1];
        let mut matched = 0;
        for index in 1..bytes.len() {
            while matched > 0 && bytes[index] != bytes[matched] {
                matched = fallback[matched];
            }
            matched += usize::from(bytes[index] == bytes[matched]);
            fallback[index + 1] = matched;
        }
        Self { text, fallback, matched: 0 }
    }

    /// True once the whole text has been seen.
    pub(crate) fn step(&mut self, byte: u8) -> bool {
        let bytes = self.text.as_bytes();
        if self.matched == bytes.len() {
            self.matched = self.fallback[self.matched];
        }
        while self.matched > 0 && bytes[self.matched] != byte {
            self.matched = self.fallback[self.matched];
        }
        self.matched += usize::from(bytes[self.matched] == byte);
        self.matched == bytes.len()
    }

    /// Forgets the bytes so far.
    pub(crate) fn restart(&mut self) {
        self.matched = 0;
    }

    /// Bytes of the text that the bytes so far end with.
    pub(crate) fn matched(&self) -> usize {
        self.matched
    }

    /// What is looked for.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_ends_where_the_text_ends(text in "[ab]{1,4}", hay in "[ab]{0,30}") {
            let mut search = Substring::new(text.clone());
            for (index, byte) in hay.bytes().enumerate() {
                prop_assert_eq!(search.step(byte), hay[..=index].ends_with(&text));
            }
        }
    }
}
