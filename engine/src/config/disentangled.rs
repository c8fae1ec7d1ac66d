//! Distances of two tokens as rows of a table that all layers share: near ones have one each, far ones may share.

/// How distances find their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisentangledRule {
    /// Half of the table's rows: those of keys ahead of their queries are the first half.
    pub span: usize,
    /// Where distances from half of the span on share rows: the one that has the last row.
    pub farthest: Option<usize>,
    /// Rows go through a norm.
    pub has_norm: bool,
    /// The matrices that make keys and queries of tokens make them of rows too, or others do.
    pub shares_matrices: bool,
    /// Most tokens of a text: distances have no end, but the model was made for so many.
    pub max_tokens: usize,
}

impl DisentangledRule {
    /// Rows of the table.
    pub(crate) fn rows(&self) -> usize {
        2 * self.span
    }

    /// The row of each distance of a query behind a key that the longest text has, from that of its first token behind its
    /// last one on.
    pub(crate) fn places(&self) -> Vec<u32> {
        let ahead = (1..self.max_tokens).rev().map(|distance| self.span.saturating_sub(self.bucket(distance)));
        let behind = (0..self.max_tokens).map(|distance| (self.span + self.bucket(distance)).min(self.rows() - 1));
        ahead.chain(behind).map(|row| row as u32).collect()
    }

    /// How many rows away from that of one place; in f32, as the models were trained.
    fn bucket(&self, distance: usize) -> usize {
        let near = self.span / 2;
        match self.farthest {
            Some(farthest) if distance > near => {
                let octaves = |distance: f64| ((distance / near as f64) as f32).ln();
                let share = octaves(distance as f64) / octaves((farthest - 1) as f64);
                (share * (near - 1) as f32).ceil() as usize + near
            }
            _ => distance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: DisentangledRule =
        DisentangledRule { span: 8, farthest: Some(20), has_norm: false, shares_matrices: true, max_tokens: 30 };

    #[test]
    fn near_distances_have_a_row_each_and_far_ones_share() {
        let places = RULE.places();
        assert_eq!(places.len(), 59);
        let behind = |distance: usize| places[29 + distance];
        let distances = [0, 1, 4, 5, 6, 7, 11, 12, 19, 20, 29];
        assert_eq!(distances.map(behind), [8, 9, 12, 13, 13, 14, 14, 15, 15, 15, 15]);
        let ahead = |distance: usize| places[29 - distance];
        assert_eq!(distances.map(ahead), [8, 7, 4, 3, 3, 2, 2, 1, 1, 0, 0]);
    }

    #[test]
    fn without_sharing_rows_end_at_the_span() {
        let places = DisentangledRule { farthest: None, max_tokens: 10, ..RULE }.places();
        assert_eq!(places, [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15, 15]);
    }
}
