//! Manifests whose spec is gone: folders that statewright wrote, below what a run is about, that no app owns any more.
//! Only finds them.

use super::project::{Candidate, Loaded, Selection, Shared};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::layout::{self, File, Origin};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A folder of manifests: a root, and its path from there.
pub(super) type Place = (PathBuf, String);

/// What nothing owns.
#[derive(Default)]
pub(super) struct Strays {
    /// Folders of manifests.
    pub(super) folders: Vec<Place>,
    /// Folders beside which a run was cut short; they themselves may be gone, or somebody's.
    pub(super) unfinished: Vec<Place>,
}

impl Strays {
    fn add(&mut self, root: &Path, found: disk::Strays) {
        self.folders.extend(found.folders.into_iter().map(|folder| (root.to_owned(), folder)));
        self.unfinished.extend(found.unfinished.into_iter().map(|folder| (root.to_owned(), folder)));
    }
}

/// What nothing owns below the paths; `owned` are the folders of all apps of the run.
pub(super) fn strays(
    selection: &Selection,
    candidates: &[Candidate],
    owned: &BTreeSet<Place>,
) -> Result<Strays, Failure> {
    let mut found = Strays::default();
    for shared in workspaces(candidates) {
        if covers(&selection.paths, &shared.folder) {
            of_workspace(shared, owned, &mut found)?;
        }
    }
    for output in disk::find_outputs(&selection.reach, &selection.paths)? {
        of_app(&selection.reach, &output, owned, &mut found)?;
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
pub(super) fn among(
    outputs: &[PathBuf],
    selection: &Selection,
    candidates: &[Candidate],
    owned: &BTreeSet<Place>,
) -> Vec<Place> {
    let absolute = |root: &Path| disk::real(root).unwrap_or_else(|_| root.to_owned());
    let owned: BTreeSet<PathBuf> = owned.iter().map(|(root, folder)| absolute(root).join(folder)).collect();
    let mut found = Vec::new();
    for output in outputs.iter().filter(|output| !owned.contains(*output)) {
        let place = |root: &Path| Some((root.to_owned(), disk::name_of(output.strip_prefix(root).ok()?)));
        let shared = workspaces(candidates).into_iter().find(|shared| output.starts_with(absolute(&shared.folder)));
        found.extend(match shared {
            Some(shared) => place(&absolute(&shared.folder)).filter(|(root, folder)| {
                let pattern = shared.output();
                let of_apps = pattern.contains("{app}")
                    && disk::matches(&pattern.replace("{env}", "*").replace("{app}", "*"), folder);
                of_apps && covers(&selection.paths, root)
            }),
            None => match output.parent().filter(|parent| parent.ends_with("deploy")).and_then(Path::parent) {
                Some(root) if !disk::is_there(&root.join(disk::SPEC)) => place(root),
                _ => None,
            },
        });
    }
    found
}

/// Whether a run is about all that is in a folder.
pub(super) fn covers(paths: &[PathBuf], folder: &Path) -> bool {
    let Ok(folder) = disk::real(folder) else { return false };
    paths.iter().filter_map(|path| disk::real(path).ok()).any(|path| folder.starts_with(path))
}

/// A workspace says where the manifests of all its apps are: whatever of ours is there and no app's is left over.
fn of_workspace(shared: &Shared, owned: &BTreeSet<Place>, found: &mut Strays) -> Result<(), Failure> {
    let pattern = shared.output();
    if pattern.contains("{app}") {
        let current =
            owned.iter().filter(|(root, _)| *root == shared.folder).map(|(_, folder)| folder.clone()).collect();
        found.add(
            &shared.folder,
            disk::strays(&shared.folder, &pattern.replace("{env}", "*").replace("{app}", "*"), &current)?,
        );
    }
    Ok(())
}

/// An app without a workspace has its manifests beside its spec, and each of them says what that was called.
fn of_app(reach: &Reach, output: &Path, owned: &BTreeSet<Place>, found: &mut Strays) -> Result<(), Failure> {
    let root = output.parent().filter(|root| !root.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if disk::find_workspace(reach, root)?.is_some() {
        return Ok(());
    }
    let current = owned.iter().filter(|(owner, _)| owner == root).map(|(_, folder)| folder.clone()).collect();
    let mut strays = disk::strays(root, "deploy/*", &current)?;
    let mut gone = Vec::new();
    for folder in strays.folders {
        let files = disk::read_folder(reach, &root.join(&folder))?.map(|folder| folder.files).unwrap_or_default();
        if origin(&files).is_some_and(|(spec, _)| !disk::is_there(&root.join(spec))) {
            gone.push(folder);
        }
    }
    strays.folders = gone;
    found.add(root, strays);
    Ok(())
}

/// Where an app without a workspace has the manifests of an environment. They lie there still where the workspace came
/// later.
pub(super) fn beside(app: &Loaded, environment: &str) -> Option<Place> {
    app.shared.as_ref()?;
    let (root, folder) = app.folder(environment, None, true);
    let place = (app.folder.clone(), format!("deploy/{environment}"));
    (place.0.join(&place.1) != root.join(folder)).then_some(place)
}

/// Whether manifests are those of an app, written before its workspace was there.
pub(super) fn is_of(app: &Loaded, files: &[File]) -> bool {
    origin(files).is_some_and(|(spec, name)| spec == app.file && name == &*app.spec.name)
}

/// The folders of an app that were written before its workspace was there.
pub(super) fn before_workspace(reach: &Reach, app: &Loaded) -> Result<Vec<Place>, Failure> {
    if app.shared.is_none() {
        return Ok(Vec::new());
    }
    let mut places = Vec::new();
    for folder in disk::strays(&app.folder, "deploy/*", &BTreeSet::new())?.folders {
        let files = disk::read_folder(reach, &app.folder.join(&folder))?.map(|folder| folder.files).unwrap_or_default();
        if is_of(app, &files) {
            places.push((app.folder.clone(), folder));
        }
    }
    Ok(places)
}

/// Whether the manifests of a folder may be those of an environment that an app once had. Where folders do not bear the
/// apps' names, those of another app lie beside its own.
pub(super) fn may_be_of(app: &Loaded, is_beside: bool, files: &[File]) -> bool {
    origin(files)
        .is_none_or(|(spec, name)| name == &*app.spec.name || is_beside && app.shared.is_none() && spec == app.file)
}

/// What the spec and the app of some manifests are called, by the first line of the first.
fn origin(files: &[File]) -> Option<(&str, &str)> {
    let Origin { spec, app, .. } = layout::origin(files.first()?.text.lines().next()?)?;
    Path::new(spec).file_name().is_some_and(|name| name == spec).then_some((spec, app))
}
