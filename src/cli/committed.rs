//! What is committed of an app: in the files as they are, or at a revision. Compares nothing.

use super::affected::Apps;
use super::claims::Claims;
use super::left_over::{self, Place};
use super::project::{Loaded, Selection, Shared};
use crate::bundle::{self, Bundle, Resource};
use crate::diagnostic::{Code, Diagnostics, Finding, Level};
use crate::disk::{self, Reach};
use crate::expect::judge;
use crate::failure::Failure;
use crate::git::{Hash, Revision};
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::layout::{self, File, HEADER, INDEX, Index, Tree};
use crate::source::{At, SourceId, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

static UNREADABLE: Code = Code {
    id: "SW0614",
    name: "unreadable-output",
    level: Level::Error,
    page: include_str!("pages/unreadable-output.md"),
};

/// The codes of this module.
pub(super) static CODES: &[&Code] = &[&UNREADABLE];

/// So few apps are not worth a list of all files.
const FEW: usize = 16;

/// What is committed of an environment, and which files of ours in it cannot be read: nothing is to be compared with
/// half of it.
#[derive(Default)]
pub(super) struct Earlier {
    pub(super) bundle: Bundle,
    pub(super) unreadable: Vec<Finding>,
}

/// Files with their texts, where they are not known, and their index.
type Beside = (Vec<(String, Option<String>)>, Option<Index>);

/// Where what is committed is read from.
pub(super) enum Committed {
    /// The files as they are.
    Files(Reach),
    /// A revision, and the folders of ours that it has below what the run is about.
    At(Revision, Vec<PathBuf>),
}

impl Committed {
    /// The files as they are, or a revision.
    pub(super) fn new(against: Option<&str>, selection: &Selection, apps: &Apps) -> Result<Self, Failure> {
        let Some(name) = against else { return Ok(Self::Files(selection.reach.clone())) };
        let revision = Revision::new(name);
        // Of a few apps in a large repository, git is asked one by one.
        if apps.looked_at() > FEW {
            for folder in left_over::workspaces(&apps.candidates).into_iter().map(|shared| &shared.folder) {
                revision.list(folder)?;
            }
        }
        let mut outputs = BTreeSet::new();
        if selection.environments.is_empty() && !apps.is_tidy {
            // What is left of apps that are gone is looked for where the run is about all that is there.
            let covered = |shared: &&Shared| left_over::covers(&selection.paths, &shared.folder);
            let workspaces = left_over::workspaces(&apps.candidates).into_iter().filter(covered);
            let workspaces = workspaces.map(|shared| shared.folder.clone());
            let named = selection.paths.iter().filter(|path| disk::is_folder(path)).cloned();
            for folder in workspaces.chain(named) {
                // What a run left that was cut short is nobody's output, if somebody committed it.
                let is_output = |folder: &PathBuf| {
                    !folder.iter().any(|part| disk::owner_of_unfinished(&part.to_string_lossy()).is_some())
                };
                outputs.extend(revision.folders_with(INDEX, &folder)?.into_iter().filter(is_output));
            }
        }
        Ok(Self::At(revision, outputs.into_iter().collect()))
    }

    /// The manifests of an environment. A file that holds just what would be written now is not read again.
    pub(super) fn bundle(&self, folder: &Path, fresh: Option<(&Bundle, &Tree)>) -> Result<Earlier, Failure> {
        let known: BTreeMap<&str, (&str, &Resource)> = fresh
            .iter()
            .flat_map(|(bundle, tree)| tree.files.iter().zip(&bundle.resources))
            .map(|(file, resource)| (file.name.as_str(), (file.text.as_str(), resource)))
            .collect();
        let (mut sources, mut found, mut bundle) = (Sources::default(), Diagnostics::default(), Bundle::default());
        let fresh = |name: &str| known.get(name).copied();
        let (files, index) = self.files_beside(folder, |name| fresh(name).map(|(text, _)| text))?;
        for (name, text) in files {
            match (text, fresh(&name)) {
                (None, Some((_, resource))) => bundle.resources.push(resource.clone()),
                (text, _) => {
                    let text = text.unwrap_or_default();
                    let is_changed = index.as_ref().is_some_and(|index| !index.wrote(&name, text.as_bytes()));
                    let id = sources.add(disk::name_of(&folder.join(&name)), text);
                    unreadable(&sources, id, is_changed, self.help(), &mut bundle, &mut found);
                }
            }
        }
        Ok(Earlier { bundle, unreadable: found.resolve(&sources) })
    }

    /// What is committed of an environment where it was before its app had a workspace, and that place.
    pub(super) fn before_workspace(
        &self,
        app: &Loaded,
        environment: &str,
    ) -> Result<Option<(Earlier, PathBuf)>, Failure> {
        let Some((root, folder)) = left_over::beside(app, environment) else { return Ok(None) };
        let folder = root.join(folder);
        if !left_over::is_of(app, &self.files(&folder)?) {
            return Ok(None);
        }
        Ok(Some((self.bundle(&folder, None)?, folder)))
    }

    /// What to do about a file of ours that cannot be read.
    const fn help(&self) -> [&'static str; 2] {
        match self {
            Self::Files(_) => {
                ["run `statewright compile`, which rewrites it", "run `statewright compile --force`, which rewrites it"]
            }
            Self::At(..) => ["it was committed so: compare with another revision"; 2],
        }
    }

    /// The files of ours in a folder.
    fn files(&self, folder: &Path) -> Result<Vec<File>, Failure> {
        let (files, _) = self.files_beside(folder, |_| None)?;
        Ok(files.into_iter().map(|(name, text)| File { name, text: text.unwrap_or_default() }).collect())
    }

    /// The files of ours in a folder, each with its text where it is not the fresh one of that name, and what was
    /// written into each, where that is known.
    fn files_beside<'f>(&self, folder: &Path, fresh: impl Fn(&str) -> Option<&'f str>) -> Result<Beside, Failure> {
        match self {
            Self::Files(reach) => {
                let folder = disk::read_folder(reach, folder)?.unwrap_or_default();
                let other = |File { name, text }: File| {
                    let is_fresh = fresh(&name).is_some_and(|fresh| fresh == text);
                    (name, (!is_fresh).then_some(text))
                };
                Ok((folder.files.into_iter().map(other).collect(), Some(folder.index)))
            }
            Self::At(revision, _) => {
                let is_manifest = |name: &str| Path::new(name).extension().is_some_and(|end| end == "yaml");
                let is_fresh =
                    |name: &str, hash: &Hash| fresh(name).is_some_and(|text| hash.is_of_file(text.as_bytes()));
                let files = revision.files(folder, is_manifest, is_fresh)?;
                Ok((files.into_iter().map(|file| (file.name, file.text)).collect(), None))
            }
        }
    }

    /// The folders of an app's environments that it does not have any more; `current` are those that it has, `claims`
    /// those of all.
    pub(super) fn stale(
        &self,
        app: &Loaded,
        current: &BTreeSet<String>,
        claims: &Claims,
    ) -> Result<Vec<Place>, Failure> {
        let (root, pattern) = app.folder("*", None, true);
        let folders: Vec<Place> = match self {
            Self::Files(_) => disk::strays(&root, &pattern, current)?
                .folders
                .into_iter()
                .map(|folder| (root.clone(), folder))
                .collect(),
            Self::At(revision, _) => {
                let folders = revision.folders_like(&root, &pattern, disk::matches, INDEX)?;
                // What a run left that was cut short is nobody's output, if somebody committed it.
                let is_output = |folder: &String| {
                    !folder.split('/').any(|part| disk::owner_of_unfinished(part).is_some())
                        && !current.contains(folder)
                };
                folders.into_iter().filter(is_output).map(|folder| (root.clone(), folder)).collect()
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
        apps: &Apps,
        owned: &BTreeSet<Place>,
    ) -> Result<Vec<PathBuf>, Failure> {
        let places = match self {
            Self::Files(_) => apps.strays(selection, owned)?.folders,
            Self::At(_, outputs) => left_over::among(outputs, selection, &apps.candidates, owned),
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

/// Finds the line of the first conflict, if one of ours holds any: git wrote it, and it is no manifest.
pub(super) fn conflict(sources: &Sources, id: SourceId, help: &str, found: &mut Diagnostics) -> bool {
    let text = &sources.get(id).text;
    let Some(place) = layout::conflict(text).and_then(|start| u32::try_from(start).ok()) else { return false };
    UNREADABLE
        .report("a merge conflict begins here: this manifest cannot be read, and nothing is compared with it")
        .help(help)
        .at(At { source: id, start: place, end: place + 7 }, found);
    true
}

/// Reads a manifest that is committed. One of ours that holds none is reported, and one that is not as we wrote it and
/// that no API server takes: it is half of one.
fn unreadable(
    sources: &Sources,
    id: SourceId,
    is_changed: bool,
    [merged, broken]: [&str; 2],
    bundle: &mut Bundle,
    found: &mut Diagnostics,
) {
    /// The header is in the first line, or in the first of a conflict.
    const BEGINNING: usize = 3;
    let is_ours = sources.get(id).text.lines().take(BEGINNING).any(|line| line.starts_with(HEADER));
    if is_ours && conflict(sources, id, merged, found) {
        return;
    }
    let (mut own, before) = (Diagnostics::default(), bundle.resources.len());
    bundle::read::manifests(sources, id, bundle, &mut own);
    if is_changed {
        for resource in &bundle.resources[before..] {
            judge::new_object(resource, Way::Client, Version::default(), &mut own);
        }
    }
    let wrong = own.iter().find(|diagnostic| diagnostic.level == Level::Error);
    let (why, at) = match wrong {
        Some(wrong) => (wrong.message.clone(), wrong.labels[0].at),
        None if bundle.resources.len() == before => ("it holds none".to_owned(), At::top(id)),
        None => return,
    };
    if is_ours {
        bundle.resources.truncate(before);
        UNREADABLE
            .report(format!("this manifest cannot be read, and nothing is compared with it: {why}"))
            .help(broken)
            .at(at, found);
    }
}
