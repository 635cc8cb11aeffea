//! Which files a run is about: specs, workspaces and manifests below what the user named. Opens none of them.

use super::glob;
use super::reach::{Nearest, Reach, strange};
use crate::diagnostic::nearest;
use crate::failure::Failure;
use crate::layout::INDEX;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use walkdir::{DirEntry, WalkDir};

/// What a spec is called.
pub const SPEC: &str = "statewright.yaml";

/// What a workspace is called.
pub const WORKSPACE: &str = "statewright-workspace.yaml";

/// The specs that the paths mean, each once: a file is a spec whatever its name, a folder holds any number.
///
/// # Errors
/// When a path does not exist or a folder cannot be listed.
pub fn find_specs(reach: &Reach, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut specs = Once::default();
    for path in paths {
        if look_at(path)?.is_dir() {
            below(reach, path, |name| name == SPEC, &mut specs)?;
        } else {
            specs.add(path.clone());
        }
    }
    Ok(specs.list)
}

/// The folders below the paths where an app keeps its manifests, `deploy`, that have no spec beside them.
///
/// # Errors
/// When a path does not exist or a folder cannot be listed.
pub fn find_outputs(reach: &Reach, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut outputs = Once::default();
    for path in paths {
        if !look_at(path)?.is_dir() {
            continue;
        }
        inside(reach, path)?;
        let mut entries = sorted(path).into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Err(error) if has_gone(&error) => continue,
                entry => entry.map_err(|error| unlisted(path, error))?,
            };
            let is_output = entry.file_name() == "deploy";
            if entry.file_type().is_dir() && (is_output || is_hidden(&entry)) {
                entries.skip_current_dir();
            }
            if entry.file_type().is_dir() && is_output && !entry.path().with_file_name(SPEC).is_file() {
                outputs.add(entry.into_path());
            }
        }
    }
    Ok(outputs.list)
}

/// The manifests that the arguments mean, each once: files, folders, or patterns such as `deploy/**/*.yaml`.
///
/// # Errors
/// When a path does not exist, a pattern means nothing, or a folder cannot be listed.
pub fn find_manifests(reach: &Reach, arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut manifests = Once::default();
    for argument in arguments {
        match fs::metadata(argument) {
            Ok(about) if about.is_dir() => below(reach, argument, is_manifest, &mut manifests)?,
            Ok(_) => manifests.add(argument.clone()),
            Err(error) => match argument.to_str() {
                Some(pattern) if glob::is_pattern(pattern) => {
                    if !matching(reach, Path::new(""), pattern, &mut manifests)? {
                        return Err(Failure::new(format!("no file matches `{pattern}`")));
                    }
                }
                _ => return Err(missing(argument, &error)),
            },
        }
    }
    Ok(manifests.list)
}

/// All files below a folder, or the file that is there itself.
///
/// # Errors
/// When it does not exist or a folder cannot be listed.
pub fn find_files(reach: &Reach, path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Once::default();
    if look_at(path)?.is_dir() {
        below(reach, path, |_| true, &mut files)?;
    } else {
        files.add(path.to_owned());
    }
    Ok(files.list)
}

/// The workspace that a folder belongs to: the nearest one upwards, not above the root of the git repository.
///
/// # Errors
/// When the folder does not exist, or a link leads out of the repository there.
pub fn find_workspace(reach: &Reach, folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let absolute = inside(reach, folder)?;
    let (mut found, mut passed) = (None, Vec::new());
    for folder in absolute.ancestors() {
        // What holds for the folder above holds for all that lie in it.
        if let Some(Nearest(known)) = reach.workspace_from(folder) {
            found = known;
            break;
        }
        passed.push(folder);
        let workspace = folder.join(WORKSPACE);
        if fs::symlink_metadata(&workspace).is_ok_and(|about| !about.is_dir()) {
            inside(reach, folder)?;
            found = Some(workspace);
            break;
        }
        if reach.ceiling() == Some(folder) || fs::symlink_metadata(folder.join(".git")).is_ok() {
            break;
        }
    }
    for folder in passed.into_iter().skip(1) {
        reach.keep_workspace(folder, Nearest(found.clone()));
    }
    Ok(found)
}

/// A folder to be walked through in the order of names. Those of one folder have all before their names in common, so
/// that whole paths are compared, byte by byte: finding the names in them takes far longer.
fn sorted(folder: &Path) -> WalkDir {
    WalkDir::new(folder).sort_by(|one, other| one.path().as_os_str().cmp(other.path().as_os_str()))
}

/// What the files of a run look like from outside: when each was written, and how long it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Stamp {
    /// The files that are other than before, came, or went.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<PathBuf> {
        let came = self.0.iter().filter(|(path, seen)| before.0.get(*path) != Some(seen)).map(|(path, _)| path);
        let went = before.0.keys().filter(|path| !self.0.contains_key(*path));
        came.chain(went).cloned().collect()
    }
}

/// The files below the paths as they are now, and the workspaces above them, but for what was compiled: that changes by
/// itself.
///
/// # Errors
/// When a path does not exist.
pub fn stamp(paths: &[PathBuf]) -> Result<Stamp, Failure> {
    let mut stamp = Stamp::default();
    let mut add = |path: PathBuf, about: fs::Metadata| {
        if about.is_file() {
            stamp.0.insert(path, (about.modified().ok(), about.len()));
        }
    };
    for path in paths {
        look_at(path)?;
        let is_source = |entry: &DirEntry| !is_hidden(entry) && !entry.path().join(INDEX).is_file();
        for entry in WalkDir::new(path).into_iter().filter_entry(is_source).flatten() {
            // Whoever writes a file anew has it gone for a moment.
            if let Ok(about) = entry.metadata() {
                add(entry.into_path(), about);
            }
        }
        let above = fs::canonicalize(path).unwrap_or_default();
        for workspace in above.ancestors().map(|folder| folder.join(WORKSPACE)) {
            if let Ok(about) = fs::metadata(&workspace) {
                add(workspace, about);
            }
        }
    }
    Ok(stamp)
}

/// The real place of a folder that a run is about.
///
/// # Errors
/// When it does not exist, or a link leads out of the repository there.
pub fn inside(reach: &Reach, folder: &Path) -> Result<PathBuf, Failure> {
    reach.name(folder).map_err(|closed| super::closed_to("read", folder, closed))
}

fn look_at(path: &Path) -> Result<fs::Metadata, Failure> {
    fs::metadata(path).map_err(|error| missing(path, &error))
}

/// What the user named cannot be read; perhaps another name was meant.
fn missing(path: &Path, error: &io::Error) -> Failure {
    let mut failure = Failure::io("read", path, error);
    if let Some(near) = beside(path).filter(|_| error.kind() == io::ErrorKind::NotFound) {
        failure.message = format!("{}; did you mean `{}`?", failure.message, crate::failure::shown(&near));
    }
    failure
}

/// What lies beside a path that is not there, and has nearly its name.
fn beside(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path.parent()?;
    let listed = fs::read_dir(if folder == Path::new("") { Path::new(".") } else { folder }).ok()?;
    let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // The system lists them in any order.
    let names: BTreeSet<String> = names.collect();
    Some(folder.join(nearest(wanted, names.iter().map(String::as_str))?))
}

fn is_manifest(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(extension, "yaml" | "yml" | "json") && name != SPEC && name != WORKSPACE
}

/// The files below a folder, in the order of their names. Hidden folders are none of our business, and links are not
/// followed: they could lead out of what the user named, or in circles.
fn below(reach: &Reach, folder: &Path, wanted: impl Fn(&str) -> bool, files: &mut Once) -> Result<(), Failure> {
    inside(reach, folder)?;
    for entry in sorted(folder).into_iter().filter_entry(|entry| !is_hidden(entry)) {
        let entry = match entry {
            Err(error) if has_gone(&error) => continue,
            entry => entry.map_err(|error| unlisted(folder, error))?,
        };
        let kind = entry.file_type();
        if kind.is_dir() || kind.is_symlink() || !entry.file_name().to_str().is_some_and(&wanted) {
            continue;
        }
        if !kind.is_file()
            && let Some(kind) = strange(entry.path())
        {
            return Err(Failure::new(format!(
                "cannot read {}: it is {kind}, not a file",
                crate::failure::shown(entry.path())
            )));
        }
        files.add(entry.into_path());
    }
    Ok(())
}

/// Whether a file with such a name is anywhere below a folder. Says nothing about what may be read.
#[must_use]
pub fn holds_file(folder: &Path, wanted: impl Fn(&str) -> bool) -> bool {
    let entries = sorted(folder).into_iter().filter_entry(|entry| !is_hidden(entry)).filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_file()).any(|entry| entry.file_name().to_str().is_some_and(&wanted))
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Whether something below the folder went while it was walked: another run replaces trees at this moment.
fn has_gone(error: &walkdir::Error) -> bool {
    error.depth() > 0 && error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn unlisted(folder: &Path, error: walkdir::Error) -> Failure {
    let at = error.path().unwrap_or(folder).to_owned();
    Failure::io("list", &at, &error.into_io_error().unwrap_or_else(|| io::Error::other("links lead in a circle")))
}

/// The files that a pattern means, seen from a folder. Says whether there are any. Where it leaves the end of a name
/// open, only what is called as manifests are is meant.
fn matching(reach: &Reach, base: &Path, pattern: &str, files: &mut Once) -> Result<bool, Failure> {
    let folder = base.join(glob::fixed_part(pattern));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
    if !folder.is_dir() {
        return Ok(false);
    }
    let last = pattern.rsplit('/').next().unwrap_or(pattern);
    let is_open = matches!(last, "*" | "**");
    let mut all = Once::default();
    below(reach, folder, |name| if is_open { is_manifest(name) } else { glob::matches(last, name) }, &mut all)?;
    let before = files.list.len();
    for path in all.list {
        if glob::matches(pattern, &super::name_of(path.strip_prefix(base).unwrap_or(&path))) {
            files.add(path);
        }
    }
    Ok(files.list.len() > before)
}

/// The manifests that a pattern in a file in `base` means, with the folder that it begins at; none, where none is so
/// called.
///
/// # Errors
/// When a folder cannot be listed.
pub(super) fn find_matching(reach: &Reach, base: &Path, pattern: &str) -> Result<Option<Vec<PathBuf>>, Failure> {
    let mut files = Once::default();
    Ok(matching(reach, base, pattern, &mut files)?.then_some(files.list))
}

/// Paths in order, each once.
#[derive(Default)]
struct Once {
    list: Vec<PathBuf>,
    seen: BTreeSet<PathBuf>,
}

impl Once {
    fn add(&mut self, path: PathBuf) {
        let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
        if self.seen.insert(path.clone()) {
            self.list.push(path);
        }
    }
}
