//! What the server warns of in pods and templates that it takes.
//!
//! Follows `pkg/api/pod/warnings.go: GetWarningsForPod, GetWarningsForPodTemplate`.

use super::cause::{Causes, Path, Topic, list, number, some, text};
use super::names::Names;
use super::pod::{APP_ARMOR, SECCOMP_CONTAINER, SECCOMP_POD, has_profiles};
use super::pod_rules::CONTAINERS;
use super::{node_selector, persistent_volume_claim};
use crate::k8s::ip;
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::value::Node;
use std::collections::BTreeMap;

/// From here on paths of files that lie in each other's place are warned of.
const OVERLAPPING_PATHS: Version = Version::minor(32);
/// From here on names that two ports have are warned of.
const REPEATED_PORT_NAMES: Version = Version::minor(33);

/// All warnings about a template, or about a pod of its own, whose path is [`Path::ROOT`].
/// `warningsForPodSpecAndMeta`, pkg/api/pod.
pub(crate) fn warn(template: &Node, is_pod: bool, version: Version, path: &Path<'_>, causes: &mut Causes) {
    let nothing = Node::null(template.at);
    let spec = template.get("spec").unwrap_or(&nothing);
    let annotations = template.find(&["metadata", "annotations"]).unwrap_or(&nothing);
    let (annotations_path, spec_path) = (path.child("metadata"), path.child("spec"));
    let annotations_path = annotations_path.child("annotations");
    nodes(spec, &spec_path, causes);
    for (key, words) in OLD_ANNOTATIONS {
        if annotations.get(key).is_some() {
            causes.warn_of(Topic::DeadAnnotation, annotations_path.key(key), words);
        }
    }
    volumes(spec, version, &spec_path.child("volumes"), causes);
    if version >= OVERLAPPING_PATHS {
        overlaps(spec, causes);
    }
    repeated(list(spec, "hostAliases"), "ip", &spec_path.child("hostAliases"), causes);
    pull_secrets(list(spec, "imagePullSecrets"), &spec_path.child("imagePullSecrets"), causes);
    fractions(spec.get("overhead"), &spec_path.child("overhead"), causes);
    old_profiles(spec, annotations, is_pod, &annotations_path, causes);
    for kind in CONTAINERS {
        let path = spec_path.child(kind);
        for (index, container) in list(spec, kind).iter().enumerate() {
            let path = path.index(index);
            let resources = path.child("resources");
            for list in ["limits", "requests"] {
                fractions(container.find(&["resources", list]), &resources.child(list), causes);
            }
            hidden_variables(list(container, "env"), &path.child("env"), causes);
        }
    }
    ports(spec, version, &spec_path, causes);
    if number(spec, "terminationGracePeriodSeconds") < 0 {
        let path = spec_path.child("terminationGracePeriodSeconds");
        causes.warn_at(path, "must be >= 0; negative values are invalid and will be treated as 1");
    }
    null_selectors(spec, &spec_path.child("affinity"), causes);
    addresses(spec, &spec_path, causes);
}

const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
];
/// Sorts of volumes that have had their day: the field, and what the server calls it.
const OLD_VOLUMES: [(&str, &str, &str); 8] = [
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const NO_SELECTOR: &str = "a null labelSelector results in matching no pod";

/// Labels of nodes that have had their day, and spreads that count nothing.
/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn nodes(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let labels = path.child("nodeSelector");
    for (key, _) in spec.get("nodeSelector").into_iter().flat_map(Node::entries) {
        if let Some(words) = node_selector::deprecation(&key.name) {
            causes.warn_at(labels.key(&key.name), words);
        }
    }
    if let Some(affinity) = spec.find(&["affinity", "nodeAffinity"]) {
        let path = path.child("affinity.nodeAffinity");
        let required = path.child(REQUIRED);
        let terms = required.child("nodeSelectorTerms");
        let required = affinity.get(REQUIRED).map(|required| list(required, "nodeSelectorTerms")).unwrap_or_default();
        for (index, term) in required.iter().enumerate() {
            node_selector::warn(term, &terms.index(index), causes);
        }
        let preferred = path.child(PREFERRED);
        for (index, weighted) in list(affinity, PREFERRED).iter().enumerate() {
            let Some(term) = some(weighted, "preference") else { continue };
            let path = preferred.index(index);
            let path = path.child("preference");
            node_selector::warn(term, &path, causes);
            faulty_values(term, &path.child("matchExpressions"), causes);
        }
    }
    let constraints = path.child("topologySpreadConstraints");
    for (index, constraint) in list(spec, "topologySpreadConstraints").iter().enumerate() {
        let path = constraints.index(index);
        let key = text(constraint, "topologyKey");
        if let Some(words) = node_selector::deprecation(key) {
            causes.warn_at(path.child("topologyKey"), format!("{key} is {words}"));
        }
        if some(constraint, "labelSelector").is_none() {
            causes.warn_at(path.child("labelSelector"), NO_SELECTOR);
        }
    }
}

/// In preferences faulty values are let through.
/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn faulty_values(term: &Node, path: &Path<'_>, causes: &mut Causes) {
    for (index, expression) in list(term, "matchExpressions").iter().enumerate() {
        let path = path.index(index);
        let path = path.child("values");
        for (index, value) in list(expression, "values").iter().enumerate() {
            let value = value.as_str().unwrap_or_default();
            for fault in crate::k8s::name::label_value(value) {
                causes.warn_at(path.index(index), format!("{value} is invalid, {fault}"));
            }
        }
    }
}

/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn volumes(spec: &Node, version: Version, path: &Path<'_>, causes: &mut Causes) {
    for (index, volume) in list(spec, "volumes").iter().enumerate() {
        let path = path.index(index);
        for (field, word, words) in OLD_VOLUMES {
            if some(volume, field).is_some() {
                causes.warn_at(path.child(word), words);
            }
        }
        if some(volume, "gitRepo").is_some() {
            let disabled = if version >= Version::minor(33) { ", and disabled by default in v1.33+" } else { "" };
            causes.warn_at(path.child("gitRepo"), format!("deprecated in v1.11{disabled}"));
        }
        if let Some(claim) = volume.find(&["ephemeral", "volumeClaimTemplate", "spec"]) {
            persistent_volume_claim::warn_of_claim_spec(
                claim,
                &path.child("ephemeral.volumeClaimTemplate.spec"),
                causes,
            );
        }
    }
}

/// So many files of one volume, or ports of one number, are compared with each other; more no manifest has.
const COMPARED: usize = 256;

/// A file of a volume and what puts it there.
#[derive(Clone, PartialEq, Eq)]
struct File<'n> {
    path: &'n str,
    source: String,
}

impl std::fmt::Display for File<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "\"{}\"", self.path)?;
        if self.source.is_empty() { Ok(()) } else { write!(out, " ({})", self.source) }
    }
}

/// Files of one volume that would lie in each other's place.
/// `warningsForOverlappingVirtualPaths`, pkg/api/pod.
fn overlaps(spec: &Node, causes: &mut Causes) {
    for volume in list(spec, "volumes") {
        let name = text(volume, "name");
        for (field, source, word) in
            [("configMap", "name", "ConfigMap"), ("secret", "secretName", "Secret"), ("downwardAPI", "", "DownwardAPI")]
        {
            let Some(node) = some(volume, field).filter(|node| list(node, "items").len() > 1) else { continue };
            let described =
                if source.is_empty() { word.to_owned() } else { format!("{word} \"{}\"", text(node, source)) };
            let mut files = Vec::new();
            for item in list(node, "items") {
                place(File { path: text(item, "path"), source: String::new() }, &mut files, name, &described, causes);
            }
        }
        if let Some(projected) = some(volume, "projected") {
            projections(projected, name, causes);
        }
    }
}

/// `warningsForOverlappingVirtualPaths`, pkg/api/pod.
fn projections(projected: &Node, name: &str, causes: &mut Causes) {
    let mut files = Vec::new();
    for source in list(projected, "sources") {
        if source.entries().all(|(_, part)| part.is_null()) {
            causes.warn(format!("volume \"{name}\" (Projected) has no sources provided"));
            continue;
        }
        let with_items = |field: &str| some(source, field).filter(|part| some(part, "items").is_some());
        let (part, described) = if let Some(part) = with_items("configMap") {
            (part, format!("ConfigMap \"{}\"", text(part, "name")))
        } else if let Some(part) = with_items("secret") {
            (part, format!("Secret \"{}\"", text(part, "name")))
        } else if let Some(part) = with_items("downwardAPI") {
            (part, "DownwardAPI".to_owned())
        } else if let Some(token) = some(source, "serviceAccountToken") {
            let file = File { path: text(token, "path"), source: "ServiceAccountToken".to_owned() };
            place(file, &mut files, name, "Projected", causes);
            continue;
        } else {
            continue;
        };
        for item in list(part, "items") {
            place(File { path: text(item, "path"), source: described.clone() }, &mut files, name, "Projected", causes);
        }
    }
}

fn place<'n>(mut file: File<'n>, files: &mut Vec<File<'n>>, volume: &str, described: &str, causes: &mut Causes) {
    file.path = file.path.trim_end_matches('/');
    let below = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if files.len() > COMPARED {
        return;
    }
    if !file.path.is_empty() {
        for other in files.iter().filter(|other| !other.path.is_empty()) {
            if below(other.path, file.path) || below(file.path, other.path) {
                causes.warn(format!("volume \"{volume}\" ({described}): overlapping paths: {file} with {other}"));
            }
        }
    }
    files.push(file);
}

/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn repeated(items: &[Node], field: &str, path: &Path<'_>, causes: &mut Causes) {
    let mut seen = Names::default();
    for (index, item) in items.iter().enumerate() {
        let value = text(item, field);
        if !seen.add(value) {
            causes.warn_at(path.index(index).child(field), format!("duplicate {field} \"{value}\""));
        }
    }
}

/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn pull_secrets(secrets: &[Node], path: &Path<'_>, causes: &mut Causes) {
    repeated(secrets, "name", path, causes);
    for (index, secret) in secrets.iter().enumerate() {
        if text(secret, "name").is_empty() {
            causes.warn_at(path.index(index).child("name"), "invalid empty name \"\"");
        }
    }
}

/// Less than a byte.
/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn fractions(amounts: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    let Some(amounts) = amounts else { return };
    for resource in ["memory", "ephemeral-storage"] {
        let Some(node) = amounts.get(resource) else { continue };
        let quantity = Quantity::stored(Some(node));
        let thousandths = quantity.milli();
        if thousandths % 1000 != 0 {
            // Nothing finer than a thousandth is kept.
            let quantity = format!("{thousandths}m").parse().ok().filter(|kept| *kept != quantity).unwrap_or(quantity);
            causes.warn_at(
                path.key(resource),
                format!("fractional byte value \"{quantity}\" is invalid, must be an integer"),
            );
        }
    }
}

/// Annotations in place of fields.
/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn old_profiles(spec: &Node, annotations: &Node, is_pod: bool, path: &Path<'_>, causes: &mut Causes) {
    if !has_profiles(annotations) {
        return;
    }
    let profile =
        |owner: &Node, field: &str| owner.find(&["securityContext", field]).is_some_and(|profile| !profile.is_null());
    let words = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
    if !profile(spec, "seccompProfile") && annotations.get(SECCOMP_POD).is_some() {
        causes.warn_of(Topic::DeadAnnotation, path.key(SECCOMP_POD), words);
    }
    for container in CONTAINERS.iter().flat_map(|kind| list(spec, kind)) {
        let name = text(container, "name");
        let key = format!("{SECCOMP_CONTAINER}{name}");
        if !profile(container, "seccompProfile") && annotations.get(&key).is_some() {
            causes.warn_at(path.key(&key), words);
        }
        let key = format!("{APP_ARMOR}{name}");
        if is_pod || profile(container, "appArmorProfile") {
            continue;
        }
        let Some(said) = annotations.get(&key).map(|value| value.as_str().unwrap_or_default()) else { continue };
        if !says_the_same(spec.find(&["securityContext", "appArmorProfile"]), said) {
            causes.warn_at(path.key(&key), "deprecated since v1.30; use the \"appArmorProfile\" field instead");
        }
    }
}

/// Whether the profile of a pod is what an annotation says.
fn says_the_same(profile: Option<&Node>, said: &str) -> bool {
    let Some(profile) = profile.filter(|profile| !profile.is_null()) else { return false };
    let file = some(profile, "localhostProfile").map(|file| file.as_str().unwrap_or_default());
    match (text(profile, "type"), file) {
        ("Unconfined", None) => said == "unconfined",
        ("RuntimeDefault", None) => said == "runtime/default",
        ("Localhost", Some(file)) => !file.is_empty() && said.strip_prefix("localhost/") == Some(file),
        _ => false,
    }
}

/// A variable that hides another of its name, unless it makes use of it.
/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn hidden_variables(variables: &[Node], path: &Path<'_>, causes: &mut Causes) {
    let mut seen = Names::default();
    for (index, variable) in variables.iter().enumerate() {
        let name = text(variable, "name");
        if seen.add(name) {
            continue;
        }
        let reference = format!("$({name})");
        let value = text(variable, "value");
        if some(variable, "valueFrom").is_some() || value == reference || !value.contains(&reference) {
            causes.warn_at(
                path.index(index),
                format!("hides previous definition of \"{name}\", which may be dropped when using apply"),
            );
        }
    }
}

/// Where a port stands.
#[derive(Clone, Copy)]
struct Spot<'n> {
    kind: &'static str,
    container: usize,
    index: usize,
    port: &'n Node,
}

impl Spot<'_> {
    fn path(self, spec: &Path<'_>) -> String {
        let list = spec.child(self.kind);
        let container = list.index(self.container);
        let ports = container.child("ports");
        ports.index(self.index).to_string()
    }
}

/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn ports(spec: &Node, version: Version, path: &Path<'_>, causes: &mut Causes) {
    let mut by_number: BTreeMap<(i64, &str), Vec<Spot<'_>>> = BTreeMap::new();
    let mut by_name: BTreeMap<&str, Spot<'_>> = BTreeMap::new();
    let mut names = Vec::new();
    for kind in CONTAINERS {
        for (container, node) in list(spec, kind).iter().enumerate() {
            for (index, port) in list(node, "ports").iter().enumerate() {
                let spot = Spot { kind, container, index, port };
                host_address(spot, path, causes);
                let others = by_number.entry((number(port, "containerPort"), text(port, "protocol"))).or_default();
                for other in others.iter().take(COMPARED) {
                    if let Some(words) = collision(port, other.port) {
                        causes.warn_at(spot.path(path), format!("{words} port definition with {}", other.path(path)));
                    }
                }
                others.push(spot);
                let name = text(port, "name");
                if name.is_empty() || version < REPEATED_PORT_NAMES {
                    continue;
                }
                match by_name.get(name) {
                    None => drop(by_name.insert(name, spot)),
                    Some(first) => names.push((spot, name, *first)),
                }
            }
        }
    }
    for (spot, name, first) in names {
        let lasting = [spot, first].iter().all(|spot| spot.kind == "containers");
        let (spot, first) = (spot.path(path), first.path(path));
        let words = format!(
            "duplicate port name \"{name}\" with {first}, services and probes that select ports by name will use {first}"
        );
        if lasting { causes.warn_of(Topic::PortName, spot, words) } else { causes.warn_at(spot, words) }
    }
}

/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn host_address(spot: Spot<'_>, path: &Path<'_>, causes: &mut Causes) {
    let port = spot.port;
    let address = text(port, "hostIP");
    if !address.is_empty() && number(port, "hostPort") == 0 {
        let said = format!(
            "hostIP set without hostPort: {{Name:{} HostPort:0 ContainerPort:{} Protocol:{} HostIP:{address}}}",
            text(port, "name"),
            number(port, "containerPort"),
            text(port, "protocol")
        );
        causes.warn_at(spot.path(path), said);
    }
}

fn collision(port: &Node, other: &Node) -> Option<&'static str> {
    let (host, other_host) = (number(port, "hostPort"), number(other, "hostPort"));
    let (address, other_address) = (text(port, "hostIP"), text(other, "hostIP"));
    if host == other_host && address == other_address {
        Some("duplicate")
    } else if host == 0 || other_host == 0 {
        Some("overlapping")
    } else {
        (host == other_host && address.is_empty() != other_address.is_empty()).then_some("dangerously ambiguous")
    }
}

/// `warningsForPodAffinityTerms` and `warningsForWeightedPodAffinityTerms`, pkg/api/pod.
fn null_selectors(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let Some(affinity) = spec.get("affinity") else { return };
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(pods) = affinity.get(kind) else { continue };
        let path = path.child(kind);
        let required = path.child(REQUIRED);
        for (index, term) in list(pods, REQUIRED).iter().enumerate() {
            if some(term, "labelSelector").is_none() {
                causes.warn_at(required.index(index).child("labelSelector"), NO_SELECTOR);
            }
        }
        let preferred = path.child(PREFERRED);
        for (index, weighted) in list(pods, PREFERRED).iter().enumerate() {
            if weighted.find(&["podAffinityTerm", "labelSelector"]).is_none_or(Node::is_null) {
                causes.warn_at(preferred.index(index).child("podAffinityTerm.labelSelector"), NO_SELECTOR);
            }
        }
    }
}

/// `warningsForPodSpecAndMeta`, pkg/api/pod.
fn addresses(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let servers = spec.get("dnsConfig").map(|config| list(config, "nameservers")).unwrap_or_default();
    let servers_path = path.child("dnsConfig.nameservers");
    for (index, server) in servers.iter().enumerate() {
        if let Some(words) = ip::address_warning(server.as_str().unwrap_or_default()) {
            causes.warn_at(servers_path.index(index), words);
        }
    }
    let aliases = path.child("hostAliases");
    for (index, alias) in list(spec, "hostAliases").iter().enumerate() {
        if let Some(words) = ip::address_warning(text(alias, "ip")) {
            causes.warn_at(aliases.index(index).child("ip"), words);
        }
    }
}
