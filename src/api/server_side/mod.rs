//! Server-side apply: what `kubectl apply --server-side`, Flux and, where it is asked to, Argo CD send. The server merges
//! the manifest into the object by the types of its fields, and keeps a ledger of who manages which. Knows no cluster.
//!
//! Follows `k8s.io/apiserver/pkg/endpoints/handlers/patch.go: applyPatcher`.

pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod kind;
pub(crate) mod managers;
pub(crate) mod merge;
pub(crate) mod paths;
pub(crate) mod plain;

use super::admission::decode::Door;
use super::admission::{self, Answer, Stage};
use super::apply::Applied;
use super::custom::{self, Customs, Found};
use super::live::note;
use crate::diagnostic::Refusal;
use crate::k8s::version::Version;
use crate::k8s::{shape, wire};
use crate::value::{Node, Text};
use check::{Fault, Misfit};
use kind::{Kind, Root, Whole};
use managers::{Conflict, Manager, Merged};

/// The kind of refusals for two items that nothing tells apart.
pub const DUPLICATE: &str = "DuplicateItem";

/// The kind of refusals for an item that has nothing to tell it from others.
pub const KEYLESS: &str = "KeylessItem";

/// The kind of refusals for what a manifest must not or must say to be applied at all.
pub const UNFIT: &str = "UnfitToApply";

/// The kind of refusals for a field that somebody else manages.
pub const CONFLICT: &str = "FieldManagerConflict";

/// Who applies, and how.
#[derive(Clone, Copy, Debug)]
pub struct Applier<'a> {
    /// The name of the manager: `kubectl`, `kustomize-controller`.
    pub name: &'a str,
    /// Whether it takes fields from others.
    pub force: bool,
}

/// What came of a server-side apply.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the server said.
    pub applied: Applied,
    /// Fields that others managed: taken from them, or why it was refused.
    pub conflicts: Vec<Conflict>,
    /// Who manages what afterwards.
    pub managers: Vec<Manager>,
}

/// Makes a new object.
#[must_use]
pub fn create(manifest: &Node, customs: &Customs, version: Version) -> Answer {
    stopped(manifest, customs, version).unwrap_or_else(|| custom::create(manifest, customs, version))
}

/// Why a server-side apply of a new object is refused before any rule is asked, where it is.
#[must_use]
pub(crate) fn stopped(manifest: &Node, customs: &Customs, version: Version) -> Option<Answer> {
    let refused = precheck(manifest, customs, version);
    if refused.is_some() {
        return refused;
    }
    if let Some(uid) = manifest.find(&["metadata", "uid"]).and_then(Node::as_str).filter(|uid| !uid.is_empty()) {
        let (resource, name) = (resource(manifest), text(manifest, &["metadata", "name"]));
        let detail = format!(
            "Operation cannot be fulfilled on {resource} \"{name}\": uid mismatch: the provided object specified uid \
             {uid}, and no existing object was found"
        );
        let refusal = Refusal { field: "metadata.uid".into(), kind: "Conflict", detail };
        return Some(Answer::refused(Stage::Request, vec![refusal]));
    }
    None
}

/// Whether both ways of applying are seen to merge a change alike, without merging it.
#[must_use]
pub(crate) fn is_plain(old: &Node, new: &Node, version: Version) -> bool {
    let word = |node, key| text(node, &[key]);
    let is_one = ["apiVersion", "kind"].iter().all(|key| word(old, key) == word(new, key));
    let shape = shape::shape_of(word(new, "apiVersion"), word(new, "kind"), version);
    is_one && shape.is_some_and(|shape| plain::is_plain(old, new, Kind::Shape(shape, Whole::Unsaid)))
}

/// What a manifest makes of a stored object of one of Kubernetes' own kinds, before any rule is asked.
#[must_use]
pub(crate) fn merge(last_applied: &Node, stored: &Node, manifest: &Node, version: Version) -> Option<Node> {
    let shape = shape::shape_of(text(manifest, &["apiVersion"]), text(manifest, &["kind"]), version)?;
    let kind = Kind::Shape(shape, Whole::Unsaid);
    let own = managers::owned(last_applied, kind);
    Some(managers::merged(&wire::written(stored, shape), Some(own), &[], manifest, kind))
}

/// Applies a manifest over a stored object. Who manages its fields is what it says in `managedFields`, or else what was
/// applied last, which then is the applier's.
#[must_use]
pub fn apply(
    last_applied: Option<&Node>,
    stored: &Node,
    manifest: &Node,
    applier: Applier<'_>,
    customs: &Customs,
    version: Version,
) -> Outcome {
    let mut managers = Manager::read(stored);
    if managers.is_empty()
        && let Some(last) = last_applied
    {
        managers.push(Manager {
            name: applier.name.into(),
            applies: true,
            api_version: text(last, &["apiVersion"]).into(),
            subresource: Text::default(),
            fields: with_kind(last, customs, version, |kind| managers::owned(last, kind)),
        });
    }
    let outcome = apply_as(&managers, stored, manifest, applier, customs, version);
    match (&outcome.applied.answer.object, managers::adopted(stored, &outcome.managers, applier.name)) {
        // Then it applies once more, so that what is no longer stated goes too.
        (Some(object), Some(managers)) => {
            let again = apply_as(&managers, object, manifest, applier, customs, version);
            Outcome { conflicts: outcome.conflicts, ..again }
        }
        _ => outcome,
    }
}

/// The same, where it is known who manages what.
#[must_use]
pub fn apply_as(
    managers: &[Manager],
    stored: &Node,
    manifest: &Node,
    applier: Applier<'_>,
    customs: &Customs,
    version: Version,
) -> Outcome {
    let sent = |answer| Applied { answer, unchanged: false };
    if let Some(answer) = precheck(manifest, customs, version) {
        return Outcome { applied: sent(answer), conflicts: Vec::new(), managers: managers.to_vec() };
    }
    let shape = shape::shape_of(text(manifest, &["apiVersion"]), text(manifest, &["kind"]), version);
    let mut live = shape.map_or_else(|| stored.clone(), |shape| wire::written(stored, shape));
    if let Some(metadata) = live.get_mut("metadata").and_then(Node::as_map_mut) {
        metadata.remove("managedFields");
    }
    let Merged { object, managers: after, conflicts } = with_kind(manifest, customs, version, |kind| {
        managers::apply(&live, managers, manifest, kind, applier.name, applier.force)
    });
    let object = if applier.name == managers::KUBECTL { noted_anew(object, manifest) } else { object };
    if !applier.force && !conflicts.is_empty() {
        let refusal = |conflict: &Conflict| Refusal {
            field: conflict.field.trim_start_matches('.').to_owned(),
            kind: CONFLICT,
            detail: format!("conflict with {}", conflict.with),
        };
        let answer = Answer::refused(Stage::Request, conflicts.iter().map(refusal).collect());
        return Outcome { applied: sent(answer), conflicts, managers: after };
    }
    let answer = if custom::concerns(manifest, customs) {
        match custom::judge(&object, Some(stored), customs, version) {
            Some(judgement) => judgement.into_answer(),
            None => Answer { object: Some(object), ..Answer::default() },
        }
    } else {
        updated(object, stored, manifest, version)
    };
    let managers = if answer.object.is_some() { after } else { managers.to_vec() };
    Outcome { applied: sent(answer), conflicts, managers }
}

/// An object on which kubectl once left a note of what it applied: the server keeps it up to date for kubectl.
/// `lastAppliedUpdater.Apply`, k8s.io/apimachinery/pkg/util/managedfields/internal.
fn noted_anew(mut object: Node, manifest: &Node) -> Node {
    if object.find(&["metadata", "annotations", managers::NOTE]).is_some() {
        note::put(&mut object, note::text_of(manifest));
    }
    object
}

/// The merged object in the place of the stored one. A manifest that names no version means any: that of the stored
/// object came along with it.
fn updated(mut object: Node, stored: &Node, manifest: &Node, version: Version) -> Answer {
    let current = stored.find(&["metadata", "resourceVersion"]).cloned();
    if current.is_none() || manifest.find(&["metadata", "resourceVersion"]).is_some() {
        return admission::update(&object, stored, Door::Patch, version);
    }
    let metadata = |object: &mut Node, set: Option<Node>| {
        let Some(metadata) = object.get_mut("metadata").and_then(Node::as_map_mut) else { return };
        match set {
            Some(current) => drop(metadata.put("resourceVersion", current)),
            None => drop(metadata.remove("resourceVersion")),
        }
    };
    let mut stored = stored.clone();
    metadata(&mut stored, None);
    metadata(&mut object, None);
    let mut answer = admission::update(&object, &stored, Door::Patch, version);
    if let Some(object) = &mut answer.object {
        metadata(object, current);
    }
    answer
}

/// The sentence about fields that others manage: `getConflictMessage`.
#[must_use]
pub fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [only] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {}: {}", only.with, only.field);
    }
    let mut who: Vec<&str> = conflicts.iter().map(|conflict| conflict.with.as_str()).collect();
    who.sort_unstable();
    who.dedup();
    let mut lines = Vec::new();
    for name in who {
        lines.push(format!("conflicts with {name}:"));
        let theirs = conflicts.iter().filter(|conflict| conflict.with == name);
        lines.extend(theirs.map(|conflict| format!("- {}", conflict.field)));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

/// An object of a cluster, and the manifest that is to be applied to it next, as far as it concerns what others changed.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    /// What its applier applied last, and what others manage.
    pub before: Node,
    /// The next manifest, and what others manage and it does not state: that stays.
    pub after: Node,
    /// Who applies it.
    pub applier: Text,
}

/// Reads off an object's ledger what was applied last and what others manage; nothing where nobody applied it.
#[must_use]
pub(crate) fn beside(live: &Node, manifest: &Node, customs: &Customs, version: Version) -> Option<Beside> {
    let managers = Manager::read(live);
    let applier = managers::applier(&managers)?;
    with_kind(live, customs, version, |kind| {
        let field = |name: &'static str| paths::Step::Field(Text::new_static(name));
        let of_others = managers.iter().filter(|manager| *manager != applier && manager.subresource != "status");
        let mut others = paths::Paths::default();
        of_others.for_each(|manager| others.add(&manager.fields));
        others.cut(&field("status"));
        others.cut(&field("metadata"));
        // Who created it on the client's side has all defaults too: what was stated is on the object.
        let own = match managers::noted(live) {
            Some(last) if !applier.applies => managers::owned(&last, kind),
            _ => applier.fields.clone(),
        };
        let mut before = merge::extract(live, kind, &own.union(&others))?;
        let unstated = others.without(&compare::fields(manifest, kind));
        let stays = merge::extract(live, kind, &unstated);
        let after = merge::merge(stays.as_ref(), Some(manifest), kind)?;
        let map = before.as_map_mut()?;
        for key in ["apiVersion", "kind"] {
            map.put(key, live.get(key)?.clone());
        }
        let at = live.at;
        let annotations = |node: &mut Node| node.get_mut("annotations")?.as_map_mut()?.remove(managers::NOTE);
        map.get_mut("metadata").and_then(annotations);
        let mut metadata = map.remove("metadata").and_then(|node| node.as_map().cloned()).unwrap_or_default();
        if metadata.get("annotations").and_then(Node::as_map).is_some_and(crate::value::Map::is_empty)
            && manifest.find(&["metadata", "annotations"]).is_none()
        {
            metadata.remove("annotations");
        }
        for key in ["name", "namespace"] {
            if let Some(said) = manifest.find(&["metadata", key]) {
                metadata.put(key, said.clone());
            }
        }
        map.put("metadata", Node::map(metadata, at));
        let applier = if applier.applies { applier.name.clone() } else { Text::new_static(managers::KUBECTL) };
        Some(Beside { before, after, applier })
    })
}

/// Why a manifest is refused before the object is looked at.
fn precheck(manifest: &Node, customs: &Customs, version: Version) -> Option<Answer> {
    if !custom::concerns(manifest, customs)
        && let Err(answer) = admission::address(manifest, version)
    {
        return Some(*answer);
    }
    let name = text(manifest, &["metadata", "name"]);
    if name.is_empty() {
        let detail = "metadata.name: Required value: name is required".to_owned();
        let refusal = Refusal { field: "metadata.name".into(), kind: UNFIT, detail };
        return Some(Answer::refused(Stage::Request, vec![refusal]));
    }
    if manifest.find(&["metadata", "managedFields"]).is_some_and(|fields| !fields.is_null()) {
        let detail = "metadata.managedFields must be nil".to_owned();
        let refusal = Refusal { field: "metadata.managedFields".into(), kind: UNFIT, detail };
        return Some(Answer::refused(Stage::Request, vec![refusal]));
    }
    let misfits = with_kind(manifest, customs, version, |kind| check::misfits(manifest, kind));
    let first = misfits.first()?;
    if misfits.iter().any(|misfit| matches!(misfit.fault, Fault::Type | Fault::Unknown)) {
        // Where any other request would be refused for the same, that says it better.
        let answer = custom::create(manifest, customs, version);
        if matches!(answer.stage, Some(Stage::Decode | Stage::StrictDecode)) {
            return Some(answer);
        }
    }
    let at = manifest.place_of(&first.field);
    let stage =
        if misfits.iter().any(|misfit| misfit.fault == Fault::Unknown) { Stage::StrictDecode } else { Stage::Decode };
    let refusal = |misfit: &Misfit| Refusal {
        field: misfit.field.clone(),
        kind: match misfit.fault {
            Fault::Unknown => "UnknownField",
            Fault::Type => "WrongType",
            Fault::Duplicate => DUPLICATE,
            Fault::Keyless => KEYLESS,
        },
        detail: misfit.message.clone(),
    };
    let refusals = misfits.iter().map(refusal).collect();
    Some(Answer { at: Some(at), ..Answer::refused(stage, refusals) })
}

/// What the server says of a manifest whose types are wrong: `failed to create typed patch object (default/web; apps/v1,
/// Kind=StatefulSet): .spec.replicas: expected numeric …`.
#[must_use]
pub(crate) fn sentence(manifest: &Node, customs: &Customs, version: Version) -> Option<String> {
    let misfits = with_kind(manifest, customs, version, |kind| check::misfits(manifest, kind));
    let misfits: Vec<String> = misfits.iter().map(ToString::to_string).collect();
    match &misfits[..] {
        [] => None,
        [only] => Some(format!("{}: {only}", typed_patch(manifest))),
        several => Some(format!("{}: errors:\n  {}", typed_patch(manifest), several.join("\n  "))),
    }
}

fn typed_patch(manifest: &Node) -> String {
    let api_version = text(manifest, &["apiVersion"]);
    let version = if api_version.contains('/') { api_version.to_owned() } else { format!("/{api_version}") };
    format!(
        "failed to create typed patch object ({}/{}; {version}, Kind={})",
        text(manifest, &["metadata", "namespace"]),
        text(manifest, &["metadata", "name"]),
        text(manifest, &["kind"])
    )
}

/// Does something with the type of an object.
pub(crate) fn with_kind<T>(node: &Node, customs: &Customs, version: Version, use_it: impl FnOnce(Kind<'_>) -> T) -> T {
    let (api_version, kind) = (text(node, &["apiVersion"]), text(node, &["kind"]));
    if let Some(shape) = shape::shape_of(api_version, kind, version) {
        return use_it(Kind::Shape(shape, Whole::Unsaid));
    }
    match customs.find(api_version, kind) {
        Some(Found::Version(_, served)) if !served.keeps_unknown => use_it(Kind::Schema(served.schema(), Root::Object)),
        _ => use_it(Kind::Any),
    }
}

fn text<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    node.find(path).and_then(Node::as_str).unwrap_or_default()
}

/// `statefulsets.apps`
fn resource(manifest: &Node) -> String {
    let kind = text(manifest, &["kind"]).to_lowercase();
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    };
    match text(manifest, &["apiVersion"]).split_once('/') {
        Some((group, _)) => format!("{plural}.{group}"),
        None => plural,
    }
}
