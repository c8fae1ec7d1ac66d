//! Which numbers of a model file are believed, and how a refusal is worded.

use std::ops::RangeInclusive;

pub(crate) const LAYERS: RangeInclusive<u64> = 1..=1024;
pub(crate) const WIDTH: RangeInclusive<u64> = 1..=1 << 17;
pub(crate) const HEADS: RangeInclusive<u64> = 1..=1024;
pub(crate) const EXPERTS: RangeInclusive<u64> = 1..=1024;
pub(crate) const LABELS: RangeInclusive<u64> = 1..=1 << 16;
pub(crate) const VOCABULARY: RangeInclusive<u64> = 1..=1 << 21;
pub(crate) const POSITIONS: RangeInclusive<u64> = 1..=1 << 24;

/// A whole number in a range.
pub(crate) fn whole(value: u64, allowed: RangeInclusive<u64>) -> Result<u64, String> {
    if allowed.contains(&value) {
        return Ok(value);
    }
    Err(format!("{value} is not in {}..={}", allowed.start(), allowed.end()))
}

/// A number that is finite and above 0 also as f32.
pub(crate) fn positive(value: f64) -> Result<f32, String> {
    let narrow = value as f32;
    if narrow.is_finite() && narrow > 0.0 {
        return Ok(narrow);
    }
    Err(format!("{value} is not a finite number above 0"))
}

/// The epsilon of a norm.
pub(crate) fn epsilon(value: f64) -> Result<f32, String> {
    let narrow = value as f32;
    if narrow > 0.0 && value <= 0.1 {
        return Ok(narrow);
    }
    Err(format!("{value} is not above 0 and at most 0.1"))
}

/// A part of a whole.
pub(crate) fn share(value: f64) -> Result<f64, String> {
    if value > 0.0 && value <= 1.0 {
        return Ok(value);
    }
    Err(format!("{value} is not above 0 and at most 1"))
}

/// Elements of a head that turn, in pairs.
pub(crate) fn turned_dim(turned: usize, head_dim: usize) -> Result<usize, String> {
    if turned > 0 && turned.is_multiple_of(2) && turned <= head_dim {
        return Ok(turned);
    }
    Err(format!("{turned} of {head_dim} elements of a head cannot turn in pairs"))
}

/// Key heads that share query heads evenly.
pub(crate) fn kv_heads(kv_heads: usize, heads: usize, heads_name: &str) -> Result<usize, String> {
    if kv_heads > 0 && heads.is_multiple_of(kv_heads) {
        return Ok(kv_heads);
    }
    Err(format!("{kv_heads} does not divide {heads_name} {heads}"))
}

/// The width of a head, which rotation splits into two halves.
pub(crate) fn head_dim(head_dim: usize) -> Result<usize, String> {
    if head_dim > 0 && head_dim.is_multiple_of(2) {
        return Ok(head_dim);
    }
    Err(format!("{head_dim} is not an even number above 0"))
}

/// The width of a head where the file leaves it to be computed.
pub(crate) fn computed_head_dim(hidden: usize, heads: usize) -> Result<usize, String> {
    if !hidden.is_multiple_of(heads) {
        return Err(format!("{hidden} is no multiple of the {heads} heads"));
    }
    head_dim(hidden / heads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_judged_after_narrowing() {
        assert!(positive(1e300).is_err());
        assert!(positive(1e-300).is_err());
        assert!(positive(f64::NAN).is_err());
        assert!(positive(-1.0).is_err());
        assert!(positive(10_000.0).is_ok());
        assert!(epsilon(f64::NAN).is_err());
        assert!(epsilon(0.0).is_err());
        assert!(epsilon(0.1).is_ok());
        assert!(epsilon(0.11).is_err());
    }

    #[test]
    fn heads_have_whole_ratios() {
        assert_eq!(kv_heads(7, 32, "head_count").unwrap_err(), "7 does not divide head_count 32");
        assert!(kv_heads(0, 32, "head_count").is_err());
        assert!(computed_head_dim(100, 3).is_err());
        assert!(computed_head_dim(9, 3).is_err());
        assert_eq!(computed_head_dim(64, 4), Ok(16));
        assert_eq!(turned_dim(6, 16), Ok(6));
        assert!([0, 5, 18].into_iter().all(|turned| turned_dim(turned, 16).is_err()));
        assert!(share(0.0).is_err() && share(1.5).is_err() && share(f64::NAN).is_err());
    }
}
