//! Tokens that would complete what must not be generated.

use scheduler::Token;

/// Forbids the last token of each word whose other tokens were generated last.
pub(super) fn words(row: &mut [f32], words: &[Vec<Token>], generated: &[Token]) {
    for word in words {
        match word.split_last() {
            Some((last, before)) if generated.ends_with(before) => row[*last as usize] = f32::NEG_INFINITY,
            _ => {}
        }
    }
}

/// Forbids the tokens that would make the last `size` tokens a sequence that was there before; a size of 0 is none.
pub(super) fn repeats(row: &mut [f32], size: usize, seen: &[Token]) {
    let Some(start) = size.checked_sub(1).and_then(|before| seen.len().checked_sub(before)) else { return };
    for sequence in seen.windows(size) {
        match sequence.split_last() {
            Some((last, before)) if before == &seen[start..] => row[*last as usize] = f32::NEG_INFINITY,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banned(ban: impl FnOnce(&mut [f32])) -> Vec<usize> {
        let mut row = [0.0; 10];
        ban(&mut row);
        (0..row.len()).filter(|token| row[*token] == f32::NEG_INFINITY).collect()
    }

    #[test]
    fn a_word_is_forbidden_where_only_its_end_is_missing() {
        let bad = [vec![1], vec![2, 3], vec![4, 5, 6]];
        assert_eq!(banned(|row| words(row, &bad, &[])), [1]);
        assert_eq!(banned(|row| words(row, &bad, &[9, 2])), [1, 3]);
        assert_eq!(banned(|row| words(row, &bad, &[4, 5])), [1, 6]);
        assert_eq!(banned(|row| words(row, &bad, &[5])), [1]);
    }

    #[test]
    fn a_sequence_comes_once() {
        let seen = [3, 5, 5, 7, 3, 5];
        assert_eq!(banned(|row| repeats(row, 0, &seen)), [0; 0]);
        assert_eq!(banned(|row| repeats(row, 1, &seen)), [3, 5, 7]);
        assert_eq!(banned(|row| repeats(row, 2, &seen)), [5, 7]);
        assert_eq!(banned(|row| repeats(row, 3, &seen)), [5]);
        assert_eq!(banned(|row| repeats(row, 7, &seen)), [0; 0]);
        assert_eq!(banned(|row| repeats(row, 8, &seen)), [0; 0]);
    }
}
