//! Import: manifests that anyone wrote as specs, and the proof that nothing changed. The other way round than all other
//! rooms: it drafts what the compiler would make the input of, has it compiled, and looks at what comes out. Knows no
//! file and no command.

mod access;
mod container;
mod draft;
mod factor;
mod gather;
mod names;
mod proof;
mod service;
mod settings;
mod storage;
mod suggest;
mod text;
mod tidy;
mod volume;

use crate::bundle::{Bundle, Resource, ResourceId};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::expect::judge;
use crate::k8s::version::Version;
use crate::parallel;
use crate::review::Review;
use crate::review::verdict::Verdict;
use crate::source::At;
use crate::value::{Node, Text};
use draft::{Draft, DraftOptions};
pub use gather::Reason;
use gather::{Group, gather};
use proof::{Fault, Mismatch};
use std::collections::{BTreeMap, BTreeSet};
pub use suggest::Suggestion;

/// Manifests that no spec can be made of.
static REFUSED: Code =
    Code { id: "SW0701", name: "not-importable", level: Level::Error, page: include_str!("pages/not-importable.md") };
/// Something of a manifest that the spec cannot keep.
static LOST: Code =
    Code { id: "SW0702", name: "cannot-be-kept", level: Level::Error, page: include_str!("pages/cannot-be-kept.md") };

/// The codes of this module.
pub static CODES: &[&Code] = &[&REFUSED, &LOST];

/// The manifests of one environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `prod`.
    pub name: String,
    /// Its manifests.
    pub bundle: Bundle,
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Options<'w> {
    /// Whether environments were named; a single one that was not is the spec itself.
    pub named: bool,
    /// The app that takes what belongs to none.
    pub rest: Option<&'w str>,
    /// Whether what cannot be kept is left out, and the rest imported all the same.
    pub keep_going: bool,
    /// The Kubernetes version by whose rules it is proven.
    pub version: Version,
}

/// What came of compiling a spec.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// The manifests of each environment, as far as they could be made.
    pub bundles: BTreeMap<String, Bundle>,
    /// What is wrong with it: the finding's name, what it says, and whether `allow` may silence it.
    pub errors: Vec<(&'static str, String, bool)>,
}

/// Compiles a spec and the files beside it.
pub type Compile<'c> = &'c (dyn Fn(&str, &BTreeMap<String, String>) -> Compiled + Sync);

/// An app that was imported.
#[derive(Clone, Debug)]
pub struct App {
    /// `web`.
    pub name: String,
    /// The namespace that it has in its first environment.
    pub namespace: String,
    /// Its files, by their paths in its folder; the spec is `statewright.yaml`.
    pub files: BTreeMap<String, String>,
    /// What a rehearsal of each environment says: the input, then what the spec compiles to.
    pub reviews: Vec<Review>,
    /// The objects that came back, environment by environment.
    pub objects: Vec<ResourceId>,
    /// Whether it needs `patches`.
    pub patched: bool,
    /// Names of Secrets that must exist.
    pub secrets: BTreeSet<String>,
    /// What could be better. Nothing of it is done.
    pub suggestions: BTreeSet<Suggestion>,
}

/// What came of an import.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The apps, by their names.
    pub apps: Vec<App>,
    /// What is in no spec, and why: once for all environments.
    pub left: Vec<(String, Reason)>,
    /// How many apps could not be imported.
    pub refused: usize,
}

/// One app as each environment has it.
struct Candidate {
    name: Text,
    /// The environment's place in the list, its group, and the namespace of what names none.
    groups: Vec<(usize, Group)>,
}

/// Makes specs of manifests, and proves each.
pub fn import(
    environments: &[Environment],
    wanted: Options<'_>,
    compile: Compile<'_>,
    found: &mut Diagnostics,
) -> Imported {
    let mut imported = Imported::default();
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut by_name: BTreeMap<(Text, Text), usize> = BTreeMap::new();
    let mut homes = Vec::new();
    let mut left: BTreeMap<String, Reason> = BTreeMap::new();
    let several = environments.len() > 1;
    for (number, environment) in environments.iter().enumerate() {
        let (bundle, live) = tidy::from_cluster(&environment.bundle);
        let bundle = each_once(bundle, &live, wanted.version, found);
        let home = home(&bundle);
        let mut gathered = gather(&bundle, &home);
        if let Some(rest) = wanted.rest
            && let Some(group) = gathered.groups.iter_mut().find(|group| group.set.id.name == rest)
        {
            let (taken, others) =
                gathered.left.into_iter().partition(|(_, reason)| matches!(reason, Reason::Unrelated | Reason::Shared));
            let taken: Vec<(Resource, Reason)> = taken;
            group.others.extend(taken.into_iter().map(|(resource, _)| resource));
            gathered.left = others;
        }
        left.extend(gathered.left.iter().map(|(resource, reason)| (resource.id.to_string(), *reason)));
        for group in gathered.groups {
            // One app may have another namespace in each environment; in one environment two of a name are two apps.
            let namespace = if several { Text::default() } else { group.set.id.namespace.clone() };
            let key = (namespace, group.set.id.name.clone());
            let position = *by_name.entry(key).or_insert_with(|| {
                candidates.push(Candidate { name: group.set.id.name.as_str().into(), groups: Vec::new() });
                candidates.len() - 1
            });
            let candidate = &mut candidates[position];
            if let Some((_, first)) = candidate.groups.iter().find(|(other, _)| *other == number) {
                REFUSED
                    .report(format!("two StatefulSets are called `{}` in one environment", group.set.id.name))
                    .see(first.set.at(), "the other is here")
                    .help("import them one by one, each from its own namespace")
                    .about(group.set.subject())
                    .at(group.set.at(), found);
                continue;
            }
            candidate.groups.push((number, group));
        }
        homes.push(home);
    }
    let done = parallel::map(&candidates, |candidate| {
        let mut own = Diagnostics::default();
        (one(candidate, environments, &homes, wanted, compile, &mut own), own)
    });
    for ((app, own), candidate) in done.into_iter().zip(&candidates) {
        found.extend(own);
        match app {
            Some(app) => imported.apps.push(app),
            None => {
                imported.refused += 1;
                let objects = candidate.groups.iter().flat_map(|(_, group)| group.objects());
                left.extend(objects.map(|resource| (resource.id.to_string(), Reason::Refused)));
            }
        }
    }
    imported.left = left.into_iter().collect();
    imported
}

/// The objects that can be imported, each once, and without what says nothing. The rest is reported.
fn each_once(bundle: Bundle, live: &[bool], version: Version, found: &mut Diagnostics) -> Bundle {
    let mut seen: BTreeMap<ResourceId, usize> = BTreeMap::new();
    let mut kept: Vec<Resource> = Vec::new();
    for (resource, is_live) in bundle.resources.into_iter().zip(live) {
        if resource.id.group == "apps" && resource.id.kind == "StatefulSet" && resource.api_version != "apps/v1" {
            REFUSED
                .report(format!(
                    "{} is no StatefulSet that a cluster takes: `{}` ended with Kubernetes 1.16",
                    resource.id, resource.api_version
                ))
                .help("make it `apps/v1` first: it needs `spec.selector`, which must match the labels of its pods")
                .about(resource.subject())
                .at(resource.node.get("apiVersion").map_or(resource.at(), |node| node.at), found);
            continue;
        }
        if resource.id.group == "kustomize.config.k8s.io" {
            // It says how manifests are put together, and is none.
            continue;
        }
        if resource.id.name.is_empty() {
            let generated = resource.node.find(&["metadata", "generateName"]);
            REFUSED
                .report(format!("this {} has no name", resource.id.kind))
                .help(if generated.is_some() {
                    "a generated name is another one each time: give it one"
                } else {
                    "give it one: `metadata: {name: …}`"
                })
                .at(generated.map_or(resource.at(), |node| node.at), found);
            continue;
        }
        let resource = tidy::tidy(&resource, *is_live, version);
        if let Some(first) = seen.get(&resource.id).map(|position| &kept[*position]) {
            if first.node != resource.node {
                REFUSED
                    .report(format!("{} is there twice, and the two are not alike", resource.id))
                    .see(first.at(), "the other is here")
                    .help("keep the one that runs; environments are told apart by `--env NAME=PATH`")
                    .about(resource.subject())
                    .at(resource.at(), found);
            }
            continue;
        }
        seen.insert(resource.id.clone(), kept.len());
        kept.push(resource);
    }
    Bundle::from(kept)
}

/// The namespace of objects that name none: the one that all others name, or `default`.
fn home(bundle: &Bundle) -> String {
    let mut named = bundle.resources.iter().map(|resource| &*resource.id.namespace).filter(|name| !name.is_empty());
    let first = named.next().unwrap_or("default");
    if named.all(|other| other == first) { first.to_owned() } else { "default".to_owned() }
}

/// How often a spec is drafted anew before it is given up.
const TRIES: usize = 8;

/// One app.
fn one(
    candidate: &Candidate,
    environments: &[Environment],
    homes: &[String],
    wanted: Options<'_>,
    compile: Compile<'_>,
    found: &mut Diagnostics,
) -> Option<App> {
    let mut groups = candidate.groups.clone();
    let before = found.len();
    for (_, group) in &mut groups {
        without_refused(group, wanted, found);
    }
    if found.iter().skip(before).any(|diagnostic| diagnostic.level == Level::Error) {
        return None;
    }
    let mut manners = vec![DraftOptions::default(); groups.len()];
    let first = &groups.first()?.1.set;
    let at = first.at();
    let mut tried = Vec::new();
    for _ in 0..TRIES {
        let draft = drafted(&groups, &manners, environments, homes, wanted, at);
        let secrets: BTreeSet<String> = groups.iter().flat_map(|(_, group)| group.secrets.iter().cloned()).collect();
        let text = written(&draft, &secrets);
        let compiled = compile(&text, &draft.files);
        let mut failed = false;
        let mut faults: Vec<Vec<Fault>> = Vec::new();
        for (number, group) in &groups {
            let name = if wanted.named { &*environments[*number].name } else { crate::spec::ONLY };
            let input: Vec<&Resource> = group.objects().collect();
            match compiled.bundles.get(name) {
                Some(bundle) => {
                    faults.push(proof::faults(&input, bundle, &homes[*number], wanted.version, group.set.at()));
                }
                None => failed = true,
            }
        }
        let blocking = compiled.errors.iter().any(|(_, _, can_be_allowed)| !can_be_allowed);
        if !failed && !blocking && compiled.errors.is_empty() && faults.iter().all(Vec::is_empty) {
            let app = proven(candidate, &groups, draft, text, &compiled, environments, homes, wanted, secrets);
            return harmless(app, &groups, found);
        }
        tried.clear();
        tried.extend(compiled.errors.iter().map(|(name, message, _)| format!("{message} ({name})")));
        if !failed && !blocking && adapt(&mut manners, &groups, &faults, &compiled, environments, homes, wanted) {
            continue;
        }
        if !harder(&mut manners, &groups) {
            lost(&groups, &faults, &tried, found);
            return None;
        }
    }
    lost(&groups, &[], &tried, found);
    None
}

/// Objects that the API server refuses are left out, with `--keep-going`, or forbid the import.
fn without_refused(group: &mut Group, wanted: Options<'_>, found: &mut Diagnostics) {
    let mut refused = BTreeSet::new();
    for resource in group.objects() {
        let mut own = Diagnostics::default();
        judge::new_object(resource, crate::k8s::way::Way::Client, wanted.version, &mut own);
        own.retain(|diagnostic| diagnostic.level == Level::Error);
        if own.is_empty() {
            continue;
        }
        if wanted.keep_going && resource.id != group.set.id {
            own.retain(|diagnostic| {
                diagnostic.level = Level::Warning;
                diagnostic.message = format!("{} is left out: {}", resource.id, diagnostic.message);
                true
            });
            refused.insert(resource.id.clone());
        }
        found.extend(own);
    }
    if refused.is_empty() {
        return;
    }
    let keep = |resource: &Resource| !refused.contains(&resource.id);
    for list in [&mut group.services, &mut group.config_maps, &mut group.volumes, &mut group.others] {
        list.retain(keep);
    }
    for one in [&mut group.governing, &mut group.account, &mut group.budget] {
        if one.as_ref().is_some_and(|resource| !keep(resource)) {
            *one = None;
        }
    }
}

fn drafted(
    groups: &[(usize, Group)],
    manners: &[DraftOptions],
    environments: &[Environment],
    homes: &[String],
    wanted: Options<'_>,
    at: At,
) -> Draft {
    let mut drafts: Vec<(Text, Draft)> = groups
        .iter()
        .zip(manners)
        .map(|((number, group), options)| {
            (environments[*number].name.as_str().into(), draft::draft(group, &homes[*number], options))
        })
        .collect();
    match drafts.pop() {
        Some((_, draft)) if !wanted.named && drafts.is_empty() => draft,
        Some(last) => {
            drafts.push(last);
            factor::factor(drafts, at)
        }
        None => Draft { spec: crate::value::Map::new(), files: BTreeMap::new(), names: None, said: Vec::new() },
    }
}

/// The text of a spec.
fn written(draft: &Draft, secrets: &BTreeSet<String>) -> String {
    let mut text = String::from("# +argocd:skip-file-rendering\n");
    if !secrets.is_empty() {
        let names: Vec<&str> = secrets.iter().map(String::as_str).collect();
        text.push_str("# Secrets that must exist: ");
        text.push_str(&names.join(", "));
        text.push('\n');
    }
    let at = draft.spec.iter().next().map(|(key, _)| key.at);
    if let Some(at) = at {
        crate::yaml::write_styled(&Node::map(draft.spec.clone(), at), &opens, &mut text);
    }
    text
}

/// What begins a block, however short it is.
fn opens(path: &[&str], node: &Node) -> bool {
    let [field] = path else { return false };
    let count = node.entries().count();
    match *field {
        "environments" | "objects" => true,
        "services" | "storage" | "containers" | "init" | "configMaps" | "files" | "network" => count > 1,
        "env" => count > 2,
        _ => false,
    }
}

/// Says otherwise what came out otherwise; false when nothing is left to try that way.
fn adapt(
    manners: &mut [DraftOptions],
    groups: &[(usize, Group)],
    faults: &[Vec<Fault>],
    compiled: &Compiled,
    environments: &[Environment],
    homes: &[String],
    wanted: Options<'_>,
) -> bool {
    let mut changed = false;
    for options in manners.iter_mut() {
        for (name, _, _) in compiled.errors.iter().filter(|(_, _, can_be_allowed)| *can_be_allowed) {
            changed |= options.allow.insert(name);
        }
    }
    for (((number, group), options), faults) in groups.iter().zip(manners.iter_mut()).zip(faults) {
        for fault in faults {
            let is_set = fault.id == group.set.id;
            if !is_set && matches!(fault.way, Mismatch::Differs(_)) && options.whole.insert(fault.id.clone()) {
                changed = true;
            } else if matches!(fault.way, Mismatch::Differs(_))
                && options.plain
                && !options.patches.iter().any(|patch| concerns(patch, &fault.id))
            {
                let name = if wanted.named { &*environments[*number].name } else { crate::spec::ONLY };
                let wanted_object = group.objects().find(|resource| resource.id == fault.id);
                let made = compiled.bundles.get(name).and_then(|bundle| {
                    bundle.resources.iter().find(|made| made.id.kind == fault.id.kind && made.id.name == fault.id.name)
                });
                let patch = wanted_object
                    .zip(made)
                    .and_then(|(resource, made)| proof::patch(resource, made, &homes[*number], wanted.version));
                if let Some(patch) = patch {
                    let text = |text: &str| Some(Node::text(text, fault.at));
                    options.patches.push(Node::of(
                        fault.at,
                        [("kind", text(&fault.id.kind)), ("name", text(&fault.id.name)), ("patch", Some(patch))],
                    ));
                    changed = true;
                }
            }
        }
    }
    changed
}

fn concerns(patch: &Node, id: &ResourceId) -> bool {
    let is = |key: &str, wanted: &str| patch.get(key).and_then(Node::as_str) == Some(wanted);
    is("kind", &id.kind) && is("name", &id.name)
}

/// Gives up a kind of short forms; false when there is none left.
fn harder(manners: &mut [DraftOptions], groups: &[(usize, Group)]) -> bool {
    let mut changed = false;
    for (options, (_, group)) in manners.iter_mut().zip(groups) {
        if options.plain {
            for service in group.services.iter().chain(&group.governing) {
                changed |= options.whole.insert(service.id.clone());
            }
        } else {
            options.plain = true;
            changed = true;
        }
    }
    changed
}

/// Reports what cannot be kept.
fn lost(groups: &[(usize, Group)], faults: &[Vec<Fault>], messages: &[String], found: &mut Diagnostics) {
    let Some((_, group)) = groups.first() else { return };
    for message in messages.iter().take(3) {
        LOST.report(format!("{} cannot be written as a spec: {message}", group.set.id))
            .help("change it where it runs, then import it again")
            .about(group.set.subject())
            .at(group.set.at(), found);
    }
    if !messages.is_empty() {
        return;
    }
    let mut any = false;
    for fault in faults.iter().flatten().take(10) {
        any = true;
        let message = match &fault.way {
            Mismatch::Missing => format!("{} would not be there any more", fault.id),
            Mismatch::Extra => format!("{} would be there, which is not in the manifests", fault.id),
            Mismatch::Differs(path) => format!("{}: `{path}` cannot be kept as it is", fault.id),
        };
        LOST.report(message)
            .help("change it where it runs, then import it again")
            .about(fault.id.subject())
            .at(fault.at, found);
    }
    if !any {
        LOST.report(format!("no spec was found that compiles to {} as it is", group.set.id))
            .help("write its spec by hand; `statewright diff OLD NEW` proves it")
            .about(group.set.subject())
            .at(group.set.at(), found);
    }
}

/// An app of which the rehearsal says that nothing happens. What is equal after defaults has to be so; where it is not,
/// nothing is written.
fn harmless(app: App, groups: &[(usize, Group)], found: &mut Diagnostics) -> Option<App> {
    let verdict = app.reviews.iter().map(|review| review.judgement.verdict).find(|verdict| *verdict != Verdict::None);
    let Some((verdict, (_, group))) = verdict.zip(groups.first()) else { return Some(app) };
    LOST.report(format!(
        "the spec that was found for {} is not the same: applied over what runs, its verdict is {}",
        group.set.id,
        verdict.word()
    ))
    .help("write its spec by hand; `statewright diff OLD NEW` says what it does")
    .about(group.set.subject())
    .at(group.set.at(), found);
    None
}

#[allow(clippy::too_many_arguments, reason = "they are what was tried, and with what")]
fn proven(
    candidate: &Candidate,
    groups: &[(usize, Group)],
    draft: Draft,
    text: String,
    compiled: &Compiled,
    environments: &[Environment],
    homes: &[String],
    wanted: Options<'_>,
    secrets: BTreeSet<String>,
) -> App {
    let (mut reviews, mut objects) = (Vec::new(), Vec::new());
    for (number, group) in groups {
        let name = if wanted.named { &*environments[*number].name } else { crate::spec::ONLY };
        let input: Vec<&Resource> = group.objects().collect();
        objects.extend(input.iter().map(|resource| resource.id.clone()));
        if let Some(bundle) = compiled.bundles.get(name) {
            let title = if wanted.named { format!("{} in {name}", candidate.name) } else { candidate.name.to_string() };
            reviews.push(proof::rehearsal(title, &input, bundle, &homes[*number], wanted.version));
        }
    }
    let mut files = draft.files;
    let patched = draft.spec.has("patches");
    files.insert("statewright.yaml".into(), text);
    let namespace = groups.first().map_or_else(String::new, |(number, group)| match &*group.set.id.namespace {
        "" => homes[*number].clone(),
        namespace => namespace.to_owned(),
    });
    let suggestions = groups.iter().flat_map(|(_, group)| suggest::suggestions(group)).collect();
    App { name: candidate.name.to_string(), namespace, files, reviews, objects, patched, secrets, suggestions }
}
