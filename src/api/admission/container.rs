//! Containers of a pod: the regular ones, those that run before, and those put in for a look.
//!
//! Follows `pkg/apis/core/validation/validation.go: validateContainers, validateInitContainers,
//! validateContainerCommon`.

use super::cause::{Causes, Path, list, number, some, text};
use super::names::Names;
use super::pod::Pod;
use super::{env, handler, mount, resources, security};
use crate::k8s::name;
use crate::value::Node;
use std::collections::BTreeSet;

/// `containers`.
/// `validateContainers`, pkg/apis/core/validation.
pub(crate) fn regular(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let containers = list(pod.spec, "containers");
    if containers.is_empty() {
        return causes.required(path, "");
    }
    let mut names = Names::default();
    for (index, container) in containers.iter().enumerate() {
        let path = path.index(index);
        common(container, pod, &path, causes);
        if !names.add(text(container, "name")) {
            causes.duplicate(&path.child("name"));
        }
        running(container, pod, &path, causes);
        if pod.rules.restart_rules {
            restart_policy(container, pod, &path, causes);
        } else if some(container, "restartPolicy").is_some() {
            causes.forbidden(&path.child("restartPolicy"), "may not be set for non-init containers");
        }
    }
    host_ports(containers.iter().enumerate(), path, causes);
}

/// `initContainers`.
/// `validateInitContainers`, pkg/apis/core/validation.
pub(crate) fn init(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let mut names: Names<'_> = list(pod.spec, "containers").iter().map(|container| text(container, "name")).collect();
    for (index, container) in list(pod.spec, "initContainers").iter().enumerate() {
        let item = path.index(index);
        common(container, pod, &item, causes);
        init_restart_policy(container, pod, &item, causes);
        let given = text(container, "name");
        if !given.is_empty() && !names.add(given) {
            causes.duplicate(&item.child("name"));
        }
        // One at a time runs, so each is compared only with itself, and the server always calls it the first.
        host_ports([(0, container)], path, causes);
        let sidecar = text(container, "restartPolicy") == "Always";
        if sidecar {
            running(container, pod, &item, causes);
        } else {
            for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                if some(container, field).is_some() {
                    causes.forbidden(
                        &item.child(field),
                        "may not be set for init containers without restartPolicy=Always",
                    );
                }
            }
        }
        init_resize_policy(container, sidecar, pod, &item.child("resizePolicy"), causes);
    }
}

/// `ephemeralContainers`. No template may hold any, yet the server says all that is wrong with them.
/// `validateEphemeralContainers`, pkg/apis/core/validation.
pub(crate) fn ephemeral(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let containers = list(pod.spec, "ephemeralContainers");
    if containers.is_empty() {
        return;
    }
    let others = || {
        ["containers", "initContainers"]
            .into_iter()
            .flat_map(|kind| list(pod.spec, kind))
            .map(|other| text(other, "name"))
    };
    let targets: Names<'_> = others().collect();
    let mut names: Names<'_> = others().collect();
    for (index, container) in containers.iter().enumerate() {
        let path = path.index(index);
        common(container, pod, &path, causes);
        untrimmed_image(container, &path, causes);
        if !names.add(text(container, "name")) {
            causes.duplicate(&path.child("name"));
        }
        let target = text(container, "targetContainerName");
        if !target.is_empty() && !targets.has(target) {
            causes.not_found(&path.child("targetContainerName"));
        }
        for field in EPHEMERAL_FORBIDS {
            let set = some(container, field)
                .is_some_and(|value| field != "resources" || value.entries().any(|(_, part)| !part.is_null()));
            if set {
                causes.forbidden(&path.child(field), "cannot be set for an Ephemeral Container");
            }
        }
        let mounts = path.child("volumeMounts");
        for (index, mount) in list(container, "volumeMounts").iter().enumerate() {
            for field in ["subPath", "subPathExpr"] {
                if !text(mount, field).is_empty() {
                    causes.forbidden(&mounts.index(index).child(field), "cannot be set for an Ephemeral Container");
                }
            }
        }
    }
}

/// An image with spaces around its name: refused in pods, let through in templates.
/// `validateContainerOnlyForPod`, pkg/apis/core/validation.
pub(crate) fn untrimmed_image(container: &Node, path: &Path<'_>, causes: &mut Causes) {
    let image = text(container, "image");
    if image.trim() != image {
        causes.invalid(&path.child("image"), "must not have leading or trailing whitespace");
    }
}

const EPHEMERAL_FORBIDS: [&str; 9] = [
    "ports",
    "resources",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
];
const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

/// `imagePullPolicy`, of containers and of volumes made of images.
/// `validatePullPolicy`, pkg/apis/core/validation.
pub(crate) fn pull_policy(policy: &str, path: &Path<'_>, causes: &mut Causes) {
    causes.required_one_of(policy, &PULL_POLICIES, path);
}

/// What all sorts of containers have in common.
/// `validateContainerCommon`, pkg/apis/core/validation.
fn common(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let given = text(container, "name");
    if given.is_empty() {
        causes.required(&path.child("name"), "");
    } else {
        causes.each_invalid(&path.child("name"), name::dns_label(given));
    }
    if text(container, "image").is_empty() {
        causes.required(&path.child("image"), "");
    }
    let policy = text(container, "terminationMessagePolicy");
    causes.required_one_of(policy, &["File", "FallbackToLogsOnError"], &path.child("terminationMessagePolicy"));
    ports(container, &path.child("ports"), causes);
    env::variables(list(container, "env"), pod.rules, &path.child("env"), causes);
    env::sources(list(container, "envFrom"), pod.rules, &path.child("envFrom"), causes);
    mount::mounts(container, pod, &path.child("volumeMounts"), causes);
    mount::devices(container, pod, &path.child("volumeDevices"), causes);
    pull_policy(text(container, "imagePullPolicy"), &path.child("imagePullPolicy"), causes);
    resources::of_container(container, pod, &path.child("resources"), causes);
    resize_policy(container, pod, &path.child("resizePolicy"), causes);
    security::of_container(container, pod, &path.child("securityContext"), causes);
}

/// What containers that keep running have in common.
/// `validateContainers`, pkg/apis/core/validation.
fn running(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    if let Some(lifecycle) = some(container, "lifecycle") {
        handler::lifecycle(lifecycle, pod, &path.child("lifecycle"), causes);
    }
    handler::probes(container, pod, path, causes);
}

/// `validateContainerPorts`, pkg/apis/core/validation.
fn ports(container: &Node, path: &Path<'_>, causes: &mut Causes) {
    let mut names = Names::default();
    for (index, port) in list(container, "ports").iter().enumerate() {
        let path = path.index(index);
        let given = text(port, "name");
        if !given.is_empty() {
            let faults = name::port_name(given);
            if !faults.is_empty() {
                causes.each_invalid(&path.child("name"), faults);
            } else if !names.add(given) {
                causes.duplicate(&path.child("name"));
            }
        }
        match number(port, "containerPort") {
            0 => causes.required(&path.child("containerPort"), ""),
            number => causes.each_invalid(&path.child("containerPort"), name::port_number(number)),
        }
        let host = number(port, "hostPort");
        if host != 0 {
            causes.each_invalid(&path.child("hostPort"), name::port_number(host));
        }
        causes.required_one_of(text(port, "protocol"), &["SCTP", "TCP", "UDP"], &path.child("protocol"));
    }
}

/// No two ports on the host may be the same.
fn host_ports<'n>(containers: impl IntoIterator<Item = (usize, &'n Node)>, path: &Path<'_>, causes: &mut Causes) {
    let mut seen: BTreeSet<(&str, &str, i64)> = BTreeSet::new();
    for (index, container) in containers {
        for (position, port) in list(container, "ports").iter().enumerate() {
            let host = number(port, "hostPort");
            if host == 0 {
                continue;
            }
            if !seen.insert((text(port, "protocol"), text(port, "hostIP"), host)) {
                causes.duplicate(&path.index(index).child("ports").index(position).child("hostPort"));
            }
        }
    }
}

/// `validateInitContainerRestartPolicy`, pkg/apis/core/validation.
fn init_restart_policy(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let policy = some(container, "restartPolicy").map(|policy| policy.as_str().unwrap_or_default());
    let has_rules = !list(container, "restartPolicyRules").is_empty();
    match policy {
        None if has_rules => {
            causes.required(&path.child("restartPolicy"), "must specify restartPolicy when restart rules are used");
        }
        None => {}
        Some("Always") if pod.rules.restart_rules && !pod.rules.restart_all && has_rules => {
            let path = path.child("restartPolicyRules");
            causes
                .forbidden(&path, "restartPolicyRules are not allowed for init containers with restart policy Always");
        }
        Some(_) if pod.rules.restart_rules => restart_policy(container, pod, path, causes),
        Some(policy) => causes.one_of(policy, &["Always"], &path.child("restartPolicy")),
    }
}

/// `validateContainerRestartPolicy`, pkg/apis/core/validation.
fn restart_policy(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let rules = list(container, "restartPolicyRules");
    let policy_path = path.child("restartPolicy");
    match some(container, "restartPolicy") {
        Some(policy) => {
            causes.one_of(policy.as_str().unwrap_or_default(), &["Always", "Never", "OnFailure"], &policy_path);
        }
        None if rules.is_empty() => return,
        None => causes.required(&policy_path, "must specify restartPolicy when restart rules are used"),
    }
    let path = path.child("restartPolicyRules");
    if rules.len() > 20 {
        causes.too_many(&path, 20);
    }
    let actions: &[&str] = if pod.rules.restart_all { &["Restart", "RestartAllContainers"] } else { &["Restart"] };
    for (index, rule) in rules.iter().enumerate() {
        let path = path.index(index);
        causes.one_of(text(rule, "action"), actions, &path.child("action"));
        let codes_path = path.child("exitCodes");
        let Some(codes) = some(rule, "exitCodes") else {
            causes.required(&codes_path, "must be specified");
            continue;
        };
        causes.one_of(text(codes, "operator"), &["In", "NotIn"], &codes_path.child("operator"));
        if list(codes, "values").len() > 255 {
            causes.too_many(&codes_path.child("values"), 255);
        }
    }
}

/// `resizePolicy`. The server names the list in its answers, not the item.
/// `validateResizePolicy`, pkg/apis/core/validation.
fn resize_policy(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let mut names = Names::default();
    for (index, policy) in list(container, "resizePolicy").iter().enumerate() {
        let (resource, restart) = (text(policy, "resourceName"), text(policy, "restartPolicy"));
        if !names.add(resource) {
            causes.duplicate(&path.index(index));
        }
        causes.required_one_of(resource, &["cpu", "memory"], path);
        causes.required_one_of(restart, &["NotRequired", "RestartContainer"], path);
        if text(pod.spec, "restartPolicy") == "Never" && restart != "NotRequired" {
            causes.invalid(path, "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
        }
    }
}

/// `validateInitContainers`, pkg/apis/core/validation.
fn init_resize_policy(container: &Node, sidecar: bool, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let policies = list(container, "resizePolicy");
    if !pod.rules.init_resize && !policies.is_empty() {
        causes.invalid(path, "must not be set for init containers");
    }
    if sidecar || pod.rules.init_resize_restart {
        return;
    }
    for (index, policy) in policies.iter().enumerate() {
        if text(policy, "restartPolicy") == "RestartContainer" {
            let path = path.index(index);
            causes.invalid(
                &path.child("restartPolicy"),
                "must not be set to 'RestartContainer' for non-sidecar initContainers",
            );
        }
    }
}
