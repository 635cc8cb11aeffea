//! A volume of any CSI driver that exists already.

use super::{Contribution, Static, file_system, missing, text};
use crate::block::{Open, Placed, block};
use crate::diagnostic::Diagnostics;
use crate::value::{Map, Node, Text};

block! {
    /// A volume of any CSI driver that exists already.
    pub(crate) struct Csi = "`csi`", needs ["driver", "volumeHandle"] {
        /// The driver's name.
        /// Example: `ebs.csi.aws.com`
        driver: Placed<Text>,
        /// What the driver calls the volume.
        /// Example: `"vol-{{ ordinal }}"`
        volume_handle as "volumeHandle": Placed<Text>,
        /// The file system.
        /// Example: `ext4`
        fs_type as "fsType": Placed<Text>,
        /// Whether it is mounted for reading only.
        /// Example: `true`
        read_only as "readOnly": Placed<bool>,
        /// What else the driver wants to know.
        /// Example: `{iops: "3000"}`
        volume_attributes as "volumeAttributes": Open,
        /// The node that can reach it, by its label `kubernetes.io/hostname`.
        /// Example: `node-1`
        node: Placed<Text>,
        /// The zone that can reach it.
        /// Example: `eu-west-1a`
        zone: Placed<Text>,
        /// The label by which nodes say their zone; default: `topology.kubernetes.io/zone`.
        /// Example: `topology.ebs.csi.aws.com/zone`
        zone_label as "zoneLabel": Placed<Text>,
    }
}

impl Static for Csi {
    fn contribute(&self, found: &mut Diagnostics) -> Option<Contribution> {
        let (Some(driver), Some(handle)) = (&self.driver, &self.volume_handle) else {
            let name = if self.driver.is_none() { "driver" } else { "volumeHandle" };
            missing("`csi`", name, "a CSI volume needs its driver and what the driver calls it", self.at, found);
            return None;
        };
        if let Some(kind) = &self.fs_type
            && self.volume_attributes.is_none()
        {
            file_system(kind, found);
        }
        let attributes = self.volume_attributes.as_ref().map(|open| Node::map(open.0.clone(), self.at));
        let reach = match (&self.node, &self.zone) {
            (Some(node), _) => Some(("kubernetes.io/hostname".into(), vec![node.value.clone()])),
            (None, Some(zone)) => {
                let label = self
                    .zone_label
                    .as_ref()
                    .map_or_else(|| "topology.kubernetes.io/zone".into(), |label| label.value.clone());
                Some((label, vec![zone.value.clone()]))
            }
            (None, None) => None,
        };
        Some(Contribution {
            field: "csi",
            source: Node::of(
                self.at,
                [
                    ("driver", Some(text(driver))),
                    ("volumeHandle", Some(text(handle))),
                    ("fsType", self.fs_type.as_ref().map(text)),
                    ("readOnly", self.read_only.as_ref().map(|value| Node::bool(value.value, value.at))),
                    ("volumeAttributes", attributes),
                ],
            ),
            reach,
            labels: Map::new(),
            disk: format!("{}:{}", driver.value, handle.value),
            shared: false,
        })
    }
}
