//! Where a program is: at its path, beside this program, or on the `PATH`.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The program of this name or path, if it is installed.
pub fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return existing(Path::new(name));
    }
    let beside = env::current_exe().ok().and_then(|program| program.parent().map(Path::to_path_buf));
    let path = env::var_os("PATH").unwrap_or_default();
    beside.into_iter().chain(env::split_paths(&path)).find_map(|folder| existing(&folder.join(name)))
}

fn existing(path: &Path) -> Option<PathBuf> {
    path.is_file().then(|| std::path::absolute(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        assert!(find("sh").is_some_and(|program| program.is_absolute()));
        assert_eq!(find("/bin/sh"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find("no-such-program"), None);
        assert_eq!(find("/bin/no-such-program"), None);
        assert_eq!(find("/bin"), None);
    }
}
