//! Manifests without what says nothing: what a cluster filled in, and what the API server would fill in by itself.
//! Whatever is taken out is shown to make no difference to the server.

use crate::api::admission;
use crate::bundle::{Bundle, Resource};
use crate::k8s::version::Version;
use crate::review::live;
use crate::value::{Data, Map, Node};

/// Objects from a cluster become manifests again.
pub(super) fn from_cluster(bundle: &Bundle) -> (Bundle, Vec<bool>) {
    let live: Vec<bool> = bundle
        .resources
        .iter()
        .map(|resource| {
            ["uid", "resourceVersion"].iter().all(|field| resource.node.find(&["metadata", field]).is_some())
        })
        .collect();
    let mut bundle = live::manifests(bundle);
    for (resource, is_live) in bundle.resources.iter_mut().zip(&live) {
        if *is_live
            && resource.id.kind == "Service"
            && let Some(spec) = resource.node.get_mut("spec").and_then(Node::as_map_mut)
        {
            for field in ["ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "clusterIPs"] {
                if !(field == "ipFamilyPolicy" && spec.get(field).and_then(Node::as_str) != Some("SingleStack")) {
                    spec.remove(field);
                }
            }
        }
        if admission::kind_of(&resource.api_version, &resource.id.kind).is_none() {
            continue;
        }
        drop_nulls(&mut resource.node);
        if let Some(map) = resource.node.as_map_mut() {
            map.remove("status");
        }
    }
    (bundle, live)
}

/// Fields that often say what the server says by itself, and from which kind of place they are taken out together.
const IDLE: [&str; 26] = [
    "protocol",
    "type",
    "sessionAffinity",
    "resources",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "dnsPolicy",
    "restartPolicy",
    "schedulerName",
    "securityContext",
    "apiVersion",
    "volumeMode",
    "status",
    "serviceAccount",
    "revisionHistoryLimit",
    "creationTimestamp",
    "terminationGracePeriodSeconds",
    "imagePullPolicy",
    "podManagementPolicy",
    "partition",
    "persistentVolumeClaimRetentionPolicy",
    "defaultMode",
    "timeoutSeconds",
    "successThreshold",
    "periodSeconds",
    "failureThreshold",
];

/// An object without what the server would say by itself. Ours say nothing that is not meant.
pub(super) fn tidy(resource: &Resource, is_live: bool, version: Version) -> Resource {
    let kind = &*resource.id.kind;
    let is_ours = resource.node.find(&["metadata", "labels", "app.kubernetes.io/managed-by"]).and_then(Node::as_str)
        == Some("statewright");
    let known = ["StatefulSet", "Service", "PersistentVolume", "ServiceAccount", "PodDisruptionBudget", "ConfigMap"];
    if !known.contains(&kind) || is_ours && !is_live {
        return resource.clone();
    }
    let without = |base: &Resource, fields: &[&str]| {
        let mut tidied = base.clone();
        prune(&mut tidied.node, &mut vec![], &Idle { kind, is_live, fields });
        tidied
    };
    let all = without(resource, &IDLE);
    if all.node == resource.node || admission::create(&resource.node, version).object.is_none() {
        return resource.clone();
    }
    let stored = |resource: &Resource| super::proof::stored(resource, "", version);
    let wanted = stored(resource);
    if stored(&all) == wanted {
        return all;
    }
    // Some field is no default here: it stays, and the others go.
    let mut kept = resource.clone();
    for field in IDLE {
        let fewer = without(&kept, &[field]);
        if fewer.node != kept.node && stored(&fewer) == wanted {
            kept = fewer;
        }
    }
    kept
}

/// What may be taken out.
struct Idle<'i> {
    kind: &'i str,
    is_live: bool,
    fields: &'i [&'i str],
}

fn drop_nulls(node: &mut Node) {
    match &mut node.data {
        Data::Map(map) => {
            if map.iter().any(|(_, value)| value.is_null()) {
                map.retain(|_, value| !value.is_null());
            }
            map.iter_mut().for_each(|(_, value)| drop_nulls(value));
        }
        Data::List(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Takes out what says nothing; whether it does is looked at afterwards.
fn prune(node: &mut Node, path: &mut Vec<String>, idle: &Idle<'_>) {
    match &mut node.data {
        Data::List(items) => items.iter_mut().for_each(|item| prune(item, path, idle)),
        Data::Map(map) => {
            if matches!(
                path.last().map(String::as_str),
                Some("labels" | "annotations" | "data" | "matchLabels" | "binaryData")
            ) {
                return;
            }
            let names: Vec<_> = map
                .iter()
                .filter(|(key, value)| idle.fields.contains(&&*key.name) && is_idle(&key.name, value, map, path, idle))
                .map(|(key, _)| key.name.clone())
                .collect();
            for name in names {
                map.remove(&name);
            }
            for (key, value) in map.iter_mut() {
                path.push(key.name.to_string());
                prune(value, path, idle);
                path.pop();
            }
            map.retain(|key, value| {
                !(matches!(&*key.name, "rollingUpdate" | "updateStrategy") && value.as_map().is_some_and(Map::is_empty))
            });
        }
        _ => {}
    }
}

fn is_idle(key: &str, value: &Node, beside: &Map, path: &[String], idle: &Idle<'_>) -> bool {
    let within = path.last().map_or("", String::as_str);
    let text = value.as_str();
    let empty = value.as_map().is_some_and(Map::is_empty);
    match key {
        "protocol" => within == "ports" && text == Some("TCP"),
        "type" => match within {
            "spec" => idle.kind == "Service" && text == Some("ClusterIP"),
            _ => within == "updateStrategy" && text == Some("RollingUpdate"),
        },
        "sessionAffinity" => text == Some("None"),
        "resources" => empty && within != "spec",
        "terminationMessagePath" => text == Some("/dev/termination-log"),
        "terminationMessagePolicy" => text == Some("File"),
        "dnsPolicy" => text == Some("ClusterFirst"),
        "restartPolicy" => within == "spec" && text == Some("Always"),
        "schedulerName" => text == Some("default-scheduler"),
        "securityContext" => within == "spec" && empty,
        "apiVersion" => within == "fieldRef" && text == Some("v1"),
        "volumeMode" => text == Some("Filesystem"),
        "status" => within == "volumeClaimTemplates",
        "serviceAccount" => within == "spec" && beside.get("serviceAccountName") == Some(value),
        "revisionHistoryLimit" | "periodSeconds" => value.as_int() == Some(10),
        "creationTimestamp" => true,
        "terminationGracePeriodSeconds" => value.as_int() == Some(30),
        "imagePullPolicy" => matches!(text, Some("Always" | "IfNotPresent")),
        "podManagementPolicy" => text == Some("OrderedReady"),
        "partition" => value.as_int() == Some(0),
        // That the claims are kept is worth saying.
        "persistentVolumeClaimRetentionPolicy" if idle.is_live => {
            value.entries().all(|(_, value)| value.as_str() == Some("Retain"))
        }
        "defaultMode" => value.as_int() == Some(420),
        "timeoutSeconds" | "successThreshold" => within.ends_with("Probe") && value.as_int() == Some(1),
        "failureThreshold" => value.as_int() == Some(3),
        _ => false,
    }
}
