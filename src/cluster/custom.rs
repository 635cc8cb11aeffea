//! The API server's answer to custom resources: by their definitions where somebody gave them, and as they stand where nobody did, for
//! then nobody can say that a cluster refuses them. Knows no kind of its own.

use super::admission::{self, Answer, Stage};
use super::apply::{self, Applied};
use super::patch::{Fault, merge_patch};
use crate::diagnostic::Refusal;
use crate::k8s::custom::{self, Customs};
use crate::k8s::shape;
use crate::k8s::version::Version;
use crate::value::Node;

/// Whether an object is one that only a definition can know.
#[must_use]
pub fn concerns(node: &Node, customs: &Customs) -> bool {
    let text = |key| node.get(key).and_then(Node::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    shape::find(api_version, kind).is_none() && (custom::is_custom(api_version, kind) || customs.has(api_version, kind))
}

/// What the server says to a new object of any kind.
#[must_use]
pub fn create(node: &Node, customs: &Customs, version: Version) -> Answer {
    if !concerns(node, customs) {
        return admission::create(node, version);
    }
    answer(customs.judge(node).unwrap_or_default(), node)
}

/// `kubectl apply` of a manifest of any kind over a stored object.
#[must_use]
pub fn apply(last_applied: &Node, stored: &Node, manifest: &Node, customs: &Customs, version: Version) -> Applied {
    if !concerns(manifest, customs) {
        return apply::apply(last_applied, stored, manifest, version);
    }
    let map = |node: &Node| node.as_map().cloned().unwrap_or_default();
    let live = map(stored);
    let patch = match merge_patch::three_way(&map(last_applied), &live, &map(manifest)) {
        Ok(patch) => patch,
        Err(Fault(detail)) => {
            let refusal = Refusal { field: String::new(), kind: "BadPatch", detail };
            return Applied { answer: Answer::refused(Stage::Decode, vec![refusal]), unchanged: false };
        }
    };
    if patch.is_empty() {
        return Applied { answer: Answer { object: Some(stored.clone()), ..Answer::default() }, unchanged: true };
    }
    let merged = Node::map(merge_patch::onto(live, &patch), manifest.at);
    Applied { answer: answer(customs.judge(&merged).unwrap_or_default(), &merged), unchanged: false }
}

fn answer(faults: Vec<custom::Fault>, object: &Node) -> Answer {
    if faults.is_empty() {
        return Answer { object: Some(object.clone()), ..Answer::default() };
    }
    let stage = match faults[0].kind {
        "UnknownField" => Stage::StrictDecode,
        "NoMatch" => Stage::NoMatch,
        _ => Stage::Validate,
    };
    Answer::refused(stage, faults.into_iter().map(|fault| Refusal { field: fault.path, kind: fault.kind, detail: fault.message }).collect())
}
