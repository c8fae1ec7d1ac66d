//! A length, or a range of lengths: `128` or `32-512`.
//!
//! Always 1 <= low <= high. The same text form is used by flags, scenarios and reports.

use std::{fmt, str::FromStr};

use rand::Rng;
use serde::{Deserialize, Serialize};

/// Lengths to draw from, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub struct Lengths {
    low: usize,
    high: usize,
}

impl Lengths {
    /// The one length `length`, which is at least 1.
    pub const fn exactly(length: usize) -> Self {
        assert!(length > 0, "a length is at least 1");
        Self { low: length, high: length }
    }

    /// All lengths less `by`, but never less than 1.
    #[must_use]
    pub fn less(self, by: usize) -> Self {
        let less = |length: usize| length.saturating_sub(by).max(1);
        Self { low: less(self.low), high: less(self.high) }
    }

    /// One length, each equally likely.
    pub fn draw(self, rng: &mut impl Rng) -> usize {
        rng.random_range(self.low..=self.high)
    }
}

impl FromStr for Lengths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let bad = || format!("'{text}' is not a length such as 128 or 32-512");
        let low = low.trim().parse().map_err(|_| bad())?;
        let high = high.trim().parse().map_err(|_| bad())?;
        if low == 0 || low > high {
            return Err(bad());
        }
        Ok(Self { low, high })
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high { write!(f, "{}", self.low) } else { write!(f, "{}-{}", self.low, self.high) }
    }
}

impl From<Lengths> for String {
    fn from(lengths: Lengths) -> Self {
        lengths.to_string()
    }
}

/// How a scenario may write a length.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(usize),
    Text(String),
}

impl TryFrom<Written> for Lengths {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(length) => length.to_string().parse(),
            Written::Text(text) => text.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn reads_both_forms_and_writes_them_back() {
        for text in ["1", "128", "32-512"] {
            assert_eq!(text.parse::<Lengths>().unwrap().to_string(), text);
        }
        assert_eq!("7-30".parse::<Lengths>().unwrap().less(9).to_string(), "1-21");
        assert_eq!("7-7".parse::<Lengths>().unwrap(), Lengths::exactly(7));
    }

    #[test]
    fn refuses_what_is_no_length() {
        for text in ["", "0", "0-4", "9-3", "a", "4-", "-4", "1-2-3"] {
            assert!(text.parse::<Lengths>().is_err(), "{text}");
        }
    }

    #[test]
    fn draws_both_ends_and_nothing_outside() {
        let lengths: Lengths = "3-5".parse().unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        let mut seen = [0usize; 8];
        for _ in 0..300 {
            seen[lengths.draw(&mut rng)] += 1;
        }
        assert!(seen[3] > 0 && seen[4] > 0 && seen[5] > 0);
        assert_eq!(seen.iter().sum::<usize>(), seen[3] + seen[4] + seen[5]);
    }
}
