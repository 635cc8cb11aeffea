//! Who manages which fields of an object, and what an apply by one of them does to the object and to the others.
//!
//! Follows `sigs.k8s.io/structured-merge-diff/v6/merge/update.go` and
//! `k8s.io/apimachinery/pkg/util/managedfields/internal`.

use super::compare::{differences, fields, with_holders};
use super::kind::Kind;
use super::merge;
use super::paths::{Paths, Step};
use crate::json;
use crate::value::{Node, Text};
use std::collections::BTreeSet;

/// The manager of whom the server knows that it applied on the client's side before.
pub(crate) const KUBECTL: &str = "kubectl";

/// Who `kubectl apply` is to the server.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";

/// Where `kubectl apply` notes what it applied.
pub(crate) const NOTE: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Somebody who manages fields of an object, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// `kube-controller-manager`
    pub name: Text,
    /// Whether it applies, or changes the object in another way.
    pub applies: bool,
    /// `apps/v1`
    pub api_version: Text,
    /// `scale`, `status`; empty for the object itself.
    pub subresource: Text,
    /// Its fields.
    pub fields: Paths,
}

/// A field that an apply would change, and that somebody else manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who, as the server writes it: `"kubectl" using apps/v1`.
    pub with: String,
    /// The manager's name alone.
    pub manager: Text,
    /// The subresource through which it changed the field, or nothing.
    pub subresource: Text,
    /// `.spec.replicas`
    pub field: String,
}

/// What came of an apply.
#[derive(Clone, Debug)]
pub(crate) struct Merged {
    /// The object, before its type is looked at again.
    pub object: Node,
    /// Who manages what afterwards.
    pub managers: Vec<Manager>,
    /// What was taken from others, or, unless that was wanted, why nothing is done.
    pub conflicts: Vec<Conflict>,
}

impl Manager {
    /// As the server names it in a conflict.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut shown = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            shown = format!("{shown} with subresource {:?}", self.subresource);
        }
        if self.applies { shown } else { format!("{shown} using {}", self.api_version) }
    }

    /// Those that an object names in `metadata.managedFields`.
    #[must_use]
    pub fn read(object: &Node) -> Vec<Self> {
        let entries = object.find(&["metadata", "managedFields"]).into_iter().flat_map(Node::items);
        let read = |entry: &Node| {
            let text = |key: &str| Text::from(entry.get(key).and_then(Node::as_str).unwrap_or_default());
            Some(Self {
                name: text("manager"),
                applies: text("operation") == "Apply",
                api_version: text("apiVersion"),
                subresource: text("subresource"),
                fields: Paths::read(entry.get("fieldsV1")?),
            })
        };
        entries.filter_map(read).collect()
    }
}

/// Who of them applies the whole object: a tool that is known to, or else who has the most fields. Who changed over from
/// client-side apply has not applied yet.
#[must_use]
pub(crate) fn applier(managers: &[Manager]) -> Option<&Manager> {
    const KNOWN: [&str; 4] = ["kustomize-controller", "helm-controller", "argocd-controller", KUBECTL];
    let is_client = |manager: &&Manager| manager.name == CLIENT_SIDE && !manager.applies;
    let mut appliers = managers.iter().filter(|manager| manager.subresource.is_empty() && manager.applies);
    let known = appliers.clone().find(|manager| KNOWN.contains(&manager.name.as_str()));
    let first = managers.iter().find(is_client);
    known.or(first).or_else(|| {
        let next = appliers.next()?;
        Some(appliers.fold(
            next,
            |most, other| {
                if other.fields.written().len() > most.fields.written().len() { other } else { most }
            },
        ))
    })
}

/// The fields that an apply of a manifest makes its manager's own.
#[must_use]
pub(crate) fn owned(manifest: &Node, kind: Kind<'_>) -> Paths {
    const OF_NOBODY: [&str; 9] = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let field = |name: &'static str| Step::Field(Text::new_static(name));
    let mut owned = fields(manifest, kind);
    for step in ["apiVersion", "kind", "status"] {
        owned.cut(&field(step));
    }
    owned.cut_within(&field("metadata"), &OF_NOBODY.map(field));
    owned
}

/// Applies a manifest to an object. The manager of the apply is the first that applies under that name.
#[must_use]
pub(crate) fn apply(
    live: &Node,
    managers: &[Manager],
    manifest: &Node,
    kind: Kind<'_>,
    name: &str,
    force: bool,
) -> Merged {
    let is_own = |manager: &Manager| manager.applies && manager.name == name && manager.subresource.is_empty();
    let api_version: Text = manifest.get("apiVersion").and_then(Node::as_str).unwrap_or_default().into();
    let now = owned(manifest, kind);
    let last = managers.iter().find(|manager| is_own(manager)).map(|manager| manager.fields.clone());
    let others = managers.iter().filter(|manager| !is_own(manager));
    // What another version of the kind names so may be something else here.
    let theirs: Vec<&Paths> =
        others.clone().filter(|manager| manager.api_version == api_version).map(|manager| &manager.fields).collect();
    let object = merged(live, last, &theirs, manifest, kind);
    let found = differences(live, &object, kind);
    let status = Step::Field("status".into());
    let (mut changed, mut removed) = (found.modified.union(&found.added), found.removed);
    changed.cut(&status);
    removed.cut(&status);
    let mut conflicts = Vec::new();
    let mut left = Vec::new();
    for manager in others {
        if manager.api_version != api_version {
            left.push(manager.clone());
            continue;
        }
        let taken = manager.fields.intersection(&changed);
        conflicts.extend(taken.written().into_iter().map(|field| Conflict {
            with: manager.shown(),
            manager: manager.name.clone(),
            subresource: manager.subresource.clone(),
            field,
        }));
        let fields = manager.fields.without(&taken).without(&removed);
        if !fields.is_empty() {
            left.push(Manager { fields, ..manager.clone() });
        }
    }
    if name == KUBECTL && !force && !conflicts.is_empty() {
        let own = of_the_note(live, kind, &api_version);
        conflicts.retain(|conflict| !own.contains(&conflict.field));
    }
    if !(force || conflicts.is_empty()) {
        return Merged { object: live.clone(), managers: managers.to_vec(), conflicts };
    }
    left.push(Manager { name: name.into(), applies: true, api_version, subresource: Text::default(), fields: now });
    Merged { object, managers: left, conflicts }
}

/// What an apply makes of an object: the manifest laid over it, without what its manager applied last time, does not
/// apply now, and nobody else manages.
#[must_use]
pub(crate) fn merged(live: &Node, last: Option<Paths>, others: &[&Paths], manifest: &Node, kind: Kind<'_>) -> Node {
    let object = merge::merge(Some(live), Some(manifest), kind).unwrap_or_else(|| manifest.clone());
    let Some(last) = last.filter(|last| !last.is_empty()) else { return object };
    let mut stated = fields(manifest, kind);
    stated.cut(&Step::Field("status".into()));
    if last.without(&stated).is_empty() {
        return object;
    }
    let mut managed = stated;
    others.iter().for_each(|fields| managed.add(fields));
    prune(&object, &last, &managed, kind)
}

/// Those who manage what once the applier has taken over what `kubectl apply` set on the client's side, as kubectl does
/// for it; nothing where there is no such thing.
#[must_use]
pub(crate) fn adopted(object: &Node, managers: &[Manager], name: &str) -> Option<Vec<Manager>> {
    object.find(&["metadata", "annotations", NOTE])?;
    let is_before =
        |manager: &&Manager| manager.name == CLIENT_SIDE && !manager.applies && manager.subresource.is_empty();
    let before = managers.iter().find(is_before)?;
    let mut left: Vec<Manager> = managers.iter().filter(|manager| !is_before(manager)).cloned().collect();
    let is_kept = left.iter().any(|manager| manager.applies && has_note(&manager.fields));
    let own = left.iter_mut().find(|manager| manager.applies && manager.name == name && manager.subresource.is_empty());
    let own = own.filter(|own| own.api_version == before.api_version)?;
    own.fields = own.fields.union(&before.fields);
    if name == KUBECTL && !is_kept {
        left.push(Manager { fields: note(), name: KEEPER.into(), applies: true, ..before.clone() });
    }
    Some(left)
}

/// Under which name kubectl keeps its note, so that an apply of its own on the server's side does not take it away:
/// `saveLastApplyAnnotationIfNecessary`, k8s.io/kubectl/pkg/cmd/apply.
const KEEPER: &str = "kubectl-last-applied";

/// The note as a field.
fn note() -> Paths {
    let [metadata, annotations, note] = ["metadata", "annotations", NOTE].map(|name| Step::Field(name.into()));
    let (mut fields, mut within, mut last) = (Paths::default(), Paths::default(), Paths::default());
    last.insert(note);
    within.put(annotations, last);
    fields.put(metadata, within);
    fields
}

fn has_note(fields: &Paths) -> bool {
    !fields.intersection(&note()).is_empty()
}

/// What `kubectl apply` noted on an object.
#[must_use]
pub(crate) fn noted(live: &Node) -> Option<Node> {
    let note = live.find(&["metadata", "annotations", NOTE]).and_then(Node::as_str)?;
    serde_json::from_str::<serde_json::Value>(note).ok().map(|last| json::to_node(&last, live.at))
}

/// The fields that `kubectl apply` set, by its note on the object, and that are still so: whoever changes over from
/// client-side apply has them already, and they are no conflict (`lastAppliedManager.Apply`,
/// k8s.io/apimachinery/pkg/util/managedfields/internal).
fn of_the_note(live: &Node, kind: Kind<'_>, api_version: &str) -> BTreeSet<String> {
    let last = noted(live).filter(|last| last.get("apiVersion").and_then(Node::as_str) == Some(api_version));
    let Some(last) = last else { return BTreeSet::new() };
    let found = differences(&last, live, kind);
    let own = fields(&last, kind).without(&found.modified).without(&found.added).without(&found.removed);
    own.written().into_iter().collect()
}

/// Takes away what the manager applied last time, does not apply now, and nobody else manages.
fn prune(merged: &Node, last: &Paths, managed: &Paths, kind: Kind<'_>) -> Node {
    let held = |fields: &Paths| with_holders(fields, kind);
    let without = |gone: &Paths| merge::remove(merged, kind, gone).unwrap_or_else(|| Node::null(merged.at));
    let all = held(&fields(merged, kind));
    let last = held(last);
    let pruned = without(&last);
    // What others manage comes back, and so does what was nobody's.
    let kept = held(&fields(&pruned, kind)).union(&held(managed));
    let pruned = without(&all.without(&kept));
    let kept = held(&fields(&pruned, kind));
    without(&all.without(&kept).intersection(&last))
}
