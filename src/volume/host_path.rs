//! A folder of a node.

use super::{Contribution, Static, absolute, missing, text};
use crate::block::{Placed, block};
use crate::diagnostic::Diagnostics;
use crate::value::{Map, Node, Text};

block! {
    /// A folder of a node. The data stays on that node: name it where there is more than one, or the pod may start
    /// without its data.
    pub(crate) struct HostPath = "`hostPath`", needs ["path"] {
        /// The folder on the node.
        /// Example: `"/var/lib/kubia/{{ pod }}"`
        path: Placed<Text>,
        /// The node, by its label `kubernetes.io/hostname`.
        /// Example: `minikube`
        node: Placed<Text>,
        /// What must be there; default: created if missing.
        /// Example: `DirectoryOrCreate`
        kind as "type": Placed<Text>,
    }
}

impl Static for HostPath {
    fn contribute(&self, found: &mut Diagnostics) -> Option<Contribution> {
        let Some(path) = &self.path else {
            missing("`hostPath`", "path", "say which folder of the node", self.at, found);
            return None;
        };
        absolute(path, found);
        let kind = self.kind.as_ref().map_or_else(|| Node::text("DirectoryOrCreate", self.at), text);
        Some(Contribution {
            field: "hostPath",
            source: Node::of(self.at, [("path", Some(text(path))), ("type", Some(kind))]),
            reach: self.node.as_ref().map(|node| ("kubernetes.io/hostname".into(), vec![node.value.clone()])),
            labels: Map::new(),
            disk: format!("{}:{}", self.node.as_ref().map_or("", |node| &node.value), path.value),
            shared: false,
        })
    }
}
