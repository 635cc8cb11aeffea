//! Stage 3, emit: an app's manifests. One file per kind, with a template of the same name; every node points at the
//! line of the spec that caused it.

mod cluster_role;
mod config_map;
mod container;
mod extra;
mod network_policy;
mod persistent_volume;
mod persistent_volume_claim;
mod pod_disruption_budget;
mod pod_monitor;
mod role;
mod service;
mod service_account;
mod stateful_set;
mod template;

use crate::app::App;
use crate::bundle::{Bundle, Resource};
use crate::diagnostic::{Code, Diagnostics, Level, listing, nearest};
use crate::source::At;
use crate::value::{Map, Node};

pub(crate) use extra::{Each, Extra};

/// A change to an object that is not there.
static PATCH: Code = Code {
    id: "SW0140",
    name: "patch-hits-nothing",
    level: Level::Error,
    page: include_str!("pages/patch-hits-nothing.md"),
};
/// An extra object that is none.
static OBJECT: Code =
    Code { id: "SW0141", name: "not-an-object", level: Level::Error, page: include_str!("pages/not-an-object.md") };
/// An object twice.
static TWICE: Code =
    Code { id: "SW0142", name: "object-twice", level: Level::Error, page: include_str!("pages/object-twice.md") };

/// The codes of this module.
pub(crate) static CODES: &[&Code] = &[&PATCH, &OBJECT, &TWICE];

/// The kinds that are made; each gives as many objects as the app asks for.
static KINDS: &[fn(&App) -> Vec<Node>] = &[
    persistent_volume::emit,
    service_account::emit,
    role::emit,
    cluster_role::emit,
    config_map::emit,
    service::emit,
    stateful_set::emit,
    pod_disruption_budget::emit,
    network_policy::emit,
    pod_monitor::emit,
];

/// Makes the manifests of an app.
pub(crate) fn emit(app: &App, extras: &[Extra], found: &mut Diagnostics) -> Bundle {
    let mut bundle = Bundle::default();
    for kind in KINDS {
        bundle.resources.extend(kind(app).into_iter().filter_map(|node| Resource::new(node).ok()));
    }
    for extra in extras {
        extra::fill(extra, app, &mut bundle, found);
    }
    for node in &app.objects {
        object(node, app, &mut bundle, found);
    }
    for patch in &app.patches {
        self::patch(patch, &mut bundle, found);
    }
    twice(&bundle, found);
    bundle.sort();
    bundle
}

/// Adds an object in Kubernetes' own words.
fn object(object: &Node, app: &App, bundle: &mut Bundle, found: &mut Diagnostics) {
    let mut object = object.clone();
    let namespaced = object
        .get("apiVersion")
        .and_then(Node::as_str)
        .zip(object.get("kind").and_then(Node::as_str))
        .is_none_or(|(version, kind)| crate::k8s::shape::find(version, kind).is_none_or(|known| known.namespaced));
    let at = object.at;
    if let Some(metadata) = object.get_mut("metadata").and_then(Node::as_map_mut)
        && namespaced
        && !metadata.has("namespace")
        && let Some(namespace) = namespace(app, at)
    {
        metadata.put("namespace", namespace);
    }
    match Resource::new(object) {
        Ok(resource) if !resource.id.name.is_empty() => bundle.resources.push(resource),
        other => {
            let node = other.map_or_else(|node| node, |resource| resource.node);
            OBJECT
                .report("this is no Kubernetes object: it lacks an apiVersion, a kind or a metadata.name")
                .help("write it as you would for kubectl")
                .at(node.at, found);
        }
    }
}

fn patch(patch: &crate::spec::settings::Patch, bundle: &mut Bundle, found: &mut Diagnostics) {
    let (Some(kind), Some(changes)) = (&patch.kind, &patch.patch) else { return };
    let name = patch.name.as_ref();
    let mut hits = 0;
    for resource in &mut bundle.resources {
        if resource.id.kind == kind.value && name.is_none_or(|name| resource.id.name == name.value) {
            hits += 1;
            if let Some(map) = resource.node.as_map_mut() {
                crate::merge::overlay(map, &changes.value.0);
            }
        }
    }
    if hits > 0 {
        return;
    }
    let names: Vec<&str> = bundle
        .resources
        .iter()
        .filter(|resource| resource.id.kind == kind.value)
        .map(|resource| &*resource.id.name)
        .collect();
    let kinds = bundle.resources.iter().map(|resource| &*resource.id.kind);
    let (message, help, at) = match name {
        Some(name) if !names.is_empty() => (
            format!("there is no {} `{}` to change", kind.value, name.value),
            nearest(&name.value, names.iter().copied()).map_or_else(
                || format!("there are {}", listing(names.iter().copied(), 8)),
                |near| format!("did you mean `{near}`?"),
            ),
            name.at,
        ),
        _ => {
            let mut known: Vec<&str> = kinds.collect();
            known.dedup();
            (
                format!("this app has no {} to change", kind.value),
                nearest(&kind.value, known.iter().copied()).map_or_else(
                    || format!("it has {}", listing(known.iter().copied(), 8)),
                    |near| format!("did you mean `{near}`?"),
                ),
                kind.at,
            )
        }
    };
    PATCH.report(message).help(help).at(at, found);
}

fn twice(bundle: &Bundle, found: &mut Diagnostics) {
    let mut seen = std::collections::BTreeMap::new();
    for resource in &bundle.resources {
        let id = (&resource.id.group, &resource.id.kind, &resource.id.namespace, &resource.id.name);
        if let Some(first) = seen.insert(id, resource.at()) {
            TWICE
                .report(format!("{} is defined twice; the cluster would keep the last", resource.id))
                .see(first, "here too")
                .help("rename one of them")
                .at(resource.at(), found);
        }
    }
}

/// The namespace of the app's objects, where it is written.
fn namespace(app: &App, at: At) -> Option<Node> {
    app.identity.namespace_written.then(|| Node::text(app.identity.namespace.clone(), at))
}

/// A map, unless it is empty.
fn some(map: &Map, at: At) -> Option<Node> {
    (!map.is_empty()).then(|| Node::map(map.clone(), at))
}

/// A map with more laid over it, unless nothing is in it.
fn over(map: &Map, more: &Map, at: At) -> Option<Node> {
    if more.is_empty() {
        return some(map, at);
    }
    let mut map = map.clone();
    crate::merge::overlay(&mut map, more);
    some(&map, at)
}

/// Lays fields in Kubernetes' own words over an object's spec.
fn finish(mut node: Node, fields: &[(&'static str, Node)], rest: &Map) -> Node {
    if let Some(spec) = node.get_mut("spec").and_then(Node::as_map_mut) {
        for (field, value) in fields {
            spec.put(*field, value.clone());
        }
        crate::merge::overlay(spec, rest);
    }
    node
}
