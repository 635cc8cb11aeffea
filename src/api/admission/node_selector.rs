//! Which nodes: the selector terms of pods and volumes. Knows no kind.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateNodeSelector, ValidateNodeSelectorTerm,
//! ValidateNodeSelectorRequirement`.

use super::cause::{Causes, Path, list, text};
use super::selector;
use crate::k8s::name;
use crate::value::Node;

/// Labels of nodes that have had their day, and what the server says of them.
const DEPRECATED: [(&str, &str); 8] = [
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    ("failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"),
    ("beta.kubernetes.io/instance-type", "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    ("scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since v1.22; use Taints and Tolerations instead"),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];

/// What the server says of the label of a node that has had its day.
#[must_use]
pub(crate) fn deprecation(label: &str) -> Option<&'static str> {
    DEPRECATED.iter().find(|(known, _)| *known == label).map(|(_, words)| *words)
}

/// A `nodeSelector` with terms. The values of labels are checked unless `lenient`.
/// `ValidateNodeSelector`, pkg/apis/core/validation.
pub(crate) fn node_selector(selector: &Node, lenient: bool, path: &Path<'_>, causes: &mut Causes) {
    let terms = list(selector, "nodeSelectorTerms");
    let path = path.child("nodeSelectorTerms");
    if terms.is_empty() {
        causes.required(&path, "must have at least one node selector term");
    }
    for (index, node) in terms.iter().enumerate() {
        term(node, lenient, &path.index(index), causes);
    }
}

/// One term.
/// `ValidateNodeSelectorTerm`, pkg/apis/core/validation.
pub(crate) fn term(term: &Node, lenient: bool, path: &Path<'_>, causes: &mut Causes) {
    let expressions = path.child("matchExpressions");
    for (index, requirement) in list(term, "matchExpressions").iter().enumerate() {
        by_label(requirement, lenient, &expressions.index(index), causes);
    }
    let fields = path.child("matchFields");
    for (index, requirement) in list(term, "matchFields").iter().enumerate() {
        by_field(requirement, &fields.index(index), causes);
    }
}

/// Warns of labels that have had their day.
/// `GetWarningsForNodeSelectorTerm`, pkg/api/node.
pub(crate) fn warn(term: &Node, path: &Path<'_>, causes: &mut Causes) {
    let expressions = path.child("matchExpressions");
    for (index, requirement) in list(term, "matchExpressions").iter().enumerate() {
        let key = text(requirement, "key");
        if let Some(words) = deprecation(key) {
            causes.warn_at(expressions.index(index).child("key"), format!("{key} is {words}"));
        }
    }
}

/// Whether a term holds a value that no label can have.
#[must_use]
pub(crate) fn has_bad_values(selector: &Node) -> bool {
    let requirements = list(selector, "nodeSelectorTerms").iter().flat_map(|term| list(term, "matchExpressions"));
    requirements
        .flat_map(|requirement| list(requirement, "values"))
        .filter_map(Node::as_str)
        .any(|value| !name::label_value(value).is_empty())
}

/// `ValidateNodeSelectorRequirement`, pkg/apis/core/validation.
fn by_label(requirement: &Node, lenient: bool, path: &Path<'_>, causes: &mut Causes) {
    let values = list(requirement, "values");
    let values_path = path.child("values");
    match text(requirement, "operator") {
        "In" | "NotIn" if values.is_empty() => {
            causes.required(&values_path, "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            causes.forbidden(&values_path, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        "Gt" | "Lt" if values.len() != 1 => {
            causes.required(&values_path, "must be specified single value when `operator` is 'Lt' or 'Gt'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => causes.invalid(&path.child("operator"), "not a valid selector operator"),
    }
    selector::label_key(text(requirement, "key"), &path.child("key"), causes);
    for (index, value) in values.iter().enumerate().filter(|_| !lenient) {
        causes.each_invalid(&values_path.index(index), name::label_value(value.as_str().unwrap_or_default()));
    }
}

/// `ValidateNodeFieldSelectorRequirement`, pkg/apis/core/validation.
fn by_field(requirement: &Node, path: &Path<'_>, causes: &mut Causes) {
    let values = list(requirement, "values");
    let values_path = path.child("values");
    match text(requirement, "operator") {
        "In" | "NotIn" if values.len() != 1 => {
            causes.required(
                &values_path,
                "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
            );
        }
        "In" | "NotIn" => {}
        _ => causes.invalid(&path.child("operator"), "not a valid selector operator"),
    }
    if text(requirement, "key") != "metadata.name" {
        return causes.invalid(&path.child("key"), "not a valid field selector key");
    }
    for (index, value) in values.iter().enumerate() {
        causes.each_invalid(&values_path.index(index), name::dns_subdomain(value.as_str().unwrap_or_default()));
    }
}
