//! What the server fills in for policies, budgets, autoscalers and the binding of roles.
//!
//! Follows `pkg/apis/networking/v1/defaults.go: SetDefaults_NetworkPolicy`.

use super::{each, fill, fill_absent, fill_int, fill_map, fill_text, forget, within};
use crate::k8s::version::Version;
use crate::value::{Data, Map, Node};

/// A NetworkPolicy.
/// `SetDefaults_NetworkPolicy`, pkg/apis/networking/v1.
pub(crate) fn network_policy(node: &mut Node, _: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    let at = spec.at;
    let is_empty = |spec: &Node, key: &str| spec.get(key).and_then(Node::as_list).is_none_or(<[Node]>::is_empty);
    if is_empty(spec, "policyTypes") {
        let mut types = vec![Node::text("Ingress", at)];
        if !is_empty(spec, "egress") {
            types.push(Node::text("Egress", at));
        }
        forget(spec, "policyTypes");
        fill(spec, "policyTypes", Data::List(types));
    }
    for direction in ["ingress", "egress"] {
        each(spec, &[direction], |rule| {
            each(rule, &["ports"], |port| fill_absent(port, "protocol", Data::Text("TCP".into())));
        });
    }
}

/// Kinds whose spec may be left out, and of which the server fills in nothing else.
pub(crate) fn with_spec(node: &mut Node, _: Version) {
    forget(node, "status");
    fill_map(node, "spec");
}

/// A RoleBinding or a ClusterRoleBinding.
/// `SetDefaults_RoleBinding` and `SetDefaults_ClusterRoleBinding`, pkg/apis/rbac/v1.
pub(crate) fn role_binding(node: &mut Node, _: Version) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    if let Some(role) = fill_map(node, "roleRef") {
        fill_text(role, "apiGroup", GROUP);
    }
    each(node, &["subjects"], |subject| {
        if matches!(subject.get("kind").and_then(Node::as_str), Some("User" | "Group")) {
            fill_text(subject, "apiGroup", GROUP);
        }
    });
}

/// A LimitRange: what containers get follows from what they may have.
/// `SetDefaults_LimitRangeItem`, pkg/apis/core/v1.
pub(crate) fn limit_range(node: &mut Node, _: Version) {
    let Some(spec) = fill_map(node, "spec") else { return };
    each(spec, &["limits"], |limit| {
        if limit.get("type").and_then(Node::as_str) != Some("Container") {
            return;
        }
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let source = limit.get(from).and_then(Node::as_map).cloned().unwrap_or_default();
            let Some(target) = fill_map(limit, to).and_then(Node::as_map_mut) else { continue };
            for (key, amount) in source {
                if !target.has(&key.name) {
                    target.set(key, amount);
                }
            }
        }
    });
}

/// A PriorityClass.
/// `SetDefaults_PriorityClass`, pkg/apis/scheduling/v1.
pub(crate) fn priority_class(node: &mut Node, _: Version) {
    fill_absent(node, "preemptionPolicy", Data::Text("PreemptLowerPriority".into()));
}

/// An IngressClass.
/// `SetDefaults_IngressClass`, pkg/apis/networking/v1.
pub(crate) fn ingress_class(node: &mut Node, _: Version) {
    if let Some(spec) = fill_map(node, "spec") {
        within(spec, &["parameters"], |parameters| fill_absent(parameters, "scope", Data::Text("Cluster".into())));
    }
}

/// A HorizontalPodAutoscaler of the first version.
/// `SetDefaults_HorizontalPodAutoscaler`, pkg/apis/autoscaling/v1.
pub(crate) fn autoscaler_v1(node: &mut Node, _: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_int(spec, "minReplicas", 1);
    let metrics = "autoscaling.alpha.kubernetes.io/metrics";
    if node.find(&["metadata", "annotations", metrics]).is_none()
        && let Some(spec) = node.get_mut("spec")
    {
        fill_int(spec, "targetCPUUtilizationPercentage", 80);
    }
}

/// A HorizontalPodAutoscaler.
/// `SetDefaults_HorizontalPodAutoscaler`, pkg/apis/autoscaling/v2.
pub(crate) fn autoscaler(node: &mut Node, _: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_int(spec, "minReplicas", 1);
    let at = spec.at;
    let map = |entries: Vec<(&'static str, Data)>| {
        let mut map = Map::new();
        for (key, data) in entries {
            map.put(key, Node::new(data, at));
        }
        Data::Map(map)
    };
    let list = |items: Vec<Data>| Data::List(items.into_iter().map(|item| Node::new(item, at)).collect());
    if spec.get("metrics").and_then(Node::as_list).is_none_or(<[Node]>::is_empty) {
        let target = map(vec![("type", Data::Text("Utilization".into())), ("averageUtilization", Data::Int(80))]);
        let resource = map(vec![("name", Data::Text("cpu".into())), ("target", target)]);
        forget(spec, "metrics");
        fill(spec, "metrics", list(vec![map(vec![("type", Data::Text("Resource".into())), ("resource", resource)])]));
    }
    let Some(behavior) = spec.get_mut("behavior").filter(|behavior| !behavior.is_null()) else { return };
    let policy = |kind: &'static str, value: i64| {
        map(vec![("type", Data::Text(kind.into())), ("value", Data::Int(value)), ("periodSeconds", Data::Int(15))])
    };
    if let Some(up) = fill_map(behavior, "scaleUp") {
        fill_int(up, "stabilizationWindowSeconds", 0);
        fill_absent(up, "selectPolicy", Data::Text("Max".into()));
        fill_absent(up, "policies", list(vec![policy("Pods", 4), policy("Percent", 100)]));
    }
    if let Some(down) = fill_map(behavior, "scaleDown") {
        fill_absent(down, "selectPolicy", Data::Text("Max".into()));
        fill_absent(down, "policies", list(vec![policy("Percent", 100)]));
    }
}
