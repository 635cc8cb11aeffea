//! What the server says to a PersistentVolume.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidatePersistentVolume, ValidatePersistentVolumeUpdate`.

use super::cause::{Causes, Path, Topic, list, some, text};
use super::meta::{self, Naming};
use super::same::FieldRules;
use super::volume::STOPS_AT_NO_DRIVER;
use super::{Kind, node_selector, volume_source};
use crate::api::defaults;
use crate::k8s::gate;
use crate::k8s::name;
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::value::{Map, Node};

/// A PersistentVolume.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "PersistentVolume",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::storage::persistent_volume,
    prepare,
    create,
    update,
};

/// How a volume or a claim may be used.
pub(super) const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
/// What a volume is to its pod.
pub(super) const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];
/// From this version on the values of node labels are checked.
const LABEL_VALUES: Version = Version::minor(33);
const RECLAIM_POLICIES: [&str; 3] = ["Delete", "Recycle", "Retain"];
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const MOUNT_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";
const SPEC: Path<'static> = Path::new("spec");

/// One place where bytes can live.
struct Source {
    field: &'static str,
    /// The last step of the path in the causes of its own rules: not always the name of the field.
    step: &'static str,
    /// The same where there is a second source.
    second: &'static str,
    judge: fn(&Node, &Path<'_>, &mut Causes),
    /// Whether mount options may stand in an annotation.
    mounts_by_annotation: bool,
    /// What the server warns of.
    warning: (&'static str, &'static str),
}

const fn source(field: &'static str, mounts_by_annotation: bool, judge: fn(&Node, &Path<'_>, &mut Causes)) -> Source {
    Source { field, step: field, second: field, judge, mounts_by_annotation, warning: ("", "") }
}

/// All sources, in the order in which the server counts them: the first is judged, further ones are refused.
static SOURCES: [Source; 21] = [
    source("hostPath", false, volume_source::host_path),
    Source { step: "persistentDisk", ..source("gcePersistentDisk", true, volume_source::gce_disk) },
    source("awsElasticBlockStore", true, volume_source::aws_disk),
    Source {
        warning: ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
        ..source("glusterfs", true, glusterfs)
    },
    source("flocker", false, volume_source::flocker),
    source("nfs", true, volume_source::nfs),
    Source {
        warning: ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
        ..source("rbd", true, volume_source::rbd)
    },
    source("quobyte", true, volume_source::quobyte),
    Source {
        second: "cephFS",
        warning: ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
        ..source("cephfs", true, volume_source::cephfs)
    },
    source("iscsi", true, iscsi),
    source("cinder", true, cinder),
    source("fc", false, volume_source::fibre_channel),
    source(FLEX, false, volume_source::flex_volume),
    source("azureFile", true, azure_file),
    source("vsphereVolume", true, volume_source::vsphere),
    Source {
        warning: ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
        ..source("photonPersistentDisk", true, volume_source::photon)
    },
    source("portworxVolume", false, volume_source::volume_id),
    source("azureDisk", true, volume_source::azure_disk),
    Source {
        warning: ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
        ..source("scaleIO", false, volume_source::scale_io)
    },
    source("local", false, volume_source::local),
    Source {
        warning: ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
        ..source("storageos", false, storage_os)
    },
];
/// The one source that may stand beside another without being refused.
const FLEX: &str = "flexVolume";
/// CSI comes last, whatever else there is.
static CSI: Source = source("csi", false, csi);

/// How sources are compared.
const SOURCE_FIELD_RULES: FieldRules = FieldRules {
    optional: &[
        "type",
        "initiatorName",
        "secretRef",
        "endpointsNamespace",
        "secretNamespace",
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodeStageSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ],
    free: &["options", "volumeAttributes"],
    amounts: &[],
};

/// The same for the one source whose `lun` may be absent.
const FIBRE_CHANNEL_FIELD_RULES: FieldRules = FieldRules { optional: &["lun"], free: &[], amounts: &[] };

/// `PrepareForCreate`, pkg/registry/core/persistentvolume.
fn prepare(object: &mut Node, stored: Option<&Node>, _: Version, _: &mut Causes) {
    if stored.is_none() {
        pending(object);
    }
}

/// What a new volume or claim is until the binder has seen it.
pub(super) fn pending(object: &mut Node) {
    let at = object.at;
    let mut status = Map::new();
    status.put("phase", Node::text("Pending", at));
    if let Some(map) = object.as_map_mut() {
        map.put("status", Node::map(status, at));
    }
}

/// `ValidatePersistentVolume`, pkg/apis/core/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    judge(object, None, version, causes);
}

/// `ValidatePersistentVolumeUpdate`, pkg/apis/core/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    judge(object, Some(stored), version, causes);
    let (Some(spec), Some(before)) = (object.get("spec"), stored.get("spec")) else { return };
    if !SOURCES.iter().chain([&CSI]).all(|source| same_source(source, spec, before)) {
        let path = Path::new("spec.persistentvolumesource");
        causes.forbidden(&path, "spec.persistentvolumesource is immutable after creation");
    }
    if some(spec, "volumeMode") != some(before, "volumeMode") {
        causes.invalid(&Path::new("volumeMode"), "field is immutable");
    }
    if let Some(affinity) = some(before, "nodeAffinity")
        && !same_affinity(some(spec, "nodeAffinity"), affinity)
    {
        causes.invalid(&Path::new("nodeAffinity"), "field is immutable, except for updating from beta label to GA");
    }
    let class = |spec| some(spec, "volumeAttributesClassName");
    if class(spec) != class(before) {
        let path = SPEC.child("volumeAttributesClassName");
        if !gate::VOLUME_ATTRIBUTES_CLASS.is_on(version) {
            causes.forbidden(&path, "update is forbidden when the VolumeAttributesClass feature gate is disabled");
        }
        if class(before).is_some() && class(spec).is_none() {
            causes.forbidden(&path, "update from non-nil value to nil is forbidden");
        }
    }
}

/// All that a volume must keep by itself.
/// `ValidatePersistentVolumeSpec`, pkg/apis/core/validation.
fn judge(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let before = stored.and_then(|stored| stored.get("spec"));
    access_modes(spec, "", &SPEC, causes);
    capacity(spec, causes);
    if !matches!(text(spec, "persistentVolumeReclaimPolicy"), "" | "Delete" | "Recycle" | "Retain") {
        causes.not_supported(&SPEC.child("persistentVolumeReclaimPolicy"), &RECLAIM_POLICIES);
    }
    if let Some(affinity) = some(spec, "nodeAffinity") {
        let old = version < LABEL_VALUES;
        let lenient = old
            || before
                .and_then(|before| before.find(&["nodeAffinity", "required"]))
                .is_some_and(node_selector::has_bad_values);
        node_affinity(affinity, lenient, causes);
    }
    sources(object, spec, version, causes);
    class_name(text(spec, "storageClassName"), &SPEC.child("storageClassName"), causes);
    volume_mode(spec, &SPEC, causes);
    let knows_attributes = gate::VOLUME_ATTRIBUTES_CLASS.is_on(version)
        || before.is_some_and(|before| some(before, "volumeAttributesClassName").is_some());
    if let Some(class) = some(spec, "volumeAttributesClassName").filter(|_| knows_attributes) {
        let path = SPEC.child("volumeAttributesClassName");
        match class.as_str().unwrap_or_default() {
            "" => causes.required(&path, "an empty string is disallowed"),
            class => class_name(class, &path, causes),
        }
        if some(spec, "csi").is_none() {
            causes.required(&SPEC.child("csi"), "has to be specified when using volumeAttributesClassName");
        }
    }
    warn(object, spec, version, causes);
}

/// `accessModes` of a volume or a claim.
/// `ValidatePersistentVolumeSpec`, pkg/apis/core/validation.
pub(super) fn access_modes(spec: &Node, missing: &str, path: &Path<'_>, causes: &mut Causes) {
    let path = path.child("accessModes");
    let modes = list(spec, "accessModes");
    if modes.is_empty() {
        causes.required(&path, missing);
    }
    let (mut alone, mut shared) = (false, false);
    for mode in modes.iter().map(|mode| mode.as_str().unwrap_or_default()) {
        match mode {
            "ReadWriteOncePod" => alone = true,
            _ if ACCESS_MODES.contains(&mode) => shared = true,
            _ => causes.not_supported(&path, &ACCESS_MODES),
        }
    }
    if alone && shared {
        causes.forbidden(&path, "may not use ReadWriteOncePod with other access modes");
    }
}

/// `volumeMode` of a volume or a claim.
/// `ValidatePersistentVolumeSpec`, pkg/apis/core/validation.
pub(super) fn volume_mode(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    if some(spec, "volumeMode").is_some_and(|mode| !VOLUME_MODES.contains(&mode.as_str().unwrap_or_default())) {
        causes.not_supported(&path.child("volumeMode"), &VOLUME_MODES);
    }
}

/// The name of a class; may be empty.
/// `ValidateClassName`, pkg/apis/core/validation.
pub(super) fn class_name(class: &str, path: &Path<'_>, causes: &mut Causes) {
    if !class.is_empty() {
        causes.each_invalid(path, name::dns_subdomain(class));
    }
}

/// `ValidatePersistentVolumeSpec` and `validateBasicResource`, pkg/apis/core/validation.
fn capacity(spec: &Node, causes: &mut Causes) {
    let path = SPEC.child("capacity");
    let amounts = spec.get("capacity").and_then(Node::as_map);
    let count = amounts.map_or(0, Map::len);
    if count == 0 {
        causes.required(&path, "");
    }
    if count > 1 || !amounts.is_some_and(|amounts| amounts.has("storage")) {
        causes.not_supported(&path, &["storage"]);
    }
    for (key, node) in amounts.into_iter().flat_map(Map::iter) {
        let quantity = Quantity::stored(Some(node));
        let path = path.key(&key.name);
        if quantity.value() < 0 {
            causes.invalid(&path, "must be a valid resource quantity");
        }
        if !quantity.sign().is_gt() {
            causes.invalid(&path, "must be greater than zero");
        }
    }
}

/// `validateVolumeNodeAffinity`, pkg/apis/core/validation.
fn node_affinity(affinity: &Node, lenient: bool, causes: &mut Causes) {
    let path = SPEC.child("nodeAffinity");
    let path = path.child("required");
    match some(affinity, "required") {
        Some(selector) => node_selector::node_selector(selector, lenient, &path, causes),
        None => causes.required(&path, "must specify required node constraints"),
    }
}

/// `ValidatePersistentVolumeSpec`, pkg/apis/core/validation.
fn sources(object: &Node, spec: &Node, version: Version, causes: &mut Causes) {
    if !each_source(object_name(object), spec, &SPEC, version, causes) {
        causes.required(&SPEC, "must specify a volume type");
    }
    if some(spec, "local").is_some() && is_used(spec, "local") && some(spec, "nodeAffinity").is_none() {
        causes.required(&SPEC.child("nodeAffinity"), "Local volume requires node affinity");
    }
    let recycles = text(spec, "persistentVolumeReclaimPolicy") == "Recycle";
    if recycles && some(spec, "hostPath").is_some_and(|source| is_root(text(source, "path"))) {
        causes.forbidden(
            &SPEC.child("persistentVolumeReclaimPolicy"),
            "may not be 'recycle' for a hostPath mount of '/'",
        );
    }
    let by_annotation = SOURCES.iter().any(|source| source.mounts_by_annotation && some(spec, source.field).is_some());
    if !by_annotation && annotation(object, MOUNT_OPTIONS) {
        let path = Path::new("metadata.annotations");
        causes.forbidden(&path.child(MOUNT_OPTIONS), "may not specify mount options for this volume type");
    }
}

/// Whether a source is the one that counts: none stands before it.
fn is_used(spec: &Node, field: &str) -> bool {
    SOURCES.iter().find(|source| some(spec, source.field).is_some()).is_some_and(|first| first.field == field)
}

/// The rules of the sources of a volume, of which there may be one. Gives whether there is any.
/// `ValidatePersistentVolumeSpec`, pkg/apis/core/validation.
pub(super) fn each_source(name: &str, spec: &Node, path: &Path<'_>, version: Version, causes: &mut Causes) -> bool {
    let mut found = false;
    for (source, node) in SOURCES.iter().chain([&CSI]).filter_map(|source| Some((source, some(spec, source.field)?))) {
        if found && source.field != FLEX {
            causes.forbidden(&path.child(source.second), "may not specify more than 1 volume type");
            continue;
        }
        found = true;
        (source.judge)(node, &path.child(source.step), causes);
        if source.field == CSI.field && version < STOPS_AT_NO_DRIVER && text(node, "driver").is_empty() {
            // Older servers went on with the rule for what is not there.
            let path = path.child(source.step);
            causes.each_invalid(&path.child("driver"), name::dns_subdomain(""));
        }
        if source.field == "iscsi" && volume_source::iscsi_is_too_long(node, name) {
            let path = path.child(source.step);
            causes.invalid(&path.child("targetportal"), volume_source::ISCSI_TOO_LONG);
        }
    }
    found
}

fn object_name(object: &Node) -> &str {
    object.get("metadata").map(|metadata| text(metadata, "name")).unwrap_or_default()
}

fn annotation(object: &Node, key: &str) -> bool {
    object.find(&["metadata", "annotations", key]).is_some()
}

/// Whether a path leads to the root in the end.
fn is_root(path: &str) -> bool {
    let mut depth = 0_usize;
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    path.starts_with('/') && depth == 0
}

/// `validateGlusterfsPersistentVolumeSource`, pkg/apis/core/validation.
fn glusterfs(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    volume_source::glusterfs(source, path, causes);
    if let Some(namespace) = some(source, "endpointsNamespace") {
        let path = path.child("endpointsNamespace");
        match namespace.as_str().unwrap_or_default() {
            "" => causes.invalid(&path, "if the endpointnamespace is set, it must be a valid namespace name"),
            namespace => causes.each_invalid(&path, name::dns_label(namespace)),
        }
    }
}

/// `validateISCSIPersistentVolumeSource`, pkg/apis/core/validation.
fn iscsi(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    volume_source::iscsi(source, "must be valid format", path, causes);
    volume_source::need_in_secret(source, &["name"], path, causes);
}

/// `validateCinderPersistentVolumeSource`, pkg/apis/core/validation.
fn cinder(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    volume_source::volume_id(source, path, causes);
    volume_source::need_in_secret(source, &["name", "namespace"], path, causes);
}

/// `validateAzureFilePV`, pkg/apis/core/validation.
fn azure_file(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    volume_source::azure_file(source, path, causes);
    if some(source, "secretNamespace").is_some_and(|namespace| namespace.as_str() == Some("")) {
        causes.required(&path.child("secretNamespace"), "");
    }
}

/// `validateStorageOSPersistentVolumeSource`, pkg/apis/core/validation.
fn storage_os(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    volume_source::storage_os(source, path, causes);
    volume_source::need_in_secret(source, &["name", "namespace"], path, causes);
}

/// The source that a CSI driver provides.
/// `validateCSIPersistentVolumeSource`, pkg/apis/core/validation.
pub(super) fn csi(source: &Node, path: &Path<'_>, causes: &mut Causes) {
    volume_source::csi_driver(text(source, "driver"), &path.child("driver"), causes);
    volume_source::need(source, &["volumeHandle"], path, causes);
    // The secret for staging is the one that the server does not look at.
    for field in
        ["controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"]
    {
        let Some(secret) = some(source, field) else { continue };
        let path = path.child(field);
        for (field, check) in
            [("name", name::dns_subdomain as fn(&str) -> name::Faults), ("namespace", name::dns_label)]
        {
            match text(secret, field) {
                "" => causes.required(&path.child(field), ""),
                value => causes.each_invalid(&path.child(field), check(value)),
            }
        }
    }
}

/// Whether a source is what it was. A secret for growing may be added to a CSI volume that had none.
fn same_source(source: &Source, spec: &Node, before: &Node) -> bool {
    let (now, then) = (some(spec, source.field), some(before, source.field));
    let (Some(now), Some(then)) = (now, then) else { return now.is_none() && then.is_none() };
    let growing = "controllerExpandSecretRef";
    if source.field == CSI.field && some(then, growing).is_none() && some(now, growing).is_some() {
        let mut without = now.clone();
        if let Some(map) = without.as_map_mut() {
            map.remove(growing);
        }
        return SOURCE_FIELD_RULES.same(Some(&without), Some(then));
    }
    let field_rules = if source.field == "fc" { FIBRE_CHANNEL_FIELD_RULES } else { SOURCE_FIELD_RULES };
    field_rules.same(Some(now), Some(then))
}

/// Labels that were renamed when they became stable; a volume may follow.
const STABLE_LABELS: [(&str, &str); 5] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("beta.kubernetes.io/os", "kubernetes.io/os"),
    ("beta.kubernetes.io/arch", "kubernetes.io/arch"),
    ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
];

/// Whether a volume may be used on the nodes it could be used on, by the same labels or by their stable names.
fn same_affinity(affinity: Option<&Node>, before: &Node) -> bool {
    let field_rules = FieldRules::default();
    let Some(affinity) = affinity else { return false };
    let terms = |affinity: &Node| {
        affinity.find(&["required", "nodeSelectorTerms"]).and_then(Node::as_list).map(<[Node]>::to_vec)
    };
    let (now, then) = (terms(affinity).unwrap_or_default(), terms(before).unwrap_or_default());
    let same_requirement = |now: &Node, then: &Node| {
        let (key, old) = (text(now, "key"), text(then, "key"));
        // A label that has no stable name may be left out: the server then looks for no name at all.
        let stable = STABLE_LABELS.iter().find(|(beta, _)| *beta == old).map_or("", |(_, stable)| *stable);
        (key == old || key == stable)
            && text(now, "operator") == text(then, "operator")
            && field_rules.same(now.get("values"), then.get("values"))
    };
    let same_list = |now: &Node, then: &Node, field: &str| {
        let (now, then) = (list(now, field), list(then, field));
        now.len() == then.len() && now.iter().zip(then).all(|(now, then)| same_requirement(now, then))
    };
    let same_term =
        |now: &Node, then: &Node| ["matchExpressions", "matchFields"].iter().all(|field| same_list(now, then, field));
    some(affinity, "required").is_some() == some(before, "required").is_some()
        && now.len() == then.len()
        && now.iter().zip(&then).all(|(now, then)| same_term(now, then))
}

/// `GetWarningsForPersistentVolume` and `warningsForPersistentVolumeSpecAndMeta`, pkg/api/persistentvolume.
fn warn(object: &Node, spec: &Node, version: Version, causes: &mut Causes) {
    if annotation(object, BETA_CLASS) {
        let words = "deprecated since v1.8; use \"storageClassName\" attribute instead";
        causes.warn_of(Topic::ClassAnnotation, format!("metadata.annotations[{BETA_CLASS}]"), words);
    }
    if version >= Version::minor(31) && annotation(object, MOUNT_OPTIONS) {
        causes.warn_at(
            format!("metadata.annotations[{MOUNT_OPTIONS}]"),
            "deprecated since v1.31; use \"mountOptions\" attribute instead",
        );
    }
    if version >= Version::minor(30) && text(spec, "persistentVolumeReclaimPolicy") == "Recycle" {
        causes.warn_of(
            Topic::Recycling,
            "spec.persistentVolumeReclaimPolicy",
            "The Recycle reclaim policy is deprecated. Instead, the recommended \
                approach is to use \
             dynamic provisioning.",
        );
    }
    let path = Path::new("spec.nodeAffinity.required.nodeSelectorTerms");
    let terms = spec
        .find(&["nodeAffinity", "required"])
        .map(|required| list(required, "nodeSelectorTerms"))
        .unwrap_or_default();
    for (index, term) in terms.iter().enumerate() {
        node_selector::warn(term, &path.index(index), causes);
    }
    for source in SOURCES.iter().filter(|source| !source.warning.0.is_empty() && some(spec, source.field).is_some()) {
        let (name, words) = source.warning;
        causes.warn_at(format!("spec.{name}"), words);
    }
}
