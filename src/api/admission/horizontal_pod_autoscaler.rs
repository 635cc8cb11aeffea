//! What the server says to a HorizontalPodAutoscaler of either version.
//!
//! Follows `pkg/apis/autoscaling/validation/validation.go: ValidateHorizontalPodAutoscaler`.

use super::cause::{Causes, Path, list, number, some, text};
use super::meta::Naming;
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::gate;
use crate::k8s::name;
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::value::Node;

/// A HorizontalPodAutoscaler.
pub(crate) static KIND: Kind = Kind {
    group: "autoscaling",
    version: "v2",
    kind: "HorizontalPodAutoscaler",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::policy::autoscaler,
    prepare: unchanged,
    create,
    update,
};

/// The same in its first version, which knows only one metric.
pub(crate) static FIRST: Kind = Kind { version: "v1", default: defaults::policy::autoscaler_v1, ..KIND };

const SPEC: Path<'static> = Path::new("spec");
const SOURCES: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];
const MOST_PERIOD_SECONDS: i64 = 1800;
const MOST_WINDOW_SECONDS: i64 = 3600;

/// Whose `apiVersion` may be what.
#[derive(Clone, Copy)]
struct Reference {
    /// It is not looked at.
    any: bool,
    /// It may be of the core group.
    core: bool,
}

/// `ValidateHorizontalPodAutoscaler`, pkg/apis/autoscaling/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    judge(object, None, version, causes);
}

/// `ValidateHorizontalPodAutoscalerUpdate`, pkg/apis/autoscaling/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    judge(object, stored.get("spec"), version, causes);
}

/// `validateHorizontalPodAutoscalerSpec`, pkg/apis/autoscaling/validation.
fn judge(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let least = some(spec, "minReplicas").and_then(Node::as_int);
    let had_none = stored.and_then(|stored| stored.get("minReplicas")).and_then(Node::as_int) == Some(0);
    let bound = i64::from(!had_none && !gate::HPA_SCALE_TO_ZERO.is_on(version));
    if least.is_some_and(|least| least < bound) {
        causes.invalid(&SPEC.child("minReplicas"), format!("must be greater than or equal to {bound}"));
    }
    let path = SPEC.child("maxReplicas");
    let most = number(spec, "maxReplicas");
    match most {
        most if most < 1 && version < Version::minor(36) => causes.invalid(&path, "must be greater than 0"),
        0 => causes.required(&path, "must be set and greater than 0"),
        most if most < 0 => causes.invalid(&path, "must be greater than or equal to 1"),
        _ => {}
    }
    if least.is_some_and(|least| most < least) {
        causes.invalid(&path, "must be greater than or equal to `minReplicas`");
    }
    target_reference(spec, stored, version, causes);
    metrics(spec, stored, version, least, causes);
    if some(spec, "targetCPUUtilizationPercentage").is_some_and(|share| share.as_int().unwrap_or_default() < 1) {
        causes.invalid(&Path::new("spec.metrics[0].resource.target.averageUtilization"), "must be greater than 0");
    }
    if let Some(behavior) = some(spec, "behavior") {
        let path = SPEC.child("behavior");
        for rule in ["scaleUp", "scaleDown"] {
            if let Some(rules) = some(behavior, rule) {
                scaling(rules, &path.child(rule), causes);
            }
        }
    }
}

/// From this version on a reference must name a group.
fn names_groups(version: Version) -> bool {
    version >= Version::minor(34)
}

/// `ValidateCrossVersionObjectReference`, pkg/apis/autoscaling/validation.
fn target_reference(spec: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let target = spec.get("scaleTargetRef");
    let field = |target: Option<&Node>, field| target.map(|target| text(target, field).to_owned()).unwrap_or_default();
    let same = stored.is_some_and(|stored| {
        let before = stored.get("scaleTargetRef");
        ["apiVersion", "kind"].iter().all(|name| field(before, name) == field(target, name))
    });
    let core = field(target, "kind") == "ReplicationController";
    reference(target, Reference { any: same || !names_groups(version), core }, &SPEC.child("scaleTargetRef"), causes);
}

/// `kind`, `name` and `apiVersion` of another object.
/// `ValidateCrossVersionObjectReference`, pkg/apis/autoscaling/validation.
fn reference(target: Option<&Node>, rule: Reference, path: &Path<'_>, causes: &mut Causes) {
    for field in ["kind", "name"] {
        match target.map(|target| text(target, field)).unwrap_or_default() {
            "" => causes.required(&path.child(field), ""),
            value => causes.each_invalid(&path.child(field), name::path_segment(value)),
        }
    }
    if let Some(fault) = group_fault(target, rule) {
        causes.invalid(&path.child("apiVersion"), fault);
    }
}

fn group_fault(target: Option<&Node>, rule: Reference) -> Option<String> {
    let version = target.map(|target| text(target, "apiVersion")).unwrap_or_default();
    let group = match version.split('/').collect::<Vec<_>>().as_slice() {
        ["", ""] | [_] => "",
        [group, _] => group,
        _ => return (!rule.any).then(|| format!("unexpected GroupVersion string: {version}")),
    };
    (!rule.any && !rule.core && group.is_empty()).then(|| "apiVersion must specify API group".into())
}

/// `validateMetrics`, pkg/apis/autoscaling/validation.
fn metrics(spec: &Node, stored: Option<&Node>, version: Version, least: Option<i64>, causes: &mut Causes) {
    let path = SPEC.child("metrics");
    let described = |metric: &Node| {
        group_fault(metric.find(&["object", "describedObject"]), Reference { any: false, core: true }).is_some()
    };
    let before = stored.map(|stored| list(stored, "metrics")).unwrap_or_default();
    let faulty = before
        .iter()
        .any(|metric| text(metric, "type") == "Object" && some(metric, "object").is_some() && described(metric));
    let rule = Reference { any: faulty || !names_groups(version), core: true };
    let metrics = list(spec, "metrics");
    for (index, node) in metrics.iter().enumerate() {
        metric(node, rule, &path.index(index), causes);
    }
    if least == Some(0) && !metrics.iter().any(|metric| matches!(text(metric, "type"), "Object" | "External")) {
        causes.forbidden(
            &path,
            "must specify at least one Object or External metric to support scaling to zero replicas",
        );
    }
}

/// `validateMetricSpec`, pkg/apis/autoscaling/validation.
fn metric(metric: &Node, rule: Reference, path: &Path<'_>, causes: &mut Causes) {
    let kind = text(metric, "type");
    if kind.is_empty() {
        causes.required(&path.child("type"), "must specify a metric source type");
    }
    let expected = SOURCES.iter().find(|(known, _)| *known == kind).map(|(_, field)| *field);
    match expected {
        None => causes.not_supported(&path.child("type"), &SOURCES.map(|(known, _)| known)),
        Some(field) if some(metric, field).is_none() => {
            causes.required(&path.child(field), "must populate information for the given metric source");
        }
        Some(_) => {}
    }
    // The first one present is judged, in this order.
    let present: Vec<(&str, &Node)> = ["object", "external", "pods", "resource", "containerResource"]
        .into_iter()
        .filter_map(|field| Some((field, some(metric, field)?)))
        .collect();
    if let Some((field, source)) = present.first() {
        metric_source(field, source, rule, &path.child(field), causes);
    }
    if present.len() > 1 {
        for (field, _) in present.iter().filter(|(field, _)| Some(*field) != expected) {
            causes.forbidden(&path.child(field), "must populate the given metric source only");
        }
    }
}

/// `validateObjectSource`, `validatePodsSource`, `validateResourceSource`, `validateContainerResourceSource` and
/// `validateExternalSource`, pkg/apis/autoscaling/validation.
fn metric_source(field: &str, source: &Node, rule: Reference, path: &Path<'_>, causes: &mut Causes) {
    let target_path = path.child("target");
    let target = source.get("target");
    let has = |field| target.is_some_and(|target| some(target, field).is_some());
    let average = target_path.child("averageValue");
    match field {
        "object" => {
            reference(source.get("describedObject"), rule, &path.child("describedObject"), causes);
            identifier(source, path, causes);
            if !has("value") && !has("averageValue") {
                causes.required(&average, "must set either a target value or averageValue");
            }
        }
        "external" => {
            identifier(source, path, causes);
            if !has("value") && !has("averageValue") {
                causes.required(&average, "must set either a target value for metric or a per-pod target");
            }
            if has("value") && has("averageValue") {
                causes.forbidden(
                    &target_path.child("value"),
                    "may not set both a target value for metric and a per-pod target",
                );
            }
        }
        "pods" => {
            identifier(source, path, causes);
            if !has("averageValue") {
                causes.required(&average, "must specify a positive target averageValue");
            }
        }
        _ => {
            let resource = text(source, "name");
            if resource.is_empty() {
                causes.required(&path.child("name"), "must specify a resource name");
            } else if field == "containerResource" {
                container_resource(resource, &path.child("name"), causes);
            }
            if field == "containerResource" {
                match text(source, "container") {
                    "" => causes.required(&path.child("container"), "must specify a container"),
                    container => causes.each_invalid(&path.child("container"), name::dns_label(container)),
                }
            }
            match (has("averageUtilization"), has("averageValue")) {
                (false, false) => {
                    let words = "must set either a target raw value or a target utilization";
                    causes.required(&target_path.child("averageUtilization"), words);
                }
                (true, true) => {
                    causes.forbidden(&average, "may not set both a target raw value and a target utilization");
                }
                _ => {}
            }
        }
    }
    target_rule(target, &target_path, causes);
}

/// The name of something that a container can have much or little of.
/// `validateContainerResourceName` and `validateResourceName`, pkg/apis/core/validation.
fn container_resource(resource: &str, path: &Path<'_>, causes: &mut Causes) {
    let faults = name::label_key(resource);
    let readable = faults.is_empty();
    causes.each_invalid(path, faults);
    let known = matches!(resource, "cpu" | "memory" | "ephemeral-storage") || resource.starts_with("hugepages-");
    if !resource.contains('/') && !known {
        if readable && resource != "storage" {
            causes.invalid(path, "must be a standard resource type or fully qualified");
        }
        causes.invalid(path, "must be a standard resource for containers");
    }
}

/// `validateMetricIdentifier`, pkg/apis/autoscaling/validation.
fn identifier(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    let path = path.child("metric");
    let path = path.child("name");
    match source.get("metric").map(|metric| text(metric, "name")).unwrap_or_default() {
        "" => causes.required(&path, "must specify a metric name"),
        metric => causes.each_invalid(&path, name::path_segment(metric)),
    }
}

/// `validateMetricTarget`, pkg/apis/autoscaling/validation.
fn target_rule(target: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    let kind = target.map(|target| text(target, "type")).unwrap_or_default();
    if kind.is_empty() {
        causes.required(&path.child("type"), "must specify a metric target type");
    }
    if !matches!(kind, "Utilization" | "Value" | "AverageValue") {
        causes.invalid(&path.child("type"), "must be either Utilization, Value, or AverageValue");
    }
    let Some(target) = target else { return };
    for field in ["value", "averageValue"] {
        if some(target, field).is_some_and(|value| !Quantity::stored(Some(value)).sign().is_gt()) {
            causes.invalid(&path.child(field), "must be positive");
        }
    }
    if some(target, "averageUtilization").is_some_and(|share| share.as_int().unwrap_or_default() < 1) {
        causes.invalid(&path.child("averageUtilization"), "must be greater than 0");
    }
}

/// `validateScalingRules`, pkg/apis/autoscaling/validation.
fn scaling(rules: &Node, path: &Path<'_>, causes: &mut Causes) {
    let window = path.child("stabilizationWindowSeconds");
    match number(rules, "stabilizationWindowSeconds") {
        seconds if seconds < 0 => causes.invalid(&window, "must be greater than or equal to zero"),
        seconds if seconds > MOST_WINDOW_SECONDS => {
            causes.invalid(&window, format!("must be less than or equal to {MOST_WINDOW_SECONDS}"));
        }
        _ => {}
    }
    if some(rules, "selectPolicy").is_some_and(|policy| !matches!(policy.as_str(), Some("Disabled" | "Max" | "Min"))) {
        causes.not_supported(&path.child("selectPolicy"), &["Disabled", "Max", "Min"]);
    }
    let policies = list(rules, "policies");
    let policies_path = path.child("policies");
    if policies.is_empty() {
        causes.required(&policies_path, "must specify at least one Policy");
    }
    for (index, policy) in policies.iter().enumerate() {
        let path = policies_path.index(index);
        if !matches!(text(policy, "type"), "Percent" | "Pods") {
            causes.not_supported(&path.child("type"), &["Percent", "Pods"]);
        }
        causes.positive(number(policy, "value"), &path.child("value"));
        let period = number(policy, "periodSeconds");
        causes.positive(period, &path.child("periodSeconds"));
        if period > MOST_PERIOD_SECONDS {
            causes
                .invalid(&path.child("periodSeconds"), format!("must be less than or equal to {MOST_PERIOD_SECONDS}"));
        }
    }
    if some(rules, "tolerance").is_some_and(|tolerance| Quantity::stored(Some(tolerance)).sign().is_lt()) {
        causes.invalid(&path.child("tolerance"), "must be greater than or equal to 0");
    }
}
