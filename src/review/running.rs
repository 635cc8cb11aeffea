//! What runs, in the place of what was committed: what an apply does to each live object, what others made of it, and
//! what runs that nothing makes. Makes no sentence.

use super::change::{Change, ChangeKind, Verdict};
use super::compare::{added, bare, removed};
use super::effect::Effect;
use super::live::strip;
use super::orphans::{self, Orphan};
use super::set::Set;
use super::setting::Setting;
use crate::api::apply;
use crate::api::change::{self, as_sent};
use crate::api::live::drift::{self, Drift, Origin};
pub use crate::api::live::drift::{Sort, Who};
use crate::api::live::next::{Next, next};
use crate::api::server_side::CONFLICT;
use crate::api::server_side::managers::{self, Manager};
use crate::api::way;
use crate::bundle::inventory::{Inventory, Object};
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::kubectl;
use crate::diagnostic::Refusal;
use crate::json;
use crate::k8s::shape;
use crate::k8s::way::Way;
use crate::secret::pair::{self, Pair};
use crate::source::At;
use crate::stateful_set::claim_of;
use crate::value::Node;
use std::collections::BTreeSet;

/// What a cluster has otherwise than the manifests.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// What others made of its objects.
    pub drifts: Vec<Drifted>,
    /// Objects for which the ways of applying come to different things.
    pub ways: Vec<Ways>,
    /// What runs and nothing makes any more.
    pub orphans: Vec<Orphan>,
    /// Objects that were committed before and do not run.
    pub absent: Vec<ResourceId>,
}

impl Live {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.drifts.is_empty() && self.orphans.is_empty() && self.absent.is_empty()
    }
}

/// An object that is otherwise than its manifest.
#[derive(Clone, Debug)]
pub struct Drifted {
    /// The object.
    pub id: ResourceId,
    /// Its fields, without secrets.
    pub fields: Vec<Field>,
    /// kubectl's note of what it applied is gone.
    pub is_unnoted: bool,
    /// It is being deleted, since then.
    pub ending: Option<String>,
    /// Somebody else than expected made it, or applies it.
    pub made_by: Option<Who>,
    /// The place of its manifest.
    pub at: At,
}

/// A field that is otherwise: as it is committed, as it comes, as it is.
#[derive(Clone, Debug)]
pub struct Field {
    /// `spec.replicas`
    pub path: String,
    /// In which way.
    pub sort: Sort,
    /// Whether the manifest states it.
    pub is_stated: bool,
    /// Who did it.
    pub by: Option<Who>,
    /// What the committed manifest makes it; nothing where it makes none.
    pub committed: Option<Node>,
    /// What the manifest that comes makes it.
    pub fresh: Option<Node>,
    /// What it is.
    pub live: Option<Node>,
    /// The place that states it, or the nearest.
    pub at: At,
}

/// What each way of applying does to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ways {
    /// The object.
    pub id: ResourceId,
    /// What each does.
    pub of: Vec<(Way, Does)>,
}

/// What an apply does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// Nothing.
    Nothing,
    /// It changes these fields.
    Changes {
        /// The fields.
        fields: Vec<String>,
        /// Whether the template of pods is among them.
        restarts: bool,
    },
    /// It is refused because others manage these fields: who, and which.
    Conflicts(Vec<(String, String)>),
    /// The API server refuses it: the field, which may be empty, and why.
    Refused(String, String),
}

/// What comes of comparing what runs with what comes.
pub(super) struct Running {
    /// What runs of what was committed and comes, as manifests.
    pub(super) now: Bundle,
    pub(super) changes: Vec<Change>,
    /// What runs pods and changes, as it is stored afterwards.
    pub(super) stored: Vec<Resource>,
    pub(super) live: Live,
}

/// The object that a manifest is of.
fn object_of<'l>(objects: &'l Inventory, resource: &Resource, home: &str) -> Option<&'l Resource> {
    let id = &resource.id;
    let is_wide = shape::find(&resource.api_version, &id.kind).is_some_and(|known| !known.namespaced);
    let namespace = match (is_wide, id.namespace.as_str()) {
        (true, _) => "",
        (false, "") => home,
        (false, said) => said,
    };
    let id = ResourceId { namespace: namespace.into(), ..id.clone() };
    objects.get(&id).map(Object::resource)
}

/// Compares what runs with what comes, and with what was committed.
pub(super) fn compare(committed: &Bundle, fresh: &Bundle, objects: &Inventory, setting: Setting<'_>) -> Running {
    let mut running =
        Running { now: Bundle::default(), changes: Vec::new(), stored: Vec::new(), live: Live::default() };
    let before = committed.by_id();
    for resource in &fresh.resources {
        let earlier = before.get(&resource.id).copied();
        let Some(live) = object_of(objects, resource, setting.namespace) else {
            running.changes.push(added(resource, None, setting));
            if earlier.is_some() {
                running.live.absent.push(resource.id.clone());
            }
            continue;
        };
        let live = &relocated(live, resource.at());
        running.object(live, resource, setting);
        running.live.drifts.extend(drifted(live, earlier.unwrap_or(resource), Some(resource), setting));
    }
    let after = fresh.by_id();
    for resource in committed.resources.iter().filter(|resource| !after.contains_key(&resource.id)) {
        let Some(live) = object_of(objects, resource, setting.namespace) else { continue };
        let live = &relocated(live, resource.at());
        running.changes.push(removed(resource, setting.home));
        running.now.resources.push(manifest_of(live, resource, setting));
        running.live.drifts.extend(drifted(live, resource, None, setting));
    }
    running.claims(committed, fresh, objects, setting);
    running.live.orphans = orphans::orphans(committed, fresh, objects, setting);
    running
}

impl Running {
    /// What the apply of a manifest does to an object.
    fn object(&mut self, live: &Resource, fresh: &Resource, setting: Setting<'_>) {
        let way = setting.facts.way();
        let answer =
            |way| next(way, &applier(&live.node), &live.node, &fresh.node, &setting.facts.customs, setting.version);
        let done = answer(way);
        self.now.resources.push(manifest_of(live, fresh, setting));
        let mut refusals = if done.answer.stage.is_some() { change::causes(done.answer.clone()) } else { Vec::new() };
        if refusals.is_empty() && way == Way::Client {
            refusals.extend(kubectl::too_large(&fresh.node));
        }
        let stored = done.answer.object.clone().filter(|_| refusals.is_empty());
        let wanted = stored.clone().or_else(|| apply::merge(&fresh.node, &live.node, &fresh.node, setting.version));
        let wanted = wanted.unwrap_or_else(|| fresh.node.clone());
        let [before, after] = [&live.node, &wanted].map(|node| shown(node, fresh, setting));
        let mut change = bare(&fresh.id, ChangeKind::Changed, fresh.at(), Some(&before), Some(&after));
        if change.fields.is_empty() && refusals.is_empty() {
            self.ways(live, fresh, &done, setting);
            return;
        }
        self.stored.extend(
            stored
                .filter(|node| node.find(&["spec", "template", "spec"]).is_some())
                .map(|node| Resource { node, ..fresh.clone() }),
        );
        if refusals.is_empty() && change.fields.iter().all(|field| field.path.starts_with("metadata.managedFields")) {
            change.effects = vec![Effect::Kept];
            change.is_idle = true;
            change.verdict = Verdict::None;
        }
        change.refusals = refusals;
        self.changes.push(change);
        self.ways(live, fresh, &done, setting);
    }

    /// What the other ways do to it, where that is something else.
    fn ways(&mut self, live: &Resource, fresh: &Resource, done: &Next, setting: Setting<'_>) {
        let here = setting.facts.way();
        let of: Vec<(Way, Does)> = Way::ALL
            .into_iter()
            .map(|way| {
                let does = |done: &Next| does(live, fresh, done, setting);
                if way == here {
                    return (way, does(done));
                }
                let manager = applier(&live.node);
                (way, does(&next(way, &manager, &live.node, &fresh.node, &setting.facts.customs, setting.version)))
            })
            .collect();
        if of.windows(2).any(|pair| pair[0].1 != pair[1].1) {
            self.live.ways.push(Ways { id: fresh.id.clone(), of });
        }
    }

    /// What others made of the claims that sets made.
    fn claims(&mut self, committed: &Bundle, fresh: &Bundle, objects: &Inventory, setting: Setting<'_>) {
        let stated: BTreeSet<&ResourceId> =
            committed.resources.iter().chain(&fresh.resources).map(|one| &one.id).collect();
        for set in fresh.of_kind("StatefulSet") {
            let home = at_home(committed.get(&set.id).unwrap_or(set), setting.namespace);
            let claims = Set(&home).claims_among(objects, &home.id.namespace);
            for claim in claims.filter(|claim| !stated.contains(claim.id())).map(|claim| claim.resource()) {
                let Some(template) = claim_of(&home.node, &claim.node) else { continue };
                let customs = &setting.facts.customs;
                let found = drift::drift(&claim.node, &template, Origin::Template, customs, setting.version);
                let claim = &relocated(claim, set.at());
                let sides = Sides { committed: &template, fresh: Some(&template), live: &claim.node };
                let drifted = told(claim.id.clone(), found, sides, set.at(), setting);
                self.live.drifts.extend(drifted);
            }
        }
    }
}

/// An object of a cluster as if it were written at a place: its own place is in no file of the user's.
fn relocated(live: &Resource, at: At) -> Resource {
    Resource { node: json::to_node(&json::from_node(&live.node), at), ..live.clone() }
}

/// A set with the namespace that it goes to.
fn at_home(set: &Resource, home: &str) -> Resource {
    let mut set = set.clone();
    if set.id.namespace.is_empty() {
        let at = set.at();
        set.id.namespace = home.into();
        if let Some(metadata) = set.node.get_mut("metadata").and_then(Node::as_map_mut) {
            metadata.put("namespace", Node::text(home, at));
        }
    }
    set
}

/// Under which name an object is applied; as kubectl does it, where nobody applies it on the server's side.
fn applier(live: &Node) -> String {
    let managers = Manager::read(live);
    let applier = managers::applier(&managers).filter(|applier| applier.applies);
    applier.map_or_else(|| managers::KUBECTL.to_owned(), |applier| applier.name.to_string())
}

/// An object as a manifest: what the server adds is taken off.
fn manifest_of(live: &Resource, of: &Resource, setting: Setting<'_>) -> Resource {
    let mut resource = shown(&live.node, of, setting);
    strip(&mut resource);
    resource
}

/// An object as it is shown in a comparison.
fn shown(node: &Node, of: &Resource, setting: Setting<'_>) -> Resource {
    let mut node = as_sent(node, setting.version);
    if let Some(map) = node.as_map_mut() {
        map.remove("status");
    }
    if let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut) {
        for field in ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"] {
            metadata.remove(field);
        }
        if of.id.namespace.is_empty() {
            metadata.remove("namespace");
        }
        let is_empty = |map: Option<&mut Node>| {
            let map = map.and_then(Node::as_map_mut)?;
            map.remove(managers::NOTE);
            Some(map.is_empty())
        };
        if is_empty(metadata.get_mut("annotations")) == Some(true) {
            metadata.remove("annotations");
        }
    }
    Resource { id: of.id.clone(), api_version: of.api_version.clone(), node }
}

/// What one way of applying does.
fn does(live: &Resource, fresh: &Resource, done: &Next, setting: Setting<'_>) -> Does {
    let Some(object) = done.answer.object.as_ref().filter(|_| done.answer.stage.is_none()) else {
        let refusals = change::causes(done.answer.clone());
        let is_conflict = |refusal: &&Refusal| refusal.kind == CONFLICT;
        if refusals.iter().any(|refusal| is_conflict(&refusal)) {
            let of = done.conflicts.iter();
            return Does::Conflicts(
                of.map(|conflict| (conflict.with.clone(), conflict.field.trim_start_matches('.').to_owned())).collect(),
            );
        }
        let first = refusals.first();
        return Does::Refused(
            first.map(|refusal| refusal.field.clone()).unwrap_or_default(),
            first.map(|refusal| refusal.detail.clone()).unwrap_or_default(),
        );
    };
    let [before, after] = [&live.node, object].map(|node| shown(node, fresh, setting));
    let change = bare(&fresh.id, ChangeKind::Changed, fresh.at(), Some(&before), Some(&after));
    if change.fields.is_empty() {
        return Does::Nothing;
    }
    let restarts = change.fields.iter().any(|field| field.path.starts_with("spec.template"));
    Does::Changes { fields: change.fields.into_iter().map(|field| field.path).collect(), restarts }
}

/// The three sides of a drift.
#[derive(Clone, Copy)]
struct Sides<'n> {
    committed: &'n Node,
    fresh: Option<&'n Node>,
    live: &'n Node,
}

/// What others made of an object.
fn drifted(live: &Resource, committed: &Resource, fresh: Option<&Resource>, setting: Setting<'_>) -> Option<Drifted> {
    let found = drift::drift(&live.node, &committed.node, Origin::Applied, &setting.facts.customs, setting.version);
    let sides = Sides { committed: &committed.node, fresh: fresh.map(|fresh| &fresh.node), live: &live.node };
    let at = fresh.map_or(setting.home.unwrap_or(committed.at()), Resource::at);
    told(committed.id.clone(), found, sides, at, setting)
}

/// A drift with what each side says, without secrets; nothing where there is none to tell.
fn told(id: ResourceId, found: Drift, sides: Sides<'_>, at: At, setting: Setting<'_>) -> Option<Drifted> {
    let mut pair = Pair::default();
    let made = |node: &Node| {
        let object = way::create(Way::Client, node, &setting.facts.customs, setting.version).object;
        as_sent(object.as_ref().unwrap_or(node), setting.version)
    };
    let committed = pair.sign_tree(&made(sides.committed));
    let fresh = sides.fresh.map(|fresh| pair.sign_tree(&made(fresh)));
    let live = pair.sign_tree(&as_sent(sides.live, setting.version));
    let mut fields = Vec::new();
    for field in found.fields {
        // A snapshot knows no Secret's values; and who manages a field that is as it should be matters to who applies it.
        let is_unknown = id.kind == "Secret" && field.live.as_ref().and_then(Node::as_str) == Some("");
        let of = |node: &Node| field.place.of(node).cloned();
        let (mut was, mut comes, mut is) = (of(&committed), fresh.as_ref().and_then(of), of(&live));
        // What the spec has taken up is as it should be from now on.
        let is_taken_up = field.sort != Sort::Held && is.is_some() && comes == is;
        if is_unknown || is_taken_up {
            continue;
        }
        pair::show(was.as_mut(), is.as_mut());
        pair::show(comes.as_mut(), None);
        fields.push(Field {
            path: field.place.to_string(),
            sort: field.sort,
            is_stated: field.is_stated,
            by: field.by,
            committed: was,
            fresh: comes,
            live: is,
            at: sides.fresh.map_or(at, |fresh| field.place.nearest(fresh).at),
        });
    }
    let drifted = Drifted {
        id,
        fields,
        is_unnoted: found.is_unnoted,
        ending: found.ending.map(|time| time.to_string()),
        made_by: found.made_by,
        at,
    };
    let is_any =
        !drifted.fields.is_empty() || drifted.is_unnoted || drifted.ending.is_some() || drifted.made_by.is_some();
    is_any.then_some(drifted)
}
