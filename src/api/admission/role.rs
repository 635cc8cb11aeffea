//! What the server says to a Role or a ClusterRole. Whether the one who applies it may grant so much is not known here.
//!
//! Follows `pkg/apis/rbac/validation/validation.go: ValidateRole, ValidateClusterRole`.

use super::cause::{Causes, Path, list, some};
use super::meta::{self, Naming};
use super::{Kind, selector, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::Node;

/// A Role.
pub(crate) static KIND: Kind = Kind {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    kind: "Role",
    namespaced: true,
    naming: Naming::Step,
    counts_generations: false,
    default: defaults::config::nothing,
    prepare: unchanged,
    create: |object, _, causes| rules(object, true, causes),
    update: |object, _, _, causes| {
        meta::names_again(object, Naming::Step, causes);
        rules(object, true, causes);
    },
};

/// A ClusterRole.
pub(crate) static CLUSTER: Kind = Kind { kind: "ClusterRole", namespaced: false, create, update, ..KIND };

/// `ValidateRole` and `ValidateClusterRole`, pkg/apis/rbac/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    rules(object, false, causes);
    aggregation(object, false, causes);
}

/// `ValidateRoleUpdate` and `ValidateClusterRoleUpdate`, pkg/apis/rbac/validation.
fn update(object: &Node, stored: &Node, _: Version, causes: &mut Causes) {
    meta::names_again(object, Naming::Step, causes);
    rules(object, false, causes);
    let mut found = Causes::default();
    aggregation(stored, false, &mut found);
    aggregation(object, !found.refusals.is_empty(), causes);
}

/// `ValidatePolicyRule`, pkg/apis/rbac/validation.
fn rules(object: &Node, namespaced: bool, causes: &mut Causes) {
    let path = Path::new("rules");
    for (index, rule) in list(object, "rules").iter().enumerate() {
        let path = path.index(index);
        let is_empty = |field| list(rule, field).is_empty();
        if is_empty("verbs") {
            causes.required(&path.child("verbs"), "verbs must contain at least one value");
        }
        if !is_empty("nonResourceURLs") {
            let path = path.child("nonResourceURLs");
            if namespaced {
                causes.invalid(&path, "namespaced rules cannot apply to non-resource URLs");
            }
            if !["apiGroups", "resources", "resourceNames"].into_iter().all(is_empty) {
                causes.invalid(&path, "rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        if is_empty("apiGroups") {
            causes.required(&path.child("apiGroups"), "resource rules must supply at least one api group");
        }
        if is_empty("resources") {
            causes.required(&path.child("resources"), "resource rules must supply at least one resource");
        }
    }
}

/// `ValidateClusterRole`, pkg/apis/rbac/validation.
fn aggregation(object: &Node, lenient: bool, causes: &mut Causes) {
    let Some(rule) = some(object, "aggregationRule") else { return };
    let path = Path::new("aggregationRule.clusterRoleSelectors");
    let selectors = list(rule, "clusterRoleSelectors");
    if selectors.is_empty() {
        causes.required(&path, "at least one clusterRoleSelector required if aggregationRule is non-nil");
    }
    for (index, node) in selectors.iter().enumerate() {
        let path = path.index(index);
        let before = causes.refusals.len();
        if lenient {
            selector::lenient_selector(Some(node), &path, causes);
        } else {
            selector::selector(Some(node), &path, causes);
        }
        if causes.refusals.len() > before {
            causes.invalid(&path, "invalid label selector.");
        }
    }
}
