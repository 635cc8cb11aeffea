//! A volume source that Kubernetes itself no longer carries.

use super::Rule;
use super::context::Context;
use crate::bundle::Resource;
use crate::diagnostic::{Code, Diagnostics, Level, Report};
use crate::value::{Key, Node};

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0414", name: "in-tree-source", level: Level::Warning, page: include_str!("in_tree_source.md") },
    judge,
};

/// The sources, what there is instead, and whether the old words still work.
const SOURCES: [(&str, &str, bool); 16] = [
    ("gcePersistentDisk", "the CSI driver `pd.csi.storage.gke.io`", true),
    ("awsElasticBlockStore", "the CSI driver `ebs.csi.aws.com`", true),
    ("azureDisk", "the CSI driver `disk.csi.azure.com`", true),
    ("azureFile", "the CSI driver `file.csi.azure.com`", true),
    ("cinder", "the CSI driver `cinder.csi.openstack.org`", true),
    ("vsphereVolume", "the CSI driver `csi.vsphere.vmware.com`", true),
    ("portworxVolume", "the CSI driver `pxd.portworx.com`", true),
    ("cephfs", "the CSI driver `cephfs.csi.ceph.com`", false),
    ("rbd", "the CSI driver `rbd.csi.ceph.com`", false),
    ("glusterfs", "`nfs`, or a CSI driver", false),
    ("flocker", "a CSI driver", false),
    ("quobyte", "the CSI driver `csi.quobyte.com`", false),
    ("storageos", "a CSI driver", false),
    ("scaleIO", "the CSI driver `csi-vxflexos.dellemc.com`", false),
    ("photonPersistentDisk", "a CSI driver", false),
    ("gitRepo", "an init container that clones", false),
];
/// The provisioners of storage classes, likewise.
const PROVISIONERS: [(&str, &str, bool); 13] = [
    ("gce-pd", "pd.csi.storage.gke.io", true),
    ("aws-ebs", "ebs.csi.aws.com", true),
    ("azure-disk", "disk.csi.azure.com", true),
    ("azure-file", "file.csi.azure.com", true),
    ("cinder", "cinder.csi.openstack.org", true),
    ("vsphere-volume", "csi.vsphere.vmware.com", true),
    ("portworx-volume", "pxd.portworx.com", true),
    ("rbd", "rbd.csi.ceph.com", false),
    ("glusterfs", "a CSI driver", false),
    ("quobyte", "csi.quobyte.com", false),
    ("storageos", "a CSI driver", false),
    ("scaleio", "csi-vxflexos.dellemc.com", false),
    ("flocker", "a CSI driver", false),
];

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    // Who asks a spec for the old words gets them.
    for volume in context.volumes.iter().filter(|_| !context.compiled) {
        volume.resource.node.get("spec").into_iter().for_each(|spec| source(spec, volume.resource, found));
    }
    for workload in &context.workloads {
        workload.volumes().for_each(|volume| source(volume, workload.resource, found));
    }
    for class in &context.classes {
        let Some(provisioner) = class.resource.node.get("provisioner") else { continue };
        let name = provisioner.as_str().and_then(|name| name.strip_prefix("kubernetes.io/"));
        if let Some((name, instead, works)) = PROVISIONERS.iter().find(|(known, ..)| Some(*known) == name) {
            let what = format!("the provisioner `kubernetes.io/{name}`");
            report(&what, instead, *works, class.resource).at(provisioner.at, found);
        }
    }
}

fn source(node: &Node, resource: &Resource, found: &mut Diagnostics) {
    // A source is the last field that people write, or nearly.
    for (key, _) in node.entries() {
        let Key { name, at } = key;
        if let Some((source, instead, works)) = SOURCES.iter().find(|(known, ..)| known == name) {
            report(&format!("`{source}`"), instead, *works, resource).at(*at, found);
        }
    }
}

fn report(what: &str, instead: &str, works: bool, resource: &Resource) -> Report {
    let (message, level) = if works {
        (
            format!(
                "{what} is no longer part of Kubernetes: it works only where the cluster passes it on to a CSI driver"
            ),
            Level::Note,
        )
    } else {
        (format!("{what} is no longer part of Kubernetes: nothing mounts it any more"), Level::Warning)
    };
    RULE.code.report(message).level(level).help(format!("use {instead}")).about(resource.subject())
}
