//! Objects as a cluster shows them, taken for the manifests that made them: what the server and the controllers filled
//! in is nobody's change.

use crate::api::live::drift::{ALLOCATED, OF_CONTROLLERS};
use crate::api::server_side;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::facts::ClusterFacts;
use crate::json;
use crate::value::{Data, Node, Text};
use std::collections::BTreeMap;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What only a server says of an object.
const OF_THE_SERVER: [&str; 7] =
    ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp"];

/// A bundle in which objects from a cluster are manifests again: those that kubectl remembers, or what is left without
/// the server's part.
#[must_use]
pub(crate) fn manifests(bundle: &Bundle) -> Bundle {
    let mut bundle = bundle.clone();
    for resource in bundle.resources.iter_mut().filter(|resource| is_live(&resource.node)) {
        match remembered(resource) {
            Some(node) => resource.node = node,
            None => strip(resource),
        }
    }
    bundle
}

/// Objects of a cluster by their names, with who applies each: whose fields it has, its ledger says.
pub(super) type Ledgers = BTreeMap<ResourceId, (Node, Text)>;

/// Two bundles, of which the first holds objects from a cluster that somebody applied on the server's side: in it only
/// what was applied and what others manage is left, and in the second what others manage stays.
#[must_use]
pub(super) fn beside(mut committed: Bundle, mut fresh: Bundle, facts: &ClusterFacts) -> (Bundle, Bundle, Ledgers) {
    let mut ledgers = Ledgers::new();
    let version = facts.kubernetes.unwrap_or_default();
    let places: BTreeMap<ResourceId, usize> =
        fresh.resources.iter().enumerate().map(|(place, resource)| (resource.id.clone(), place)).collect();
    for resource in committed.resources.iter_mut().filter(|resource| is_live(&resource.node)) {
        let nowhere = ResourceId { namespace: Text::default(), ..resource.id.clone() };
        let Some(place) = places.get(&resource.id).or_else(|| places.get(&nowhere)) else { continue };
        let Some(next) = fresh.resources.get_mut(*place) else { continue };
        let Some(found) = server_side::beside(&resource.node, &next.node, &facts.customs, version) else { continue };
        ledgers.insert(next.id.clone(), (std::mem::replace(&mut resource.node, found.before), found.applier));
        resource.id = next.id.clone();
        next.node = found.after;
    }
    (committed, fresh, ledgers)
}

/// Whether it comes from a cluster: nobody writes both.
fn is_live(node: &Node) -> bool {
    ["uid", "creationTimestamp"].iter().all(|field| node.find(&["metadata", field]).is_some())
}

fn remembered(resource: &Resource) -> Option<Node> {
    let text = resource.node.find(&["metadata", "annotations", LAST_APPLIED])?.as_str()?;
    let node = json::to_node(&serde_json::from_str(text).ok()?, resource.at());
    let same = |field: &str| node.get(field).and_then(Node::as_str) == resource.node.get(field).and_then(Node::as_str);
    (same("kind") && node.find(&["metadata", "name"]).and_then(Node::as_str) == Some(&resource.id.name)).then_some(node)
}

pub(super) fn strip(resource: &mut Resource) {
    let is_headless = resource.node.find(&["spec", "clusterIP"]).and_then(Node::as_str) == Some("None");
    for (_, path) in ALLOCATED.iter().filter(|(kind, _)| *kind == resource.id.kind && !is_headless) {
        remove(&mut resource.node, path);
    }
    remove(&mut resource.node, &["status"]);
    for field in OF_THE_SERVER {
        remove(&mut resource.node, &["metadata", field]);
    }
    if let Some(Data::List(finalizers)) =
        resource.node.get_mut("metadata").and_then(|node| node.get_mut("finalizers")).map(|node| &mut node.data)
    {
        finalizers.retain(|finalizer| !finalizer.as_str().is_some_and(|name| name.starts_with("kubernetes.io/")));
    }
    let annotations = resource.node.find(&["metadata", "annotations"]).into_iter().flat_map(Node::entries);
    let foreign: Vec<String> = annotations
        .map(|(key, _)| key.name.to_string())
        .filter(|name| name == LAST_APPLIED || OF_CONTROLLERS.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    for name in foreign {
        remove(&mut resource.node, &["metadata", "annotations", &name]);
    }
    for field in ["annotations", "finalizers"] {
        if resource
            .node
            .find(&["metadata", field])
            .is_some_and(|node| node.items().next().is_none() && node.entries().next().is_none())
        {
            remove(&mut resource.node, &["metadata", field]);
        }
    }
    if let Some(Data::List(templates)) =
        resource.node.get_mut("spec").and_then(|spec| spec.get_mut("volumeClaimTemplates")).map(|node| &mut node.data)
    {
        templates.iter_mut().for_each(|template| remove(template, &["status"]));
    }
}

fn remove(node: &mut Node, path: &[&str]) {
    match path {
        [last] => {
            if let Some(map) = node.as_map_mut() {
                map.remove(last);
            }
        }
        [first, rest @ ..] => {
            if let Some(inner) = node.get_mut(first) {
                remove(inner, rest);
            }
        }
        [] => {}
    }
}
