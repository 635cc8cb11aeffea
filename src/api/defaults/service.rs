//! What the server fills in for a Service.
//!
//! Follows `pkg/apis/core/v1/defaults.go: SetDefaults_Service`.

use super::{each, fill, fill_absent, fill_map, fill_text, forget};
use crate::k8s::version::Version;
use crate::value::{Data, Map, Node};

/// How long a client keeps its pod, in seconds, unless the Service says.
const AFFINITY_SECONDS: i64 = 10_800;

/// A Service.
/// `SetDefaults_Service`, pkg/apis/core/v1.
pub(crate) fn service(node: &mut Node, _: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_text(spec, "sessionAffinity", "None");
    session_affinity(spec);
    fill_text(spec, "type", "ClusterIP");
    each(spec, &["ports"], port);
    let word = |spec: &Node, key: &str| spec.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let kind = word(spec, "type");
    let outside = spec.get("externalIPs").and_then(Node::as_list).is_some_and(|list| !list.is_empty());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") || (kind == "ClusterIP" && outside) {
        fill_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        fill_absent(spec, "internalTrafficPolicy", Data::Text("Cluster".into()));
    }
    if kind == "LoadBalancer" {
        fill_absent(spec, "allocateLoadBalancerNodePorts", Data::Bool(true));
    }
}

fn session_affinity(spec: &mut Node) {
    match spec.get("sessionAffinity").and_then(Node::as_str) {
        Some("None") => forget(spec, "sessionAffinityConfig"),
        Some("ClientIP") => {
            let stated = spec
                .find(&["sessionAffinityConfig", "clientIP", "timeoutSeconds"])
                .is_some_and(|seconds| !seconds.is_null());
            if !stated {
                let at = spec.at;
                let nested = |key: &str, inner: Data| {
                    let mut map = Map::new();
                    map.put(key, Node::new(inner, at));
                    Data::Map(map)
                };
                let config = nested("clientIP", nested("timeoutSeconds", Data::Int(AFFINITY_SECONDS)));
                forget(spec, "sessionAffinityConfig");
                fill(spec, "sessionAffinityConfig", config);
            }
        }
        _ => {}
    }
}

fn port(port: &mut Node) {
    fill_text(port, "protocol", "TCP");
    let number = port.get("port").and_then(Node::as_int).unwrap_or_default();
    if port.get("targetPort").and_then(Node::as_int) == Some(0) {
        forget(port, "targetPort");
    }
    fill(port, "targetPort", Data::Int(number));
}

/// Endpoints.
/// `SetDefaults_Endpoints`, pkg/apis/core/v1.
pub(crate) fn endpoints(node: &mut Node, _: Version) {
    each(node, &["subsets"], |subset| each(subset, &["ports"], |port| fill_text(port, "protocol", "TCP")));
}

/// An EndpointSlice.
/// `SetDefaults_EndpointPort`, pkg/apis/discovery/v1.
pub(crate) fn endpoint_slice(node: &mut Node, _: Version) {
    each(node, &["ports"], |port| {
        fill_absent(port, "name", Data::Text("".into()));
        fill_absent(port, "protocol", Data::Text("TCP".into()));
    });
}
