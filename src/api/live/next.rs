//! What the next apply of a manifest does to a live object: what kubectl sends, what the server says, and what is stored
//! then, with the note that kubectl leaves and takes away.
//!
//! Follows `k8s.io/kubectl/pkg/cmd/apply/apply.go: applyOneObject`.

use super::note;
use crate::api::admission::Answer;
use crate::api::apply::Applied;
use crate::api::custom::{self, Customs};
use crate::api::server_side::managers::{self, Conflict, Manager};
use crate::api::server_side::{self, Applier};
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::value::Node;

/// What the next apply does.
#[derive(Clone, Debug)]
pub struct Next {
    /// What the server says; holds the object as it is stored then.
    pub answer: Answer,
    /// Fields that somebody else manages: taken, or why it is refused.
    pub conflicts: Vec<Conflict>,
    /// Who manages what afterwards; known where the server merges.
    pub managers: Vec<Manager>,
}

/// Applies a manifest to a live object by a manager of that name.
#[must_use]
pub fn next(way: Way, manager: &str, live: &Node, manifest: &Node, customs: &Customs, version: Version) -> Next {
    let manifest = &at_home(manifest, live);
    if way == Way::Client {
        // Without a note, nothing counts as removed.
        let noted = note::noted(manifest);
        let last = managers::noted(live).unwrap_or_else(|| noted.clone());
        let Applied { answer, .. } = custom::apply(&last, live, &noted, customs, version);
        return Next { answer, conflicts: Vec::new(), managers: Vec::new() };
    }
    let applier = Applier { name: manager, force: way == Way::ServerForced };
    let outcome = server_side::apply(None, live, manifest, applier, customs, version);
    Next { answer: outcome.applied.answer, conflicts: outcome.conflicts, managers: outcome.managers }
}

/// The manifest as kubectl sends it: with the namespace that it goes to.
fn at_home(manifest: &Node, live: &Node) -> Node {
    let mut manifest = manifest.clone();
    let namespace = live.find(&["metadata", "namespace"]).cloned();
    if let (Some(metadata), Some(namespace)) = (manifest.get_mut("metadata").and_then(Node::as_map_mut), namespace)
        && !metadata.has("namespace")
    {
        metadata.put("namespace", namespace);
    }
    manifest
}
