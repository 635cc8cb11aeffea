//! What the pods of a workload need: volumes, accounts, content, classes and names. Knows only what manifests say.

use crate::bundle::Resource;
use crate::cluster::selector::has_all;
use crate::review::set::Set;
use crate::stateful_set::{numbered, templates_and_sets};
use crate::value::Node;
use std::collections::BTreeSet;

/// Whether a set cannot do without a manifest, or belongs to it.
pub(super) fn needs(set: Set<'_>, resource: &Resource, namespace: &str) -> bool {
    let (home, id) = (home(&set.0.id.namespace, namespace), &resource.id);
    let is_at_home = self::home(&id.namespace, namespace) == home;
    match &*id.kind {
        "Namespace" => id.name == home,
        "StorageClass" => {
            set.templates().any(|(_, template)| word(template, &["spec", "storageClassName"]) == Some(&*id.name))
        }
        "PersistentVolume" => {
            let claim = resource.node.find(&["spec", "claimRef"]);
            claim.is_some_and(|claim| {
                word(claim, &["namespace"]) == Some(home)
                    && word(claim, &["name"]).is_some_and(|name| is_claim_of(set, name))
            })
        }
        "ServiceAccount" => {
            is_at_home && set.says().word(&["spec", "template", "spec", "serviceAccountName"]) == Some(&*id.name)
        }
        "Secret" | "ConfigMap" => is_at_home && reads(set.0, resource),
        "PersistentVolumeClaim" => is_at_home && mounts(set.0, &id.name),
        "Service" => {
            is_at_home && (set.says().word(&["spec", "serviceName"]) == Some(&*id.name) || selects(resource, set))
        }
        _ => false,
    }
}

fn home<'n>(stated: &'n str, otherwise: &'n str) -> &'n str {
    if stated.is_empty() { otherwise } else { stated }
}

fn word<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    node.find(path).and_then(Node::as_str)
}

/// Whether that is the name of a claim that the set makes, of whatever ordinal.
fn is_claim_of(set: Set<'_>, name: &str) -> bool {
    let Some(claim) = numbered(name) else { return false };
    templates_and_sets(claim.base).any(|(template, own)| own == set.name() && set.template(template).is_some())
}

/// Whether a Service selects the set's pods.
fn selects(service: &Resource, set: Set<'_>) -> bool {
    let labels = set.0.node.find(&["spec", "template", "metadata", "labels"]);
    service
        .node
        .find(&["spec", "selector"])
        .is_some_and(|wanted| wanted.entries().next().is_some() && has_all(wanted, labels))
}

/// Whether the pods of a workload mount a claim of that name.
pub(super) fn mounts(workload: &Resource, claim: &str) -> bool {
    mounted(workload).any(|name| name == claim)
}

/// The claims that the pods of a workload mount by name.
pub(super) fn mounted(workload: &Resource) -> impl Iterator<Item = &str> {
    let volumes = workload.node.find(&["spec", "template", "spec", "volumes"]).into_iter().flat_map(Node::items);
    volumes.filter_map(|volume| word(volume, &["persistentVolumeClaim", "claimName"]))
}

/// Whether the pods of a workload read that ConfigMap or Secret.
pub(super) fn reads(workload: &Resource, content: &Resource) -> bool {
    let Some(spec) = workload.node.find(&["spec", "template", "spec"]) else { return false };
    let (key, field) = if content.id.kind == "Secret" { ("secret", "secretName") } else { ("configMap", "name") };
    let is = |node: &Node, path: &[&str]| word(node, path) == Some(&*content.id.name);
    let mut volumes = spec.get("volumes").into_iter().flat_map(Node::items);
    let in_volumes = volumes.any(|volume| {
        let mut projected = volume.find(&["projected", "sources"]).into_iter().flat_map(Node::items);
        is(volume, &[key, field]) || projected.any(|source| is(source, &[key, "name"]))
    });
    let (all, one) = (format!("{key}Ref"), format!("{key}KeyRef"));
    let mut containers =
        ["initContainers", "containers"].into_iter().filter_map(|list| spec.get(list)).flat_map(Node::items);
    in_volumes
        || containers.any(|container| {
            let items = |field: &str| container.get(field).into_iter().flat_map(Node::items);
            items("envFrom").any(|source| is(source, &[&all, "name"]))
                || items("env").any(|variable| is(variable, &["valueFrom", &one, "name"]))
        })
        || key == "secret"
            && spec.get("imagePullSecrets").into_iter().flat_map(Node::items).any(|secret| is(secret, &["name"]))
}

/// What an object cannot do without, by kind and name, all of its own namespace. What is marked as optional can be
/// missing.
pub(super) fn references(resource: &Resource) -> BTreeSet<(&'static str, &str)> {
    let mut list = BTreeSet::new();
    match &*resource.id.kind {
        "RoleBinding" if word(&resource.node, &["roleRef", "kind"]) == Some("Role") => {
            list.extend(word(&resource.node, &["roleRef", "name"]).map(|name| ("Role", name)));
        }
        "Ingress" => {
            let tls = resource.node.find(&["spec", "tls"]).into_iter().flat_map(Node::items);
            list.extend(tls.filter_map(|tls| Some(("Secret", word(tls, &["secretName"])?))));
        }
        _ => {}
    }
    if let Some(pod) = resource.node.find(&["spec", "template", "spec"]) {
        list.extend(of_pod(pod));
    }
    list
}

fn of_pod(pod: &Node) -> BTreeSet<(&'static str, &str)> {
    const CONTENT: [(&str, &str, &str, &str, &str); 2] = [
        ("Secret", "secret", "secretName", "secretRef", "secretKeyRef"),
        ("ConfigMap", "configMap", "name", "configMapRef", "configMapKeyRef"),
    ];
    let mut list = BTreeSet::new();
    let items = |node: &'static str| pod.get(node).into_iter().flat_map(Node::items);
    let account = word(pod, &["serviceAccountName"]).or_else(|| word(pod, &["serviceAccount"]));
    list.extend(account.filter(|name| *name != "default").map(|name| ("ServiceAccount", name)));
    list.extend(items("imagePullSecrets").filter_map(|secret| Some(("Secret", word(secret, &["name"])?))));
    for volume in items("volumes") {
        list.extend(word(volume, &["persistentVolumeClaim", "claimName"]).map(|name| ("PersistentVolumeClaim", name)));
        for (kind, key, field, _, _) in CONTENT {
            list.extend(named(volume.get(key), field).map(|name| (kind, name)));
            let projected = volume.find(&["projected", "sources"]).into_iter().flat_map(Node::items);
            list.extend(projected.filter_map(|source| Some((kind, named(source.get(key), "name")?))));
        }
    }
    for container in items("initContainers").chain(items("containers")) {
        let of = |field: &str| container.get(field).into_iter().flat_map(Node::items);
        for (kind, _, _, all, one) in CONTENT {
            list.extend(of("envFrom").filter_map(|source| Some((kind, named(source.get(all), "name")?))));
            list.extend(
                of("env").filter_map(|variable| Some((kind, named(variable.find(&["valueFrom", one]), "name")?))),
            );
        }
    }
    list
}

/// What a source names, unless it can be missing.
fn named<'n>(source: Option<&'n Node>, field: &str) -> Option<&'n str> {
    let source = source.filter(|source| source.get("optional").and_then(Node::as_bool) != Some(true))?;
    word(source, &[field])
}
