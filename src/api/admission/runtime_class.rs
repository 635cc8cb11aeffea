//! RuntimeClasses: what runs the containers of a pod, and where it can.
//!
//! Follows `pkg/apis/node/validation/validation.go: ValidateRuntimeClass, ValidateRuntimeClassUpdate`.

use super::cause::{Causes, Path, list, some, text};
use super::meta::{self, Naming};
use super::pod_rules::Rules;
use super::{Kind, node_selector, resources, selector, spread, unchanged};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;
use std::collections::BTreeSet;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "node.k8s.io",
    version: "v1",
    kind: "RuntimeClass",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::config::nothing,
    prepare: unchanged,
    create,
    update,
};

/// From this version on a missing handler is said to be missing; before, to be no label.
const MISSING_HANDLER: Version = Version::minor(36);

/// `ValidateRuntimeClass`, pkg/apis/node/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    let path = Path::new("handler");
    match text(object, "handler") {
        "" if version >= MISSING_HANDLER => causes.required(&path, ""),
        handler => causes.each_invalid(&path, name::dns_label(handler)),
    }
    let rules = Rules::new(version, false, None);
    if let Some(amounts) = object.find(&["overhead", "podFixed"]) {
        resources::overhead(amounts, &rules, &Path::new("overhead"), causes);
    }
    let Some(scheduling) = some(object, "scheduling") else { return };
    let path = Path::new("scheduling");
    let labels = scheduling.get("nodeSelector");
    selector::labels(labels, &path.child("nodeSelector"), causes);
    let path = path.child("tolerations");
    // Up to 1.29 the server names the field twice.
    let again = path.child("tolerations");
    let rule_path = if version < Version::minor(30) { &again } else { &path };
    let tolerations = list(scheduling, "tolerations");
    spread::tolerations(tolerations, &rules, rule_path, causes);
    let mut seen = BTreeSet::new();
    for (index, toleration) in tolerations.iter().enumerate() {
        if !seen.insert(["key", "operator", "value", "effect"].map(|field| text(toleration, field))) {
            causes.duplicate(&path.index(index));
        }
    }
    for (key, _) in labels.into_iter().flat_map(Node::entries) {
        if let Some(words) = node_selector::deprecation(&key.name) {
            causes.warn_at("scheduling.nodeSelector", words);
        }
    }
}

/// `ValidateRuntimeClassUpdate`, pkg/apis/node/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    create(object, version, causes);
    if text(object, "handler") != text(stored, "handler") {
        causes.invalid(&Path::new("handler"), "field is immutable");
    }
}
