//! Volumes inside a container: mounts and block devices.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateVolumeMounts, ValidateVolumeDevices`.

use super::cause::{Causes, Path, flag, list, some, text};
use super::file_path;
use super::names::Names;
use super::pod::Pod;
use crate::value::Node;

/// `volumeMounts` of a container.
/// `ValidateVolumeMounts` and `validateMountPropagation`, pkg/apis/core/validation.
pub(crate) fn mounts(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let devices = || list(container, "volumeDevices").iter();
    let device_names: Names<'_> = devices().map(|device| text(device, "name")).collect();
    let device_places: Names<'_> = devices().map(|device| text(device, "devicePath")).collect();
    let mut places = Names::default();
    for (index, mount) in list(container, "volumeMounts").iter().enumerate() {
        let item = path.index(index);
        let (name, place) = (text(mount, "name"), text(mount, "mountPath"));
        let (name_path, place_path) = (item.child("name"), item.child("mountPath"));
        if name.is_empty() {
            causes.required(&name_path, "");
        }
        if !pod.volumes.contains_key(name) {
            causes.not_found(&name_path);
        }
        if place.is_empty() {
            causes.required(&place_path, "");
        }
        if !places.add(place) {
            causes.invalid(&place_path, "must be unique");
        }
        if device_names.has(name) {
            causes.invalid(&name_path, "must not already exist in volumeDevices");
        }
        if device_places.has(place) {
            causes.invalid(&place_path, "must not already exist as a path in volumeDevices");
        }
        inside(mount, path, &item, causes);
        if let Some(propagation) = some(mount, "mountPropagation") {
            let path = path.child("mountPropagation");
            causes.one_of(
                propagation.as_str().unwrap_or_default(),
                &["Bidirectional", "HostToContainer", "None"],
                &path,
            );
            let privileged = container.get("securityContext").is_some_and(|security| flag(security, "privileged"));
            if propagation.as_str() == Some("Bidirectional") && !privileged {
                causes.forbidden(&path, "Bidirectional mount propagation is available only to privileged containers");
            }
        }
        recursive_read_only(mount, &path.child("recursiveReadOnly"), causes);
    }
}

/// `volumeDevices` of a container.
/// `ValidateVolumeDevices`, pkg/apis/core/validation.
pub(crate) fn devices(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let devices = list(container, "volumeDevices");
    if devices.is_empty() {
        return;
    }
    let mounts = || list(container, "volumeMounts").iter();
    let mount_names: Names<'_> = mounts().map(|mount| text(mount, "name")).collect();
    let mount_places: Names<'_> = mounts().map(|mount| text(mount, "mountPath")).collect();
    let (mut names, mut places) = (Names::default(), Names::default());
    for (index, device) in devices.iter().enumerate() {
        let item = path.index(index);
        let (name, place) = (text(device, "name"), text(device, "devicePath"));
        let (name_path, place_path) = (item.child("name"), item.child("devicePath"));
        if name.is_empty() {
            causes.required(&name_path, "");
        } else if !names.add(name) {
            causes.invalid(&name_path, "must be unique");
        }
        match pod.volumes.get(name) {
            None => causes.not_found(&name_path),
            Some(volume) if !volume.is_claim => {
                causes.invalid(
                    &name_path,
                    "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
                );
            }
            Some(_) => {}
        }
        if place.is_empty() {
            causes.required(&place_path, "");
        }
        if places.has(place) {
            causes.invalid(&place_path, "must be unique");
        }
        if file_path::goes_up(place) {
            causes.invalid(&place_path, "can not contain backsteps ('..')");
        } else {
            places.add(place);
        }
        if mount_names.has(name) {
            causes.invalid(&name_path, "must not already exist in volumeMounts");
        }
        if mount_places.has(place) {
            causes.invalid(&place_path, "must not already exist as a path in volumeMounts");
        }
    }
}

/// `subPath` and `subPathExpr`. The server names the list in its answers, not the item.
/// `ValidateVolumeMounts`, pkg/apis/core/validation.
fn inside(mount: &Node, path: &Path<'_>, item: &Path<'_>, causes: &mut Causes) {
    let (plain, expanded) = (text(mount, "subPath"), text(mount, "subPathExpr"));
    file_path::descending(plain, &path.child("subPath"), causes);
    if !expanded.is_empty() && !plain.is_empty() {
        causes.invalid(&item.child("subPathExpr"), "subPathExpr and subPath are mutually exclusive");
    }
    file_path::descending(expanded, &path.child("subPathExpr"), causes);
}

/// `validateMountRecursiveReadOnly`, pkg/apis/core/validation.
fn recursive_read_only(mount: &Node, path: &Path<'_>, causes: &mut Causes) {
    match some(mount, "recursiveReadOnly").map(|node| node.as_str().unwrap_or_default()) {
        None | Some("Disabled") => {}
        Some("Enabled" | "IfPossible") => {
            if !flag(mount, "readOnly") {
                causes.forbidden(path, "may only be specified when readOnly is true");
            }
            if some(mount, "mountPropagation").is_some_and(|propagation| propagation.as_str() != Some("None")) {
                causes.forbidden(path, "may only be specified when mountPropagation is None or not specified");
            }
        }
        Some(_) => causes.not_supported(path, &["Disabled", "Enabled", "IfPossible"]),
    }
}
