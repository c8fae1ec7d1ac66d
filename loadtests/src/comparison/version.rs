//! Which version of a server was compared: figures without it cannot be repeated.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// The first line that the program prints when asked with these arguments, if it says anything.
pub fn of(program: &Path, arguments: &[String]) -> Option<String> {
    if arguments.is_empty() {
        return None;
    }
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(script: &str) -> Option<String> {
        of(Path::new("/bin/sh"), &["-c".to_owned(), script.to_owned()])
    }

    #[test]
    fn the_first_line_of_either_output_counts() {
        assert_eq!(version("echo; echo x 1.2; echo y"), Some("x 1.2".to_owned()));
        assert_eq!(version("echo x 1.2 >&2"), Some("x 1.2".to_owned()));
        assert_eq!(version("true"), None);
        assert_eq!(of(Path::new("/no/such"), &["--version".to_owned()]), None);
        assert_eq!(of(Path::new("/bin/sh"), &[]), None);
    }
}
