//! Distances as sines and cosines, by which layers make keys of them.

/// Wavelengths grow from 2 pi to so many times that.
const LONGEST: f64 = 10_000.0;

/// A row for each distance so far, in the order 0, 1, -1, 2, -2 and so on.
#[derive(Debug)]
pub(super) struct DistanceSines {
    /// Numbers of a row, an even one.
    width: usize,
    /// `[distances, width]`
    rows: Vec<f32>,
}

impl DistanceSines {
    pub(super) fn new(width: usize) -> Self {
        Self { width, rows: Vec::new() }
    }

    /// The first rows `[distances, width]`, made once: sines, then cosines.
    pub(super) fn rows(&mut self, distances: usize) -> &[f32] {
        for row in self.rows.len() / self.width..distances {
            let magnitude = row.div_ceil(2) as f64;
            let distance = if row % 2 == 1 { magnitude } else { -magnitude };
            let exponents = (0..self.width / 2).map(|pair| -((2 * pair) as f64) / self.width as f64);
            let angles = exponents.map(|exponent| distance * LONGEST.powf(exponent));
            self.rows.extend(angles.clone().map(|angle| angle.sin() as f32));
            self.rows.extend(angles.map(|angle| angle.cos() as f32));
        }
        &self.rows[..distances * self.width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_order_of_magnitude_and_stay_when_more_are_made() {
        let mut sines = DistanceSines::new(4);
        let few = sines.rows(3).to_vec();
        assert_eq!(few[..4], [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(few[4..8], [1.0_f64.sin(), 0.01_f64.sin(), 1.0_f64.cos(), 0.01_f64.cos()].map(|value| value as f32));
        assert_eq!(few[8..], [-few[4], -few[5], few[6], few[7]]);
        let more = sines.rows(5).to_vec();
        assert_eq!((&more[..12], more[12]), (few.as_slice(), 2.0_f64.sin() as f32));
        assert_eq!(sines.rows(1), &few[..4]);
    }
}
