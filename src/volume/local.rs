//! A disk or folder of one node, as the scheduler knows it.

use super::{Contribution, Static, absolute, file_system, missing, text};
use crate::block::{Placed, block};
use crate::diagnostic::Diagnostics;
use crate::value::{Map, Node, Text};

block! {
    /// A disk or folder of one node. Unlike `hostPath`, Kubernetes insists on knowing the node.
    pub(crate) struct Local = "`local`", needs ["path", "node"] {
        /// Where it is mounted on the node, or the device.
        /// Example: `"/mnt/disks/{{ pod }}"`
        path: Placed<Text>,
        /// The node, by its label `kubernetes.io/hostname`.
        /// Example: `"node-{{ ordinal }}"`
        node: Placed<Text>,
        /// The file system, when the path is a device.
        /// Example: `ext4`
        fs_type as "fsType": Placed<Text>,
    }
}

impl Static for Local {
    fn contribute(&self, found: &mut Diagnostics) -> Option<Contribution> {
        let (Some(path), Some(node)) = (&self.path, &self.node) else {
            let name = if self.path.is_none() { "path" } else { "node" };
            missing("`local`", name, "a local volume needs a path and the node that has it", self.at, found);
            return None;
        };
        absolute(path, found);
        if let Some(kind) = &self.fs_type {
            file_system(kind, found);
        }
        Some(Contribution {
            field: "local",
            source: Node::of(self.at, [("path", Some(text(path))), ("fsType", self.fs_type.as_ref().map(text))]),
            reach: Some(("kubernetes.io/hostname".into(), vec![node.value.clone()])),
            labels: Map::new(),
            disk: format!("{}:{}", node.value, path.value),
            shared: false,
        })
    }
}
