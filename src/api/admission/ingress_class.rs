//! IngressClasses: which controller looks after an Ingress.
//!
//! Follows `pkg/apis/networking/validation/validation.go: ValidateIngressClass, ValidateIngressClassUpdate`.

use super::cause::{Causes, Path, some, text};
use super::meta::{self, Naming};
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "networking.k8s.io",
    version: "v1",
    kind: "IngressClass",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::policy::ingress_class,
    prepare: unchanged,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");
const LONGEST_CONTROLLER: usize = 250;

/// `ValidateIngressClass`, pkg/apis/networking/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let (path, controller) = (SPEC.child("controller"), text(spec, "controller"));
    if controller.len() > LONGEST_CONTROLLER {
        causes.too_long(&path, LONGEST_CONTROLLER);
    }
    controller_rule(controller, &path, causes);
    if let Some(parameters) = some(spec, "parameters") {
        reference(parameters, &SPEC.child("parameters"), causes);
    }
}

/// `ValidateIngressClassUpdate`, pkg/apis/networking/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    let controller = |object: &Node| object.get("spec").map(|spec| text(spec, "controller").to_owned());
    if controller(object) != controller(stored) {
        causes.invalid(&SPEC.child("controller"), "field is immutable");
    }
    create(object, version, causes);
}

/// `IsDomainPrefixedPath`, k8s.io/apimachinery/pkg/util/validation.
fn controller_rule(controller: &str, path: &Path<'_>, causes: &mut Causes) {
    if controller.is_empty() {
        return causes.required(path, "");
    }
    match controller.split_once('/') {
        Some((host, rest)) if !host.is_empty() && !rest.is_empty() => {
            causes.each_invalid(path, name::dns_subdomain(host));
            if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte)) {
                causes.invalid(path, "Invalid path");
            }
        }
        _ => causes.invalid(path, "must be a domain-prefixed path (such as \"acme.io/foo\")"),
    }
}

/// `validateIngressClassParametersReference`, pkg/apis/networking/validation.
fn reference(parameters: &Node, path: &Path<'_>, causes: &mut Causes) {
    if let Some(group) = some(parameters, "apiGroup") {
        causes.each_invalid(&path.child("apiGroup"), name::dns_subdomain(group.as_str().unwrap_or_default()));
    }
    for field in ["kind", "name"] {
        match text(parameters, field) {
            "" => causes.required(&path.child(field), ""),
            given => causes.each_invalid(&path.child(field), name::path_segment(given)),
        }
    }
    let namespace = some(parameters, "namespace").map(|namespace| namespace.as_str().unwrap_or_default());
    let path_to_namespace = path.child("namespace");
    match (text(parameters, "scope"), namespace) {
        ("Namespace", None) => causes.required(&path_to_namespace, "`parameters.scope` is set to 'Namespace'"),
        ("Namespace", Some(namespace)) => causes.each_invalid(&path_to_namespace, name::dns_label(namespace)),
        ("Cluster", Some(_)) => causes.forbidden(&path_to_namespace, "`parameters.scope` is set to 'Cluster'"),
        ("Cluster", None) => {}
        _ => causes.not_supported(&path.child("scope"), &["Cluster", "Namespace"]),
    }
}
