//! What `kubectl apply` does to an object that is there already: a patch of three objects, sent to the server, or
//! nothing where nothing differs. Knows no kind.

use super::admission::decode::Door;
use super::admission::{self, Answer, Stage};
use super::patch::{self, Fault, merge_patch};
use crate::diagnostic::Refusal;
use crate::k8s::shape::Shape;
use crate::k8s::version::Version;
use crate::k8s::wire;
use crate::value::{Map, Node};

/// What came of an apply.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What the server said, or what kubectl said in its place. Holds the object as it is stored now.
    pub answer: Answer,
    /// Whether there was nothing to send: kubectl says `unchanged`.
    pub unchanged: bool,
}

/// Applies a manifest over a stored object that an earlier manifest made or changed.
#[must_use]
pub fn apply(last_applied: &Node, stored: &Node, manifest: &Node, version: Version) -> Applied {
    let sent = |answer| Applied { answer, unchanged: false };
    let shape = match admission::address(manifest, version) {
        Ok((_, shape)) => shape,
        Err(answer) => return sent(*answer),
    };
    if is_foreign(manifest) {
        return merged(last_applied, &wire::written(stored, shape), stored, manifest, version);
    }
    let (live, patch) = match patch_of(last_applied, stored, manifest, shape) {
        Ok(found) => found,
        Err(Fault(detail)) => return sent(Answer::refused(Stage::Decode, vec![unplaced("BadPatch", detail)])),
    };
    if patch.is_empty() {
        return Applied { answer: Answer { object: Some(stored.clone()), ..Answer::default() }, unchanged: true };
    }
    match patch::onto(live, patch, Some(shape)) {
        Ok(merged) => sent(admission::update(&Node::map(merged, manifest.at), stored, Door::Patch, version)),
        Err(Fault(detail)) => sent(Answer::refused(Stage::Request, vec![unplaced("BadPatch", detail)])),
    }
}

/// What a manifest makes of a stored object, before any rule is asked; nothing where it cannot be merged, or where
/// kubectl does not know the types of its kind.
#[must_use]
pub fn merge(last_applied: &Node, stored: &Node, manifest: &Node, version: Version) -> Option<Node> {
    let (_, shape) = admission::address(manifest, version).ok()?;
    if is_foreign(manifest) {
        return None;
    }
    let (live, patch) = patch_of(last_applied, stored, manifest, shape).ok()?;
    patch::onto(live, patch, Some(shape)).ok().map(|merged| Node::map(merged, manifest.at))
}

/// Whether kubectl does not know the types of a kind, and sends a JSON merge patch: servers of their own serve it,
/// within the API server.
fn is_foreign(manifest: &Node) -> bool {
    let group = manifest.get("apiVersion").and_then(Node::as_str).and_then(|api_version| api_version.split_once('/'));
    group.is_some_and(|(group, _)| ["apiextensions.k8s.io", "apiregistration.k8s.io"].contains(&group))
}

fn merged(last_applied: &Node, live: &Node, stored: &Node, manifest: &Node, version: Version) -> Applied {
    let map = |node: &Node| node.as_map().cloned().unwrap_or_default();
    let live = map(live);
    let patch = match merge_patch::three_way(&map(last_applied), &live, &map(manifest)) {
        Ok(patch) => patch,
        Err(Fault(detail)) => {
            let answer = Answer::refused(Stage::Decode, vec![unplaced("BadPatch", detail)]);
            return Applied { answer, unchanged: false };
        }
    };
    if patch.is_empty() {
        return Applied { answer: Answer { object: Some(stored.clone()), ..Answer::default() }, unchanged: true };
    }
    let object = Node::map(merge_patch::onto(live, &patch), manifest.at);
    Applied { answer: admission::update(&object, stored, Door::Body, version), unchanged: false }
}

/// Puts a manifest in the place of a stored object, as `kubectl replace` does.
#[must_use]
pub fn replace(stored: &Node, manifest: &Node, version: Version) -> Answer {
    let mut object = manifest.clone();
    let current = stored.find(&["metadata", "resourceVersion"]).cloned();
    if let (Some(metadata), Some(current)) = (object.get_mut("metadata").and_then(Node::as_map_mut), current) {
        metadata.put("resourceVersion", current);
    }
    admission::update(&object, stored, Door::Body, version)
}

/// The live object as the server sends it, and the patch that would make of it what the manifest says.
fn patch_of(last_applied: &Node, stored: &Node, manifest: &Node, shape: Shape) -> Result<(Map, Map), Fault> {
    let live = wire::written(stored, shape);
    let map = |node: &Node| node.as_map().cloned().unwrap_or_default();
    let live = map(&live);
    let patch = patch::three_way(&map(last_applied), &live, &map(manifest), Some(shape))?;
    Ok((live, patch))
}

fn unplaced(kind: &'static str, detail: String) -> Refusal {
    Refusal { field: String::new(), kind, detail }
}
