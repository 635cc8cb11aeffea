//! Stage 6, review: what is different between two bundles, object by object and field by field, what it will do and how it is done
//! safely. Knows no file and no app.

pub mod acknowledge;
pub mod disk;
pub mod effects;
pub mod fields;
pub mod findings;
pub mod holdings;
pub mod known;
pub mod live;
mod mask;
mod mounts;
pub mod moves;
pub mod neighbours;
pub mod notes;
pub mod parity;
mod policy;
pub mod presumed;
pub mod risk;
pub mod runbook;
pub mod set;
pub mod verdict;

use crate::api::change;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::facts::ClusterFacts;
use crate::cluster::kubectl;
use crate::diagnostic::{Code, Diagnostics, Finding, Refusal};
use crate::k8s::shape;
use crate::k8s::version::Version;
use crate::source::At;
use crate::value::Node;
use fields::FieldChange;
use holdings::Holding;
use moves::Move;
use runbook::files::Files;
use std::collections::{BTreeMap, BTreeSet};
use verdict::{Judgement, Verdict};

/// The codes of this module.
pub static CODES: &[&Code] = findings::CODES;

/// One bundle against an earlier one: what differs, what it will do, and how it is done safely.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// The app and its environment, or the two folders.
    pub title: String,
    /// The namespace that goes without saying.
    pub home: String,
    /// Which environment of which app it is about, where it is about one.
    pub place: Option<Place>,
    /// The version of Kubernetes that it was judged for; nothing where no API server is asked.
    pub kubernetes: Option<Version>,
    /// The objects that differ, in the order in which they are applied; removed ones last.
    pub changes: Vec<Change>,
    /// What it will do.
    pub judgement: Judgement,
    /// Who holds which disk before.
    pub before: Vec<Holding>,
    /// And afterwards.
    pub after: Vec<Holding>,
    /// What the user is told of it, on the user's own lines: for formats that know findings only.
    pub findings: Vec<Finding>,
}

/// One environment of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The app's name.
    pub app: String,
    /// The environment's.
    pub environment: String,
}

/// What surrounds a change.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'s> {
    /// Kubernetes version to validate against.
    pub version: Version,
    /// Cluster description.
    pub facts: &'s ClusterFacts,
    /// The namespace of objects that name none.
    pub namespace: &'s str,
    /// Changes that the user has acknowledged, and where.
    pub acknowledged: &'s [(String, At)],
    /// The place for what concerns an object that is gone; its own when nothing is said.
    pub home: Option<At>,
    /// Which file holds each new manifest.
    pub files: &'s Files,
}

impl Review {
    /// Whether there is nothing to tell.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.judgement.stale.is_empty()
    }
}

/// Reviews a fresh bundle against the committed one. What the user must know of it is stored in `found`, at the place that caused it.
#[must_use]
pub fn review(title: String, committed: &Bundle, fresh: &Bundle, setting: Setting<'_>, found: &mut Diagnostics) -> Review {
    let (committed, fresh) = (of_the_cluster(live::manifests(committed)), &of_the_cluster(live::manifests(fresh)));
    let committed = &at_home(&committed, fresh, setting.namespace);
    let files =
        &setting.files.under(|id| if fresh.get(id).is_some() { id.clone() } else { ResourceId { namespace: String::new(), ..id.clone() } });
    let setting = Setting { files, ..setting };
    let facts = setting.facts.clone().with_definitions_of([committed, fresh]);
    let setting = Setting { facts: &facts, ..setting };
    let moves = moves::moves(committed, fresh);
    let Compared { changes, stored } = compare(committed, fresh, &moves, setting);
    let mut review = Review { title, kubernetes: Some(setting.version), home: setting.namespace.to_owned(), changes, ..Review::default() };
    verdict::judge(&mut review, verdict::Sides { committed, fresh, moves: &moves, stored: &stored }, setting);
    mask::hide(&mut review, [committed, fresh]);
    findings::find(&review, found);
    review
}

/// A bundle in which objects of the whole cluster have no namespace: one that is said of them is passed over, by kubectl and the server.
fn of_the_cluster(mut bundle: Bundle) -> Bundle {
    let is_wide = |resource: &&mut Resource| {
        !resource.id.namespace.is_empty() && shape::find(&resource.api_version, &resource.id.kind).is_some_and(|known| !known.namespaced)
    };
    for resource in bundle.resources.iter_mut().filter(is_wide) {
        resource.id.namespace.clear();
        if let Some(metadata) = resource.node.get_mut("metadata").and_then(Node::as_map_mut) {
            metadata.remove("namespace");
        }
    }
    bundle
}

/// The committed bundle, in which an object without a namespace has that of its twin: none said is the namespace it is applied to.
fn at_home(committed: &Bundle, fresh: &Bundle, home: &str) -> Bundle {
    let after = fresh.by_id();
    let mut bundle = committed.clone();
    for resource in bundle.resources.iter_mut().filter(|resource| !after.contains_key(&resource.id)) {
        let other = match resource.id.namespace.as_str() {
            "" => home,
            said if said == home => "",
            _ => continue,
        };
        let twin = ResourceId { namespace: other.to_owned(), ..resource.id.clone() };
        if let Some(twin) = after.get(&twin) {
            resource.id.namespace.clone_from(&twin.id.namespace);
            let said = twin.node.find(&["metadata", "namespace"]).cloned();
            if let Some(metadata) = resource.node.get_mut("metadata").and_then(Node::as_map_mut) {
                metadata.remove("namespace");
                if let Some(said) = said {
                    metadata.put("namespace", said);
                }
            }
        }
    }
    bundle
}

/// What became of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which object.
    pub id: ResourceId,
    /// What it was called before, if it is another name for the same thing.
    pub from: Option<ResourceId>,
    /// In which way.
    pub kind: ChangeKind,
    /// How much it does.
    pub verdict: Verdict,
    /// What becomes of it on the cluster, in a few words; may be empty.
    pub effect: String,
    /// Whether the cluster keeps what it has.
    pub is_idle: bool,
    /// It goes, and this object, which stays, still names it.
    pub needed_by: Option<ResourceId>,
    /// Field by field; empty for objects that came or went.
    pub fields: Vec<FieldChange>,
    /// Its text before and after, without secret values.
    pub texts: (String, String),
    /// Why the API server would refuse it; empty when it would not.
    pub refusals: Vec<Refusal>,
    /// The place that caused it; that of the earlier manifest when the object is gone.
    pub at: At,
}

/// In which way an object differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
    /// It has another name or namespace.
    Renamed,
}

impl ChangeKind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Renamed => "renamed",
        }
    }
}

/// What came of a comparison.
struct Compared {
    changes: Vec<Change>,
    /// What runs pods and changes, as it is stored afterwards.
    stored: Vec<Resource>,
}

/// Compares two bundles, and asks the API server of that version what it says to each change. Objects are matched by group, kind,
/// namespace and name; lists by their keys. What the server would store alike is no difference.
fn compare(old: &Bundle, new: &Bundle, moves: &[Move], setting: Setting<'_>) -> Compared {
    let (before, after) = (old.by_id(), new.by_id());
    let origins: BTreeMap<&ResourceId, &ResourceId> = moves.iter().rev().map(|step| (&step.new, &step.old)).collect();
    let moved: BTreeSet<&ResourceId> = moves.iter().map(|step| &step.old).collect();
    let (mut changes, mut stored) = (Vec::new(), Vec::new());
    // What is written twice is in the end as its last one says.
    let is_last =
        |of: &BTreeMap<&ResourceId, &Resource>, resource: &Resource| of.get(&resource.id).is_some_and(|last| std::ptr::eq(*last, resource));
    for resource in new.resources.iter().filter(|resource| is_last(&after, resource)) {
        match before.get(&resource.id).copied() {
            None => {
                let earlier = origins.get(&resource.id).and_then(|old| before.get(old).copied());
                changes.push(added(resource, earlier, setting));
            }
            Some(before) if before.node != resource.node => changes.extend(changed(before, resource, setting, &mut stored)),
            Some(_) => {}
        }
    }
    let is_gone = |id: &ResourceId| !after.contains_key(id) && !moved.contains(id);
    let gone = old.resources.iter().filter(|resource| is_gone(&resource.id) && is_last(&before, resource));
    changes.extend(gone.map(|resource| removed(resource, setting.home)));
    Compared { changes, stored }
}

/// An object that was not there before, at least not under this name.
fn added(resource: &Resource, earlier: Option<&Resource>, setting: Setting<'_>) -> Change {
    let mut refusals = change::refusals_of_new(&resource.node, &setting.facts.customs, setting.version);
    if refusals.is_empty() {
        refusals.extend(kubectl::too_large(&resource.node));
    }
    let kind = if earlier.is_some() { ChangeKind::Renamed } else { ChangeKind::Added };
    let from = earlier.map(|resource| resource.id.clone());
    Change { from, refusals, ..bare(&resource.id, kind, resource.at(), earlier, Some(resource)) }
}

fn removed(resource: &Resource, home: Option<At>) -> Change {
    bare(&resource.id, ChangeKind::Removed, home.unwrap_or(resource.at()), Some(resource), None)
}

fn changed(old: &Resource, new: &Resource, setting: Setting<'_>, stored: &mut Vec<Resource>) -> Option<Change> {
    let asked = change::ask(&old.node, &new.node, &setting.facts.customs, setting.version);
    let kept = asked.stored.filter(|node| node.find(&["spec", "template", "spec"]).is_some());
    stored.extend(kept.map(|node| Resource { node, ..new.clone() }));
    if asked.is_same {
        return None;
    }
    let mut change = bare(&new.id, ChangeKind::Changed, new.at(), Some(old), Some(new));
    // What is keyed stands in any order.
    if change.fields.is_empty() && asked.refusals.is_empty() {
        return None;
    }
    change.refusals = asked.refusals;
    if change.refusals.is_empty() {
        change.refusals.extend(kubectl::too_large(&new.node));
    }
    if asked.is_idle {
        change.effect = "no effect: the cluster keeps what it has".into();
        change.is_idle = true;
        change.verdict = Verdict::None;
    }
    Some(change)
}

/// A change as far as the texts show it.
fn bare(id: &ResourceId, kind: ChangeKind, at: At, old: Option<&Resource>, new: Option<&Resource>) -> Change {
    let mask::Masked { before, after, fields } = mask::masked(old, new);
    let at = fields.first().map_or(at, |field| field.at);
    let text = |node: Option<Node>| {
        let mut out = String::new();
        if let Some(node) = node {
            crate::yaml::write_yaml(&node, &mut out);
        }
        out
    };
    let verdict = if kind == ChangeKind::Added { Verdict::New } else { Verdict::InPlace };
    Change {
        id: id.clone(),
        from: None,
        kind,
        verdict,
        effect: String::new(),
        is_idle: false,
        needed_by: None,
        fields,
        texts: (text(before), text(after)),
        refusals: Vec::new(),
        at,
    }
}
