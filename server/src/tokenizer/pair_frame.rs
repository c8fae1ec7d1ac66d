//! Two texts as one list of tokens: what a tokenizer puts before, between and behind them.

use scheduler::Token;

/// The tokens around two texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PairFrame {
    pub(super) before: Vec<Token>,
    pub(super) between: Vec<Token>,
    pub(super) behind: Vec<Token>,
}

impl PairFrame {
    /// Tokens that are not of the texts.
    pub fn len(&self) -> usize {
        self.before.len() + self.between.len() + self.behind.len()
    }

    /// Whether nothing is put around texts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether something stands before the first text.
    pub fn opens(&self) -> bool {
        !self.before.is_empty()
    }

    /// The pair, and where its second text begins.
    pub fn join(&self, first: &[Token], second: &[Token]) -> (Vec<Token>, usize) {
        let begins = self.before.len() + first.len() + self.between.len();
        ([self.before.as_slice(), first, &self.between, second, &self.behind].concat(), begins)
    }

    /// How many tokens of two texts of these lengths fit, beside the frame, into so many: the longer one loses its end
    /// first. None, if the frame alone does not fit.
    pub fn fit(&self, (first, second): (usize, usize), most: usize) -> Option<(usize, usize)> {
        let room = most.checked_sub(self.len())?;
        if first + second <= room {
            return Some((first, second));
        }
        let (shorter, half) = (first.min(second), room / 2);
        let longer = if shorter <= half { room - shorter } else { room - half };
        let shorter = room - longer;
        Some(if first <= second { (shorter, longer) } else { (longer, shorter) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_joined_in_their_frame() {
        let frame = PairFrame { before: vec![2], between: vec![3, 3], behind: vec![3] };
        assert_eq!(frame.join(&[7, 8], &[9]), (vec![2, 7, 8, 3, 3, 9, 3], 5));
        assert_eq!(PairFrame::default().join(&[7], &[9]), (vec![7, 9], 1));
    }

    #[test]
    fn the_longer_text_is_cut_first() {
        let frame = PairFrame { before: vec![2], between: vec![3], behind: vec![3] };
        assert_eq!(frame.fit((4, 5), 12), Some((4, 5)));
        assert_eq!(frame.fit((4, 50), 13), Some((4, 6)));
        assert_eq!(frame.fit((50, 4), 13), Some((6, 4)));
        assert_eq!(frame.fit((50, 60), 13), Some((5, 5)));
        assert_eq!(frame.fit((50, 60), 14), Some((5, 6)));
        assert_eq!(frame.fit((60, 50), 14), Some((6, 5)));
        assert_eq!(frame.fit((1, 1), 3), Some((0, 0)));
        assert_eq!(frame.fit((1, 1), 2), None);
        for first in 0..9 {
            for second in 0..9 {
                let (a, b) = frame.fit((first, second), 9).unwrap();
                assert!(a <= first && b <= second && a + b == (first + second).min(6), "{first} {second}");
            }
        }
    }
}
