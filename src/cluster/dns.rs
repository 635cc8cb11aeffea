//! Names: which pods a Service publishes, and under which names of their own. Knows no node and no volume.
//!
//! Follows `staging/src/k8s.io/endpointslice/reconciler.go: Reconcile`, and
//! `pkg/controller/endpointslice/endpointslice_controller.go: syncService`.

use super::selector;
use super::store::{Key, is_ending, text};
use super::world::{World, is_over, is_ready, node_name, phase};
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A pod that a Service publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The pod's name.
    pub pod: Text,
    /// The name it has of its own below the Service's; `None` if it has none.
    pub hostname: Option<Text>,
    /// Whether it takes part.
    pub ready: bool,
}

/// The endpoints of every Service that selects pods.
/// `Reconcile`, k8s.io/endpointslice.
#[must_use]
pub(crate) fn endpoints(world: &World) -> BTreeMap<Key, Arc<[Endpoint]>> {
    let labelled = Labelled::new(world);
    let services = world.store.of_kind("Service").filter(|(_, service)| selects(service));
    // Services that select alike and give no names of their own have one list.
    let mut alike: BTreeMap<(&str, String), Arc<[Endpoint]>> = BTreeMap::new();
    services
        .map(|(key, service)| {
            let list = || Arc::from(of_service(&labelled, key, service));
            let list = if labelled.subdomains.contains(key.name.as_str()) {
                list()
            } else {
                Arc::clone(alike.entry((key.namespace.as_str(), likeness(service))).or_insert_with(list))
            };
            (key.clone(), list)
        })
        .collect()
}

/// What a Service says of its pods, as a text.
fn likeness(service: &Node) -> String {
    let mut text = String::new();
    for field in ["selector", "publishNotReadyAddresses"] {
        if let Some(value) = service.find(&["spec", field]) {
            crate::yaml::write_yaml(value, &mut text);
        }
        text.push('\0');
    }
    text
}

/// A namespace, and a label there: its key and its value.
type Label<'w> = (&'w str, &'w str, &'w str);

/// The pods that could be published, by namespace and label.
struct Labelled<'w> {
    all: Vec<(&'w Key, &'w Node)>,
    by_label: BTreeMap<Label<'w>, Vec<(&'w Key, &'w Node)>>,
    /// The Services below whose names pods have names of their own.
    subdomains: BTreeSet<&'w str>,
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
        let subdomains = all.iter().map(|(_, pod)| text(pod, &["spec", "subdomain"])).collect();
        Self { all, by_label, subdomains }
    }

    /// The pods that have one of the labels that are wanted: that which the fewest have.
    fn having_one<'a>(&'a self, namespace: &'a str, wanted: &'a Node) -> &'a [(&'a Key, &'a Node)] {
        let labels =
            wanted.entries().filter_map(|(label, value)| Some((namespace, label.name.as_str(), value.as_str()?)));
        let having = labels.map(|label| self.by_label.get(&label).map_or(&[][..], Vec::as_slice));
        having.min_by_key(|pods| pods.len()).unwrap_or(&self.all)
    }
}

/// Whether the cluster finds the Service's pods by itself.
#[must_use]
pub(crate) fn selects(service: &Node) -> bool {
    text(service, &["spec", "type"]) != "ExternalName"
        && service.find(&["spec", "selector"]).and_then(Node::as_map).is_some_and(|selector| !selector.is_empty())
}

fn of_service(labelled: &Labelled<'_>, key: &Key, service: &Node) -> Vec<Endpoint> {
    let Some(wanted) = service.find(&["spec", "selector"]) else { return Vec::new() };
    let early = service.find(&["spec", "publishNotReadyAddresses"]).and_then(Node::as_bool).unwrap_or_default();
    let some = labelled.having_one(&key.namespace, wanted).iter();
    some.filter(|(name, pod)| {
        name.namespace == key.namespace && selector::has_all(wanted, pod.find(&["metadata", "labels"]))
    })
    .map(|(name, pod)| {
        let hostname = text(pod, &["spec", "hostname"]);
        let own_name = !hostname.is_empty() && text(pod, &["spec", "subdomain"]) == key.name;
        Endpoint {
            pod: name.name.clone(),
            hostname: own_name.then(|| hostname.into()),
            ready: early || is_ready(pod) && !is_ending(pod),
        }
    })
    .collect()
}

fn has_address(pod: &Node) -> bool {
    !node_name(pod).is_empty() && phase(pod) != "Pending"
}
