//! Names: which pods a Service publishes, and under which names of their own. Knows no node and no volume.

use super::selector;
use super::store::{Key, is_ending, text};
use super::world::{World, is_over, is_ready, node_name, phase};
use crate::value::Node;
use std::collections::BTreeMap;

/// A pod that a Service publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The pod's name.
    pub pod: String,
    /// The name it has of its own below the Service's; `None` if it has none.
    pub hostname: Option<String>,
    /// Whether it takes part.
    pub ready: bool,
}

/// The endpoints of every Service that selects pods.
#[must_use]
pub fn endpoints(world: &World) -> BTreeMap<Key, Vec<Endpoint>> {
    let services = world.store.of_kind("Service").filter(|(_, service)| selects(service));
    services.map(|(key, service)| (key.clone(), of_service(world, key, service))).collect()
}

/// Whether the cluster finds the Service's pods by itself.
#[must_use]
pub fn selects(service: &Node) -> bool {
    text(service, &["spec", "type"]) != "ExternalName"
        && service.find(&["spec", "selector"]).and_then(Node::as_map).is_some_and(|selector| !selector.is_empty())
}

fn of_service(world: &World, key: &Key, service: &Node) -> Vec<Endpoint> {
    let Some(wanted) = service.find(&["spec", "selector"]) else { return Vec::new() };
    let early = service.find(&["spec", "publishNotReadyAddresses"]).and_then(Node::as_bool).unwrap_or_default();
    let selected = world.store.of_kind("Pod").filter(|(name, pod)| {
        name.namespace == key.namespace && selector::has_all(wanted, pod.find(&["metadata", "labels"])) && has_address(pod) && !is_over(pod)
    });
    selected
        .map(|(name, pod)| {
            let hostname = text(pod, &["spec", "hostname"]);
            let own_name = !hostname.is_empty() && text(pod, &["spec", "subdomain"]) == key.name;
            Endpoint {
                pod: name.name.to_string(),
                hostname: own_name.then(|| hostname.to_owned()),
                ready: early || is_ready(pod) && !is_ending(pod),
            }
        })
        .collect()
}

fn has_address(pod: &Node) -> bool {
    !node_name(pod).is_empty() && phase(pod) != "Pending"
}
