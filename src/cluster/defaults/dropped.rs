//! Fields of features that are off by default: a server drops them in silence. Data per Kubernetes version.

use super::pod::CONTAINERS;
use super::{each, forget};
use crate::k8s::version::Version;
use crate::value::Node;

/// A field, and the first minor version whose servers keep it; none keeps it so far where that is `None`.
struct Feature {
    /// Where it sits, steps through maps; `*` is each item of a list.
    path: &'static [&'static str],
    since: Option<u8>,
}

const fn feature(path: &'static [&'static str], since: Option<u8>) -> Feature {
    Feature { path, since }
}

/// In the spec of a pod.
static OF_PODS: &[Feature] = &[
    feature(&["hostUsers"], Some(33)),
    feature(&["securityContext", "supplementalGroupsPolicy"], Some(33)),
    feature(&["securityContext", "seLinuxChangePolicy"], Some(33)),
    feature(&["resources"], Some(34)),
    feature(&["resourceClaims"], Some(34)),
    feature(&["hostnameOverride"], Some(35)),
    feature(&["schedulingGroup"], None),
    feature(&["volumes", "*", "projected", "sources", "*", "clusterTrustBundle"], None),
    feature(&["volumes", "*", "projected", "sources", "*", "podCertificate"], None),
    feature(&["affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "*", "matchLabelKeys"], Some(31)),
    feature(&["affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "*", "mismatchLabelKeys"], Some(31)),
    feature(&["affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "*", "matchLabelKeys"], Some(31)),
    feature(&["affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "*", "mismatchLabelKeys"], Some(31)),
];

/// In each container.
static OF_CONTAINERS: &[Feature] = &[
    feature(&["resizePolicy"], Some(33)),
    feature(&["restartPolicyRules"], Some(35)),
    feature(&["resources", "claims"], Some(34)),
    feature(&["env", "*", "valueFrom", "fileKeyRef"], Some(35)),
    feature(&["volumeMounts", "*", "recursiveReadOnly"], Some(31)),
];

/// Takes out of a pod what this version's server would not keep.
pub(super) fn from_pod_spec(spec: &mut Node, version: Version) {
    drop_all(spec, OF_PODS, version);
    if version < Version::minor(35) {
        image_volumes(spec);
    }
    for list in CONTAINERS {
        each(spec, &[list], |container| {
            drop_all(container, OF_CONTAINERS, version);
            lifecycle(container, version);
            restart_policy(container, list, version);
            if version < Version::minor(33)
                && let Some(mount) = container.find_mut(&["securityContext", "procMount"])
                && !mount.is_null()
            {
                *mount = Node::text("Default", mount.at);
            }
        });
    }
}

fn drop_all(node: &mut Node, features: &[Feature], version: Version) {
    for feature in features {
        if feature.since.is_none_or(|since| version < Version::minor(since)) {
            drop_at(node, feature.path);
        }
    }
}

fn drop_at(node: &mut Node, path: &[&str]) {
    match path {
        [] => {}
        [field] => forget(node, field),
        ["*", rest @ ..] => node.items_mut().for_each(|item| drop_at(item, rest)),
        [field, rest @ ..] => {
            if let Some(inner) = node.get_mut(field) {
                drop_at(inner, rest);
            }
        }
    }
}

/// A hook, or a lifecycle, that held nothing but the dropped field goes with it.
fn lifecycle(container: &mut Node, version: Version) {
    let Some(lifecycle) = container.get_mut("lifecycle").and_then(Node::as_map_mut) else { return };
    let mut dropped = lifecycle.remove("stopSignal").is_some();
    if version < Version::minor(30) {
        for name in ["preStop", "postStart"] {
            let Some(hook) = lifecycle.get_mut(name).and_then(Node::as_map_mut) else { continue };
            dropped |= hook.remove("sleep").is_some();
            if hook.is_empty() {
                lifecycle.remove(name);
            }
        }
    }
    if dropped && lifecycle.is_empty() {
        forget(container, "lifecycle");
    }
}

/// Up to 1.34 only an init container may have a restart policy, and only `Always`.
fn restart_policy(container: &mut Node, list: &str, version: Version) {
    if version >= Version::minor(35) {
        return;
    }
    let policy = container.get("restartPolicy").and_then(Node::as_str);
    if version == Version::minor(34) && (list != "initContainers" || policy.is_some_and(|policy| policy != "Always")) {
        forget(container, "restartPolicy");
    }
}

/// A volume made of an image goes, with its mounts.
fn image_volumes(spec: &mut Node) {
    let Some(volumes) = spec.get_mut("volumes") else { return };
    let mut gone = Vec::new();
    retain(volumes, |volume| {
        let image = volume.get("image").is_some_and(|image| !image.is_null());
        if image {
            gone.extend(volume.get("name").and_then(Node::as_str).map(str::to_owned));
        }
        !image
    });
    if gone.is_empty() {
        return;
    }
    for list in CONTAINERS {
        each(spec, &[list], |container| {
            if let Some(mounts) = container.get_mut("volumeMounts") {
                retain(mounts, |mount| mount.get("name").and_then(Node::as_str).is_none_or(|name| !gone.iter().any(|other| other == name)));
            }
        });
    }
}

fn retain(list: &mut Node, keep: impl FnMut(&Node) -> bool) {
    if let crate::value::Data::List(items) = &mut list.data {
        items.retain(keep);
    }
}
