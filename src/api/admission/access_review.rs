//! Questions to the API server that it answers and does not store: may somebody do this, whose token is it. They need
//! no name.
//!
//! Follows `pkg/apis/authorization/validation/validation.go: ValidateSubjectAccessReview,
//! ValidateSelfSubjectAccessReview, ValidateLocalSubjectAccessReview`.

use super::cause::{Causes, Path, list, some, text};
use super::meta::Naming;
use super::{Kind, selector, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::{Data, Map, Node};

/// The table lines.
pub(crate) static SUBJECT: Kind =
    kind("SubjectAccessReview", false, |object, _, causes| review(object, true, "must be empty", causes));
/// Of somebody in one namespace.
pub(crate) static LOCAL: Kind = kind("LocalSubjectAccessReview", true, local);
/// Of whoever asks.
pub(crate) static OWN: Kind =
    kind("SelfSubjectAccessReview", false, |object, _, causes| review(object, false, "must be empty", causes));
/// All that whoever asks may do.
pub(crate) static RULES: Kind = kind("SelfSubjectRulesReview", false, |object, _, causes| {
    needs(object, "namespace", "no namespace on request", causes);
});
/// Whose token it is.
pub(crate) static TOKEN: Kind = Kind {
    group: "authentication.k8s.io",
    ..kind("TokenReview", false, |object, _, causes| {
        needs(object, "token", "token is required for TokenReview in authentication", causes);
    })
};
/// Who asks.
pub(crate) static ASKER: Kind =
    Kind { group: "authentication.k8s.io", ..kind("SelfSubjectReview", false, |_, _, _| {}) };

const SPEC: Path<'static> = Path::new("spec");

const fn kind(kind: &'static str, namespaced: bool, create: fn(&Node, Version, &mut Causes)) -> Kind {
    Kind {
        group: "authorization.k8s.io",
        version: "v1",
        kind,
        namespaced,
        naming: Naming::Unnamed,
        counts_generations: false,
        default: defaults::config::nothing,
        prepare: unchanged,
        create,
        update: |_, _, _, _| {},
    }
}

/// What a question cannot do without: `Create`, pkg/registry/authentication/tokenreview and
/// pkg/registry/authorization/selfsubjectrulesreview.
fn needs(object: &Node, field: &str, otherwise: &'static str, causes: &mut Causes) {
    if object.get("spec").is_none_or(|spec| text(spec, field).is_empty()) {
        causes.bad_request = Some(otherwise);
    }
}

/// `ValidateSubjectAccessReview` and `ValidateSelfSubjectAccessReview`, pkg/apis/authorization/validation.
fn review(object: &Node, names_somebody: bool, fault: &str, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let spec = object.get("spec").unwrap_or(&nothing);
    let (resource, other) = (some(spec, "resourceAttributes"), some(spec, "nonResourceAttributes"));
    if resource.is_some() && other.is_some() {
        causes.invalid(
            &SPEC.child("nonResourceAttributes"),
            "cannot be specified in combination with resourceAttributes",
        );
    }
    if resource.is_none() && other.is_none() {
        let words = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        causes.invalid(&SPEC.child("resourceAttributes"), words);
    }
    if names_somebody && text(spec, "user").is_empty() && list(spec, "groups").is_empty() {
        causes.invalid(&SPEC.child("user"), "at least one of user or group must be specified");
    }
    if let Some(resource) = resource {
        selectors(resource, &SPEC.child("resourceAttributes"), causes);
    }
    let is_stated = |value: &Node| match &value.data {
        Data::Null => false,
        Data::Text(text) => !text.is_empty(),
        Data::List(items) => !items.is_empty(),
        Data::Map(map) => !Map::is_empty(map),
        _ => true,
    };
    let free = ["managedFields", if fault == EMPTY_BUT_NAMESPACE { "namespace" } else { "managedFields" }];
    let metadata = object.get("metadata").into_iter().flat_map(Node::entries);
    if metadata.filter(|(key, _)| !free.contains(&key.name.as_str())).any(|(_, value)| is_stated(value)) {
        causes.invalid(&Path::new("metadata"), fault);
    }
}

const EMPTY_BUT_NAMESPACE: &str = "must be empty except for namespace";

/// `ValidateLocalSubjectAccessReview`.
fn local(object: &Node, _: Version, causes: &mut Causes) {
    review(object, true, EMPTY_BUT_NAMESPACE, causes);
    let namespace = object.get("metadata").map(|metadata| text(metadata, "namespace")).unwrap_or_default();
    let Some(spec) = object.get("spec") else { return };
    if some(spec, "resourceAttributes").is_some_and(|resource| text(resource, "namespace") != namespace) {
        causes.invalid(&SPEC.child("resourceAttributes.namespace"), "must match metadata.namespace");
    }
    if some(spec, "nonResourceAttributes").is_some() {
        causes.invalid(&SPEC.child("nonResourceAttributes"), "disallowed on this kind of request");
    }
}

/// `validateFieldSelectorAttributes` and `validateLabelSelectorAttributes`.
fn selectors(resource: &Node, path: &Path<'_>, causes: &mut Causes) {
    for field in ["fieldSelector", "labelSelector"] {
        let Some(node) = some(resource, field) else { continue };
        let path = path.child(field);
        let (raw, requirements) = (text(node, "rawSelector"), list(node, "requirements"));
        if !raw.is_empty() && !requirements.is_empty() {
            causes.invalid(&path.child("rawSelector"), "may not specified at the same time as requirements");
        }
        if raw.is_empty() && requirements.is_empty() {
            let words = format!("when {path} is specified, requirements or rawSelector is required");
            causes.required(&path.child("requirements"), words);
        }
        if field == "labelSelector" {
            let path = path.child("requirements");
            for (index, requirement) in requirements.iter().enumerate() {
                selector::label_key(text(requirement, "key"), &path.index(index).child("key"), causes);
            }
        }
    }
}
