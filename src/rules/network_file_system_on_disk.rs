//! A file system that the disk cannot have.

use super::Rule;
use super::context::{Context, text};
use crate::bundle::Resource;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0412",
        name: "network-file-system-on-disk",
        level: Level::Error,
        page: include_str!("network_file_system_on_disk.md"),
    },
    judge,
};

/// Sources that give a device, which then gets a file system of its own.
const DEVICES: [&str; 8] =
    ["gcePersistentDisk", "awsElasticBlockStore", "azureDisk", "cinder", "vsphereVolume", "iscsi", "fc", "rbd"];
/// CSI drivers that do.
const DRIVERS: [&str; 8] = [
    "pd.csi.storage.gke.io",
    "ebs.csi.aws.com",
    "disk.csi.azure.com",
    "cinder.csi.openstack.org",
    "csi.vsphere.vmware.com",
    "rbd.csi.ceph.com",
    "dobs.csi.digitalocean.com",
    "csi.hetzner.cloud",
];
/// File systems that no device can be given.
const OF_SERVERS: [&str; 9] = ["nfs", "nfs3", "nfs4", "cifs", "smb", "smbfs", "glusterfs", "tmpfs", "overlay"];

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    // A spec says it of its volumes by itself.
    if context.compiled {
        return;
    }
    for volume in &context.volumes {
        let spec = volume.resource.node.get("spec");
        spec.into_iter().for_each(|spec| source(spec, volume.resource, found));
    }
    for workload in &context.workloads {
        workload.volumes().for_each(|volume| source(volume, workload.resource, found));
    }
}

fn source(node: &Node, resource: &Resource, found: &mut Diagnostics) {
    let plain = DEVICES.iter().find_map(|name| node.get(name));
    let driven = node.get("csi").filter(|csi| text(csi, "driver").is_some_and(|driver| DRIVERS.contains(&driver)));
    let Some(file_system) = plain.or(driven).and_then(|source| source.get("fsType")) else { return };
    let Some(name) = file_system.as_str().filter(|name| OF_SERVERS.contains(name)) else { return };
    RULE.code
        .report(format!(
            "the disk of `{}` can never be mounted: `{name}` is the file system of a server, not of a disk",
            resource.id.name
        ))
        .help("write `ext4` or `xfs`, or leave `fsType` out")
        .about(resource.subject())
        .at(file_system.at, found);
}
