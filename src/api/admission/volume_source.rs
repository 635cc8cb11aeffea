//! Where the bytes of a volume live: the sources that pods and PersistentVolumes have in common. Knows neither.
//!
//! Follows `pkg/apis/core/validation/validation.go: validateVolumeSource, validateProjectedVolumeSource`.

use super::cause::{Causes, Path, flag, list, number, some, text};
use crate::k8s::name;
use crate::value::Node;

/// The type of a host path; empty is one too.
const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// `hostPath`.
/// `validateHostPathVolumeSource`, pkg/apis/core/validation.
pub(crate) fn host_path(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    let place = text(source, "path");
    if place.is_empty() {
        return causes.required(&path.child("path"), "");
    }
    no_steps_up(place, &path.child("path"), causes);
    if let Some(kind) = some(source, "type")
        && !HOST_PATH_TYPES.contains(&kind.as_str().unwrap_or_default())
    {
        causes.not_supported(&path.child("type"), &HOST_PATH_TYPES);
    }
}

/// `local`.
/// `validateLocalVolumeSource`, pkg/apis/core/validation.
pub(crate) fn local(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    match text(source, "path") {
        "" => causes.required(&path.child("path"), ""),
        place => no_steps_up(place, &path.child("path"), causes),
    }
}

/// `nfs`.
/// `validateNFSVolumeSource`, pkg/apis/core/validation.
pub(crate) fn nfs(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["server", "path"], path, causes);
    if !text(source, "path").starts_with('/') {
        causes.invalid(&path.child("path"), "must be an absolute path");
    }
}

/// `gcePersistentDisk`.
/// `validateGCEPersistentDiskVolumeSource`, pkg/apis/core/validation.
pub(crate) fn gce_disk(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["pdName"], path, causes);
    partition(source, path, causes);
}

/// `awsElasticBlockStore`.
/// `validateAWSElasticBlockStoreVolumeSource`, pkg/apis/core/validation.
pub(crate) fn aws_disk(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["volumeID"], path, causes);
    partition(source, path, causes);
}

/// `glusterfs`.
/// `validateGlusterfsVolumeSource`, pkg/apis/core/validation.
pub(crate) fn glusterfs(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["endpoints", "path"], path, causes);
}

/// `flocker`.
/// `validateFlockerVolumeSource`, pkg/apis/core/validation.
pub(crate) fn flocker(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    let data_set = text(source, "datasetName");
    match (data_set.is_empty(), text(source, "datasetUUID").is_empty()) {
        (true, true) => causes.required(path, "one of datasetName and datasetUUID is required"),
        (false, false) => causes.invalid(path, "datasetName and datasetUUID can not be specified simultaneously"),
        _ => {}
    }
    if data_set.contains('/') {
        causes.invalid(&path.child("datasetName"), "must not contain '/'");
    }
}

/// `rbd`.
/// `validateRBDVolumeSource` and `validateRBDPersistentVolumeSource`, pkg/apis/core/validation.
pub(crate) fn rbd(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    cephfs(source, path, causes);
    need(source, &["image"], path, causes);
}

/// `cephfs`.
/// `validateCephFSVolumeSource` and `validateCephFSPersistentVolumeSource`, pkg/apis/core/validation.
pub(crate) fn cephfs(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    if list(source, "monitors").is_empty() {
        causes.required(&path.child("monitors"), "");
    }
}

/// `quobyte`.
/// `validateQuobyteVolumeSource`, pkg/apis/core/validation.
pub(crate) fn quobyte(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    let pairs = "must be a host:port pair or multiple pairs separated by commas";
    let registry = text(source, "registry");
    if registry.is_empty() {
        causes.required(&path.child("registry"), pairs);
    } else if text(source, "tenant").len() > 64 {
        causes.required(&path.child("tenant"), "must be a UUID and may not exceed a length of 64 characters");
    } else {
        for _ in registry.split(',').filter(|pair| !is_host_and_port(pair)) {
            causes.invalid(&path.child("registry"), pairs);
        }
    }
    need(source, &["volume"], path, causes);
}

/// `iscsi`; what is said of a qualified name without a known beginning differs.
/// `validateISCSIVolumeSource` and `validateISCSIPersistentVolumeSource`, pkg/apis/core/validation.
pub(crate) fn iscsi(source: &Node, beginning: &str, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["targetPortal"], path, causes);
    match text(source, "iqn") {
        "" => causes.required(&path.child("iqn"), ""),
        qualified => iscsi_name(qualified, beginning, &path.child("iqn"), causes),
    }
    lun(number(source, "lun"), path, causes);
    if (flag(source, "chapAuthDiscovery") || flag(source, "chapAuthSession")) && some(source, "secretRef").is_none() {
        causes.required(&path.child("secretRef"), "");
    }
    if let Some(initiator) = some(source, "initiatorName") {
        let initiator = initiator.as_str().unwrap_or_default();
        iscsi_name(initiator, beginning, &path.child("initiatorname"), causes);
    }
}

/// Whether the portal of an `iscsi` source is too long to stand beside the name of its volume.
#[must_use]
pub(crate) fn iscsi_is_too_long(source: &Node, volume: &str) -> bool {
    some(source, "initiatorName").is_some() && volume.len() + 1 + text(source, "targetPortal").len() > 64
}

/// What the server says of that.
pub(crate) const ISCSI_TOO_LONG: &str = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if \
    iscsi.initiatorName is specified.";

/// `fc`.
/// `validateFCVolumeSource`, pkg/apis/core/validation.
pub(crate) fn fibre_channel(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    let (targets, identifiers) = (list(source, "targetWWNs"), list(source, "wwids"));
    let target_path = path.child("targetWWNs");
    match (targets.is_empty(), identifiers.is_empty()) {
        (true, true) => causes.required(&target_path, "must specify either targetWWNs or wwids, but not both"),
        (false, false) => causes.invalid(&target_path, "targetWWNs and wwids can not be specified simultaneously"),
        _ => {}
    }
    if !targets.is_empty() {
        match some(source, "lun") {
            None => causes.required(&path.child("lun"), "lun is required if targetWWNs is specified"),
            Some(unit) => lun(unit.as_int().unwrap_or_default(), path, causes),
        }
    }
}

/// `flexVolume`.
/// `validateFlexVolumeSource` and `validateFlexPersistentVolumeSource`, pkg/apis/core/validation.
pub(crate) fn flex_volume(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["driver"], path, causes);
    let options = path.child("options");
    for (key, _) in source.get("options").into_iter().flat_map(Node::entries) {
        let namespace = key.name.split('/').next().unwrap_or_default().to_lowercase();
        let is_under = |domain: &str| {
            namespace == domain || namespace.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        };
        if is_under("kubernetes.io") || is_under("k8s.io") {
            causes.invalid(&options.key(&key.name), "kubernetes.io and k8s.io namespaces are reserved");
        }
    }
}

/// `azureFile`.
/// `validateAzureFile` and `validateAzureFilePV`, pkg/apis/core/validation.
pub(crate) fn azure_file(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["secretName", "shareName"], path, causes);
}

/// `azureDisk`.
/// `validateAzureDisk`, pkg/apis/core/validation.
pub(crate) fn azure_disk(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["diskName", "diskURI"], path, causes);
    for (field, known) in
        [("cachingMode", ["None", "ReadOnly", "ReadWrite"]), ("kind", ["Dedicated", "Managed", "Shared"])]
    {
        if some(source, field).is_some_and(|value| !known.contains(&value.as_str().unwrap_or_default())) {
            causes.not_supported(&path.child(field), &known);
        }
    }
    let Some(kind) = some(source, "kind").and_then(Node::as_str) else { return };
    let (beginning, known) = if kind == "Managed" {
        (
            "/subscriptions/",
            "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        )
    } else {
        ("https://", "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd")
    };
    if !text(source, "diskURI").starts_with(beginning) {
        causes.not_supported(&path.child("diskURI"), &[known]);
    }
}

/// `vsphereVolume`.
/// `validateVsphereVolumeSource`, pkg/apis/core/validation.
pub(crate) fn vsphere(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["volumePath"], path, causes);
}

/// `photonPersistentDisk`.
/// `validatePhotonPersistentDiskVolumeSource`, pkg/apis/core/validation.
pub(crate) fn photon(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["pdID"], path, causes);
}

/// `portworxVolume`, and the part of `cinder` that all have.
/// `validatePortworxVolumeSource`, pkg/apis/core/validation.
pub(crate) fn volume_id(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["volumeID"], path, causes);
}

/// `scaleIO`.
/// `validateScaleIOVolumeSource` and `validateScaleIOPersistentVolumeSource`, pkg/apis/core/validation.
pub(crate) fn scale_io(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(source, &["gateway", "system", "volumeName"], path, causes);
}

/// `storageos`.
/// `validateStorageOSVolumeSource` and `validateStorageOSPersistentVolumeSource`, pkg/apis/core/validation.
pub(crate) fn storage_os(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    match text(source, "volumeName") {
        "" => causes.required(&path.child("volumeName"), ""),
        volume => causes.each_invalid(&path.child("volumeName"), name::dns_label(volume)),
    }
    match text(source, "volumeNamespace") {
        "" => {}
        namespace => causes.each_invalid(&path.child("volumeNamespace"), name::dns_label(namespace)),
    }
}

/// The name of a CSI driver.
/// `ValidateCSIDriverName`, pkg/apis/core/validation.
pub(crate) fn csi_driver(driver: &str, path: &Path<'_>, causes: &mut Causes) {
    if driver.is_empty() {
        return causes.required(path, "");
    }
    if driver.len() > 63 {
        causes.too_long(path, 63);
    }
    causes.each_invalid(path, name::dns_subdomain(&driver.to_lowercase()));
}

/// Texts that must not be empty: what the rules of many sources begin with, `validateVolumeSource`,
/// pkg/apis/core/validation.
pub(crate) fn need(source: &Node, fields: &[&str], path: &Path<'_>, causes: &mut Causes) {
    for field in fields.iter().filter(|field| text(source, field).is_empty()) {
        causes.required(&path.child(field), "");
    }
}

/// A reference to a Secret that needs more than to be there.
/// `validatePVSecretReference`, pkg/apis/core/validation.
pub(crate) fn need_in_secret(source: &Node, fields: &[&str], path: &Path<'_>, causes: &mut Causes) {
    if let Some(secret) = some(source, "secretRef") {
        need(secret, fields, &path.child("secretRef"), causes);
    }
}

/// `validatePathNoBacksteps`, pkg/apis/core/validation.
fn no_steps_up(place: &str, path: &Path<'_>, causes: &mut Causes) {
    if place.split('/').any(|step| step == "..") {
        causes.invalid(path, "must not contain '..'");
    }
}

/// `validateGCEPersistentDiskVolumeSource` and `validateAWSElasticBlockStoreVolumeSource`, pkg/apis/core/validation.
fn partition(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    if !(0..=255).contains(&number(source, "partition")) {
        causes.invalid(&path.child("partition"), name::between(1, 255));
    }
}

/// `validateISCSIVolumeSource` and `validateFCVolumeSource`, pkg/apis/core/validation.
fn lun(unit: i64, path: &Path<'_>, causes: &mut Causes) {
    causes.each_invalid(&path.child("lun"), name::in_range(unit, 0, 255));
}

/// `validateISCSIVolumeSource` and `validateISCSIPersistentVolumeSource`, pkg/apis/core/validation.
fn iscsi_name(text: &str, beginning: &str, path: &Path<'_>, causes: &mut Causes) {
    let good = match text.get(..3) {
        Some("iqn") => text.match_indices("iqn.").any(|(start, _)| is_qualified_name(&text[start + 4..])),
        Some("eui") => has_digits(text, 16),
        Some("naa") => has_digits(text, 32),
        _ => return causes.invalid(path, beginning),
    };
    if !good {
        causes.invalid(path, "must be valid format");
    }
}

/// `2001-04.com.example:storage`
fn is_qualified_name(text: &str) -> bool {
    let Some((date, rest)) = text.split_at_checked(8) else { return false };
    let dated = date.bytes().enumerate().all(|(index, byte)| match index {
        4 => byte == b'-',
        7 => byte == b'.',
        _ => byte.is_ascii_digit(),
    });
    let Some((authority, unit)) = rest.split_once(':') else { return false };
    dated
        && !authority.is_empty()
        && authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        && !unit.is_empty()
        && !unit.contains([',', ';', '*', '&', '$', '|', '\t', '\n', '\x0c', '\r', ' '])
}

/// Three letters, any one letter, and so many letters or digits.
fn has_digits(text: &str, count: usize) -> bool {
    let mut letters = text.chars().skip(3);
    letters.next().is_some_and(|letter| letter != '\n')
        && letters.clone().count() == count
        && letters.all(|letter| letter.is_ascii_alphanumeric())
}

fn is_host_and_port(pair: &str) -> bool {
    let Some((host, port)) = pair.rsplit_once(':') else { return false };
    let host = match host.strip_prefix('[') {
        Some(inner) => match inner.strip_suffix(']') {
            Some(inner) => return !inner.contains(['[', ']']) && !port.contains(['[', ']']),
            None => return false,
        },
        None => host,
    };
    !host.contains([':', '[', ']']) && !port.contains(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_iscsi() {
        let faults = |text: &str| {
            let mut causes = Causes::default();
            iscsi_name(text, "?", &Path::new("iqn"), &mut causes);
            causes.refusals.len()
        };
        for good in [
            "iqn.2001-04.com.example:storage.kube.sys1.xyz",
            "eui.0123456789abcdef",
            "naa.0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(faults(good), 0, "{good}");
        }
        for wrong in [
            "",
            "x",
            "iqn.2001-04.com.example",
            "iqn.2001-4.com:x",
            "iqn.2001-04.com:a b",
            "eui.012",
            "naa.x",
            "iqn.é001-04.c:x",
        ] {
            assert_eq!(faults(wrong), 1, "{wrong}");
        }
    }

    #[test]
    fn hosts_and_ports() {
        assert!(["a:1", "[::1]:80", ":1", "a:"].into_iter().all(is_host_and_port));
        assert!(!["a", "", "::1:80", "[::1]", "[a:1"].into_iter().any(is_host_and_port));
    }
}
