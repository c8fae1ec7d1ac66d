//! What the program prints: lines, as long as somebody reads them.

use std::io::{ErrorKind, Result, Write};

/// Writes lines to `out`. A reader that has closed its end has seen enough, which is no fault.
pub fn print(out: &mut impl Write, lines: impl IntoIterator<Item = String>) -> Result<()> {
    for line in lines {
        match writeln!(out, "{line}") {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes two lines, and then has an error.
    struct Reader(String, ErrorKind);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            if self.0.lines().count() == 2 && self.0.ends_with('\n') {
                return Err(self.1.into());
            }
            self.0.push_str(&String::from_utf8_lossy(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_reader_that_has_seen_enough_is_no_fault() {
        let printed = |lines: u8, error| {
            let mut reader = Reader(String::new(), error);
            let result = print(&mut reader, (0..lines).map(|line| line.to_string()));
            (result.map_err(|error| error.kind()), reader.0)
        };
        assert_eq!(printed(2, ErrorKind::Other), (Ok(()), "0\n1\n".to_owned()));
        assert_eq!(printed(9, ErrorKind::BrokenPipe), (Ok(()), "0\n1\n".to_owned()));
        assert_eq!(printed(9, ErrorKind::StorageFull).0, Err(ErrorKind::StorageFull));
    }
}
