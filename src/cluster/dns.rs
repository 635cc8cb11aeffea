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
    let labelled = Labelled::new(world);
    let services = world.store.of_kind("Service").filter(|(_, service)| selects(service));
    services.map(|(key, service)| (key.clone(), of_service(&labelled, key, service))).collect()
}

/// A namespace, and a label there: its key and its value.
type Label<'w> = (&'w str, &'w str, &'w str);

/// The pods that could be published, by namespace and label.
struct Labelled<'w> {
    all: Vec<(&'w Key, &'w Node)>,
    by_label: BTreeMap<Label<'w>, Vec<(&'w Key, &'w Node)>>,
}

impl<'w> Labelled<'w> {
    fn new(world: &'w World) -> Self {
        let all: Vec<_> = world.store.of_kind("Pod").filter(|(_, pod)| has_address(pod) && !is_over(pod)).collect();
        let mut by_label: BTreeMap<Label<'_>, Vec<_>> = BTreeMap::new();
        for (key, pod) in &all {
            for (label, value) in pod.find(&["metadata", "labels"]).into_iter().flat_map(Node::entries) {
                let value = value.as_str().unwrap_or_default();
                by_label.entry((key.namespace.as_str(), label.name.as_str(), value)).or_default().push((*key, *pod));
            }
        }
        Self { all, by_label }
    }

    /// The pods that have one of the labels that are wanted: that which the fewest have.
    fn having_one<'a>(&'a self, namespace: &'a str, wanted: &'a Node) -> &'a [(&'a Key, &'a Node)] {
        let labels = wanted.entries().filter_map(|(label, value)| Some((namespace, label.name.as_str(), value.as_str()?)));
        let having = labels.map(|label| self.by_label.get(&label).map_or(&[][..], Vec::as_slice));
        having.min_by_key(|pods| pods.len()).unwrap_or(&self.all)
    }
}

/// Whether the cluster finds the Service's pods by itself.
#[must_use]
pub fn selects(service: &Node) -> bool {
    text(service, &["spec", "type"]) != "ExternalName"
        && service.find(&["spec", "selector"]).and_then(Node::as_map).is_some_and(|selector| !selector.is_empty())
}

fn of_service(labelled: &Labelled<'_>, key: &Key, service: &Node) -> Vec<Endpoint> {
    let Some(wanted) = service.find(&["spec", "selector"]) else { return Vec::new() };
    let early = service.find(&["spec", "publishNotReadyAddresses"]).and_then(Node::as_bool).unwrap_or_default();
    let some = labelled.having_one(&key.namespace, wanted).iter();
    some.filter(|(name, pod)| name.namespace == key.namespace && selector::has_all(wanted, pod.find(&["metadata", "labels"])))
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
