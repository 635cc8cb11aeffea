//! Pods and the templates they are made from: `metadata` and `spec`. Knows no kind that holds a template.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidatePodSpec`.

use super::cause::{Causes, Path, flag, list, some, text};
use super::names::Names;
use super::pod_rules::{CONTAINERS, Rules};
use super::volume::{self, Volumes};
use super::{affinity, container, meta, resources, security, selector, spread};
use crate::k8s::{ip, name};
use crate::value::Node;
use std::collections::BTreeMap;

/// What the parts of a pod need to know of the whole.
pub(crate) struct Pod<'n> {
    /// Its `spec`.
    pub spec: &'n Node,
    /// The rules it is held to.
    pub rules: &'n Rules,
    /// Its good volumes.
    pub volumes: Volumes<'n>,
    /// The names of claim templates, good or not.
    pub claims: &'n [&'n str],
    /// How long its containers have to end.
    pub grace: Option<i64>,
    /// It shares its users with the host.
    pub host_users: bool,
}

impl Pod<'_> {
    /// The operating system it is for, if it says so.
    #[must_use]
    pub(crate) fn os(&self) -> &str {
        self.spec.get("os").map(|system| text(system, "name")).unwrap_or_default()
    }
}

/// What a template is part of, as far as it matters to the template.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holder<'n> {
    /// The names of claim templates, each of which becomes a volume.
    pub claims: &'n [&'n str],
    /// The holder gives each pod its own host name and subdomain, whatever the template says.
    pub names_hosts: bool,
}

/// Fields of pods, templates and claims that say something even when they are empty.
pub(crate) const OPTIONAL: &[&str] = &[
    "activeDeadlineSeconds",
    "affinity",
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "automountServiceAccountToken",
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "capabilities",
    "cephfs",
    "cinder",
    "configMap",
    "configMapKeyRef",
    "configMapRef",
    "csi",
    "dataSource",
    "dataSourceRef",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "dnsConfig",
    "downwardAPI",
    "emptyDir",
    "enableServiceLinks",
    "ephemeral",
    "exec",
    "exitCodes",
    "fc",
    "fieldRef",
    "fileKeyRef",
    "flexVolume",
    "flocker",
    "fsGroup",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "gmsaCredentialSpec",
    "gmsaCredentialSpecName",
    "grpc",
    "hostPath",
    "hostProcess",
    "hostUsers",
    "hostnameOverride",
    "httpGet",
    "initiatorName",
    "iscsi",
    "labelSelector",
    "lifecycle",
    "livenessProbe",
    "localhostProfile",
    "minDomains",
    "mode",
    "mountPropagation",
    "namespaceSelector",
    "nfs",
    "nodeAffinity",
    "onExitCodes",
    "optional",
    "ordinals",
    "os",
    "persistentVolumeClaim",
    "photonPersistentDisk",
    "podAffinity",
    "podAntiAffinity",
    "podFailurePolicy",
    "portworxVolume",
    "postStart",
    "preStop",
    "priority",
    "privileged",
    "projected",
    "quobyte",
    "rbd",
    "readOnlyRootFilesystem",
    "readinessProbe",
    "recursiveReadOnly",
    "resourceFieldRef",
    "rollingUpdate",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "runAsUserName",
    "runtimeClassName",
    "scaleIO",
    "seLinuxOptions",
    "seccompProfile",
    "secret",
    "secretKeyRef",
    "secretRef",
    "securityContext",
    "selector",
    "serviceAccountToken",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "sleep",
    "startupProbe",
    "storageClassName",
    "storageos",
    "successPolicy",
    "tcpSocket",
    "terminationGracePeriodSeconds",
    "tolerationSeconds",
    "valueFrom",
    "volumeAttributesClassName",
    "volumeClaimTemplate",
    "volumeMode",
    "vsphereVolume",
    "windowsOptions",
];

/// The annotation by which a pod says what its deletion costs.
pub(crate) const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// A template. The server leaves `metadata` out of the paths of its labels and annotations.
/// `ValidatePodTemplateSpec`, pkg/apis/core/validation.
pub(crate) fn template(template: &Node, holder: Holder<'_>, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    let metadata = template.get("metadata");
    let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
    let nothing = Node::null(template.at);
    let inner = template.get("spec").unwrap_or(&nothing);
    selector::labels(metadata.and_then(|metadata| metadata.get("labels")), &path.child("labels"), causes);
    annotations_of_pod(annotations, inner, rules, &path.child("annotations"), causes);
    let spec_path = path.child("spec");
    spec(inner, "", holder, rules, &spec_path, causes);
    profiles_agree(annotations, inner, &spec_path, causes);
    if !list(inner, "ephemeralContainers").is_empty() {
        causes.forbidden(&spec_path.child("ephemeralContainers"), "ephemeral containers not allowed in pod template");
    }
}

/// The annotations of a pod or template: all that is asked of annotations, and of those that mean something to pods.
/// `ValidatePodSpecificAnnotations` and `ValidateAppArmorPodAnnotations`, pkg/apis/core/validation.
pub(crate) fn annotations_of_pod(
    annotations: Option<&Node>,
    spec: &Node,
    rules: &Rules,
    path: &Path<'_>,
    causes: &mut Causes,
) {
    meta::annotations(annotations, path, causes);
    let mut containers: Option<Names<'_>> = None;
    for (key, value) in annotations.into_iter().flat_map(Node::entries) {
        let value = value.as_str().unwrap_or_default();
        let key = key.name.as_str();
        if key == "kubernetes.io/config.mirror" && text(spec, "nodeName").is_empty() {
            causes.invalid(&path.key(key), "must set spec.nodeName if mirror pod annotation is set");
        } else if key == DELETION_COST && !rules.faulty_deletion_cost && !is_deletion_cost(value) {
            causes.invalid(&path.key(key), "must be a 32bit integer");
        } else if key == SECCOMP_POD || key.starts_with(SECCOMP_CONTAINER) {
            seccomp_annotation(value, &path.child(key), causes);
        } else if let Some(name) = key.strip_prefix(APP_ARMOR) {
            let containers = containers.get_or_insert_with(|| {
                CONTAINERS.iter().flat_map(|kind| list(spec, kind)).map(|container| text(container, "name")).collect()
            });
            if !containers.has(name) {
                causes.invalid(&path.key(key), "container not found");
            }
            if !matches!(value, "" | "runtime/default" | "unconfined") && !value.starts_with("localhost/") {
                causes.invalid(&path.key(key), format!("invalid AppArmor profile name: \"{value}\""));
            }
        }
    }
}

/// Whether a text is what a deletion may cost.
#[must_use]
pub(crate) fn is_deletion_cost(text: &str) -> bool {
    let canonical =
        text == "0" || text.starts_with('-') || text.starts_with(|first: char| ('1'..='9').contains(&first));
    canonical && text.parse::<i32>().is_ok()
}

/// `spec` of a pod or template. `pod_name` is empty in templates.
/// `ValidatePodSpec`, pkg/apis/core/validation.
pub(crate) fn spec<'n>(
    spec: &'n Node,
    pod_name: &str,
    holder: Holder<'n>,
    rules: &'n Rules,
    path: &Path<'_>,
    causes: &mut Causes,
) {
    let grace = spec.get("terminationGracePeriodSeconds").and_then(Node::as_int);
    if grace.is_none() {
        causes.required(&path.child("terminationGracePeriodSeconds"), "");
    }
    let volumes = volume::volumes(spec, holder.claims, pod_name, rules, &path.child("volumes"), causes);
    let host_users = spec.get("hostUsers").and_then(Node::as_bool) != Some(false);
    let pod = Pod { spec, rules, volumes, claims: holder.claims, grace, host_users };
    resource_claims(list(spec, "resourceClaims"), &path.child("resourceClaims"), causes);
    container::regular(&pod, &path.child("containers"), causes);
    container::init(&pod, &path.child("initContainers"), causes);
    container::ephemeral(&pod, &path.child("ephemeralContainers"), causes);
    resources::of_pod(&pod, path, causes);
    host_network_ports(&pod, path, causes);
    causes.required_one_of(
        text(spec, "restartPolicy"),
        &["Always", "OnFailure", "Never"],
        &path.child("restartPolicy"),
    );
    causes.required_one_of(
        text(spec, "dnsPolicy"),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
        &path.child("dnsPolicy"),
    );
    security::of_pod(&pod, &path.child("securityContext"), causes);
    security::shared_in_spec(&pod, path, causes);
    security::host_process(&pod, path, causes);
    security::user_namespace(&pod, path, causes);
    security::operating_system(&pod, path, causes);
    scheduling(&pod, path, causes);
    network(&pod, holder, path, causes);
    names_of_others(&pod, path, causes);
    variables_from_files(&pod, path, causes);
    if let Some(seconds) = spec.get("activeDeadlineSeconds").and_then(Node::as_int) {
        causes.each_invalid(&path.child("activeDeadlineSeconds"), name::in_range(seconds, 1, i64::from(i32::MAX)));
    }
    if let Some(amounts) = some(spec, "overhead") {
        resources::overhead(amounts, rules, &path.child("overhead"), causes);
    }
    let gates = path.child("readinessGates");
    for (index, gate) in list(spec, "readinessGates").iter().enumerate() {
        let path = gates.index(index);
        causes.each_invalid(&path.child("conditionType"), name::label_key(text(gate, "conditionType")));
    }
}

/// What annotations and fields say of the profiles of containers must be the same.
/// `validateSeccompAnnotationsAndFields` and `validateAppArmorAnnotationsAndFieldsMatchOnCreate`,
/// pkg/apis/core/validation.
pub(crate) fn profiles_agree(annotations: Option<&Node>, spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let Some(annotations) = annotations.filter(|annotations| has_profiles(annotations)) else { return };
    let annotation = |key: &str| annotations.get(key).map(|value| value.as_str().unwrap_or_default());
    let context = spec.get("securityContext");
    let seccomp = |context: Option<&Node>, said: Option<&str>, path: &Path<'_>, causes: &mut Causes| {
        if let (Some(profile), Some(said)) = (context.and_then(|context| some(context, "seccompProfile")), said) {
            let names = ["runtime/default", "docker/default"];
            profile_agrees(profile, said, &names, "seccomp", &path.child("securityContext.seccompProfile"), causes);
        }
    };
    seccomp(context, annotation(SECCOMP_POD), path, causes);
    let windows = spec.find(&["os", "name"]).and_then(Node::as_str) == Some("windows");
    let whole = context.and_then(|context| some(context, "appArmorProfile"));
    for kind in CONTAINERS {
        let path = path.child(kind);
        for (index, container) in list(spec, kind).iter().enumerate() {
            let path = path.index(index);
            let name = text(container, "name");
            let own = container.get("securityContext");
            seccomp(own, annotation(&format!("{SECCOMP_CONTAINER}{name}")), &path, causes);
            let profile = own.and_then(|own| some(own, "appArmorProfile")).or(whole);
            if let (Some(profile), Some(said), false) = (profile, annotation(&format!("{APP_ARMOR}{name}")), windows) {
                profile_agrees(
                    profile,
                    said,
                    &["runtime/default"],
                    "apparmor",
                    &path.child("securityContext.appArmorProfile"),
                    causes,
                );
            }
        }
    }
}

/// Whether any annotation speaks of profiles.
#[must_use]
pub(crate) fn has_profiles(annotations: &Node) -> bool {
    annotations.entries().any(|(key, _)| {
        let key = key.name.as_str();
        key == SECCOMP_POD || key.starts_with(SECCOMP_CONTAINER) || key.starts_with(APP_ARMOR)
    })
}

/// The annotation that once gave a pod its seccomp profile.
pub(crate) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
/// The beginning of those that gave a container its seccomp profile.
pub(crate) const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
/// The beginning of those that gave a container its AppArmor profile.
pub(crate) const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// `ValidateSeccompPodAnnotations` and `ValidateSeccompProfile`, pkg/apis/core/validation.
fn seccomp_annotation(value: &str, path: &Path<'_>, causes: &mut Causes) {
    if matches!(value, "runtime/default" | "docker/default" | "unconfined") {
        return;
    }
    match value.strip_prefix("localhost/") {
        Some(file) => super::file_path::descending(file, path, causes),
        None => causes.invalid(path, "must be a valid seccomp profile"),
    }
}

/// `validateSeccompAnnotationsAndFieldsMatch`, pkg/apis/core/validation.
fn profile_agrees(
    profile: &Node,
    said: &str,
    default_names: &[&str],
    word: &str,
    path: &Path<'_>,
    causes: &mut Causes,
) {
    let (agrees, field) = match text(profile, "type") {
        "Unconfined" => (said == "unconfined", "type"),
        "RuntimeDefault" => (default_names.contains(&said), "type"),
        "Localhost" => match said.strip_prefix("localhost/") {
            Some(file) => (profile.get("localhostProfile").and_then(Node::as_str) == Some(file), "localhostProfile"),
            None => (false, "type"),
        },
        _ => return,
    };
    if !agrees {
        let what = if field == "type" { "type" } else { "profile" };
        causes.forbidden(&path.child(field), format!("{word} {what} in annotation and field must match"));
    }
}

/// `validatePodResourceClaims` and `validatePodResourceClaim`, pkg/apis/core/validation.
fn resource_claims(claims: &[Node], path: &Path<'_>, causes: &mut Causes) {
    let mut names = Names::default();
    for (index, claim) in claims.iter().enumerate() {
        let path = path.index(index);
        let given = text(claim, "name");
        if given.is_empty() {
            causes.required(&path.child("name"), "");
        } else if names.add(given) {
            causes.each_invalid(&path.child("name"), name::dns_label(given));
        } else {
            causes.duplicate(&path.child("name"));
        }
        let fields = ["resourceClaimName", "resourceClaimTemplateName"];
        match fields.iter().filter(|field| some(claim, field).is_some()).count() {
            0 => causes.invalid(&path, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"),
            1 => {}
            _ => causes
                .invalid(&path, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"),
        }
        for field in fields {
            if let Some(other) = some(claim, field) {
                causes.each_invalid(&path.child(field), name::dns_subdomain(other.as_str().unwrap_or_default()));
            }
        }
    }
}

/// On the host's network a port of a container is the same port on the host.
/// `validatePodHostNetworkDeps`, pkg/apis/core/validation.
fn host_network_ports(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    if !flag(pod.spec, "hostNetwork") {
        return;
    }
    let containers = path.child("containers");
    for (index, container) in list(pod.spec, "containers").iter().enumerate() {
        for (position, port) in list(container, "ports").iter().enumerate() {
            let (host, own) = (super::cause::number(port, "hostPort"), super::cause::number(port, "containerPort"));
            if (pod.rules.is_pod || host != 0) && host != own {
                let item = containers.index(index);
                let ports = item.child("ports");
                causes.invalid(
                    &ports.index(position).child("hostPort"),
                    "must match `containerPort` when `hostNetwork` is true",
                );
            }
        }
    }
}

/// `ValidatePodSpec`, pkg/apis/core/validation.
fn scheduling(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let spec = pod.spec;
    selector::labels(spec.get("nodeSelector"), &path.child("nodeSelector"), causes);
    if let Some(node) = some(spec, "affinity") {
        affinity::affinity(node, pod.rules, &path.child("affinity"), causes);
    }
    let constraints = list(spec, "topologySpreadConstraints");
    spread::constraints(constraints, pod.rules, &path.child("topologySpreadConstraints"), causes);
    spread::tolerations(list(spec, "tolerations"), pod.rules, &path.child("tolerations"), causes);
    let gates = path.child("schedulingGates");
    let mut names = Names::default();
    for (index, gate) in list(spec, "schedulingGates").iter().enumerate() {
        let given = text(gate, "name");
        causes.each_invalid(&gates.index(index), name::label_key(given));
        if !names.add(given) {
            causes.duplicate(&gates.index(index));
        }
    }
    if let Some(policy) = some(spec, "preemptionPolicy") {
        let policy = policy.as_str().unwrap_or_default();
        causes.required_one_of(policy, &["PreemptLowerPriority", "Never"], &path.child("preemptionPolicy"));
    }
}

/// `ValidatePodSpec`, pkg/apis/core/validation.
fn network(pod: &Pod<'_>, holder: Holder<'_>, path: &Path<'_>, causes: &mut Causes) {
    dns(pod, path, causes);
    let aliases = path.child("hostAliases");
    for (index, alias) in list(pod.spec, "hostAliases").iter().enumerate() {
        let path = aliases.index(index);
        if let Some(fault) = ip::address_fault(text(alias, "ip"), pod.rules.strict_addresses) {
            causes.invalid(&path.child("ip"), fault);
        }
        let names = path.child("hostnames");
        for (index, host) in list(alias, "hostnames").iter().enumerate() {
            causes.each_invalid(&names.index(index), name::dns_subdomain(host.as_str().unwrap_or_default()));
        }
    }
    for field in ["hostname", "subdomain"] {
        let given = text(pod.spec, field);
        if !given.is_empty() && !holder.names_hosts {
            causes.each_invalid(&path.child(field), name::dns_label(given));
        }
    }
    if let Some(host) = some(pod.spec, "hostnameOverride") {
        host_override(host.as_str().unwrap_or_default(), pod.spec, &path.child("hostnameOverride"), causes);
    }
}

/// `validatePodHostName`, pkg/apis/core/validation.
fn host_override(host: &str, spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    for field in ["setHostnameAsFQDN", "hostNetwork"] {
        if flag(spec, field) {
            causes.forbidden(path, format!("may not be specified when {field} is true"));
        }
    }
    if host.len() > 64 {
        causes.too_long(path, 64);
    }
    causes.each_invalid(path, name::dns_subdomain(host));
}

/// `validatePodDNSConfig`, pkg/apis/core/validation.
fn dns(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let path = path.child("dnsConfig");
    let config = some(pod.spec, "dnsConfig");
    if text(pod.spec, "dnsPolicy") == "None" {
        let Some(config) = config else {
            return causes.required(&path, "must provide `dnsConfig` when `dnsPolicy` is None");
        };
        if list(config, "nameservers").is_empty() {
            let fault = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            return causes.required(&path.child("nameservers"), fault);
        }
    }
    let Some(config) = config else { return };
    let (servers, searches) = (list(config, "nameservers"), list(config, "searches"));
    let (servers_path, searches_path) = (path.child("nameservers"), path.child("searches"));
    if servers.len() > 3 {
        causes.invalid(&servers_path, "must not have more than 3 nameservers");
    }
    for (index, server) in servers.iter().enumerate() {
        if let Some(fault) = ip::address_fault(server.as_str().unwrap_or_default(), pod.rules.strict_addresses) {
            causes.invalid(&servers_path.index(index), fault);
        }
    }
    if searches.len() > 32 {
        causes.invalid(&searches_path, "must not have more than 32 search paths");
    }
    let size: usize = searches.iter().map(|search| search.as_str().unwrap_or_default().len() + 1).sum();
    if size > 2049 {
        causes.invalid(&searches_path, "must not have more than 2048 characters (including spaces) in the search list");
    }
    for (index, search) in searches.iter().enumerate() {
        let search = search.as_str().unwrap_or_default();
        let bare = search.strip_suffix('.').unwrap_or(search);
        let faults = match pod.rules.relaxed_searches {
            true if search == "." => continue,
            true => name::dns_subdomain_with_underscore(bare),
            false => name::dns_subdomain(bare),
        };
        causes.each_invalid(&searches_path.index(index), faults);
    }
    let options = path.child("options");
    for (index, option) in list(config, "options").iter().enumerate() {
        if text(option, "name").is_empty() {
            causes.required(&options.index(index), "must not be empty");
        }
    }
}

/// Names of other objects, all subdomains.
fn names_of_others(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    for field in ["serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"] {
        let alias =
            if field == "serviceAccountName" && text(pod.spec, field).is_empty() { "serviceAccount" } else { field };
        let Some(given) = some(pod.spec, alias) else { continue };
        let given = given.as_str().unwrap_or_default();
        if !given.is_empty() || field == "runtimeClassName" {
            causes.each_invalid(&path.child(field), name::dns_subdomain(given));
        }
    }
}

/// Files that variables are read from must lie in an empty directory of the pod.
/// `validateFileKeyRefVolumes`, pkg/apis/core/validation.
fn variables_from_files(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let mut given: Option<BTreeMap<&str, bool>> = None;
    for kind in CONTAINERS {
        let path = path.child(kind);
        for (index, container) in list(pod.spec, kind).iter().enumerate() {
            for (position, variable) in list(container, "env").iter().enumerate() {
                let Some(file) = some(variable, "valueFrom").and_then(|source| some(source, "fileKeyRef")) else {
                    continue;
                };
                let name = text(file, "volumeName");
                let item = path.index(index);
                let env = item.child("env");
                let variable = env.index(position);
                let path = variable.child("valueFrom.fileKeyRef.volumeName");
                // Here the server looks at all volumes, the faulty ones too.
                let given = given.get_or_insert_with(|| {
                    let volumes = list(pod.spec, "volumes").iter();
                    volumes.map(|volume| (text(volume, "name"), some(volume, "emptyDir").is_some())).collect()
                });
                let is_empty_directory = match pod.volumes.get(name) {
                    Some(volume) => Some(volume.is_empty_directory),
                    None if pod.claims.contains(&name) => Some(false),
                    None => given.get(name).copied(),
                };
                match is_empty_directory {
                    None => causes.not_found(&path),
                    Some(false) => causes.invalid(&path, "referenced volume must be of type emptyDir"),
                    Some(true) => {}
                }
            }
        }
    }
}
