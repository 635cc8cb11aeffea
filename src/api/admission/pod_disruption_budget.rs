//! What the server says to a PodDisruptionBudget.
//!
//! Follows `pkg/apis/policy/validation/validation.go: ValidatePodDisruptionBudget`.

use super::cause::{Causes, Path, some};
use super::meta::Naming;
use super::{Kind, percent, selector, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::Node;

/// A PodDisruptionBudget.
pub(crate) static KIND: Kind = Kind {
    group: "policy",
    version: "v1",
    kind: "PodDisruptionBudget",
    namespaced: true,
    naming: Naming::Segment,
    counts_generations: true,
    default: defaults::policy::with_spec,
    prepare: unchanged,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");

/// `ValidatePodDisruptionBudget`, pkg/apis/policy/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    judge(object, false, causes);
}

/// `ValidateUpdate`, pkg/registry/policy/poddisruptionbudget.
fn update(object: &Node, stored: &Node, _: Version, causes: &mut Causes) {
    let mut found = Causes::default();
    selector::selector(stored.find(&["spec", "selector"]), &Path::ROOT, &mut found);
    judge(object, !found.refusals.is_empty(), causes);
}

/// `ValidatePodDisruptionBudgetSpec`, pkg/apis/policy/validation.
fn judge(object: &Node, lenient: bool, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let counts = ["minAvailable", "maxUnavailable"].map(|field| (field, some(spec, field)));
    if counts.iter().all(|(_, count)| count.is_some()) {
        causes.invalid(&SPEC, "minAvailable and maxUnavailable cannot be both set");
    }
    for (field, count) in counts {
        if let Some(count) = count {
            percent::number_or_percent(count, &SPEC.child(field), causes);
            percent::not_above_hundred(count, &SPEC.child(field), causes);
        }
    }
    let path = SPEC.child("selector");
    if lenient {
        selector::lenient_selector(some(spec, "selector"), &path, causes);
    } else {
        selector::selector(some(spec, "selector"), &path, causes);
    }
    let policy = some(spec, "unhealthyPodEvictionPolicy").map(|policy| policy.as_str().unwrap_or_default());
    if policy.is_some_and(|policy| !matches!(policy, "AlwaysAllow" | "IfHealthyBudget")) {
        causes.not_supported(&SPEC.child("unhealthyPodEvictionPolicy"), &["AlwaysAllow", "IfHealthyBudget"]);
    }
}
