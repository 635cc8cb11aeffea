//! How pods are spread over nodes and zones, and which taints they bear.
//!
//! Follows `pkg/apis/core/validation/validation.go: validateTopologySpreadConstraints`.

use super::cause::{Causes, Path, list, number, some, text};
use super::pod_rules::Rules;
use super::{affinity, selector};
use crate::k8s::name;
use crate::value::Node;
use std::collections::BTreeSet;

/// `topologySpreadConstraints` of a pod.
/// `validateTopologySpreadConstraints`, pkg/apis/core/validation.
pub(crate) fn constraints(constraints: &[Node], rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    let repeated = repeated(constraints);
    for (index, constraint) in constraints.iter().enumerate() {
        let path = path.index(index);
        let (key, action) = (text(constraint, "topologyKey"), text(constraint, "whenUnsatisfiable"));
        causes.positive(number(constraint, "maxSkew"), &path.child("maxSkew"));
        if key.is_empty() {
            causes.required(&path.child("topologyKey"), "can not be empty");
        }
        causes.one_of(action, &["DoNotSchedule", "ScheduleAnyway"], &path.child("whenUnsatisfiable"));
        if repeated.contains(&index) {
            causes.duplicate(&path.child("{topologyKey, whenUnsatisfiable}"));
        }
        least_domains(constraint, action, &path.child("minDomains"), causes);
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if let Some(policy) = some(constraint, field) {
                causes.one_of(policy.as_str().unwrap_or_default(), &["Honor", "Ignore"], &path.child(field));
            }
        }
        if rules.merged_label_keys {
            merged_label_keys(constraint, &path, causes);
        } else {
            plain_label_keys(constraint, &path.child("matchLabelKeys"), causes);
        }
        if !rules.faulty_spread_selectors {
            selector::selector(some(constraint, "labelSelector"), &path.child("labelSelector"), causes);
        }
    }
}

/// `matchLabelKeys` where the server merges them into the selector.
/// `ValidateMatchLabelKeysInTopologySpread`, pkg/apis/core/validation.
pub(crate) fn merged_label_keys(constraint: &Node, path: &Path<'_>, causes: &mut Causes) {
    affinity::label_keys(constraint, [Some("matchLabelKeys"), None], path, causes);
}

/// `tolerations` of a pod.
/// `ValidateTolerations`, pkg/apis/core/validation.
pub(crate) fn tolerations(tolerations: &[Node], rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    for (index, toleration) in tolerations.iter().enumerate() {
        let path = path.index(index);
        let (key, operator) = (text(toleration, "key"), text(toleration, "operator"));
        let (value, effect) = (text(toleration, "value"), text(toleration, "effect"));
        let operator_path = path.child("operator");
        if !key.is_empty() {
            selector::label_key(key, &path.child("key"), causes);
        } else if operator != "Exists" {
            causes.invalid(
                &operator_path,
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            );
        }
        if some(toleration, "tolerationSeconds").is_some() && effect != "NoExecute" {
            causes.invalid(&path.child("effect"), "effect must be 'NoExecute' when `tolerationSeconds` is set");
        }
        match operator {
            "" | "Equal" => {
                let faults = name::label_value(value);
                if !faults.is_empty() {
                    causes.invalid(&operator_path, faults.join(";"));
                }
            }
            "Exists" if !value.is_empty() => {
                causes.invalid(&operator_path, "value must be empty when `operator` is 'Exists'");
            }
            "Exists" => {}
            "Lt" | "Gt" if rules.comparing_tolerations => whole_number(value, &path.child("value"), causes),
            "Lt" | "Gt" => causes.not_supported(&operator_path, &["Equal", "Exists", "Lt", "Gt"]),
            _ => causes.not_supported(&operator_path, &["Equal", "Exists"]),
        }
        if !effect.is_empty() {
            causes.one_of(effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"], &path.child("effect"));
        }
    }
}

/// Which constraints another one of the same key and action follows.
fn repeated(constraints: &[Node]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let later = constraints.iter().enumerate().rev();
    later
        .filter(|(_, it)| !seen.insert((text(it, "topologyKey"), text(it, "whenUnsatisfiable"))))
        .map(|(index, _)| index)
        .collect()
}

/// `validateMinDomains`, pkg/apis/core/validation.
fn least_domains(constraint: &Node, action: &str, path: &Path<'_>, causes: &mut Causes) {
    let Some(count) = constraint.get("minDomains").and_then(Node::as_int) else { return };
    causes.positive(count, path);
    if action != "DoNotSchedule" {
        causes.invalid(path, format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"));
    }
}

/// `ValidateMatchLabelKeysInTopologySpread`, pkg/apis/core/validation.
fn plain_label_keys(constraint: &Node, path: &Path<'_>, causes: &mut Causes) {
    let keys = list(constraint, "matchLabelKeys");
    if keys.is_empty() {
        return;
    }
    let labels = some(constraint, "labelSelector");
    if labels.is_none() {
        causes.forbidden(path, "must not be specified when labelSelector is not set");
    }
    for (index, key) in keys.iter().enumerate() {
        let key = key.as_str().unwrap_or_default();
        selector::label_key(key, &path.index(index), causes);
        let selected = labels.is_some_and(|labels| {
            labels.find(&["matchLabels", key]).is_some()
                || list(labels, "matchExpressions").iter().any(|expression| text(expression, "key") == key)
        });
        if selected {
            causes.invalid(&path.index(index), "exists in both matchLabelKeys and labelSelector");
        }
    }
}

fn whole_number(value: &str, path: &Path<'_>, causes: &mut Causes) {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let plain = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (value == "0" || !digits.starts_with('0'));
    if !plain {
        causes.invalid(path, "must be a valid decimal integer in canonical form");
    }
    if value.parse::<i64>().is_err() {
        causes.invalid(path, "value out of range");
    }
}
