//! Which apps a run has to look at when only what changed since a revision counts. An app is passed over where nothing
//! that changed can reach it, and it is known to be right; where either cannot be shown, it is looked at as ever.
//!
//! What changed is what git says, committed or not. It reaches an app through its folder, through the folders of its
//! manifests, through what its workspace names, and through the command line. What apps have to do with each other is
//! found out of all of them, those that are passed over too: what they take is in their records.

use super::claims::MOST_KEPT;
use super::left_over::{self, Place, Strays};
use super::neighbours::Stay;
use super::project::{Candidate, Loaded, Selection, Shared, forbids};
use super::record::{self, Proven, Record, Store};
use crate::diagnostic::Diagnostics;
use crate::disk;
use crate::failure::Failure;
use crate::git::{Worktree, sha1};
use crate::layout::INDEX;
use crate::parallel;
use crate::report::counted;
use crate::value::Node;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// What a run is about, of all that the paths mean.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Since {
    /// Look only at apps that a change since this git revision can reach, committed or not: their specs, the files that
    /// these name, their manifests, templates, the workspace and what it names. What apps have to do with each other is
    /// checked for all. Keeps what it knows of the others in `.statewright-cache/`, at the top of the repository.
    #[arg(long = "affected", value_name = "REV")]
    pub(super) revision: Option<String>,
}

/// The apps of a run, and what is known of those that it passes over.
pub(super) struct Apps {
    pub(super) candidates: Vec<Candidate>,
    /// One for each, where it is passed over.
    pub(super) records: Vec<Option<Record>>,
    /// Whether it is known that there are no manifests that no app owns.
    pub(super) is_tidy: bool,
}

impl Since {
    /// Refuses what cannot be: what runs changes without a revision.
    pub(super) fn ready(&self, is_live: bool) -> Result<(), Failure> {
        if is_live && self.revision.is_some() {
            let message = "what runs may differ in any app: leave out --affected where it is compared with";
            return Err(Failure::new(message));
        }
        Ok(())
    }
}

impl Apps {
    /// All of them are looked at.
    pub(super) fn all(candidates: Vec<Candidate>) -> Self {
        let records = candidates.iter().map(|_| None).collect();
        Self { candidates, records, is_tidy: false }
    }

    /// Finds the apps, and which of them are to be looked at.
    pub(super) fn new(selection: &Selection, since: &Since) -> Result<Self, Failure> {
        let Some(revision) = &since.revision else {
            return Ok(Self::all(selection.candidates()?));
        };
        let repository = Repository::since(revision, &selection.paths)?;
        let candidates = selection.candidates_of(repository.specs(selection)?)?;
        let records = repository.records(selection, &candidates);
        let mut apps = Self { candidates, records, is_tidy: false };
        apps.is_tidy = repository.look_at_left_over(&mut apps);
        for record in apps.records.iter().flatten() {
            selection.note(record.folders.iter().map(|(environment, _)| environment.clone()));
        }
        Ok(apps)
    }

    /// How many are looked at.
    pub(super) fn looked_at(&self) -> usize {
        self.records.iter().filter(|record| record.is_none()).count()
    }

    /// The same in words.
    pub(super) fn counted(&self) -> String {
        let all = counted(self.candidates.len(), "app");
        match self.candidates.len() - self.looked_at() {
            0 => all,
            _ => format!("{} of {all}", self.looked_at()),
        }
    }

    /// What nothing owns below the paths; `owned` are the folders of all apps of the run.
    pub(super) fn strays(&self, selection: &Selection, owned: &BTreeSet<Place>) -> Result<Strays, Failure> {
        if self.is_tidy {
            return Ok(Strays::default());
        }
        left_over::strays(selection, &self.candidates, owned)
    }
}

/// A repository whose apps are told apart.
struct Repository {
    worktree: Worktree,
    /// The paths of indexes of ours that changed, and of what runs left that were cut short.
    outputs: BTreeSet<String>,
}

/// A workspace, as seen from the top of the repository.
struct Ground<'s> {
    shared: &'s Shared,
    /// Whether what changed is something that it is made of.
    is_reached: bool,
    /// All that its apps have in common, if that can be told.
    common: Option<[u8; 20]>,
    /// Folders of manifests that something changed in.
    touched: Touched,
}

/// Which folders of manifests something changed in.
#[derive(Default)]
struct Touched {
    /// By what is in the place of the app's name.
    apps: BTreeSet<String>,
    /// Where that cannot be told.
    is_any: bool,
}

impl Repository {
    /// Compares the repository that the run is about with a revision.
    fn since(revision: &str, paths: &[PathBuf]) -> Result<Self, Failure> {
        let first = paths.first().map_or(Path::new("."), PathBuf::as_path);
        let folder = if disk::is_folder(first) { first } else { parent(first) };
        let mut worktree = Worktree::since(folder, revision)?;
        worktree.without(record::FOLDER);
        let is_unfinished = |path: &str| path.split('/').any(|part| disk::owner_of_unfinished(part).is_some());
        let is_output = |path: &&str| path.rsplit('/').next() == Some(INDEX) || is_unfinished(path);
        let changed = worktree.changed().filter(is_output).map(str::to_owned);
        let committed = worktree.paths_with(".statewright/").into_iter().filter(|path| is_unfinished(path));
        let outputs = changed.chain(committed.map(str::to_owned)).collect();
        Ok(Self { worktree, outputs })
    }

    /// The specs that the paths mean, in the order in which a walk finds them. What git has is not walked through.
    fn specs(&self, selection: &Selection) -> Result<Vec<PathBuf>, Failure> {
        let mut specs = Vec::new();
        let tracked = self.worktree.named(disk::SPEC);
        for path in &selection.paths {
            let inside = disk::is_folder(path).then(|| self.inside(path)).flatten();
            let Some(inside) = inside.filter(|inside| inside.is_empty() || self.worktree.has_folder(inside)) else {
                specs.extend(disk::find_specs(&selection.reach, std::slice::from_ref(path))?);
                continue;
            };
            disk::inside(&selection.reach, path)?;
            let below = |found: &str| Some(below(&inside, found)?.to_owned()).filter(|rest| !is_hidden(rest));
            let mut found = BTreeSet::new();
            for (spec, rest) in tracked.iter().filter_map(|spec| Some((spec, below(spec)?))) {
                if self.worktree.hash(spec).is_some() || disk::is_plain_file(path, &rest) {
                    found.insert(PathBuf::from(rest));
                }
            }
            for rest in self.worktree.loose().filter_map(below) {
                let loose = path.join(&rest);
                if disk::is_link(&loose) {
                    continue;
                }
                if disk::is_folder(&loose) {
                    let specs = disk::find_specs(&selection.reach, std::slice::from_ref(&loose))?;
                    let start = bare(path);
                    found.extend(specs.iter().filter_map(|spec| spec.strip_prefix(&start).ok().map(Path::to_owned)));
                } else if rest.rsplit('/').next() == Some(disk::SPEC) && disk::is_plain_file(path, &rest) {
                    found.insert(PathBuf::from(rest));
                }
            }
            specs.extend(found.into_iter().map(|rest| path.join(rest)));
        }
        let mut seen = BTreeSet::new();
        specs.retain(|spec| seen.insert(bare(spec).into_os_string()));
        Ok(specs.iter().map(|spec| bare(spec)).collect())
    }

    /// The path of a file or folder from the top of the repository, if it is in it.
    fn inside(&self, path: &Path) -> Option<String> {
        let real = disk::real(path).ok()?;
        Some(disk::name_of(real.strip_prefix(&self.worktree.top).ok()?)).filter(|path| !path.contains('\u{fffd}'))
    }

    /// What is known of each app that nothing that changed can reach.
    fn records(&self, selection: &Selection, candidates: &[Candidate]) -> Vec<Option<Record>> {
        let is_alone = candidates.len() == 1 && !selection.environments.is_empty();
        if is_alone || self.worktree.is_unclear() || self.is_all_touched(selection) {
            return candidates.iter().map(|_| None).collect();
        }
        let grounds = self.grounds(selection, candidates);
        let store = Store::open(&selection.reach, &self.worktree);
        let own = common(selection, None);
        let mut folders = Folders::new(self);
        let specs: Vec<Option<String>> = candidates.iter().map(|candidate| folders.spec(&candidate.spec)).collect();
        let numbers: Vec<usize> = (0..candidates.len()).collect();
        let look = |number: &usize| {
            let (candidate, spec) = (&candidates[*number], specs[*number].as_deref()?);
            let ground = match &candidate.shared {
                Some(shared) => Some(grounds.iter().find(|ground| std::ptr::eq(ground.shared, &raw const **shared))?),
                None => None,
            };
            // What is in a repository of its own is no concern of this one, whatever its index says of it.
            let is_own = selection.reach.root(parent(&candidate.spec)).is_some_and(|root| root == self.worktree.top);
            if !is_own || ground.is_some_and(|ground| ground.is_reached) || self.worktree.touches(folder_of(spec)) {
                return None;
            }
            let common = ground.map_or(own, |ground| ground.common);
            let known = common.as_ref().and_then(|common| store.get(spec, common, &self.worktree));
            let (record, proven) = match known {
                Some(record) => (record.clone(), None),
                None => {
                    let (record, files) = made(candidate, selection)?;
                    let beside = files.iter().map(|file| joined(folder_of(spec), file));
                    let hashed = |path: String| self.worktree.hash(&path).map(|hash| (path, hash));
                    // A file that git does not have may be another than it was.
                    let files = beside.chain([spec.to_owned()]).map(hashed).collect::<Option<Vec<_>>>()?;
                    let proven = common.map(|common| Proven { record: record.clone(), common, files });
                    (record, proven)
                }
            };
            let is_touched = ground.is_some_and(|ground| ground.touched.includes(&record.app));
            Some(((!is_touched).then_some(record), proven))
        };
        let (mut records, mut fresh) = (Vec::with_capacity(candidates.len()), Vec::new());
        for (found, spec) in parallel::map(&numbers, look).into_iter().zip(&specs) {
            let (record, proven) = found.unwrap_or_default();
            records.push(record);
            fresh.extend(spec.clone().zip(proven));
        }
        store.keep(&selection.reach, fresh);
        records
    }

    /// Looks again at apps that may own manifests which none of them has now. Gives whether there are none.
    fn look_at_left_over(&self, apps: &mut Apps) -> bool {
        let (mut owned, mut folders) = (BTreeSet::new(), Folders::new(self));
        for (number, (candidate, record)) in apps.candidates.iter().zip(&apps.records).enumerate() {
            let mut own =
                |root: &Path, folder: &str| owned.extend(folders.folder(root).map(|root| joined(&root, folder)));
            if let Some(record) = record {
                let root = candidate.root();
                record.folders.iter().for_each(|(_, folder)| own(&root, folder));
                continue;
            }
            let place = |app: &Loaded| -> Vec<(PathBuf, String)> {
                app.environments().iter().map(|environment| app.folder(environment, None, true)).collect()
            };
            let places = candidate.peek(number < MOST_KEPT, place).ok().flatten().unwrap_or_default();
            places.iter().for_each(|(root, folder)| own(root, folder));
        }
        let is_left =
            |path: &&str| !path.strip_suffix(INDEX).is_some_and(|folder| owned.contains(folder.trim_end_matches('/')));
        let there = self.worktree.named(INDEX).into_iter().chain(self.outputs.iter().map(String::as_str));
        let left: BTreeSet<&str> = there.filter(is_left).collect();
        // What is in a folder that git has nothing of was not asked for.
        let mut loose = self.worktree.loose().filter(|path| !disk::is_file(&self.worktree.top.join(path)));
        if left.is_empty() {
            return loose.next().is_none();
        }
        let beside: BTreeSet<&str> =
            left.iter().flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end])).collect();
        let mut touched: BTreeMap<PathBuf, Touched> = BTreeMap::new();
        for (candidate, record) in apps.candidates.iter().zip(&mut apps.records) {
            let Some(app) = record.as_ref().map(|record| &record.app) else { continue };
            let is_touched = candidate.shared.as_ref().is_some_and(|shared| {
                let of_shared = || self.touched(shared, left.iter().copied());
                touched.entry(shared.folder.clone()).or_insert_with(of_shared).includes(app)
            });
            let spec = folders.spec(&candidate.spec);
            let folder = spec.as_deref().map(folder_of);
            if is_touched || folder.is_none_or(|folder| folder.is_empty() || beside.contains(folder)) {
                *record = None;
            }
        }
        false
    }

    /// Whether what changed is something that the command line names for all apps.
    fn is_all_touched(&self, selection: &Selection) -> bool {
        // What attributes say of a file decides what stands in it once it is checked out.
        let decides = |path: &str| matches!(path.rsplit('/').next(), Some(disk::WORKSPACE | ".gitattributes"));
        let named = selection.cluster.iter().cloned().chain(selection.definitions.paths());
        self.worktree.changed().any(decides) || named.into_iter().any(|path| self.may_differ(Path::new("."), &path))
    }

    /// Whether what a path means that a file in a folder names may be other than at the revision.
    fn may_differ(&self, folder: &Path, named: &Path) -> bool {
        let text = named.to_string_lossy();
        // What follows is a pattern, or stands for a kind.
        let fixed = text
            .find(['*', '?', '[', '{'])
            .map_or(&*text, |hole| text[..hole].rsplit_once('/').map_or("", |(fixed, _)| fixed));
        let Ok(mut at) = disk::real(folder) else { return true };
        for part in Path::new(fixed).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => drop(at.pop()),
                Component::RootDir | Component::Prefix(_) => at = PathBuf::from(part.as_os_str()),
                Component::Normal(name) => at.push(name),
            }
            if disk::is_link(&at) {
                return true;
            }
        }
        let Ok(inside) = at.strip_prefix(&self.worktree.top) else { return true };
        self.worktree.touches(&disk::name_of(inside))
    }

    fn grounds<'s>(&self, selection: &Selection, candidates: &'s [Candidate]) -> Vec<Ground<'s>> {
        let shared = left_over::workspaces(candidates).into_iter();
        shared
            .map(|shared| {
                let named = named(shared);
                Ground {
                    shared,
                    is_reached: shared.workspace.is_none()
                        || named.iter().any(|named| self.may_differ(&shared.folder, Path::new(named))),
                    common: common(selection, Some(shared)),
                    touched: self.touched(shared, self.worktree.changed()),
                }
            })
            .collect()
    }

    /// The folders of manifests of a workspace that paths lie in, or that lie in one of them.
    fn touched<'p>(&self, shared: &Shared, paths: impl Iterator<Item = &'p str>) -> Touched {
        let mut touched = Touched::default();
        let pattern: Vec<&str> = shared.output().split('/').collect();
        let place = pattern.iter().position(|part| *part == "{app}");
        let Some(folder) = self.inside(&shared.folder) else { return Touched { is_any: true, ..touched } };
        for rest in paths.filter_map(|path| below(&folder, path)) {
            let parts: Vec<&str> = rest.split('/').collect();
            let names = parts.iter().map(|part| disk::owner_of_unfinished(part).unwrap_or(part));
            let fits = |(pattern, name): (&&str, &str)| {
                let pattern = pattern.replace("{env}", "*").replace("{app}", "*").to_lowercase();
                disk::matches(&pattern, &name.to_lowercase())
            };
            if !pattern.iter().zip(names.clone()).all(fits) {
                continue;
            }
            match place.and_then(|place| names.clone().nth(place)) {
                Some(name) => _ = touched.apps.insert(name.to_lowercase()),
                None => touched.is_any = true,
            }
        }
        touched
    }
}

impl Touched {
    fn includes(&self, app: &str) -> bool {
        self.is_any || self.apps.contains(&app.to_lowercase())
    }
}

/// Where folders are, from the top of the repository. Most lie side by side: what is above them is looked up once.
struct Folders<'r> {
    repository: &'r Repository,
    known: BTreeMap<PathBuf, Option<String>>,
}

impl<'r> Folders<'r> {
    const fn new(repository: &'r Repository) -> Self {
        Self { repository, known: BTreeMap::new() }
    }

    fn folder(&mut self, folder: &Path) -> Option<String> {
        if let Some(known) = self.known.get(folder) {
            return known.clone();
        }
        let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).zip(folder.file_name());
        let found = match above {
            Some((above, name)) if !disk::is_link(folder) => {
                // What is above the top is in no repository, or in another.
                let below = self.folder(above).and_then(|above| Some(joined(&above, name.to_str()?)));
                below.or_else(|| self.repository.inside(folder))
            }
            _ => self.repository.inside(folder),
        };
        self.known.insert(folder.to_owned(), found.clone());
        found
    }

    /// The place of a spec that is no link.
    fn spec(&mut self, spec: &Path) -> Option<String> {
        let folder = self.folder(parent(spec))?;
        Some(joined(&folder, spec.file_name()?.to_str()?))
    }
}

/// The record of an app that is right in each of its environments, with the files that it names.
fn made(candidate: &Candidate, selection: &Selection) -> Option<(Record, Vec<String>)> {
    let mut findings = Vec::new();
    let app: Loaded = candidate.load(&mut findings).ok()??;
    let (mut found, mut stays, mut folders) = (Diagnostics::default(), Vec::new(), Vec::new());
    for environment in app.environments() {
        let compiled = app.compile(&environment, selection.kubernetes.as_deref(), &mut found)?;
        stays.push(Stay::new(&app, &environment, &compiled));
        folders.push((environment.clone(), app.folder(&environment, None, true).1));
    }
    findings.extend(found.resolve(&app.sources));
    if forbids(&findings) {
        return None;
    }
    let files = app.asked.files_alone()?;
    Some((Record { app: app.spec.name.to_string(), folders, stays }, files))
}

/// The paths that a workspace names.
pub(super) fn named(shared: &Shared) -> Vec<String> {
    let Some(workspace) = &shared.workspace else { return Vec::new() };
    let templates = workspace.templates.iter().flatten().filter_map(|template| template.file.as_ref());
    let definitions = workspace.crds.iter().flatten().chain(workspace.schemas.iter().flatten());
    let mut named: Vec<String> = templates.chain(definitions).map(|named| named.value.to_string()).collect();
    for (_, cluster) in workspace.clusters() {
        let manifests = cluster.get("manifests").into_iter().flat_map(Node::items);
        named.extend(cluster.get("snapshot").into_iter().chain(manifests).filter_map(Node::as_str).map(str::to_owned));
    }
    named
}

/// All that the apps of a workspace, or those without one, have in common, in one hash; none where that is not all read
/// before the apps are.
fn common(selection: &Selection, shared: Option<&Shared>) -> Option<[u8; 20]> {
    let workspace = shared.and_then(|shared| shared.workspace.as_ref());
    if selection.cluster.is_some()
        || selection.definitions.paths().next().is_some()
        || workspace.is_some_and(|workspace| workspace.schemas.is_some())
    {
        return None;
    }
    let program = disk::program()?;
    let mut parts = vec![program];
    parts.push(format!("{:?} {:?}", selection.kubernetes, selection.apply));
    parts.push(format!("{:?}", shared.map(|shared| &shared.folder)));
    let sources = shared.iter().flat_map(|shared| shared.sources.iter());
    parts.extend(sources.flat_map(|source| [source.name.to_string(), source.text.to_string()]));
    // Each with its length, so that no two lists are one text.
    let parts: Vec<String> = parts.into_iter().map(|part| format!("{} {part}", part.len())).collect();
    Some(sha1(&parts.iter().map(String::as_bytes).collect::<Vec<_>>()))
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() || name.is_empty() { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

/// The rest of a path below a folder.
fn below<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// The folder that a path from the top lies in.
fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path as a walk gives it.
fn bare(path: &Path) -> PathBuf {
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
