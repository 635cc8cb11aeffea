//! `metadata` of any object: what the server takes in a new one, and what may change. Knows no kind, only its rule for
//! names.
//!
//! Follows `staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go: ValidateObjectMeta,
//! ValidateObjectMetaUpdate`.

use super::cause::{Causes, Path, flag, list, number, some, text};
use super::selector;
use crate::k8s::gate;
use crate::k8s::ip;
use crate::k8s::name::{self, Faults};
use crate::k8s::version::Version;
use crate::value::Node;

/// The rule for the names of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// A label of RFC 1123.
    Label,
    /// A label of RFC 1035.
    Label1035,
    /// A label of RFC 1035 before Kubernetes 1.36, of RFC 1123 since.
    Service,
    /// A subdomain of RFC 1123.
    Subdomain,
    /// Anything that can be one step of a URL.
    Step,
    /// An address, written as it should be.
    Address,
    /// The same as `Step`, for kinds that leave their metadata to the server, which looks at it last.
    Segment,
    /// What is asked and not stored: nobody looks at a name.
    Unnamed,
}

/// What of metadata differs from kind to kind beside names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether a finalizer must be a standard one, or have a domain.
    pub qualified: bool,
}

impl Naming {
    /// The rule that this version has.
    #[must_use]
    pub fn at(self, version: Version) -> Self {
        if self == Self::Service && gate::RELAXED_SERVICE_NAME_VALIDATION.is_on(version) { Self::Label } else { self }
    }

    /// What is wrong with a name.
    #[must_use]
    pub fn check(self, text: &str) -> Faults {
        match self {
            Self::Label => name::dns_label(text),
            Self::Label1035 | Self::Service => name::dns_1035_label(text),
            Self::Subdomain => name::dns_subdomain(text),
            Self::Step | Self::Segment => name::path_segment(text),
            Self::Address => ip::canonical_fault(text).into_iter().collect(),
            Self::Unnamed => Vec::new(),
        }
    }

    /// What is wrong with the beginning of a name: here a dash may stand at the end.
    #[must_use]
    pub fn check_beginning(self, text: &str) -> Faults {
        if self == Self::Segment {
            return name::path_segment_prefix(text);
        }
        if matches!(self, Self::Step | Self::Address) {
            return self.check(text);
        }
        match text.strip_suffix('-') {
            Some(rest) if !rest.is_empty() => {
                let mut masked = rest.to_owned();
                masked.pop();
                masked.push('a');
                self.check(&masked)
            }
            _ => self.check(text),
        }
    }
}

/// The rules for the metadata of a new object.
/// `ValidateObjectMeta` and `ValidateObjectMetaAccessorWithOpts`, k8s.io/apimachinery/pkg/api/validation.
pub(crate) fn create(object: &Node, scope: Scope, naming: Naming, version: Version, causes: &mut Causes) {
    let Some(metadata) = object.get("metadata").filter(|metadata| !metadata.is_null()) else {
        return causes.required(&Path::new("metadata.name"), "name or generateName is required");
    };
    names(metadata, naming, causes);
    common(metadata, scope, naming, version, causes);
}

/// The rules for the metadata of a new custom resource: its finalizers may be called as they like.
/// `ValidateObjectMetaAccessorWithOpts`, k8s.io/apimachinery/pkg/api/validation.
pub(crate) fn custom(object: &Node, namespaced: bool, naming: Naming, version: Version, causes: &mut Causes) {
    let Some(metadata) = object.get("metadata").filter(|metadata| !metadata.is_null()) else {
        return causes.required(&Path::new("metadata.name"), "name or generateName is required");
    };
    names(metadata, naming, causes);
    common(metadata, Scope { namespaced, qualified: false }, Naming::Segment, version, causes);
}

/// The rules for metadata that is to replace `stored`.
/// `ValidateObjectMetaUpdate` and `ValidateObjectMetaAccessorWithOpts`, k8s.io/apimachinery/pkg/api/validation.
pub(crate) fn update(
    object: &Node,
    stored: &Node,
    scope: Scope,
    naming: Naming,
    version: Version,
    causes: &mut Causes,
) {
    let Some(metadata) = object.get("metadata").filter(|metadata| !metadata.is_null()) else {
        return causes.required(&Path::new("metadata.name"), "name or generateName is required");
    };
    names(metadata, Naming::Segment, causes);
    common(metadata, scope, naming, version, causes);
    let path = Path::new("metadata");
    let old = stored.get("metadata");
    for field in ["name", "namespace", "uid"] {
        let before = old.map(|old| text(old, field)).unwrap_or_default();
        let now = text(metadata, field);
        let kept = field == "uid" && now.is_empty();
        if now != before && !kept {
            causes.invalid(&path.child(field), "field is immutable");
        }
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        if some(metadata, field) != old.and_then(|old| some(old, field)) {
            causes.invalid(&path.child(field), "field is immutable");
        }
    }
}

/// The names of a changed object by the rule of its kind: many kinds apply all their rules for new objects to changed
/// ones too.
/// `ValidateObjectMetaAccessorWithOpts`, k8s.io/apimachinery/pkg/api/validation.
pub(crate) fn names_again(object: &Node, naming: Naming, causes: &mut Causes) {
    if let Some(metadata) = object.get("metadata") {
        names(metadata, naming, causes);
    }
}

/// `name` and `generateName` by the rule of a kind.
/// `ValidateObjectMetaAccessorWithOpts`, k8s.io/apimachinery/pkg/api/validation.
pub(crate) fn names(metadata: &Node, naming: Naming, causes: &mut Causes) {
    let path = Path::new("metadata");
    let (given, beginning) = (text(metadata, "name"), text(metadata, "generateName"));
    if !beginning.is_empty() {
        causes.each_invalid(&path.child("generateName"), naming.check_beginning(beginning));
    }
    let name_path = path.child("name");
    if !given.is_empty() {
        causes.each_invalid(&name_path, naming.check(given));
    } else if beginning.is_empty() {
        causes.required(&name_path, "name or generateName is required");
    } else {
        causes.each_invalid(&name_path, naming.check(&generated(beginning)));
    }
}

/// Annotations: their keys in any case, their size together.
/// `ValidateAnnotations`, k8s.io/apimachinery/pkg/api/validation.
pub(crate) fn annotations(map: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    let mut size = 0;
    for (key, value) in map.into_iter().flat_map(Node::entries) {
        size += key.name.len() + value.as_str().unwrap_or_default().len();
        let faults = if key.name.bytes().any(|byte| !byte.is_ascii() || byte.is_ascii_uppercase()) {
            name::label_key(&key.name.to_lowercase())
        } else {
            name::label_key(&key.name)
        };
        causes.each_invalid(path, faults);
    }
    if size > ANNOTATIONS_LIMIT {
        causes.too_long(path, ANNOTATIONS_LIMIT);
    }
}

/// Labels and annotations of a template inside another object; nothing else may stand there.
/// `ValidateTemplateObjectMeta`, pkg/apis/core/validation.
pub(crate) fn template(metadata: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    let Some(metadata) = metadata else { return };
    annotations(metadata.get("annotations"), &path.child("annotations"), causes);
    selector::labels(metadata.get("labels"), &path.child("labels"), causes);
    for (field, word) in TEMPLATE_FORBIDS {
        if metadata.get(field).is_some_and(|value| !is_zero(value)) {
            causes.forbidden(&path.child(word), "cannot be set");
        }
    }
}

/// The most bytes in all annotations together.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;
/// The fields of metadata that a template must not hold, and what the server calls them in its answer.
const TEMPLATE_FORBIDS: [(&str, &str); 13] = [
    ("name", "name"),
    ("generateName", "generateName"),
    ("namespace", "namespace"),
    ("selfLink", "selfLink"),
    ("uid", "uID"),
    ("resourceVersion", "resourceVersion"),
    ("generation", "generation"),
    ("creationTimestamp", "creationTimestamp"),
    ("deletionTimestamp", "deletionTimestamp"),
    ("deletionGracePeriodSeconds", "deletionGracePeriodSeconds"),
    ("ownerReferences", "ownerReferences"),
    ("finalizers", "finalizers"),
    ("managedFields", "managedFields"),
];
/// Finalizers that need no domain before them.
pub(crate) const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];
/// How much of `generateName` is kept; five letters are added to it.
const GENERATED_LIMIT: usize = 58;

/// The name that the server makes of a beginning; of nothing, none that is wrong.
#[must_use]
pub(crate) fn generated(beginning: &str) -> String {
    let mut end = beginning.len().min(GENERATED_LIMIT);
    while !beginning.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}x5x5x", &beginning[..end])
}

/// `validateObjectMetaAccessorWithOptsCommon`, k8s.io/apimachinery/pkg/api/validation.
fn common(metadata: &Node, scope: Scope, naming: Naming, version: Version, causes: &mut Causes) {
    let path = Path::new("metadata");
    namespace(metadata, scope.namespaced, &path.child("namespace"), causes);
    causes.not_negative(number(metadata, "generation"), &path.child("generation"));
    selector::labels(metadata.get("labels"), &path.child("labels"), causes);
    annotations(metadata.get("annotations"), &path.child("annotations"), causes);
    owner_references(metadata, version >= NUMBERS_OWNERS, &path.child("ownerReferences"), causes);
    finalizers(metadata, scope.qualified && naming != Naming::Segment, &path.child("finalizers"), causes);
    managed_fields(metadata, &path.child("managedFields"), causes);
}

/// `validateObjectMetaAccessorWithOptsCommon`, k8s.io/apimachinery/pkg/api/validation.
fn namespace(metadata: &Node, namespaced: bool, path: &Path<'_>, causes: &mut Causes) {
    let namespace = text(metadata, "namespace");
    match (namespaced, namespace.is_empty()) {
        (true, true) => causes.required(path, ""),
        (true, false) => causes.each_invalid(path, name::dns_label(namespace)),
        (false, false) => causes.forbidden(path, "not allowed on this type"),
        (false, true) => {}
    }
}

/// The first version whose server says which owner is faulty (`validateOwnerReference` takes a path).
const NUMBERS_OWNERS: Version = Version::minor(37);

/// `ValidateOwnerReferences` and `validateOwnerReference`, k8s.io/apimachinery/pkg/api/validation.
fn owner_references(metadata: &Node, numbered: bool, all: &Path<'_>, causes: &mut Causes) {
    let mut controller: Option<&Node> = None;
    for (index, owner) in list(metadata, "ownerReferences").iter().enumerate() {
        let path = if numbered { &all.index(index) } else { all };
        let (api_version, kind) = (text(owner, "apiVersion"), text(owner, "kind"));
        if numbered && api_version.is_empty() {
            causes.required(&path.child("apiVersion"), "must not be empty");
        } else if api_version.rsplit('/').next().is_none_or(str::is_empty) || api_version.matches('/').count() > 1 {
            causes.invalid(&path.child("apiVersion"), "version must not be empty");
        }
        for (field, value) in [("kind", kind), ("name", text(owner, "name")), ("uid", text(owner, "uid"))] {
            match value {
                "" if numbered => causes.required(&path.child(field), "must not be empty"),
                "" => causes.invalid(&path.child(field), "must not be empty"),
                _ => {}
            }
        }
        if (api_version, kind) == ("v1", "Event") {
            causes.invalid(path, "/v1, Kind=Event is disallowed from being an owner");
        }
        if flag(owner, "controller") {
            match controller {
                None => controller = Some(owner),
                Some(first) => causes.invalid(
                    all,
                    format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {}/{} \
                            and {kind}/{}",
                        text(first, "kind"),
                        text(first, "name"),
                        text(owner, "name")
                    ),
                ),
            }
        }
    }
}

/// `ValidateFinalizers`, k8s.io/apimachinery/pkg/api/validation.
fn finalizers(metadata: &Node, qualified: bool, path: &Path<'_>, causes: &mut Causes) {
    let finalizers = list(metadata, "finalizers");
    for (index, finalizer) in finalizers.iter().enumerate() {
        let finalizer = finalizer.as_str().unwrap_or_default();
        causes.each_invalid(path, name::label_key(finalizer));
        if qualified && !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
            causes.invalid(&path.index(index), "name is neither a standard finalizer name nor is it fully qualified");
        }
    }
    let has = |name: &str| finalizers.iter().any(|finalizer| finalizer.as_str() == Some(name));
    if has("orphan") && has("foregroundDeletion") {
        causes.invalid(path, "finalizer orphan and foregroundDeletion cannot be both set");
    }
}

/// Who set which fields. A list that the server cannot read it leaves out, and begins its own.
/// `ValidateManagedFields`, k8s.io/apimachinery/pkg/apis/meta/v1/validation.
fn managed_fields(metadata: &Node, path: &Path<'_>, causes: &mut Causes) {
    let entries = list(metadata, "managedFields");
    let is_readable = |entry: &Node| {
        matches!(text(entry, "operation"), "Apply" | "Update")
            && text(entry, "fieldsType") == "FieldsV1"
            && !text(entry, "apiVersion").is_empty()
    };
    if !entries.iter().all(is_readable) {
        return;
    }
    for (index, entry) in entries.iter().enumerate() {
        let path = path.index(index);
        let manager = text(entry, "manager");
        if manager.len() > 128 {
            causes.too_long(&path.child("manager"), 128);
        }
        if manager.chars().any(char::is_control) {
            causes.invalid(&path.child("manager"), "invalid character");
        }
        if text(entry, "subresource").len() > 256 {
            causes.too_long(&path.child("subresource"), 256);
        }
    }
}

/// Whether a value is what Go calls zero: as good as absent.
fn is_zero(value: &Node) -> bool {
    value.is_null() || value.as_str() == Some("") || value.as_int() == Some(0)
}
