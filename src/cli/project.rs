//! The apps that a run is about: their specs and workspaces, read and ready to be compiled, several at once.

use crate::api::custom::Customs;
use crate::app::Surroundings;
use crate::app::identity::Identity;
use crate::app::others::Apps;
use crate::bundle::inventory::Inventory;
use crate::cli::apply::Apply;
use crate::cli::cluster;
use crate::cli::definitions::{self, Definitions};
use crate::cli::dump::Dump;
use crate::cli::left_over::Place;
use crate::cli::output;
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Finding, Level, listing, nearest};
use crate::disk::{self, Reach};
use crate::emit::{Each, Extra};
use crate::expect::outlook::DENIED;
use crate::expect::upgrade;
use crate::failure::Failure;
use crate::k8s::way::Way;
use crate::layout::{self, Tree};
use crate::parallel;
use crate::source::{At, Sources};
use crate::spec::workspace::{self, Workspace};
use crate::spec::{self, Spec};
use crate::value::Node;
use crate::{Around, Compiled, kubernetes_fields};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

static OUTPUT_ASTRAY: Code =
    Code { id: "SW0602", name: "output-astray", level: Level::Error, page: include_str!("pages/output-astray.md") };

/// The codes of this module.
pub(super) static CODES: &[&Code] = &[&OUTPUT_ASTRAY];

/// Which apps, and which of their environments.
#[derive(Debug, Default, Args)]
pub(super) struct Selection {
    /// Specs, app folders, or folders with any number of apps.
    #[arg(default_value = ".", value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Only this environment; may be given several times.
    #[arg(long = "env", value_name = "NAME")]
    pub(super) environments: Vec<String>,
    /// Kubernetes version to validate against (overrides the spec): 1.29 to 1.37.
    #[arg(long, value_name = "VERSION")]
    pub(super) kubernetes: Option<String>,
    /// How manifests are applied: as `kubectl apply` does it, with `--server-side`, or with `--force-conflicts` too, as
    /// Flux does (overrides the spec and the workspace).
    #[arg(long, value_name = "WAY")]
    pub(super) apply: Option<Apply>,
    #[command(flatten)]
    pub(super) definitions: Definitions,
    /// Cluster description, instead of the workspace's.
    #[arg(skip)]
    pub(super) cluster: Option<PathBuf>,
    /// What runs, where it is compared with that.
    #[arg(skip)]
    pub(super) live: Option<Arc<Dump>>,
    /// How far it may look.
    #[arg(skip)]
    pub(super) reach: Reach,
    /// The environments that the apps turned out to have.
    #[arg(skip)]
    pub(super) known: Known,
}

/// Names of environments, noted by apps that are read side by side.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeSet<String>>);

/// A workspace as read.
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) sources: Sources,
    pub(super) workspace: Option<Workspace>,
    extras: Vec<Extra>,
    facts: BTreeMap<String, ClusterFacts>,
    customs: Customs,
    /// The specs of its apps, by name; found when one asks for another.
    specs: OnceLock<Result<BTreeMap<String, PathBuf>, String>>,
    /// Who they are in each environment.
    identities: Mutex<BTreeMap<(String, String), Result<Identity, String>>>,
    broken: Vec<Finding>,
}

/// The cluster that a run is told of.
pub(super) struct Told {
    pub(super) facts: ClusterFacts,
    /// What runs there.
    pub(super) live: Option<Arc<Dump>>,
    pub(super) broken: Vec<Finding>,
}

/// One app, before anything of it is read.
pub(super) struct Candidate {
    pub(super) spec: PathBuf,
    /// Its text, where that is another than the file's: somebody is typing it.
    pub(super) text: Option<String>,
    pub(super) shared: Option<Arc<Shared>>,
    /// The cluster that the run is told of.
    pub(super) told: Option<Arc<Told>>,
    /// The custom kinds that are defined.
    customs: Customs,
    /// What reading it gave, where that was done early.
    early: Mutex<Option<(Option<Loaded>, Vec<Finding>)>>,
    reach: Reach,
    apply: Option<Way>,
}

/// What an app compiles to in one environment, and where that belongs.
pub(super) struct Fresh {
    pub(super) environment: String,
    pub(super) root: PathBuf,
    pub(super) compiled: Compiled,
    pub(super) tree: Tree,
}

/// One app, read.
pub(super) struct Loaded {
    pub(super) folder: PathBuf,
    /// The spec's file in that folder.
    pub(super) file: String,
    pub(super) sources: Sources,
    pub(super) spec: Spec,
    pub(super) shared: Option<Arc<Shared>>,
    /// The cluster that the run is told of.
    told: Option<Arc<Told>>,
    /// The custom kinds that are defined.
    pub(super) customs: Customs,
    reach: Reach,
    /// How manifests are applied, whatever the spec says.
    apply: Option<Way>,
    /// Where reading it found mistakes.
    wrong: Vec<At>,
    /// What compiling it asked for.
    pub(super) asked: Arc<Asked>,
}

/// What compiling an app asked for, beside its spec and its workspace.
#[derive(Debug, Default)]
pub(super) struct Asked {
    others: AtomicBool,
    files: Mutex<BTreeSet<String>>,
}

impl Asked {
    /// The files, by their paths from the spec's folder, where it is clear which those are and nothing but files was
    /// asked for.
    pub(super) fn files_alone(&self) -> Option<Vec<String>> {
        if self.others() {
            return None;
        }
        self.files().iter().map(|file| plain(file)).collect()
    }

    /// The files, as they are written.
    pub(super) fn files(&self) -> Vec<String> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether another app was asked for.
    pub(super) fn others(&self) -> bool {
        self.others.load(Ordering::Relaxed)
    }
}

/// A path that leads nowhere but down, without what means nothing in it.
fn plain(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

impl Selection {
    /// Finds the apps. No app at all is a failure: a check that passes when its subject is missing is none.
    pub(super) fn candidates(&self) -> Result<Vec<Candidate>, Failure> {
        self.candidates_of(disk::find_specs(&self.reach, &self.paths)?)
    }

    /// The apps of some specs.
    pub(super) fn candidates_of(&self, specs: Vec<PathBuf>) -> Result<Vec<Candidate>, Failure> {
        if let Some(version) = &self.kubernetes {
            version.parse::<crate::k8s::version::Version>().map_err(Failure::new)?;
        }
        if specs.is_empty() {
            let name = |path: &PathBuf| {
                if path == Path::new(".") { "this folder".to_owned() } else { path.display().to_string() }
            };
            let shown: Vec<String> = self.paths.iter().map(name).collect();
            return Err(Failure::new(format!(
                "there is no statewright.yaml in {} or below it: run `statewright init` to begin with one",
                shown.join(", ")
            )));
        }
        let given = self.definitions.customs(&self.reach)?;
        let told = self.told()?.map(Arc::new);
        let mut known: BTreeMap<OsString, Option<Arc<Shared>>> = BTreeMap::new();
        let mut candidates = Vec::new();
        for spec in specs {
            let folder = folder_of(&spec);
            let shared = match known.get(folder.as_os_str()) {
                Some(shared) => shared.clone(),
                None => {
                    let shared = disk::find_workspace(&self.reach, &folder)?
                        .map(|path| self.workspace(&path, &known))
                        .transpose()?;
                    known.insert(folder.into_os_string(), shared.clone());
                    shared
                }
            };
            let customs = shared.as_ref().map_or_else(|| given.clone(), |shared| shared.customs.and(&given));
            candidates.push(Candidate {
                spec,
                text: None,
                shared,
                told: told.clone(),
                customs,
                reach: self.reach.clone(),
                apply: self.apply.map(Way::from),
                early: Mutex::default(),
            });
        }
        candidates.iter().for_each(|candidate| output::detail(&candidate.introduction()));
        Ok(candidates)
    }

    /// The cluster that the run is told of, and what is wrong with how.
    pub(super) fn told(&self) -> Result<Option<Told>, Failure> {
        let live = self.live.clone();
        let Some(path) = &self.cluster else {
            let of_live = |live: &Arc<Dump>| ClusterFacts::of_objects(&live.inventory);
            return Ok(live.map(|live| Told { facts: of_live(&live), live: Some(live), broken: Vec::new() }));
        };
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let facts = cluster::read(&self.reach, path, &mut sources, &mut found)?.unwrap_or_default();
        Ok(Some(Told { facts, live, broken: found.resolve(&sources) }))
    }

    fn workspace(&self, path: &Path, known: &BTreeMap<OsString, Option<Arc<Shared>>>) -> Result<Arc<Shared>, Failure> {
        let path = &from_here(path);
        let folder = folder_of(path);
        if let Some(shared) = known.values().flatten().find(|shared| shared.folder == folder) {
            return Ok(Arc::clone(shared));
        }
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let id = disk::read_found(&self.reach, path, &mut sources, &mut found)?;
        let workspace = id
            .and_then(|id| crate::yaml::read_one(&sources, id, &mut found))
            .and_then(|root| workspace::parse(&root, &kubernetes_fields, &mut found));
        for (key, _) in
            workspace.iter().flat_map(|workspace| workspace.environments.iter().flat_map(|list| &list.entries))
        {
            crate::app::check_environment(key, &mut found);
        }
        if let Some(levels) = workspace.as_ref().and_then(|workspace| workspace.rules.as_ref()) {
            crate::allow::unknown_levels(levels, &crate::codes(), &mut found);
        }
        if let Some(output) = workspace.as_ref().and_then(|workspace| workspace.output.as_ref())
            && let Some(wrong) = disk::wrong_output(&output.value)
        {
            OUTPUT_ASTRAY
                .report(format!("`output` {wrong}"))
                .help("name a folder below the workspace's, such as `deploy/{env}/{app}`")
                .at(output.at, &mut found);
        }
        let mut extras = Vec::new();
        for template in workspace.iter().flat_map(|workspace| workspace.templates.iter().flatten()) {
            extras.extend(extra(&self.reach, template, &folder, &mut sources, &mut found));
        }
        let mut facts = BTreeMap::new();
        for (name, node) in workspace.iter().flat_map(Workspace::clusters) {
            let mut known = ClusterFacts::read(&node, &mut found);
            let listed = node.get("manifests").into_iter().flat_map(Node::items);
            for named in node.get("snapshot").into_iter().chain(listed) {
                let Some(written) = named.as_str() else { continue };
                if let Some(objects) =
                    cluster::named(&self.reach, &folder, (written, named.at), &mut sources, &mut found)?
                {
                    known = known.and(objects);
                }
            }
            facts.insert(name.to_owned(), known);
        }
        let customs = match &workspace {
            Some(workspace) => definitions::of_workspace(&self.reach, workspace, &folder, &mut sources, &mut found)?,
            None => Customs::none(),
        };
        let broken = found.resolve(&sources);
        Ok(Arc::new(Shared {
            folder,
            sources,
            workspace: workspace.filter(|_| !output::any_error(&broken)),
            extras,
            facts,
            customs,
            specs: OnceLock::new(),
            identities: Mutex::default(),
            broken,
        }))
    }

    /// Compiles the environments of an app that are asked for. Those that cannot be are left out, but their folders are
    /// in `owned`.
    pub(super) fn compile(
        &self,
        candidate: &Candidate,
        app: &Loaded,
        alone: bool,
        owned: &mut Vec<Place>,
        found: &mut Diagnostics,
    ) -> Vec<Fresh> {
        let mut list = Vec::new();
        for environment in self.environments(app, alone, found) {
            let (root, folder) = app.folder(&environment, None, true);
            owned.push((root.clone(), folder.clone()));
            // What stands in the way on the cluster is no fault of the manifests: their review says what comes of it.
            let stops = |own: &Diagnostic| own.level == Level::Error && own.code.id != DENIED.id;
            let Some(compiled) = app.compile_unless(&environment, self.kubernetes.as_deref(), found, stops) else {
                continue;
            };
            let tree = layout::lay_out(&compiled.bundle, &folder, &app.spec.name, &environment, &candidate.spec_name());
            list.push(Fresh { environment, root, compiled, tree });
        }
        list
    }

    /// The environments of an app that are asked for. Reports one that it does not have.
    pub(super) fn environments(&self, app: &Loaded, alone: bool, found: &mut Diagnostics) -> Vec<String> {
        let names = app.environments();
        if self.environments.is_empty() {
            return names;
        }
        self.note(names.iter().cloned());
        let mut chosen = Vec::new();
        for wanted in &self.environments {
            if names.contains(wanted) {
                chosen.push(wanted.clone());
            } else if alone {
                spec::unknown_environment(
                    wanted,
                    &names.iter().map(String::as_str).collect::<Vec<_>>(),
                    app.spec.at(),
                    found,
                );
            }
        }
        chosen
    }

    /// Notes environments that an app has.
    pub(super) fn note(&self, environments: impl Iterator<Item = String>) {
        self.known.0.lock().unwrap_or_else(PoisonError::into_inner).extend(environments);
    }

    /// Refuses an environment that no app has, once all apps were read: nothing was looked at, so nothing is right.
    pub(super) fn all_met(&self) -> Result<(), Failure> {
        let known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wanted) = self.environments.iter().find(|wanted| !known.contains(*wanted)) else { return Ok(()) };
        let names = || known.iter().map(String::as_str);
        let help = match nearest(wanted, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", listing(names(), 12)),
        };
        Err(Failure::new(format!("no app here has an environment `{wanted}`; {help}")))
    }
}

impl Shared {
    /// Where the manifests of its apps go.
    pub(super) fn output(&self) -> &str {
        self.workspace
            .as_ref()
            .and_then(|workspace| workspace.output.as_ref())
            .map_or("deploy/{env}/{app}", |output| &*output.value)
    }

    /// Where it says so; its first line if it does not.
    pub(super) fn output_at(&self) -> Option<At> {
        let workspace = self.workspace.as_ref()?;
        Some(workspace.output.as_ref().map_or(At { end: workspace.at.start, ..workspace.at }, |output| output.at))
    }

    /// What is wrong with the workspace itself.
    pub(super) fn findings(&self) -> &[Finding] {
        &self.broken
    }
}

impl Candidate {
    /// Reads the spec before its turn. If it is to be kept, it is not read again when its turn comes.
    pub(super) fn peek<T>(&self, keep: bool, look: impl FnOnce(&Loaded) -> T) -> Result<Option<T>, Failure> {
        let mut findings = Vec::new();
        let app = self.load(&mut findings)?;
        let seen = app.as_ref().map(look);
        if keep {
            *self.early.lock().unwrap_or_else(PoisonError::into_inner) = Some((app, findings));
        }
        Ok(seen)
    }

    /// The same app with another text of its spec, as somebody types it.
    pub(super) fn typed(&self, text: &str) -> Self {
        Self {
            spec: self.spec.clone(),
            text: Some(text.to_owned()),
            shared: self.shared.clone(),
            told: self.told.clone(),
            customs: self.customs.clone(),
            early: Mutex::new(None),
            reach: self.reach.clone(),
            apply: self.apply,
        }
    }

    /// All that is wrong with the app, in each of its environments.
    pub(super) fn judged(&self, kubernetes: Option<&str>) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        if let Some(app) = self.load(&mut findings)? {
            let mut found = Diagnostics::default();
            for environment in app.environments() {
                app.compile(&environment, kubernetes, &mut found);
            }
            findings.extend(found.resolve(&app.sources));
        }
        Ok(findings)
    }

    /// Which spec it is, and whose workspace it is in, on a line.
    fn introduction(&self) -> String {
        let spec = disk::name_of(&self.spec);
        match &self.shared {
            Some(shared) => format!("{spec}, in {}\n", disk::name_of(&shared.folder.join(disk::WORKSPACE))),
            None => format!("{spec}, in no workspace\n"),
        }
    }

    /// The folder that its manifests go below.
    pub(super) fn root(&self) -> PathBuf {
        self.shared.as_ref().map_or_else(|| folder_of(&self.spec), |shared| shared.folder.clone())
    }

    /// The name of the spec's file, as written manifests name it.
    pub(super) fn spec_name(&self) -> String {
        self.spec.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Reads the spec. `None` when nothing can be made of it; what is wrong is in `findings`.
    pub(super) fn load(&self, findings: &mut Vec<Finding>) -> Result<Option<Loaded>, Failure> {
        if self.shared.as_ref().is_some_and(|shared| shared.workspace.is_none()) {
            return Ok(None);
        }
        if let Some((app, found)) = self.early.lock().unwrap_or_else(PoisonError::into_inner).take() {
            findings.extend(found);
            return Ok(app);
        }
        let mut sources = self.shared.as_ref().map(|shared| shared.sources.clone()).unwrap_or_default();
        let mut found = Diagnostics::default();
        let id = match &self.text {
            Some(text) => Some(sources.add(disk::name_of(&self.spec), text.as_str())),
            None => disk::read_source(&self.reach, &self.spec, &mut sources, &mut found)?,
        };
        let spec = id.and_then(|id| crate::read(&sources, id, &mut found));
        let wrong = found.wrong();
        findings.extend(found.resolve(&sources));
        Ok(spec.map(|spec| Loaded {
            folder: folder_of(&self.spec),
            file: self.spec_name(),
            sources,
            spec,
            shared: self.shared.clone(),
            told: self.told.clone(),
            customs: self.customs.clone(),
            reach: self.reach.clone(),
            apply: self.apply,
            wrong,
            asked: Arc::default(),
        }))
    }
}

impl Loaded {
    /// The environments that it is compiled for: its own, else the workspace's, else one.
    pub(super) fn environments(&self) -> Vec<String> {
        let workspace = self.workspace().filter(|_| self.spec.environments.is_empty());
        let shared: Vec<String> = workspace.iter().flat_map(|workspace| workspace.names()).map(str::to_owned).collect();
        if shared.is_empty() { self.spec.names().map(str::to_owned).collect() } else { shared }
    }

    pub(super) fn workspace(&self) -> Option<&Workspace> {
        self.shared.as_ref().and_then(|shared| shared.workspace.as_ref())
    }

    /// What the run is told, or the workspace knows, of the cluster of an environment.
    pub(super) fn facts(&self, environment: &str) -> Option<&ClusterFacts> {
        if let Some(told) = &self.told {
            return Some(&told.facts);
        }
        let shared = self.shared.as_ref().filter(|shared| !shared.facts.is_empty())?;
        let given = self.given(environment);
        let named = self.spec.cluster(environment).or_else(|| given.as_ref()?.get("cluster")?.as_str())?;
        shared.facts.get(named)
    }

    /// What runs, where it is compared with that.
    pub(super) fn live(&self) -> Option<&Inventory> {
        Some(&self.told.as_ref()?.live.as_ref()?.inventory)
    }

    /// What the workspace gives to an environment.
    pub(super) fn given(&self, environment: &str) -> Option<crate::value::Node> {
        let workspace = self.workspace()?;
        // Most workspaces describe no cluster.
        let named = workspace.clusters.as_ref().and_then(|_| self.spec.cluster(environment));
        workspace.shared(environment, named)
    }

    fn beside(&self) -> Beside<'_> {
        let left = AtomicUsize::new(MOST_BESIDE);
        Beside { reach: &self.reach, folder: &self.folder, shared: self.shared.as_ref(), asked: &self.asked, left }
    }

    /// The namespace that an environment lives in. `None` when it cannot be resolved; what is wrong is in `found`.
    pub(super) fn namespace(&self, environment: &str, found: &mut Diagnostics) -> Option<String> {
        let shared = self.given(environment);
        let app = crate::app::resolve(&self.spec, environment, shared.as_ref(), &self.beside(), found)?;
        Some(app.identity.namespace.to_string())
    }

    /// Compiles one environment.
    pub(super) fn compile(
        &self,
        environment: &str,
        kubernetes: Option<&str>,
        found: &mut Diagnostics,
    ) -> Option<Compiled> {
        self.compile_unless(environment, kubernetes, found, |own| own.level == Level::Error)
    }

    /// The same, but where something is found that stops it.
    fn compile_unless(
        &self,
        environment: &str,
        kubernetes: Option<&str>,
        found: &mut Diagnostics,
        stops: impl Fn(&Diagnostic) -> bool,
    ) -> Option<Compiled> {
        let mut shared = self.given(environment);
        let mut spec = std::borrow::Cow::Borrowed(&self.spec);
        if let Some(version) = kubernetes {
            let at = At { end: self.spec.root.at.start, ..self.spec.root.at };
            if let Some(map) = spec.to_mut().root.as_map_mut() {
                map.put("kubernetes", crate::value::Node::text(version, at));
            }
            shared.iter_mut().filter_map(crate::value::Node::as_map_mut).for_each(|map| {
                map.remove("kubernetes");
            });
        }
        let levels = self.workspace().and_then(|workspace| workspace.rules.as_ref());
        let around = Around {
            shared: shared.as_ref(),
            extras: self.shared.as_ref().map(|shared| &shared.extras[..]).unwrap_or_default(),
            facts: self.facts(environment),
            customs: &self.customs,
            apply: self.apply,
            files: &self.beside(),
        };
        let mut own = Diagnostics::default();
        let compiled = crate::compile(&spec, environment, around, &mut own);
        own.drop_echoes(&self.wrong);
        if let Some(compiled) = &compiled {
            let elsewhere: Vec<&Code> = super::neighbours::ALLOWED.iter().chain(upgrade::CODES).copied().collect();
            crate::allow::settle(&compiled.app.allow, levels, &elsewhere, crate::codes, &mut own);
        }
        let failed = own.iter().any(stops);
        found.extend(own);
        // What is not acknowledged is a risk, and is reviewed as one: the manifests are made all the same.
        let shared = self.workspace().and_then(|workspace| workspace.acknowledge.as_deref()).unwrap_or_default();
        for items in [shared, compiled.as_ref().map_or(&[][..], |compiled| &compiled.app.acknowledge)] {
            crate::allow::without_reason(items, found);
        }
        compiled.filter(|_| !failed)
    }

    /// Where an environment's manifests go: a root, and a folder below it.
    pub(super) fn folder(&self, environment: &str, out: Option<&Path>, alone: bool) -> (PathBuf, String) {
        let pattern = match (&self.shared, out) {
            (Some(shared), None) => shared.output(),
            (None, None) => "deploy/{env}",
            (_, Some(_)) if alone => "{env}",
            (_, Some(_)) => "{env}/{app}",
        };
        let root = match (out, &self.shared) {
            (Some(out), _) => out.to_owned(),
            (None, Some(shared)) => shared.folder.clone(),
            (None, None) => self.folder.clone(),
        };
        (root, pattern.replace("{env}", environment).replace("{app}", &self.spec.name))
    }
}

/// Reads one of the workspace's templates.
fn extra(
    reach: &Reach,
    template: &workspace::Extra,
    folder: &Path,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Option<Extra> {
    let file = template.file.as_ref()?;
    let each = match template.each.as_ref().map(|each| (&*each.value, each.at)) {
        None | Some(("app", _)) => Each::App,
        Some(("ordinal", _)) => Each::Ordinal,
        Some(("service", _)) => Each::Service,
        Some((word, at)) => {
            let node = crate::value::Node::text(word, at);
            crate::block::unknown_word(&node, &["app", "ordinal", "service"], found);
            return None;
        }
    };
    let id = disk::read_named(reach, folder, (&file.value, file.at), sources, found)?;
    crate::yaml::read_one(sources, id, found).map(|node| Extra { node, each })
}

/// The files of an app may have so much together, in each environment.
const MOST_BESIDE: usize = 16 << 20;

/// A path as seen from the current folder, where that is shorter than from the root: people see it in messages.
fn from_here(path: &Path) -> PathBuf {
    let Ok(here) = disk::real(Path::new(".")) else { return path.to_owned() };
    if let Ok(below) = path.strip_prefix(&here) {
        return below.to_owned();
    }
    let mut climb = PathBuf::new();
    for above in here.ancestors().skip(1) {
        climb.push("..");
        if let Ok(below) = path.strip_prefix(above) {
            return climb.join(below);
        }
    }
    path.to_owned()
}

/// The folder that a file is in; the current one for a bare name.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The files beside a spec.
struct Beside<'p> {
    reach: &'p Reach,
    folder: &'p Path,
    shared: Option<&'p Arc<Shared>>,
    asked: &'p Arc<Asked>,
    /// So many bytes are left.
    left: AtomicUsize,
}

/// The apps of a workspace, for each other.
struct Directory {
    shared: Arc<Shared>,
    reach: Reach,
    asked: Arc<Asked>,
}

impl Directory {
    /// The specs below the workspace, by the names that they give their apps.
    fn specs(&self) -> Result<BTreeMap<String, PathBuf>, String> {
        let paths = disk::find_specs(&self.reach, std::slice::from_ref(&self.shared.folder));
        let mut specs = BTreeMap::new();
        for path in paths.map_err(|failure| failure.to_string())? {
            let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
            let id = disk::read_source(&self.reach, &path, &mut sources, &mut found).ok().flatten();
            let root = id.and_then(|id| crate::yaml::read_one(&sources, id, &mut found));
            if let Some(name) = root.as_ref().and_then(|root| root.get("name")?.as_str()) {
                specs.entry(name.to_owned()).or_insert(path);
            }
        }
        Ok(specs)
    }

    fn look_up(&self, name: &str, environment: &str) -> Result<Identity, String> {
        let specs = self.shared.specs.get_or_init(|| self.specs()).as_ref().map_err(String::clone)?;
        let Some(path) = specs.get(name) else {
            let help = match nearest(name, specs.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", listing(specs.keys().map(String::as_str), 12)),
            };
            return Err(format!("there is no app `{name}` in this workspace; {help}"));
        };
        let mut found = Diagnostics::default();
        let mut sources = self.shared.sources.clone();
        let id = disk::read_source(&self.reach, path, &mut sources, &mut found).ok().flatten();
        let spec = id.and_then(|id| crate::read(&sources, id, &mut found));
        let wrong = || format!("who the replicas of `{name}` are cannot be told: {} has mistakes", disk::name_of(path));
        let spec = spec.ok_or_else(wrong)?;
        let workspace = self.shared.workspace.as_ref();
        let shared = workspace.filter(|_| spec.environments.is_empty());
        let shared: Vec<&str> = shared.into_iter().flat_map(Workspace::names).collect();
        let own = if shared.is_empty() { spec.names().collect() } else { shared };
        if !own.contains(&environment) {
            return Err(format!("`{name}` has no environment `{environment}`; it has {}", listing(own, 12)));
        }
        let named = workspace.and_then(|workspace| workspace.clusters.as_ref()).and_then(|_| spec.cluster(environment));
        let given = workspace.and_then(|workspace| workspace.shared(environment, named));
        crate::app::identity(&spec, environment, given.as_ref(), &mut found).ok_or_else(wrong)
    }
}

impl Apps for Directory {
    fn identity(&self, name: &str, environment: &str) -> Result<Identity, String> {
        self.asked.others.store(true, Ordering::Relaxed);
        let key = (name.to_owned(), environment.to_owned());
        let known = || self.shared.identities.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&key) {
            return known.clone();
        }
        let identity = self.look_up(name, environment);
        known().insert(key, identity.clone());
        identity
    }
}

impl Surroundings for Beside<'_> {
    fn apps(&self) -> Option<Arc<dyn Apps>> {
        let directory = |shared: &Arc<Shared>| Directory {
            shared: Arc::clone(shared),
            reach: self.reach.clone(),
            asked: Arc::clone(self.asked),
        };
        self.shared.map(|shared| Arc::new(directory(shared)) as Arc<dyn Apps>)
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        self.asked.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        let bytes = disk::read_beside(self.reach, self.folder, path)?;
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes.len()));
        taken
            .map(|_| bytes)
            .map_err(|_| format!("the files of this app have more than {} MB together", MOST_BESIDE >> 20))
    }
}

/// Works through the apps on all processors and hands the results over in the apps' order, so that memory holds a few
/// apps at a time and output never depends on who was first.
pub(super) fn in_order<T: Send>(
    candidates: &[Candidate],
    verb: &str,
    work: impl Fn(usize, &Candidate) -> T + Sync,
    mut take: impl FnMut(T),
) {
    let workers = parallel::workers(candidates.len());
    if workers <= 1 {
        candidates.iter().enumerate().for_each(|(index, candidate)| take(work(index, candidate)));
        return;
    }
    // Handed over by the handful: a thread that waits is not woken for each.
    let handful = (candidates.len() / (workers * 8)).clamp(1, 4);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(workers * 4);
    let progress = Progress::new(verb, candidates.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let start = next.fetch_add(handful, Ordering::Relaxed);
                    let Some(mine) =
                        candidates.get(start..candidates.len().min(start + handful)).filter(|mine| !mine.is_empty())
                    else {
                        break;
                    };
                    let done: Vec<T> =
                        mine.iter().enumerate().map(|(offset, candidate)| work(start + offset, candidate)).collect();
                    if sender.send((start, done)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting: BTreeMap<usize, Vec<T>> = BTreeMap::new();
        let mut due = 0;
        for (start, results) in receiver {
            waiting.insert(start, results);
            while let Some(results) = waiting.remove(&due) {
                due += results.len();
                results.into_iter().for_each(&mut take);
                progress.show(due);
            }
        }
    });
    progress.clear();
}

/// A line on a terminal, once a run takes longer than half a second.
struct Progress<'v> {
    verb: &'v str,
    total: usize,
    began: Option<Instant>,
}

impl<'v> Progress<'v> {
    fn new(verb: &'v str, total: usize) -> Self {
        Self { verb, total, began: output::watched().then(Instant::now) }
    }

    fn late(&self) -> bool {
        self.began.is_some_and(|began| began.elapsed() > Duration::from_millis(500))
    }

    fn show(&self, done: usize) {
        if self.late() && done.is_multiple_of(16) {
            output::talk(&format!("\r{} {done} of {} apps", self.verb, self.total));
        }
    }

    fn clear(&self) {
        if self.late() {
            output::talk("\r\x1b[2K");
        }
    }
}

/// Whether a list of findings forbids going on.
pub(super) fn forbids(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Error)
}
