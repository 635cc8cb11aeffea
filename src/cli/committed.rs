//! What is committed of an app: in the files as they are, or at a revision. Compares nothing.

use super::claims::Claims;
use super::left_over::{self, Place};
use super::project::{Candidate, Loaded, Selection};
use crate::bundle::{self, Bundle, Resource};
use crate::diagnostic::Diagnostics;
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::git::Revision;
use crate::layout::{File, INDEX, Tree};
use crate::source::Sources;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Where what is committed is read from.
pub(super) enum Committed {
    /// The files as they are.
    Files(Reach),
    /// A revision, and the folders of ours that it has below what the run is about.
    At(Revision, Vec<PathBuf>),
}

impl Committed {
    /// The files as they are, or a revision.
    pub(super) fn new(against: Option<&str>, selection: &Selection, candidates: &[Candidate]) -> Result<Self, Failure> {
        let Some(name) = against else { return Ok(Self::Files(selection.reach.clone())) };
        let revision = Revision::new(name);
        let mut outputs = BTreeSet::new();
        if selection.environments.is_empty() {
            let workspaces = left_over::workspaces(candidates).into_iter().map(|shared| shared.folder.clone());
            let named = selection.paths.iter().filter(|path| disk::is_folder(path)).cloned();
            for folder in named.chain(workspaces) {
                // What a run left that was cut short is nobody's output, if somebody committed it.
                let is_output = |folder: &PathBuf| !folder.iter().any(|part| disk::owner_of_unfinished(&part.to_string_lossy()).is_some());
                outputs.extend(revision.folders_with(INDEX, &folder)?.into_iter().filter(is_output));
            }
        }
        Ok(Self::At(revision, outputs.into_iter().collect()))
    }

    /// The manifests of an environment. A file that holds just what would be written now is not read again.
    pub(super) fn bundle(&self, folder: &Path, fresh: Option<(&Bundle, &Tree)>) -> Result<Bundle, Failure> {
        let known: BTreeMap<&str, (&str, &Resource)> = fresh
            .iter()
            .flat_map(|(bundle, tree)| tree.files.iter().zip(&bundle.resources))
            .map(|(file, resource)| (file.name.as_str(), (file.text.as_str(), resource)))
            .collect();
        let (mut sources, mut found, mut bundle) = (Sources::default(), Diagnostics::default(), Bundle::default());
        for file in self.files(folder)? {
            if let Some((_, resource)) = known.get(file.name.as_str()).filter(|(text, _)| *text == file.text) {
                bundle.resources.push((*resource).clone());
            } else {
                let id = sources.add(file.name, file.text);
                bundle::read::manifests(&sources, id, &mut bundle, &mut found);
            }
        }
        Ok(bundle)
    }

    fn files(&self, folder: &Path) -> Result<Vec<File>, Failure> {
        match self {
            Self::Files(reach) => Ok(disk::read_folder(reach, folder)?.map(|folder| folder.files).unwrap_or_default()),
            Self::At(revision, _) => revision.files(folder, |name| Path::new(name).extension().is_some_and(|end| end == "yaml")),
        }
    }

    /// The folders of an app's environments that it does not have any more; `current` are those that it has, `claims` those of all.
    pub(super) fn stale(&self, app: &Loaded, current: &BTreeSet<String>, claims: &Claims) -> Result<Vec<Place>, Failure> {
        let (root, pattern) = app.folder("*", None, true);
        let folders: Vec<Place> = match self {
            Self::Files(_) => disk::strays(&root, &pattern, current)?.folders.into_iter().map(|folder| (root.clone(), folder)).collect(),
            Self::At(_, outputs) => {
                let root = disk::real(&root)?;
                // In order, what lies below a folder comes right behind it.
                let below = outputs[outputs.partition_point(|output| *output < root)..].iter();
                let below = below.map_while(|output| output.strip_prefix(&root).ok()).map(disk::name_of);
                let stale = below.filter(|path| left_over::fits(&pattern, path) && !current.contains(path));
                stale.map(|folder| (root.clone(), folder)).collect()
            }
        };
        let mut stale = Vec::new();
        for (root, folder) in folders {
            if !claims.include(&root, &folder) && left_over::may_be_of(app, true, &self.files(&root.join(&folder))?) {
                stale.push((root, folder));
            }
        }
        Ok(stale)
    }

    /// The folders that no app owns any more; `owned` are those of all apps of the run.
    pub(super) fn without_spec(
        &self,
        selection: &Selection,
        candidates: &[Candidate],
        owned: &BTreeSet<Place>,
    ) -> Result<Vec<PathBuf>, Failure> {
        let places = match self {
            Self::Files(_) => left_over::strays(selection, candidates, owned)?.folders,
            Self::At(_, outputs) => left_over::among(outputs, selection, candidates, owned),
        };
        Ok(places.into_iter().map(|(root, folder)| root.join(folder)).collect())
    }

    /// Whose manifests these were, by what stands in the first of them: `kubia in stage`.
    pub(super) fn title(&self, folder: &Path) -> Result<String, Failure> {
        let first = self.files(folder)?.into_iter().next();
        let origin = first.as_ref().and_then(|file| {
            let (_, said) = file.text.lines().next()?.split_once(" (app ")?;
            let (app, environment) = said.split_once(", environment ")?;
            Some(format!("{app} in {}", environment.split_once(')')?.0))
        });
        Ok(origin.unwrap_or_else(|| disk::name_of(folder)))
    }
}
