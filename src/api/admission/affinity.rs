//! What draws pods to nodes and to other pods, and what keeps them away.
//!
//! Follows `pkg/apis/core/validation/validation.go: validateAffinity, validateNodeAffinity, validatePodAffinity`.

use super::cause::{Causes, Path, list, number, some, text};
use super::names::Names;
use super::pod_rules::Rules;
use super::{node_selector, selector};
use crate::k8s::name;
use crate::value::Node;
use std::collections::BTreeMap;

/// `affinity` of a pod.
/// `validateAffinity`, pkg/apis/core/validation.
pub(crate) fn affinity(node: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    if let Some(nodes) = some(node, "nodeAffinity") {
        node_affinity(nodes, rules, &path.child("nodeAffinity"), causes);
    }
    for field in POD_KINDS {
        let Some(pods) = some(node, field) else { continue };
        let path = path.child(field);
        let required = path.child(REQUIRED);
        for (index, term) in list(pods, REQUIRED).iter().enumerate() {
            pod_term(term, rules, &required.index(index), causes);
        }
        let preferred = path.child(PREFERRED);
        for (index, weighted) in list(pods, PREFERRED).iter().enumerate() {
            let path = preferred.index(index);
            weight(weighted, &path, causes);
            pod_term(
                weighted.get("podAffinityTerm").unwrap_or(&Node::null(weighted.at)),
                rules,
                &path.child("podAffinityTerm"),
                causes,
            );
        }
    }
}

/// Keys of labels that are added to a selector, or kept out of it. The server names the whole term, with a number,
/// where a key is there twice.
/// `validateLabelKeys` and `ValidateMatchLabelKeysAndMismatchLabelKeys`, pkg/apis/core/validation.
pub(crate) fn label_keys(node: &Node, fields: [Option<&str>; 2], path: &Path<'_>, causes: &mut Causes) {
    let labels = some(node, "labelSelector");
    let keys = |field: Option<&str>| field.map(|field| list(node, field)).unwrap_or_default();
    for field in fields.into_iter().flatten() {
        let path = path.child(field);
        let keys = list(node, field);
        if labels.is_none() && !keys.is_empty() {
            causes.forbidden(&path, "must not be specified when labelSelector is not set");
            continue;
        }
        for (index, key) in keys.iter().enumerate() {
            selector::label_key(key.as_str().unwrap_or_default(), &path.index(index), causes);
        }
    }
    let (match_keys, mismatch_keys) = (keys(fields[0]), keys(fields[1]));
    if match_keys.is_empty() {
        return;
    }
    if let Some(labels) = labels {
        twice(labels, match_keys, path, causes);
    }
    let match_path = path.child("matchLabelKeys");
    let excluded: Names<'_> = mismatch_keys.iter().filter_map(Node::as_str).collect();
    for (index, _) in match_keys.iter().enumerate().filter(|(_, key)| key.as_str().is_some_and(|key| excluded.has(key)))
    {
        causes.invalid(&match_path.index(index), "exists in both matchLabelKeys and mismatchLabelKeys");
    }
}

/// Whether a selector of pod affinity holds a faulty label value.
#[must_use]
pub(crate) fn has_faulty_label_values(spec: &Node) -> bool {
    let Some(affinity) = spec.get("affinity") else { return false };
    let faulty = |term: &Node| {
        ["labelSelector", "namespaceSelector"]
            .iter()
            .filter_map(|field| term.get(field))
            .flat_map(|selector| list(selector, "matchExpressions"))
            .any(has_faulty_values)
    };
    POD_KINDS.iter().filter_map(|field| affinity.get(field)).any(|pods| {
        list(pods, REQUIRED).iter().any(faulty)
            || list(pods, PREFERRED).iter().filter_map(|weighted| weighted.get("podAffinityTerm")).any(faulty)
    })
}

/// Whether required node affinity holds a faulty label value.
#[must_use]
pub(crate) fn has_faulty_node_values(spec: &Node) -> bool {
    spec.find(&["affinity", "nodeAffinity", REQUIRED])
        .map(|selector| list(selector, "nodeSelectorTerms"))
        .unwrap_or_default()
        .iter()
        .flat_map(|term| list(term, "matchExpressions"))
        .any(has_faulty_values)
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const POD_KINDS: [&str; 2] = ["podAffinity", "podAntiAffinity"];

fn has_faulty_values(expression: &Node) -> bool {
    list(expression, "values").iter().any(|value| !name::label_value(value.as_str().unwrap_or_default()).is_empty())
}

/// A key that the selector holds as well: the server finds it where it has added the key itself.
/// `ValidateMatchLabelKeysAndMismatchLabelKeys` and `ValidateMatchLabelKeysInTopologySpread`,
/// pkg/apis/core/validation.
fn twice(labels: &Node, match_keys: &[Node], path: &Path<'_>, causes: &mut Causes) {
    let places: BTreeMap<&str, usize> =
        match_keys.iter().enumerate().filter_map(|(index, key)| Some((key.as_str()?, index))).collect();
    let mut seen = Names::default();
    for expression in list(labels, "matchExpressions") {
        let key = text(expression, "key");
        let before = !seen.add(key);
        let Some(index) = places.get(key) else { continue };
        if before || labels.find(&["matchLabels", key]).is_some() {
            causes.invalid(&path.index(*index), "exists in both matchLabelKeys and labelSelector");
        }
    }
}

/// `validateNodeAffinity`, pkg/apis/core/validation.
fn node_affinity(nodes: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    if let Some(required) = some(nodes, REQUIRED) {
        node_selector::node_selector(required, rules.faulty_node_values, &path.child(REQUIRED), causes);
    }
    let path = path.child(PREFERRED);
    for (index, preferred) in list(nodes, PREFERRED).iter().enumerate() {
        let path = path.index(index);
        weight(preferred, &path, causes);
        if let Some(term) = some(preferred, "preference") {
            node_selector::term(term, true, &path.child("preference"), causes);
        }
    }
}

/// `validateWeightedPodAffinityTerms` and `ValidatePreferredSchedulingTerms`, pkg/apis/core/validation.
fn weight(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    if !(1..=100).contains(&number(node, "weight")) {
        causes.invalid(&path.child("weight"), "must be in the range 1-100");
    }
}

/// `validatePodAffinityTerm`, pkg/apis/core/validation.
fn pod_term(term: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    for field in ["labelSelector", "namespaceSelector"] {
        selector::selector_with(some(term, field), rules.faulty_affinity_values, &path.child(field), causes);
    }
    for namespace in list(term, "namespaces") {
        causes.each_invalid(&path.child("namespace"), name::dns_label(namespace.as_str().unwrap_or_default()));
    }
    label_keys(term, [Some("matchLabelKeys"), Some("mismatchLabelKeys")], path, causes);
    let key = text(term, "topologyKey");
    if key.is_empty() {
        causes.required(&path.child("topologyKey"), "can not be empty");
    }
    selector::label_key(key, &path.child("topologyKey"), causes);
}
