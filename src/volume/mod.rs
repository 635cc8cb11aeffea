//! The storage backends: what each accepts in the spec and what each contributes to a PersistentVolume. One file per
//! backend.

mod csi;
mod dynamic;
mod gce_persistent_disk;
mod host_path;
mod local;
mod nfs;

use crate::block::{Placed, block, words};
use crate::diagnostic::{Code, Diagnostics, Level, listing};
use crate::source::At;
use crate::value::{Map, Node, Text};

pub(crate) use csi::Csi;
pub(crate) use dynamic::Dynamic;
pub(crate) use gce_persistent_disk::GcePersistentDisk;
pub(crate) use host_path::HostPath;
pub(crate) use local::Local;
pub(crate) use nfs::Nfs;

/// No backend, or more than one.
static BACKEND: Code = Code {
    id: "SW0130",
    name: "volume-backend-count",
    level: Level::Error,
    page: include_str!("pages/volume-backend-count.md"),
};
/// A file system that the disk cannot have.
static FILE_SYSTEM: Code = Code {
    id: "SW0131",
    name: "impossible-file-system",
    level: Level::Error,
    page: include_str!("pages/impossible-file-system.md"),
};
/// A path that no node can have.
static PATH: Code =
    Code { id: "SW0132", name: "unusable-path", level: Level::Error, page: include_str!("pages/unusable-path.md") };
/// A disk, project or zone that cannot exist.
static DISK_NAME: Code =
    Code { id: "SW0127", name: "impossible-disk", level: Level::Error, page: include_str!("pages/impossible-disk.md") };

/// The codes of this module.
pub(crate) static CODES: &[&Code] = &[&BACKEND, &FILE_SYSTEM, &PATH, &DISK_NAME];

words! {
    /// What becomes of a volume once its claim is gone.
    pub(crate) enum ReclaimPolicy {
        /// It stays, with its data.
        Retain = "Retain",
        /// It is deleted, with its data.
        Delete = "Delete",
    }
}

block! {
    /// Where volumes come from. One backend, and what all of them share. In its texts stand `ordinal`, `pod`, `claim`
    /// and `item` beside the names that every expression knows.
    pub(crate) struct Volumes = "`volumes`", one_of ["hostPath", "gcePersistentDisk", "local", "csi", "nfs", "dynamic"] {
        /// A folder of a node. For clusters of one node; on more, name the node.
        /// Example: `{path: "/var/lib/kubia/{{ pod }}", node: minikube}`
        host_path as "hostPath": HostPath,
        /// A Google Compute Engine disk that exists.
        /// Example: `{disk: "kubia-{{ ordinal }}", project: acme, zone: europe-west1-b}`
        gce_persistent_disk as "gcePersistentDisk": GcePersistentDisk,
        /// A disk or folder of one node, as the scheduler knows it.
        /// Example: `{path: "/mnt/disks/{{ pod }}", node: "node-{{ ordinal }}"}`
        local: Local,
        /// A volume of any CSI driver that exists already.
        /// Example: `{driver: ebs.csi.aws.com, volumeHandle: "vol-{{ ordinal }}", zone: eu-west-1a}`
        csi: Csi,
        /// A folder of an NFS server.
        /// Example: `{server: nfs.example.com, path: "/exports/{{ pod }}"}`
        nfs: Nfs,
        /// Volumes that the cluster makes by itself when they are claimed: a class name, or nothing for the cluster's
        /// default.
        /// Example: `standard`
        dynamic: Dynamic,
        /// What becomes of a volume once its claim is gone. Default: Retain; only for volumes that are written out.
        /// Example: `Retain`
        reclaim_policy as "reclaimPolicy": ReclaimPolicy,
        /// The class that the volumes and their claims name. Default: empty, so that no class makes others in their
        /// place.
        /// Example: `manual`
        class: Placed<Text>,
        /// Options of the mount.
        /// Example: `[noatime]`
        mount_options as "mountOptions": Vec<Text>,
    }
}

/// What a backend puts into one PersistentVolume.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The field of the volume's spec that names the source: `hostPath`.
    pub field: &'static str,
    /// Its value.
    pub source: Node,
    /// The nodes that can reach it: a label, and its values.
    pub reach: Option<(Text, Vec<Text>)>,
    /// Labels that tools and schedulers look for.
    pub labels: Map,
    /// What people would call the disk; two ordinals must not have the same.
    pub disk: String,
    /// Whether several pods may share it without harm.
    pub shared: bool,
}

/// One backend, as written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend<'v> {
    /// Volumes are written out.
    Static(&'v dyn Static),
    /// The cluster makes them.
    Dynamic(&'v Dynamic),
}

/// A backend whose volumes exist and are written out.
pub(crate) trait Static: std::fmt::Debug {
    /// What it puts into one volume.
    fn contribute(&self, found: &mut Diagnostics) -> Option<Contribution>;
}

impl Volumes {
    /// The one backend that is named.
    pub(crate) fn backend(&self, found: &mut Diagnostics) -> Option<Backend<'_>> {
        let statics = [
            self.host_path.as_ref().map(|backend| backend as &dyn Static),
            self.gce_persistent_disk.as_ref().map(|backend| backend as &dyn Static),
            self.local.as_ref().map(|backend| backend as &dyn Static),
            self.csi.as_ref().map(|backend| backend as &dyn Static),
            self.nfs.as_ref().map(|backend| backend as &dyn Static),
        ];
        let mut backends =
            statics.into_iter().flatten().map(Backend::Static).chain(self.dynamic.as_ref().map(Backend::Dynamic));
        let first = backends.next();
        if first.is_none() || backends.next().is_some() {
            let message =
                if first.is_none() { "no backend is named here" } else { "more than one backend is named here" };
            BACKEND
                .report(message)
                .help(format!("name one of {}", listing(Self::BLOCK.one_of.iter().copied(), 8)))
                .at(self.at, found);
            return None;
        }
        first
    }
}

/// A placed text as a node.
pub(crate) fn text(value: &Placed<Text>) -> Node {
    Node::text(value.value.clone(), value.at)
}

/// Says that a field which this backend cannot do without is missing.
pub(crate) fn missing(noun: &str, name: &str, why: &str, at: At, found: &mut Diagnostics) {
    crate::block::MISSING.report(format!("{noun} has no `{name}`")).help(why.to_owned()).at(at, found);
}

/// Refuses a path that is not absolute or climbs.
pub(crate) fn absolute(path: &Placed<Text>, found: &mut Diagnostics) {
    if !path.value.starts_with('/') || path.value.split('/').any(|step| step == "..") {
        PATH.report(format!("`{}` is not a path that a node can mount", path.value))
            .help("write it from the root, without `..`: `/var/lib/app`")
            .at(path.at, found);
    }
}

/// Refuses a file system that a block device cannot have.
pub(crate) fn file_system(kind: &Placed<Text>, found: &mut Diagnostics) {
    const POSSIBLE: &[&str] = &["ext4", "xfs", "ext3", "ext2", "btrfs", "ntfs"];
    if !POSSIBLE.contains(&kind.value.as_str()) {
        FILE_SYSTEM
            .report(format!("a block device cannot have the file system `{}`", kind.value))
            .help(format!(
                "use one of {}; a network share is another backend: `nfs`",
                listing(POSSIBLE.iter().copied(), 8)
            ))
            .at(kind.at, found);
    }
}
