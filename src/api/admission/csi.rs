//! What drivers of volumes say of themselves: CSIDrivers, CSINodes, CSIStorageCapacities, and the attachments made for
//! them.
//!
//! Follows `pkg/apis/storage/validation/validation.go: ValidateCSIDriver, ValidateCSINode,
//! ValidateCSIStorageCapacity, ValidateVolumeAttachment`.

use super::cause::{Causes, Path, list, number, some, text};
use super::meta::{self, Naming};
use super::names::Names;
use super::same::FieldRules;
use super::{Kind, node_selector, persistent_volume, selector, unchanged};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::value::Node;

/// A CSIDriver.
pub(crate) static DRIVER: Kind = Kind {
    group: "storage.k8s.io",
    version: "v1",
    kind: "CSIDriver",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::storage::csi_driver,
    prepare: prepare_driver,
    create: driver,
    update: change_of_driver,
};

/// A CSINode.
pub(crate) static NODE: Kind = Kind {
    kind: "CSINode",
    default: defaults::config::nothing,
    prepare: unchanged,
    create: |object, _, causes| node(object, causes),
    update: change_of_node,
    ..DRIVER
};

/// A CSIStorageCapacity.
pub(crate) static CAPACITY: Kind = Kind {
    kind: "CSIStorageCapacity",
    namespaced: true,
    default: defaults::config::nothing,
    prepare: unchanged,
    create: |object, _, causes| capacity(object, false, causes),
    update: change_of_capacity,
    ..DRIVER
};

/// A VolumeAttachment.
pub(crate) static ATTACHMENT: Kind = Kind {
    kind: "VolumeAttachment",
    default: defaults::storage::volume_attachment,
    prepare: unchanged,
    create: |object, version, causes| attachment(object, version, causes),
    update: change_of_attachment,
    ..DRIVER
};

const SPEC: Path<'static> = Path::new("spec");
/// Tokens may come as secrets since this version.
const TOKENS_IN_SECRETS: Version = Version::minor(35);
/// How many volumes a node can hold may change since this version.
const MUTABLE_COUNT: Version = Version::minor(35);

/// What a server drops because a feature is off.
/// `PrepareForCreate`, pkg/registry/storage/csidriver.
fn prepare_driver(object: &mut Node, _: Option<&Node>, version: Version, _: &mut Causes) {
    let Some(spec) = object.get_mut("spec").and_then(Node::as_map_mut) else { return };
    if version < MUTABLE_COUNT {
        spec.remove("nodeAllocatableUpdatePeriodSeconds");
    }
    if version < TOKENS_IN_SECRETS {
        spec.remove("serviceAccountTokenInSecrets");
    }
    spec.remove("preventPodSchedulingIfMissing");
}

/// `validateCSIDriverSpec`, pkg/apis/storage/validation. What it requires has a default.
fn driver(object: &Node, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let policy = text(spec, "fsGroupPolicy");
    causes.one_of(policy, &["File", "None", "ReadWriteOnceWithFSType"], &SPEC.child("fsGroupPolicy"));
    token_requests(list(spec, "tokenRequests"), &SPEC.child("tokenRequests"), causes);
    for mode in list(spec, "volumeLifecycleModes") {
        causes.one_of(
            mode.as_str().unwrap_or_default(),
            &["Persistent", "Ephemeral"],
            &SPEC.child("volumeLifecycleModes"),
        );
    }
    if some(spec, "nodeAllocatableUpdatePeriodSeconds").and_then(Node::as_int).is_some_and(|seconds| seconds < 10) {
        causes
            .invalid(&SPEC.child("nodeAllocatableUpdatePeriodSeconds"), "must be greater than or equal to 10 seconds");
    }
    let in_secrets = some(spec, "serviceAccountTokenInSecrets").is_some();
    let asks = !list(spec, "tokenRequests").is_empty();
    if in_secrets && !asks {
        let words = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        causes.invalid(&SPEC.child("serviceAccountTokenInSecrets"), words);
    }
    if version >= TOKENS_IN_SECRETS && asks && !in_secrets {
        causes.warn(TOKENS_ADVICE);
    }
}

const TOKENS_ADVICE: &str = "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to \
    true to prevent possible logging \
                             of tokens in volume attributes";

/// `validateTokenRequests`, pkg/apis/storage/validation.
fn token_requests(requests: &[Node], path: &Path<'_>, causes: &mut Causes) {
    const SHORTEST: i64 = 600;
    const LONGEST: i64 = 1 << 32;
    let mut seen = Names::default();
    for (index, request) in requests.iter().enumerate() {
        let path = path.index(index);
        if !seen.add(text(request, "audience")) {
            causes.duplicate(&path.child("audience"));
            continue;
        }
        let Some(seconds) = some(request, "expirationSeconds").and_then(Node::as_int) else { continue };
        let path = path.child("expirationSeconds");
        if seconds < SHORTEST {
            causes.invalid(&path, "may not specify a duration less than 10 minutes");
        }
        if seconds > LONGEST {
            causes.invalid(&path, "may not specify a duration larger than 2^32 seconds");
        }
    }
}

/// `ValidateCSIDriverUpdate`, pkg/apis/storage/validation.
fn change_of_driver(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    driver(object, version, causes);
    let requests = |object: &'_ Node| object.find(&["spec", "tokenRequests"]).cloned();
    if FieldRules::default().same(requests(object).as_ref(), requests(stored).as_ref()) {
        // The advice is for whoever asks for other tokens.
        causes.warnings.clear();
    }
    let field = |object: &'_ Node, field| object.find(&["spec", field]).cloned();
    // The server writes the first of them so.
    for (name, written) in [
        ("attachRequired", "attachedRequired"),
        ("volumeLifecycleModes", "volumeLifecycleModes"),
        ("fsGroupPolicy", "fsGroupPolicy"),
        ("podInfoOnMount", "podInfoOnMount"),
    ] {
        let is_fixed = match name {
            "fsGroupPolicy" | "podInfoOnMount" => version < Version::minor(30),
            _ => true,
        };
        if is_fixed && !FieldRules::default().same(field(object, name).as_ref(), field(stored, name).as_ref()) {
            causes.invalid(&SPEC.child(written), "field is immutable");
        }
    }
}

/// `validateCSINodeDriver`, pkg/apis/storage/validation.
fn node(object: &Node, causes: &mut Causes) {
    const LONGEST_ID: usize = 256;
    let drivers = object.get("spec").map(|spec| list(spec, "drivers")).unwrap_or_default();
    let (path, mut seen) = (SPEC.child("drivers"), Names::default());
    for (index, driver) in drivers.iter().enumerate() {
        let path = path.index(index);
        driver_name(text(driver, "name"), &path.child("name"), causes);
        let id = text(driver, "nodeID");
        if id.is_empty() {
            causes.required(&path.child("nodeID"), "");
        }
        if id.len() > LONGEST_ID {
            causes.invalid(&path.child("nodeID"), format!("must be {LONGEST_ID} characters or less"));
        }
        if let Some(allocatable) = some(driver, "allocatable") {
            let path = path.child("allocatable");
            causes.not_negative(number(allocatable, "count"), &path.child("count"));
        }
        if !seen.add(text(driver, "name")) {
            causes.duplicate(&path.child("name"));
        }
        let mut keys = Names::default();
        for key in list(driver, "topologyKeys").iter().map(|key| key.as_str().unwrap_or_default()) {
            if key.is_empty() {
                causes.required(&path, "");
            }
            if !keys.add(key) {
                causes.duplicate(&path);
            }
            causes.each_invalid(&path, name::label_key(key));
        }
    }
}

/// `ValidateCSINodeUpdate`, pkg/apis/storage/validation.
fn change_of_node(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, NODE.naming, causes);
    node(object, causes);
    let drivers = |object: &'_ Node| object.get("spec").map(|spec| list(spec, "drivers").to_vec()).unwrap_or_default();
    let comparable = |driver: &Node| {
        let mut driver = driver.clone();
        if let Some(map) = driver.as_map_mut().filter(|_| version >= MUTABLE_COUNT) {
            map.remove("allocatable");
        }
        driver
    };
    let now = drivers(object);
    let field_rules = FieldRules { optional: &["allocatable", "count"], ..FieldRules::default() };
    for before in drivers(stored) {
        for driver in now.iter().filter(|driver| text(driver, "name") == text(&before, "name")) {
            if !field_rules.same(Some(&comparable(driver)), Some(&comparable(&before))) {
                let path =
                    if version < Version::minor(34) { Path::new("CSINodeDriver") } else { Path::new("spec.drivers") };
                causes.invalid(&path, "field is immutable");
            }
        }
    }
}

/// `ValidateCSIDriverName`, pkg/apis/core/validation.
fn driver_name(driver: &str, path: &Path<'_>, causes: &mut Causes) {
    if driver.is_empty() {
        return causes.required(path, "");
    }
    if driver.len() > name::LABEL_LIMIT {
        causes.too_long(path, name::LABEL_LIMIT);
    }
    causes.each_invalid(path, name::dns_subdomain(&driver.to_lowercase()));
}

/// `ValidateCSIStorageCapacity`, pkg/apis/storage/validation.
fn capacity(object: &Node, faulty_values: bool, causes: &mut Causes) {
    let topology = object.get("nodeTopology");
    selector::selector_with(topology, faulty_values, &Path::new("nodeTopology"), causes);
    causes.each_invalid(&Path::new("storageClassName"), name::dns_subdomain(text(object, "storageClassName")));
    if Quantity::stored(object.get("capacity")).sign().is_lt() {
        causes.invalid(&Path::new("capacity"), "must be greater than or equal to 0");
    }
    for (index, expression) in
        topology.map(|topology| list(topology, "matchExpressions")).unwrap_or_default().iter().enumerate()
    {
        if let Some(words) = node_selector::deprecation(text(expression, "key")) {
            let path = format!("nodeTopology.matchExpressions[{index}].key");
            causes.warn_at(path, format!("{} is {words}", text(expression, "key")));
        }
    }
    for (key, _) in topology.and_then(|topology| topology.get("matchLabels")).into_iter().flat_map(Node::entries) {
        if let Some(words) = node_selector::deprecation(&key.name) {
            causes.warn_at(format!("nodeTopology.matchLabels.{}", key.name), words);
        }
    }
}

/// `ValidateCSIStorageCapacityUpdate`, pkg/apis/storage/validation.
fn change_of_capacity(object: &Node, stored: &Node, _: Version, causes: &mut Causes) {
    meta::names_again(object, CAPACITY.naming, causes);
    let mut found = Causes::default();
    selector::selector(stored.get("nodeTopology"), &Path::ROOT, &mut found);
    capacity(object, !found.refusals.is_empty(), causes);
    let field_rules = FieldRules { optional: &["nodeTopology"], free: &["matchLabels"], amounts: &[] };
    for field in ["nodeTopology", "storageClassName"] {
        if !field_rules.same_fields(field, object.get(field), stored.get(field)) {
            causes.invalid(&Path::new(field), "field is immutable");
        }
    }
}

/// `ValidateVolumeAttachment`, pkg/apis/storage/validation.
fn attachment(object: &Node, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    driver_name(text(spec, "attacher"), &SPEC.child("attacher"), causes);
    causes.each_invalid(&SPEC.child("nodeName"), name::dns_subdomain(text(spec, "nodeName")));
    let path = SPEC.child("source");
    let source = |field| spec.get("source").and_then(|source| some(source, field));
    match (source("inlineVolumeSpec"), source("persistentVolumeName")) {
        (None, None) => causes.required(&path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
        (Some(_), Some(_)) => {
            causes.forbidden(&path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
        }
        (None, Some(volume)) if volume.as_str() == Some("") => {
            causes.required(&path.child("persistentVolumeName"), "must specify non empty persistentVolumeName");
        }
        (Some(inline), None) => inline_spec(inline, version, &path.child("inlineVolumeSpec"), causes),
        (None, Some(_)) => {}
    }
    if let Some(volume) = source("persistentVolumeName") {
        let path = path.child("persistentVolumeName");
        causes.each_invalid(&path, name::dns_subdomain(volume.as_str().unwrap_or_default()));
    }
}

/// `ValidatePersistentVolumeSpec` for what no volume object holds, pkg/apis/core/validation.
fn inline_spec(spec: &Node, version: Version, path: &Path<'_>, causes: &mut Causes) {
    let words = "may not be specified in the context of inline volumes";
    if some(spec, "claimRef").is_some() {
        causes.forbidden(&path.child("claimRef"), words);
    }
    if spec.get("capacity").is_some_and(|capacity| capacity.entries().next().is_some()) {
        causes.forbidden(&path.child("capacity"), words);
    }
    if some(spec, "csi").is_none() {
        causes.required(&path.child("csi"), "has to be specified in the context of inline volumes");
    }
    if !persistent_volume::each_source("", spec, path, version, causes) {
        causes.required(path, "must specify a volume type");
    }
    persistent_volume::access_modes(spec, "", path, causes);
    if !matches!(text(spec, "persistentVolumeReclaimPolicy"), "" | "Retain") {
        causes.forbidden(
            &path.child("persistentVolumeReclaimPolicy"),
            "may only be Retain in the context of inline volumes",
        );
    }
    if !text(spec, "storageClassName").is_empty() {
        causes.forbidden(&path.child("storageClassName"), words);
    }
    if some(spec, "nodeAffinity").is_some() {
        causes.forbidden(&path.child("nodeAffinity"), words);
    }
    if some(spec, "volumeMode").is_some() {
        causes.forbidden(&path.child("volumeMode"), words);
    }
}

/// `ValidateVolumeAttachmentUpdate`, pkg/apis/storage/validation.
fn change_of_attachment(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, ATTACHMENT.naming, causes);
    attachment(object, version, causes);
    if !FieldRules::default().same(object.get("spec"), stored.get("spec")) {
        causes.invalid(&SPEC, "field is immutable");
    }
}
