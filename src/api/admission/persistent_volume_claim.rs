//! What the server says to a PersistentVolumeClaim, and to the spec of a claim wherever else one stands.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidatePersistentVolumeClaim,
//! ValidatePersistentVolumeClaimUpdate`.

use super::cause::{Causes, Path, Topic, some, text};
use super::meta::{self, Naming};
use super::persistent_volume::{access_modes, class_name, pending, volume_mode};
use super::same::FieldRules;
use super::{Kind, selector};
use crate::api::defaults;
use crate::k8s::gate;
use crate::k8s::name;
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::value::{Map, Node};
use std::borrow::Cow;

/// A PersistentVolumeClaim.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "PersistentVolumeClaim",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::storage::persistent_volume_claim,
    prepare,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// How the specs of claims are compared.
const FIELD_RULES: FieldRules = FieldRules {
    optional: &[
        "selector",
        "storageClassName",
        "volumeMode",
        "dataSource",
        "dataSourceRef",
        "apiGroup",
        "volumeAttributesClassName",
    ],
    free: &["matchLabels"],
    amounts: &["requests", "limits"],
};

/// What an update forgives because the stored object has it already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leniency {
    /// Values in the selector that no label can have.
    pub selector: bool,
    /// Groups of data sources that are no domain names.
    pub source_groups: bool,
    /// The stored claim has a class of volume attributes, so the new one is checked whatever the version.
    pub attributes: bool,
}

impl Leniency {
    /// What the stored spec of a claim makes forgivable.
    #[must_use]
    pub(crate) fn of(stored: &Node) -> Self {
        let has_group = |source| some(stored, source).is_some_and(|source| some(source, "apiGroup").is_some());
        let mut found = Causes::default();
        selector::selector(some(stored, "selector"), &Path::ROOT, &mut found);
        Self {
            selector: !found.refusals.is_empty(),
            source_groups: has_group("dataSource") || has_group("dataSourceRef"),
            attributes: some(stored, "volumeAttributesClassName").is_some(),
        }
    }
}

/// The spec of a claim: of a PersistentVolumeClaim, of a claim template, of an ephemeral volume.
/// `ValidatePersistentVolumeClaimSpec`, pkg/apis/core/validation.
pub(crate) fn claim_spec(spec: &Node, leniency: Leniency, version: Version, path: &Path<'_>, causes: &mut Causes) {
    access_modes(spec, "at least 1 access mode is required", path, causes);
    if leniency.selector {
        selector::lenient_selector(some(spec, "selector"), &path.child("selector"), causes);
    } else {
        selector::selector(some(spec, "selector"), &path.child("selector"), causes);
    }
    request(spec, path, causes);
    class_name(text(spec, "storageClassName"), &path.child("storageClassName"), causes);
    volume_mode(spec, path, causes);
    data_sources(spec, leniency, path, causes);
    if gate::VOLUME_ATTRIBUTES_CLASS.is_on(version) || leniency.attributes {
        class_name(text(spec, "volumeAttributesClassName"), &path.child("volumeAttributesClassName"), causes);
    }
}

/// What the server warns of in the spec of a claim.
/// `GetWarningsForPersistentVolumeClaimSpec`, pkg/api/persistentvolumeclaim.
pub(crate) fn warn_of_claim_spec(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let path = path.child("resources");
    for kind in ["requests", "limits"] {
        let quantity = Quantity::stored(spec.find(&["resources", kind, "storage"]));
        if quantity.milli() % 1000 != 0 {
            let path = path.child(kind);
            let path = path.key("storage");
            let quantity = quantity.in_thousandths();
            causes.warn_at(path, format!("fractional byte value \"{quantity}\" is invalid, must be an integer"));
        }
    }
}

/// Where the data of a new volume comes from: the server ignores what it never understood in `dataSource`, and keeps
/// `dataSource` and `dataSourceRef` alike.
pub(crate) fn normalize_data_sources(spec: &mut Node, stored: Option<&Node>) {
    let at = spec.at;
    let has = |spec: &Node, field| some(spec, field).is_some();
    let used = |field| stored.is_some_and(|stored| has(stored, field));
    let crosses = some(spec, "dataSourceRef").is_some_and(|source| !text(source, "namespace").is_empty());
    let understood = some(spec, "dataSource").is_some_and(|source| {
        matches!(
            (text(source, "kind"), text(source, "apiGroup")),
            ("PersistentVolumeClaim", "") | ("VolumeSnapshot", "snapshot.storage.k8s.io")
        )
    });
    let Some(map) = spec.as_map_mut() else { return };
    if crosses && !used("dataSourceRef") {
        map.remove("dataSourceRef");
    }
    let is_there = |map: &Map, field: &str| map.get(field).is_some_and(|source| !source.is_null());
    if !used("dataSource") && !used("dataSourceRef") && !is_there(map, "dataSourceRef") && !understood {
        map.remove("dataSource");
    }
    let copy = |source: &Node| {
        let mut copy = Map::new();
        for field in ["apiGroup", "kind", "name"] {
            if let Some(value) = some(source, field) {
                copy.put(field, value.clone());
            }
        }
        Node::map(copy, at)
    };
    match (is_there(map, "dataSource"), is_there(map, "dataSourceRef")) {
        (true, false) => {
            if let Some(source) = map.get("dataSource").map(copy) {
                map.put("dataSourceRef", source);
            }
        }
        (false, true) => {
            if let Some(source) =
                map.get("dataSourceRef").filter(|source| text(source, "namespace").is_empty()).map(copy)
            {
                map.put("dataSource", source);
            }
        }
        _ => {}
    }
}

/// `PrepareForCreate`, pkg/registry/core/persistentvolumeclaim.
fn prepare(object: &mut Node, stored: Option<&Node>, _: Version, _: &mut Causes) {
    if stored.is_none() {
        pending(object);
    }
    let before = stored.and_then(|stored| stored.get("spec"));
    let Some(spec) = object.get_mut("spec") else { return };
    normalize_data_sources(spec, before);
}

/// `ValidatePersistentVolumeClaim`, pkg/apis/core/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    judge(object, Leniency::default(), version, causes);
}

/// `ValidatePersistentVolumeClaim`, pkg/apis/core/validation.
fn judge(object: &Node, leniency: Leniency, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    claim_spec(spec, leniency, version, &SPEC, causes);
    if annotation(object, BETA_CLASS).is_some() {
        let words = "deprecated since v1.8; use \"storageClassName\" attribute instead";
        causes.warn_of(Topic::ClassAnnotation, format!("metadata.annotations[{BETA_CLASS}]"), words);
    }
    warn_of_claim_spec(spec, &SPEC, causes);
}

/// `ValidatePersistentVolumeClaimUpdate`, pkg/apis/core/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let (Some(spec), Some(before)) = (object.get("spec"), stored.get("spec")) else { return };
    let leniency = Leniency::of(before);
    meta::names_again(object, KIND.naming, causes);
    judge(object, leniency, version, causes);
    let by_annotation = upgrades_class(object, stored);
    if !by_annotation
        && annotation(object, BETA_CLASS).unwrap_or_default() != annotation(stored, BETA_CLASS).unwrap_or_default()
    {
        let annotations = Path::new("metadata.annotations");
        causes.invalid(&annotations.child(BETA_CLASS), "field is immutable");
    }
    let bound = stored.find(&["status", "phase"]).and_then(Node::as_str) == Some("Bound");
    let comparable = forgive(spec, before, stored, by_annotation, bound);
    if !FIELD_RULES.same(Some(&comparable), Some(before)) {
        causes.forbidden(
            &SPEC,
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        );
    }
    size_change(spec, before, stored, version, causes);
    if some(spec, "volumeMode") != some(before, "volumeMode") {
        causes.invalid(&Path::new("volumeMode"), "field is immutable");
    }
    attributes_change(spec, before, stored, version, causes);
}

/// The new spec with all that may change put back as it was.
fn forgive<'n>(spec: &'n Node, before: &Node, stored: &Node, by_annotation: bool, bound: bool) -> Cow<'n, Node> {
    let mut spec = Cow::Borrowed(spec);
    let put_back = |spec: &mut Cow<'n, Node>, field: &str, value: Option<&Node>| {
        if some(spec, field) != value
            && let Some(map) = spec.to_mut().as_map_mut()
        {
            match value {
                Some(value) => drop(map.put(field, value.clone())),
                None => drop(map.remove(field)),
            }
        }
    };
    if text(before, "volumeName").is_empty() {
        put_back(&mut spec, "volumeName", some(before, "volumeName"));
    }
    let class = some(&spec, "storageClassName").and_then(Node::as_str);
    let had = some(before, "storageClassName");
    let fits = annotation(stored, BETA_CLASS).is_none_or(|annotation| class == Some(annotation));
    if by_annotation || (class.is_some() && had.is_none() && fits) {
        put_back(&mut spec, "storageClassName", had);
    }
    if bound {
        put_back(&mut spec, "volumeAttributesClassName", some(before, "volumeAttributesClassName"));
        let has_requests = spec.find(&["resources", "requests"]).is_some_and(|requests| !requests.is_null());
        let size = |spec: &Node| spec.find(&["resources", "requests", "storage"]).cloned();
        let (now, then) = (size(&spec), size(before));
        if has_requests
            && now != then
            && let Some(requests) = spec.to_mut().find_mut(&["resources", "requests"]).and_then(Node::as_map_mut)
        {
            match then {
                Some(then) => drop(requests.put("storage", then)),
                None => drop(requests.remove("storage")),
            }
        }
    }
    spec
}

/// Whether a class that stood in an annotation now stands in its field.
fn upgrades_class(object: &Node, stored: &Node) -> bool {
    let Some(old) = annotation(stored, BETA_CLASS) else { return false };
    let field = |object: &'_ Node| object.find(&["spec", "storageClassName"]).and_then(Node::as_str).map(str::to_owned);
    field(stored).is_none()
        && field(object).as_deref() == Some(old)
        && annotation(object, BETA_CLASS).is_none_or(|new| new == old)
}

/// `ValidatePersistentVolumeClaimUpdate`, pkg/apis/core/validation.
fn size_change(spec: &Node, before: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let size = |spec: &Node| Quantity::stored(spec.find(&["resources", "requests", "storage"]));
    let path = Path::new("spec.resources.requests.storage");
    if size(spec) >= size(before) {
        return;
    }
    let growing = ["allocatedResources", "allocatedResourceStatuses"]
        .iter()
        .any(|field| stored.find(&["status", field, "storage"]).is_some());
    if !gate::RECOVER_VOLUME_EXPANSION_FAILURE.is_on(version) && !growing {
        causes.forbidden(&path, "field can not be less than previous value");
    } else if size(spec) <= Quantity::stored(stored.find(&["status", "capacity", "storage"])) {
        causes.forbidden(&path, "field can not be less than status.capacity");
    }
}

/// `ValidatePersistentVolumeClaimUpdate`, pkg/apis/core/validation.
fn attributes_change(spec: &Node, before: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let class = |spec| some(spec, "volumeAttributesClassName");
    if class(spec) == class(before) {
        return;
    }
    let path = SPEC.child("volumeAttributesClassName");
    if !gate::VOLUME_ATTRIBUTES_CLASS.is_on(version) {
        causes.forbidden(&path, "update is forbidden when the VolumeAttributesClass feature gate is disabled");
    }
    if stored.find(&["status", "currentVolumeAttributesClassName"]).is_none_or(Node::is_null) {
        return;
    }
    let words = match class(spec).map(|class| class.as_str().unwrap_or_default()) {
        None => "update to nil is forbidden when status.currentVolumeAttributesClassName is not nil",
        Some("") => "update to empty string is forbidden when status.currentVolumeAttributesClassName is not nil",
        Some(_) => return,
    };
    causes.forbidden(&path, words);
}

/// `ValidatePersistentVolumeClaimSpec`, pkg/apis/core/validation.
fn request(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let path = path.child("resources");
    let path = path.key("storage");
    match spec.find(&["resources", "requests", "storage"]).map(|node| Quantity::stored(Some(node))) {
        None => causes.required(&path, ""),
        Some(quantity) if !quantity.sign().is_gt() => causes.invalid(&path, "must be greater than zero"),
        Some(_) => {}
    }
}

/// `ValidatePersistentVolumeClaimSpec`, pkg/apis/core/validation.
fn data_sources(spec: &Node, leniency: Leniency, path: &Path<'_>, causes: &mut Causes) {
    let (source, reference) = (some(spec, "dataSource"), some(spec, "dataSourceRef"));
    if let Some(source) = source {
        data_source(source, leniency, &path.child("dataSource"), causes);
    }
    let Some(reference) = reference else { return };
    let namespace = text(reference, "namespace");
    let reference_path = path.child("dataSourceRef");
    data_source(reference, leniency, &reference_path, causes);
    if !namespace.is_empty() {
        causes.each_invalid(&reference_path.child("namespace"), name::dns_label(namespace));
    }
    let Some(source) = source else { return };
    if !namespace.is_empty() {
        causes.invalid(path, "may not be specified when dataSourceRef.namespace is specified");
    } else if some(source, "apiGroup") != some(reference, "apiGroup")
        || ["kind", "name"].iter().any(|field| text(source, field) != text(reference, field))
    {
        causes.invalid(path, "must match dataSourceRef");
    }
}

/// `validateDataSource` and `validateDataSourceRef`, pkg/apis/core/validation.
fn data_source(source: &Node, leniency: Leniency, path: &Path<'_>, causes: &mut Causes) {
    for field in ["name", "kind"].into_iter().filter(|field| text(source, field).is_empty()) {
        causes.required(&path.child(field), "");
    }
    match text(source, "apiGroup") {
        "" if text(source, "kind") != "PersistentVolumeClaim" => {
            causes.invalid(path, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
        }
        "" => {}
        group if !leniency.source_groups => causes.each_invalid(&path.child("apiGroup"), name::dns_subdomain(group)),
        _ => {}
    }
}

fn annotation<'n>(object: &'n Node, key: &str) -> Option<&'n str> {
    object.find(&["metadata", "annotations", key]).map(|value| value.as_str().unwrap_or_default())
}
