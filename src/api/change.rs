//! What the API server would say to a change: `kubectl apply` of a manifest over the object that an earlier one made.

use super::admission::{Answer, Stage};
use super::{apply, custom, server_side, way};
use crate::api::custom::Customs;
use crate::diagnostic::Refusal;
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::k8s::{shape, wire};
use crate::value::{Map, Node};

/// What the server says to a change.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Why it would be refused; nothing when it would not.
    pub refusals: Vec<Refusal>,
    /// The two manifests make the same object: they differ in words only.
    pub is_same: bool,
    /// The object that the earlier manifest made.
    pub before: Option<Node>,
    /// It is accepted, and the stored object stays as it was.
    pub is_idle: bool,
    /// The object that is stored afterwards, where the change is accepted: kubectl takes away only what the earlier
    /// manifest said, so more can be left than the later one says.
    pub stored: Option<Node>,
}

/// Asks what becomes of a change. An earlier manifest that no server can have accepted made no object: the later one is
/// then new.
#[must_use]
pub fn ask(way: Way, old: &Node, new: &Node, customs: &Customs, version: Version) -> Asked {
    let Some(mut stored) = way::create(way, old, customs, version).object else {
        return Asked { refusals: causes(way::create(way, new, customs, version)), ..Asked::default() };
    };
    let is_same = way::create(way, new, customs, version)
        .object
        .is_some_and(|fresh| fresh == stored || as_sent(&fresh, version) == as_sent(&stored, version));
    bind(&mut stored, new);
    let answer = way::apply(way, Some(old), &stored, new, customs, version).0.answer;
    let is_idle = answer.object.as_ref() == Some(&stored);
    let kept = answer.object.clone();
    let refusals = causes(answer);
    let is_taken = refusals.is_empty();
    Asked {
        is_same: is_same && is_taken,
        is_idle: is_idle && is_taken,
        stored: kept.filter(|_| is_taken),
        before: Some(stored),
        refusals,
    }
}

/// Whether it is seen without asking any rule that both ways of applying come to the same: that they merge a change
/// alike, and that neither stops before. Where it is not seen, they may still.
#[must_use]
pub fn is_alike(old: &Node, new: &Node, before: &Node, customs: &Customs, version: Version) -> bool {
    let client = || apply::merge(old, before, new, version);
    let is_fit = |node: &Node| server_side::stopped(node, customs, version).is_none();
    let server = || server_side::merge(old, before, new, version);
    let names_a_version = |node: &Node| node.find(&["metadata", "resourceVersion"]).is_some();
    if names_a_version(old) || names_a_version(new) || custom::concerns(new, customs) {
        return false;
    }
    server_side::is_plain(old, new, version)
        || is_fit(old) && is_fit(new) && client().is_some_and(|client| server().is_some_and(|server| client == server))
}

/// An object as the server sends it: what is empty is to it the same as absent.
#[must_use]
pub fn as_sent(object: &Node, version: Version) -> Node {
    let text = |key: &str| object.get(key).and_then(Node::as_str).unwrap_or_default();
    shape::shape_of(text("apiVersion"), text("kind"), version)
        .map_or_else(|| object.clone(), |shape| wire::written(object, shape))
}

/// A claim that was applied some time ago has its volume by now, as far as anybody knows, and the one that the later
/// manifest names: the server lets a bound claim grow.
fn bind(stored: &mut Node, later: &Node) {
    if stored.get("kind").and_then(Node::as_str) != Some("PersistentVolumeClaim") {
        return;
    }
    let at = stored.at;
    let volume = later.find(&["spec", "volumeName"]).cloned().unwrap_or_else(|| Node::text("bound", at));
    if let Some(spec) = stored.get_mut("spec").and_then(Node::as_map_mut)
        && spec.get("volumeName").is_none()
    {
        spec.put("volumeName", volume);
    }
    let mut status = Map::default();
    status.put("phase", Node::text("Bound", at));
    if let Some(requests) = stored.find(&["spec", "resources", "requests"]).cloned() {
        status.put("capacity", requests);
    }
    if let Some(map) = stored.as_map_mut() {
        map.put("status", Node::map(status, at));
    }
}

/// Why a new object would be refused.
#[must_use]
pub(crate) fn refusals_of_new(way: Way, new: &Node, customs: &Customs, version: Version) -> Vec<Refusal> {
    causes(way::create(way, new, customs, version))
}

/// The causes of an answer. Where the server names no cause, the stage alone says it.
#[must_use]
pub(crate) fn causes(answer: Answer) -> Vec<Refusal> {
    let Some(stage) = answer.stage.filter(|stage| *stage != Stage::Validate) else {
        return answer.refusals.into_iter().filter(|refusal| refusal.kind != custom::UNCHECKED).collect();
    };
    let mut refusals = answer.refusals;
    if refusals.is_empty() {
        let detail = match stage {
            Stage::NoMatch => "no such apiVersion and kind",
            Stage::Decode => "a value of the wrong type",
            Stage::StrictDecode => "an unknown or duplicate field",
            Stage::Validate | Stage::Request | Stage::Admission => "refused",
        };
        refusals.push(Refusal { field: String::new(), kind: stage.word(), detail: detail.to_owned() });
    }
    refusals
}
