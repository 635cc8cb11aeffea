//! What `kubectl apply` does to an object that is there already: a patch of three objects, sent to the server, or nothing where
//! nothing differs. Knows no kind.

use super::admission::decode::Door;
use super::admission::{self, Answer, Stage};
use super::patch::{self, Fault};
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
