//! Which of a head's numbers is added to the score of two tokens: near distances have one each, far ones share.

/// Numbers of a head: the second half is for keys ahead of the query.
pub(crate) const BUCKETS: usize = 32;
/// Greater distances count as this one, on either side.
pub(crate) const REACH: usize = 91;
/// Distances that are told apart: keys behind, the query's own place, keys ahead.
pub(crate) const COLUMNS: usize = 2 * REACH + 1;

const SIDE: usize = BUCKETS / 2;
/// Distances that have a number of their own.
const NEAR: usize = SIDE / 2;

/// Which number a key has that stands in this column, those farthest behind the query first. Each octave of far distances has
/// two.
pub(crate) fn bucket(column: usize) -> usize {
    let distance = column.abs_diff(REACH);
    let bucket = if distance < NEAR { distance } else { NEAR + (distance * distance / (NEAR * NEAR)).ilog2() as usize };
    bucket.min(SIDE - 1) + if column > REACH { SIDE } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_distances_share_a_number_and_sides_do_not() {
        let behind = |distance: usize| bucket(REACH - distance);
        let distances = [0, 1, 7, 8, 11, 12, 16, 22, 23, 32, 63, 64, 90, 91];
        assert_eq!(distances.map(behind), [0, 1, 7, 8, 8, 9, 10, 10, 11, 12, 13, 14, 14, 15]);
        for distance in 1..=REACH {
            assert_eq!(bucket(REACH + distance), behind(distance) + SIDE);
        }
    }
}
