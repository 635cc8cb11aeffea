//! Label selectors and label maps: what the server takes, and whether a selector picks a set of labels. Knows no kind.
//!
//! Follows `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go: ValidateLabelSelector,
//! ValidateLabelSelectorRequirement, ValidateLabels`.

use super::cause::{Causes, Path, list, some, text};
use crate::k8s::name;
use crate::value::Node;

/// A map of labels; every fault is reported at the map itself, as the server does.
/// `ValidateLabels`, k8s.io/apimachinery/pkg/apis/meta/v1/validation.
pub(crate) fn labels(map: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    for (key, value) in map.into_iter().flat_map(Node::entries) {
        causes.each_invalid(path, name::label_key(&key.name));
        causes.each_invalid(path, name::label_value(value.as_str().unwrap_or_default()));
    }
}

/// The key of a label.
/// `ValidateLabelName`, k8s.io/apimachinery/pkg/apis/meta/v1/validation.
pub(crate) fn label_key(key: &str, path: &Path<'_>, causes: &mut Causes) {
    causes.each_invalid(path, name::label_key(key));
}

/// A `labelSelector`. `None` is fine: whether it may be missing is for the caller to say.
/// `ValidateLabelSelector`, k8s.io/apimachinery/pkg/apis/meta/v1/validation.
pub(crate) fn selector(selector: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    selector_with(selector, false, path, causes);
}

/// The same, where `faulty_values` in its expressions may be let through.
/// `ValidateLabelSelector`, k8s.io/apimachinery/pkg/apis/meta/v1/validation.
pub(crate) fn selector_with(selector: Option<&Node>, faulty_values: bool, path: &Path<'_>, causes: &mut Causes) {
    let Some(selector) = selector else { return };
    labels(selector.get("matchLabels"), &path.child("matchLabels"), causes);
    let expressions = path.child("matchExpressions");
    for (index, expression) in list(selector, "matchExpressions").iter().enumerate() {
        requirement(expression, faulty_values, &expressions.index(index), causes);
    }
}

/// The same, but the values in its expressions may be what no label can be.
/// `ValidatePodAffinityTermSelector`, pkg/apis/core/validation.
pub(crate) fn lenient_selector(node: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    let mut found = Causes::default();
    selector(node, path, &mut found);
    let values = format!("{}[", path.child("matchExpressions"));
    causes.refusals.extend(found.refusals.into_iter().filter(|refusal| {
        let inside = refusal.field.strip_prefix(&values).and_then(|rest| rest.split_once("].")).map(|(_, field)| field);
        !inside.is_some_and(|field| field.starts_with("values["))
    }));
}

/// Whether an expression of a selector holds a value that no label can have.
#[must_use]
pub(crate) fn has_faulty_values(selector: Option<&Node>) -> bool {
    let expressions = selector.map(|selector| list(selector, "matchExpressions")).unwrap_or_default();
    expressions.iter().flat_map(|expression| list(expression, "values")).any(|value| {
        let value = value.as_str().unwrap_or_default();
        !name::label_value(value).is_empty()
    })
}

/// Whether a selector has no conditions, and so picks everything.
#[must_use]
pub(crate) fn is_empty(selector: &Node) -> bool {
    selector.get("matchLabels").is_none_or(|labels| labels.entries().next().is_none())
        && list(selector, "matchExpressions").is_empty()
}

/// Whether a selector that is well formed picks these labels.
#[must_use]
pub(crate) fn picks(selector: &Node, labels: Option<&Node>) -> bool {
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(|value| value.as_str().unwrap_or_default());
    let all_labels = selector
        .get("matchLabels")
        .into_iter()
        .flat_map(Node::entries)
        .all(|(key, value)| label(&key.name) == Some(value.as_str().unwrap_or_default()));
    all_labels
        && list(selector, "matchExpressions").iter().all(|expression| {
            let found = label(text(expression, "key"));
            let listed = || {
                found.is_some_and(|found| list(expression, "values").iter().any(|value| value.as_str() == Some(found)))
            };
            match text(expression, "operator") {
                "In" => listed(),
                "NotIn" => !listed(),
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => false,
            }
        })
}

/// The selector of a workload: required, well formed and not empty. Gives it back when it can be used to pick labels.
/// `ValidateLabelSelector`, k8s.io/apimachinery/pkg/apis/meta/v1/validation.
pub(crate) fn workload_selector<'n>(
    spec: &'n Node,
    path: &Path<'_>,
    kind: &str,
    fault: &str,
    causes: &mut Causes,
) -> Chosen<'n> {
    let path = path.child("selector");
    let Some(node) = some(spec, "selector") else {
        causes.required(&path, "");
        return Chosen::Nothing;
    };
    let before = causes.refusals.len();
    selector(Some(node), &path, causes);
    let faulty = causes.refusals.len() > before;
    if is_empty(node) {
        causes.invalid(&path, format!("empty selector is invalid for {kind}"));
    }
    if faulty {
        causes.invalid(&path, fault);
        return Chosen::Faulty;
    }
    if is_empty(node) { Chosen::Everything } else { Chosen::Some(node) }
}

/// What a workload's selector picks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chosen<'n> {
    /// It is missing.
    Nothing,
    /// It cannot be read.
    Faulty,
    /// It has no conditions.
    Everything,
    /// Whatever fits it.
    Some(&'n Node),
}

impl Chosen<'_> {
    /// Whether it picks these labels. A faulty one is not asked.
    #[must_use]
    pub(crate) fn picks(self, labels: Option<&Node>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Faulty | Self::Everything => true,
            Self::Some(selector) => picks(selector, labels),
        }
    }
}

/// `ValidateLabelSelectorRequirement`, k8s.io/apimachinery/pkg/apis/meta/v1/validation.
fn requirement(expression: &Node, faulty_values: bool, path: &Path<'_>, causes: &mut Causes) {
    let values = list(expression, "values");
    let values_path = path.child("values");
    match text(expression, "operator") {
        "In" | "NotIn" if values.is_empty() => {
            causes.required(&values_path, "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            causes.forbidden(&values_path, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ => causes.invalid(&path.child("operator"), "not a valid selector operator"),
    }
    label_key(text(expression, "key"), &path.child("key"), causes);
    for (index, value) in values.iter().enumerate().filter(|_| !faulty_values) {
        causes.each_invalid(&values_path.index(index), name::label_value(value.as_str().unwrap_or_default()));
    }
}
