//! Bytes as people read them: `512 B`, `46.1 KiB`, `1.25 GiB`.

use std::fmt;

/// A number of bytes that prints in the unit that fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByteCount(pub(super) u64);

impl fmt::Display for ByteCount {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let text = match units.into_iter().find(|&(_, shift)| self.0 >> shift > 0) {
            Some((unit, shift)) => format!("{:.2} {unit}", self.0 as f64 / (1_u64 << shift) as f64),
            None => format!("{} B", self.0),
        };
        formatter.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_fits_and_padding_works() {
        assert_eq!(ByteCount(1023).to_string(), "1023 B");
        assert_eq!(ByteCount(1536).to_string(), "1.50 KiB");
        assert_eq!(format!("{:>10}", ByteCount(3 << 30)), "  3.00 GiB");
    }
}
