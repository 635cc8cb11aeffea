//! Pods and pod templates: containers, probes, volumes, and the claims that volumes hold. Knows no kind that owns them.
//!
//! Follows `pkg/apis/core/v1/defaults.go: SetDefaults_PodSpec, SetDefaults_Container, SetDefaults_Probe`.

use super::{each, fill, fill_bool, fill_int, fill_map, fill_text, fill_zero, silent, within};
use crate::k8s::version::Version;
use crate::value::{Data, Node};

/// The lists of a pod that hold containers.
pub(super) const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// A Pod of its own.
/// `SetDefaults_Pod`, pkg/apis/core/v1.
pub(crate) fn pod(node: &mut Node, version: Version) {
    super::forget(node, "status");
    if let Some(spec) = fill_map(node, "spec") {
        for list in ["initContainers", "containers"] {
            each(spec, &[list], requests_from_limits);
        }
        fill_bool(spec, "enableServiceLinks", true);
        if spec.get("hostNetwork").and_then(Node::as_bool) == Some(true) {
            for list in ["initContainers", "containers"] {
                each(spec, &[list], |container| each(container, &["ports"], host_port));
            }
        }
        pod_spec(spec, version);
    }
}

/// A template, as workloads hold it.
pub(crate) fn template(node: &mut Node, version: Version) {
    if let Some(spec) = fill_map(node, "spec") {
        pod_spec(spec, version);
    }
}

/// What a pod and a template have in common.
/// `SetDefaults_PodSpec`, pkg/apis/core/v1.
fn pod_spec(spec: &mut Node, version: Version) {
    fill_text(spec, "dnsPolicy", "ClusterFirst");
    fill_text(spec, "restartPolicy", "Always");
    fill_map(spec, "securityContext");
    fill_int(spec, "terminationGracePeriodSeconds", 30);
    fill_text(spec, "schedulerName", "default-scheduler");
    service_account(spec);
    each(spec, &["volumes"], |source| volume(source, version));
    for list in CONTAINERS {
        each(spec, &[list], |node| container(node, version));
    }
}

/// The account has an old name too; both are always kept the same, the new one first.
/// `Convert_v1_PodSpec_To_core_PodSpec`, pkg/apis/core/v1.
fn service_account(spec: &mut Node) {
    const NAMES: [&str; 2] = ["serviceAccountName", "serviceAccount"];
    let Some(account) = NAMES.iter().find(|name| !silent(spec, name)).and_then(|name| spec.get(name)).cloned() else {
        return;
    };
    if let Some(map) = spec.as_map_mut() {
        for name in NAMES {
            map.put(name, account.clone());
        }
    }
}

/// A container without requests asks for its limits. In pods only, not in templates.
/// `SetDefaults_Pod`, pkg/apis/core/v1.
pub(crate) fn requests_from_limits(container: &mut Node) {
    let Some(limits) = container.find(&["resources", "limits"]).and_then(Node::as_map).cloned() else { return };
    let Some(resources) = container.get_mut("resources") else { return };
    let Some(requests) = fill_map(resources, "requests").and_then(Node::as_map_mut) else { return };
    for (key, limit) in limits {
        if !requests.has(&key.name) {
            requests.set(key, limit);
        }
    }
}

fn host_port(port: &mut Node) {
    if let Some(number) = port.get("containerPort").and_then(Node::as_int) {
        fill_zero(port, "hostPort", number);
    }
}

/// `SetDefaults_Container`, pkg/apis/core/v1.
fn container(container: &mut Node, version: Version) {
    let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
    let policy = pull_policy(image);
    fill_text(container, "imagePullPolicy", policy);
    fill_text(container, "terminationMessagePath", "/dev/termination-log");
    fill_text(container, "terminationMessagePolicy", "File");
    each(container, &["ports"], |port| fill_text(port, "protocol", "TCP"));
    each(container, &["env"], |variable| {
        within(variable, &["valueFrom", "fieldRef"], field_reference);
        if version >= Version::minor(34) {
            within(variable, &["valueFrom", "fileKeyRef"], |reference| fill_bool(reference, "optional", false));
        }
    });
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        within(container, &[probe], |node| {
            fill_zero(node, "timeoutSeconds", 1);
            fill_zero(node, "periodSeconds", 10);
            fill_zero(node, "successThreshold", 1);
            fill_zero(node, "failureThreshold", 3);
            within(node, &["httpGet"], http_get);
            within(node, &["grpc"], |grpc| fill(grpc, "service", Data::Text("".into())));
        });
    }
    for hook in ["postStart", "preStop"] {
        within(container, &["lifecycle", hook, "httpGet"], http_get);
    }
}

/// `SetDefaults_HTTPGetAction`, pkg/apis/core/v1.
fn http_get(node: &mut Node) {
    fill_text(node, "path", "/");
    fill_text(node, "scheme", "HTTP");
}

/// `SetDefaults_ObjectFieldSelector`, pkg/apis/core/v1.
fn field_reference(node: &mut Node) {
    fill_text(node, "apiVersion", "v1");
}

/// `latest`, said or meant, is always pulled; an image without a readable name is not.
fn pull_policy(image: &str) -> &'static str {
    if tag_of(image) == Some("latest") { "Always" } else { "IfNotPresent" }
}

/// The tag of an image; `latest` if it has neither tag nor digest; none if it is no image name.
fn tag_of(image: &str) -> Option<&str> {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let (repository, tag) = match name[last..].find(':') {
        Some(colon) => (&name[..last + colon], Some(&name[last + colon + 1..])),
        None => (name, None),
    };
    let path = repository.split_once('/').map_or(repository, |(host, path)| {
        let is_host =
            host.contains(['.', ':']) || host == "localhost" || host.bytes().any(|byte| byte.is_ascii_uppercase());
        if is_host { path } else { repository }
    });
    let readable = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        part.bytes().all(|byte| inner(byte) || matches!(byte, b'.' | b'_' | b'-'))
            && part.bytes().next().is_some_and(inner)
            && part.bytes().last().is_some_and(inner)
    };
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let good_tag = tag.is_none_or(|tag| {
        tag.len() <= 128
            && tag.bytes().next().is_some_and(word)
            && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
    });
    if !path.split('/').all(readable) || !good_tag || digest.is_some_and(|digest| !digest.contains(':')) {
        return None;
    }
    tag.or_else(|| digest.is_none().then_some("latest"))
}

/// `SetDefaults_Volume`, pkg/apis/core/v1.
fn volume(volume: &mut Node, version: Version) {
    let says_nothing = volume.entries().all(|(key, value)| key.name == "name" || value.is_null());
    if says_nothing {
        fill_map(volume, "emptyDir");
    }
    source(volume);
    within(volume, &["image"], |image| {
        let policy = pull_policy(image.get("reference").and_then(Node::as_str).unwrap_or_default());
        if version >= Version::minor(35) {
            fill_text(image, "pullPolicy", policy);
        }
    });
    for kind in ["secret", "configMap", "downwardAPI", "projected"] {
        within(volume, &[kind], |node| fill_int(node, "defaultMode", 0o644));
    }
    each(volume, &["downwardAPI", "items"], |item| within(item, &["fieldRef"], field_reference));
    each(volume, &["projected", "sources"], |projected| {
        each(projected, &["downwardAPI", "items"], |item| within(item, &["fieldRef"], field_reference));
        within(projected, &["serviceAccountToken"], |token| fill_int(token, "expirationSeconds", 3600));
    });
    within(volume, &["ephemeral", "volumeClaimTemplate", "spec"], claim_spec);
}

/// What pod volumes and persistent volumes have in common: the sources with fields to fill in.
pub(crate) fn source(volume: &mut Node) {
    within(volume, &["hostPath"], |node| {
        if node.get("type").is_none_or(Node::is_null) {
            fill(node, "type", Data::Text("".into()));
        }
    });
    within(volume, &["iscsi"], |node| fill_text(node, "iscsiInterface", "default"));
    within(volume, &["rbd"], |node| {
        fill_text(node, "pool", "rbd");
        fill_text(node, "user", "admin");
        fill_text(node, "keyring", "/etc/ceph/keyring");
    });
    within(volume, &["azureDisk"], |node| {
        fill_absent(node, "cachingMode", Data::Text("ReadWrite".into()));
        fill_absent(node, "fsType", Data::Text("ext4".into()));
        fill_absent(node, "readOnly", Data::Bool(false));
        fill_absent(node, "kind", Data::Text("Shared".into()));
    });
    within(volume, &["scaleIO"], |node| {
        fill_text(node, "storageMode", "ThinProvisioned");
        fill_text(node, "fsType", "xfs");
    });
}

/// Some texts may be empty on purpose.
fn fill_absent(node: &mut Node, key: &str, data: Data) {
    if node.get(key).is_none_or(Node::is_null) {
        fill(node, key, data);
    }
}

/// The spec of a claim, wherever it stands.
/// `SetDefaults_PersistentVolumeClaimSpec`, pkg/apis/core/v1.
pub(crate) fn claim_spec(spec: &mut Node) {
    fill_absent(spec, "volumeMode", Data::Text("Filesystem".into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_images() {
        for (image, tag) in [
            ("nginx", Some("latest")),
            ("nginx:latest", Some("latest")),
            ("nginx:1.27", Some("1.27")),
            ("registry.example.com:5000/team/app", Some("latest")),
            ("registry.example.com:5000/team/app:v1", Some("v1")),
            ("app@sha256:0000000000000000000000000000000000000000000000000000000000000000", None),
            (" nginx", None),
            ("Nginx", None),
            ("", None),
        ] {
            assert_eq!(tag_of(image), tag, "{image}");
        }
    }
}
