//! What the demo serves: the project's folder, the page, the plugins.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use super::Options;
use crate::failure::Failure;

/// The project's folder: the current one, or the nearest above it that has `playground/scripts`.
///
/// # Errors
/// None has.
pub fn project_root() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::with_cause("There is no current folder.", error))?;
    here.ancestors()
        .find(|folder| folder.join("playground/scripts").is_dir())
        .map(Path::to_owned)
        .ok_or_else(|| {
            Failure::new("Run this inside the PersAI project: no playground/scripts here or above.")
        })
}

/// The page's folder, where it has been built.
#[must_use]
pub fn ui(options: &Options, root: &Path) -> Option<PathBuf> {
    let folder = options
        .ui
        .clone()
        .unwrap_or_else(|| root.join("playground/ui/dist"));
    folder.join("index.html").is_file().then_some(folder)
}

/// Plugin folders; archives are unpacked below `state_dir`.
///
/// # Errors
/// An archive cannot be unpacked.
pub fn plugin_paths(
    options: &Options,
    root: &Path,
    state_dir: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let mut given = options.plugin.clone();
    if given.is_empty() {
        given.push(root.join("playground/plugins/node_modules/@perses-dev"));
        given.extend(newest_archive(&root.join("js-shim")));
    }
    given
        .into_iter()
        .map(|path| {
            if is_archive(&path) {
                unpack(&path, &state_dir.join("plugins"))
            } else {
                Ok(path)
            }
        })
        .collect()
}

fn is_archive(path: &Path) -> bool {
    path.is_file() && path.to_string_lossy().ends_with(".tar.gz")
}

/// `PersAI-<version>.tar.gz` in `folder` or one level below it.
fn newest_archive(folder: &Path) -> Option<PathBuf> {
    let files = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect()
    };
    let mut found = files(folder);
    for below in ["dist", "archive", "build"] {
        found.extend(files(&folder.join(below)));
    }
    found.retain(|path| {
        is_archive(path)
            && path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("PersAI-"))
    });
    let changed = |path: &PathBuf| {
        path.metadata()
            .and_then(|data| data.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    };
    found.into_iter().max_by_key(changed)
}

/// Into a folder of the archive's name, as Perses does; what an earlier run unpacked there is removed first.
fn unpack(archive: &Path, below: &Path) -> Result<PathBuf, Failure> {
    let name = archive
        .file_name()
        .map(|name| name.to_string_lossy().replace(".tar.gz", ""))
        .unwrap_or_default();
    let folder = below.join(name);
    let failed = |cause: String| {
        Failure::with_cause(format!("{} cannot be unpacked.", archive.display()), cause)
    };
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| failed(error.to_string()))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| failed(error.to_string()))?;
    let output = std::process::Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(&folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(folder);
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()))
}
