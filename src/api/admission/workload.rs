//! What the kinds that make pods from a template have in common, StatefulSets aside.

use super::cause::{Causes, Path, some, text};
use super::pod::{self, Holder};
use super::pod_rules::Rules;
use super::same::FieldRules;
use super::selector::Chosen;
use crate::value::Node;

/// How specs of workloads are compared.
pub(crate) const FIELD_RULES: FieldRules = FieldRules {
    optional: pod::OPTIONAL,
    free: &["matchLabels", "labels", "annotations", "nodeSelector"],
    amounts: &["requests", "limits", "overhead", "divisor", "sizeLimit"],
};

/// A template whose labels the selector must pick, and whose pods must run on and on.
/// `ValidatePodTemplateSpecForReplicaSet`, pkg/apis/apps/validation.
pub(crate) fn template(
    spec: &Node,
    chosen: Chosen<'_>,
    kind: &str,
    rules: &Rules,
    path: &Path<'_>,
    causes: &mut Causes,
) {
    let nothing = Node::null(spec.at);
    let template = spec.get("template").unwrap_or(&nothing);
    let inner = template.get("spec").unwrap_or(&nothing);
    let path = path.child("template");
    if !chosen.picks(template.find(&["metadata", "labels"])) {
        causes.invalid(&path.child("metadata.labels"), "`selector` does not match template `labels`");
    }
    pod::template(template, Holder::default(), rules, &path, causes);
    if text(inner, "restartPolicy") != "Always" {
        causes.not_supported(&path.child("spec.restartPolicy"), &["Always"]);
    }
    if some(inner, "activeDeadlineSeconds").is_some() {
        causes.forbidden(
            &path.child("spec.activeDeadlineSeconds"),
            format!("activeDeadlineSeconds in {kind} is not Supported"),
        );
    }
}

/// The selector of a workload never changes.
/// `ValidateImmutableField`, k8s.io/apimachinery/pkg/api/validation.
pub(crate) fn same_selector(new: &Node, old: &Node, causes: &mut Causes) {
    if !FIELD_RULES.same_fields("selector", new.get("selector"), old.get("selector")) {
        causes.invalid(&Path::new("spec.selector"), "field is immutable");
    }
}
