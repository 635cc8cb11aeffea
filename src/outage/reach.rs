//! How far the data of a pod can follow it: from which nodes its volumes can be used.

use super::stage::Stage;
use crate::cluster::binder::{Place, VOLUME, is_reachable};
use crate::cluster::controller::attach;
use crate::cluster::store::{Key, text};
use crate::value::{Node, Text};
use std::collections::BTreeSet;

/// A volume of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The claim.
    pub claim: Text,
    /// The volume.
    pub volume: Text,
    /// What it is.
    pub form: Form,
    /// The nodes that can use it, in order, but for those that have failed.
    pub nodes: Vec<Text>,
    /// Whether several nodes may have it at once.
    pub shared: bool,
    /// Whether it is attached to nodes, and taken from one before another has it.
    pub attached: bool,
}

/// What a volume is, as far as it matters to where it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A disk of its own that nodes of one zone can use, or of some.
    Disk,
    /// A file system elsewhere in the network.
    Network,
    /// A disk of one node.
    Local,
    /// A folder of whichever node the pod is on.
    Path,
}

impl Form {
    /// Whether what is on it is on a node.
    #[must_use]
    pub const fn is_on_node(self) -> bool {
        matches!(self, Self::Local | Self::Path)
    }
}

impl Stage {
    /// The volumes of a pod, and where they can be used while some nodes are down.
    #[must_use]
    pub(super) fn disks(&self, pod: &crate::k8s::object::ObjectName, down: &[Text]) -> Vec<Disk> {
        let world = &self.cluster.world;
        let disk = |(claim, name): (Text, Text)| {
            let volume = world.store.get(&Key::new(VOLUME, "", name.clone()))?;
            let up = self.machines().iter().filter(|machine| !down.contains(&machine.name));
            let nodes = up
                .filter(|machine| is_reachable(volume, &Place { node: &machine.name, labels: Some(&machine.labels) }));
            Some(Disk {
                claim,
                volume: name,
                form: form(volume),
                nodes: nodes.map(|machine| machine.name.clone()).collect(),
                shared: attach::is_shared(volume),
                attached: attach::is_attachable(world, volume),
            })
        };
        self.volumes(pod).into_iter().filter_map(disk).collect()
    }
}

fn form(volume: &Node) -> Form {
    let has = |source: &str| volume.find(&["spec", source]).is_some_and(|source| !source.is_null());
    if has("local") || has("hostPath") && is_of_one_node(volume) {
        Form::Local
    } else if has("hostPath") {
        Form::Path
    } else if has("nfs") || has("cephfs") {
        Form::Network
    } else {
        Form::Disk
    }
}

/// Whether a volume says that it is on one node.
fn is_of_one_node(volume: &Node) -> bool {
    let terms = volume.find(&["spec", "nodeAffinity", "required", "nodeSelectorTerms"]);
    let expressions = terms
        .into_iter()
        .flat_map(Node::items)
        .flat_map(|term| term.get("matchExpressions").into_iter().flat_map(Node::items));
    let hosts: BTreeSet<&str> = expressions
        .filter(|expression| text(expression, &["key"]) == "kubernetes.io/hostname")
        .flat_map(|expression| expression.get("values").into_iter().flat_map(Node::items).filter_map(Node::as_str))
        .collect();
    hosts.len() == 1
}
