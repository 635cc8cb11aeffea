//! Manifests whose spec is gone: folders that statewright wrote, below what a run is about, that no app owns any more. Only finds them.

use super::project::{Candidate, Selection, Shared};
use crate::disk;
use crate::failure::Failure;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A folder of manifests: a root, and its path from there.
pub(super) type Place = (PathBuf, String);

/// The folders that nothing owns; `owned` are those of all apps of the run.
pub(super) fn folders(selection: &Selection, candidates: &[Candidate], owned: &BTreeSet<Place>) -> Result<Vec<Place>, Failure> {
    let mut found = Vec::new();
    for shared in workspaces(candidates) {
        if covers(&selection.paths, &shared.folder) {
            found.extend(of_workspace(shared, owned)?);
        }
    }
    for output in disk::find_outputs(&selection.paths)? {
        found.extend(of_app(&output, owned)?);
    }
    Ok(found)
}

/// The workspaces of the apps of a run, each once.
pub(super) fn workspaces(candidates: &[Candidate]) -> Vec<&Shared> {
    let mut list: Vec<&Shared> = Vec::new();
    for shared in candidates.iter().filter_map(|candidate| candidate.shared.as_deref()) {
        if !list.iter().any(|known| known.folder == shared.folder) {
            list.push(shared);
        }
    }
    list
}

/// Those among some folders of ours that nothing owns; for folders that need not be there now.
pub(super) fn among(outputs: &[PathBuf], selection: &Selection, candidates: &[Candidate], owned: &BTreeSet<Place>) -> Vec<Place> {
    let absolute = |root: &Path| std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let owned: BTreeSet<PathBuf> = owned.iter().map(|(root, folder)| absolute(root).join(folder)).collect();
    let mut found = Vec::new();
    for output in outputs.iter().filter(|output| !owned.contains(*output)) {
        let place = |root: &Path| Some((root.to_owned(), disk::name_of(output.strip_prefix(root).ok()?)));
        let shared = workspaces(candidates).into_iter().find(|shared| output.starts_with(absolute(&shared.folder)));
        found.extend(match shared {
            Some(shared) => place(&absolute(&shared.folder)).filter(|(root, folder)| {
                let pattern = shared.output();
                let of_apps = pattern.contains("{app}") && fits(&pattern.replace("{env}", "*").replace("{app}", "*"), folder);
                of_apps && covers(&selection.paths, root)
            }),
            None => match output.parent().filter(|parent| parent.ends_with("deploy")).and_then(Path::parent) {
                Some(root) if !root.join(disk::SPEC).exists() => place(root),
                _ => None,
            },
        });
    }
    found
}

/// Whether a path is what a pattern says, `*` for one folder.
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len() && pattern.iter().zip(&path).all(|(part, name)| *part == "*" || part == name)
}

/// Whether a run is about all that is in a folder.
fn covers(paths: &[PathBuf], folder: &Path) -> bool {
    let Ok(folder) = std::fs::canonicalize(folder) else { return false };
    paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).any(|path| folder.starts_with(path))
}

/// A workspace says where the manifests of all its apps are: whatever of ours is there and no app's is left over.
fn of_workspace(shared: &Shared, owned: &BTreeSet<Place>) -> Result<Vec<Place>, Failure> {
    let pattern = shared.output();
    if !pattern.contains("{app}") {
        return Ok(Vec::new());
    }
    let current = owned.iter().filter(|(root, _)| *root == shared.folder).map(|(_, folder)| folder.clone()).collect();
    let stale = disk::stale_folders(&shared.folder, &pattern.replace("{env}", "*").replace("{app}", "*"), &current)?;
    Ok(stale.into_iter().map(|folder| (shared.folder.clone(), folder)).collect())
}

/// An app without a workspace has its manifests beside its spec, and each of them says what that was called.
fn of_app(output: &Path, owned: &BTreeSet<Place>) -> Result<Vec<Place>, Failure> {
    let root = output.parent().filter(|root| !root.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if disk::find_workspace(root, None)?.is_some() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for folder in disk::stale_folders(root, "deploy/*", &BTreeSet::new())? {
        let place = (root.to_owned(), folder);
        let files = disk::read_folder(&place.0.join(&place.1))?.map(|folder| folder.files).unwrap_or_default();
        let origin = files.first().and_then(|file| spec_of(&file.text));
        if !owned.contains(&place) && origin.is_some_and(|spec| !root.join(spec).exists()) {
            found.push(place);
        }
    }
    Ok(found)
}

/// What the spec of a manifest is called, by the manifest's first line.
fn spec_of(text: &str) -> Option<&str> {
    let (spec, _) = text.strip_prefix("# Generated by statewright from ")?.split_once(" (app ")?;
    Path::new(spec).file_name().is_some_and(|name| name == spec).then_some(spec)
}
