//! What the server fills in for volumes, claims and storage classes.
//!
//! Follows `pkg/apis/core/v1/defaults.go: SetDefaults_PersistentVolume, SetDefaults_PersistentVolumeClaimSpec`, and
//! `pkg/apis/storage/v1/defaults.go: SetDefaults_StorageClass`.

use super::{fill_absent, fill_map, fill_text, forget, pod, within};
use crate::k8s::version::Version;
use crate::value::{Data, Node};

/// A PersistentVolume.
/// `SetDefaults_PersistentVolume`, pkg/apis/core/v1.
pub(crate) fn persistent_volume(node: &mut Node, _: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_text(spec, "persistentVolumeReclaimPolicy", "Retain");
    fill_absent(spec, "volumeMode", Data::Text("Filesystem".into()));
    source(spec);
}

/// What every source of a volume is given, wherever it stands.
fn source(spec: &mut Node) {
    within(spec, &["hostPath"], |source| fill_absent(source, "type", Data::Text("".into())));
    within(spec, &["rbd"], |source| {
        fill_text(source, "pool", "rbd");
        fill_text(source, "user", "admin");
        fill_text(source, "keyring", "/etc/ceph/keyring");
    });
    within(spec, &["iscsi"], |source| fill_text(source, "iscsiInterface", "default"));
    within(spec, &["azureDisk"], |source| {
        fill_absent(source, "cachingMode", Data::Text("ReadWrite".into()));
        fill_absent(source, "fsType", Data::Text("ext4".into()));
        fill_absent(source, "readOnly", Data::Bool(false));
        fill_absent(source, "kind", Data::Text("Shared".into()));
    });
    within(spec, &["scaleIO"], |source| {
        fill_text(source, "storageMode", "ThinProvisioned");
        fill_text(source, "fsType", "xfs");
    });
}

/// A PersistentVolumeClaim.
/// `SetDefaults_PersistentVolumeClaim`, pkg/apis/core/v1.
pub(crate) fn persistent_volume_claim(node: &mut Node, _: Version) {
    forget(node, "status");
    if let Some(spec) = fill_map(node, "spec") {
        pod::claim_spec(spec);
    }
}

/// A StorageClass.
/// `SetDefaults_StorageClass`, pkg/apis/storage/v1.
pub(crate) fn storage_class(node: &mut Node, _: Version) {
    fill_absent(node, "reclaimPolicy", Data::Text("Delete".into()));
    fill_absent(node, "volumeBindingMode", Data::Text("Immediate".into()));
}

/// A CSIDriver.
/// `SetDefaults_CSIDriver`, pkg/apis/storage/v1.
pub(crate) fn csi_driver(node: &mut Node, _: Version) {
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_absent(spec, "attachRequired", Data::Bool(true));
    for field in ["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"] {
        fill_absent(spec, field, Data::Bool(false));
    }
    fill_absent(spec, "fsGroupPolicy", Data::Text("ReadWriteOnceWithFSType".into()));
    if spec.get("volumeLifecycleModes").and_then(Node::as_list).is_none_or(<[Node]>::is_empty) {
        let at = spec.at;
        forget(spec, "volumeLifecycleModes");
        fill_absent(spec, "volumeLifecycleModes", Data::List(vec![Node::text("Persistent", at)]));
    }
}

/// A VolumeAttachment.
pub(crate) fn volume_attachment(node: &mut Node, _: Version) {
    forget(node, "status");
    if let Some(spec) = fill_map(node, "spec") {
        fill_map(spec, "source");
        within(spec, &["source", "inlineVolumeSpec"], source);
    }
}
