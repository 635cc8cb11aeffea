//! What the server says to an Ingress.
//!
//! Follows `pkg/apis/networking/validation/validation.go: ValidateIngressCreate, ValidateIngressUpdate`.

use super::cause::{Causes, Path, list, number, some, text};
use super::meta::{self, Naming};
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::k8s::{ip, name};
use crate::value::Node;

/// An Ingress.
pub(crate) static KIND: Kind = Kind {
    group: "networking.k8s.io",
    version: "v1",
    kind: "Ingress",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::policy::with_spec,
    prepare: unchanged,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");
const CLASS: &str = "kubernetes.io/ingress.class";
const PATH_TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];

/// What is forgiven because the stored Ingress has it, and the rule for the names of Services.
#[derive(Clone, Copy)]
struct Rules {
    any_secret: bool,
    any_wildcard: bool,
    service: Naming,
}

impl Rules {
    fn of(version: Version) -> Self {
        Self { any_secret: false, any_wildcard: false, service: Naming::Service.at(version) }
    }
}

/// `ValidateIngressCreate`, pkg/apis/networking/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    judge(spec, Rules::of(version), causes);
    let Some(annotation) =
        object.find(&["metadata", "annotations", CLASS]).map(|class| class.as_str().unwrap_or_default())
    else {
        return;
    };
    match some(spec, "ingressClassName") {
        None => {
            causes.warn(format!("annotation \"{CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"));
        }
        Some(class) if class.as_str() != Some(annotation) => {
            causes.invalid(
                &Path::new("annotations").child(CLASS),
                "must match `ingressClassName` when both are specified",
            );
        }
        Some(_) => {}
    }
}

/// `ValidateIngressUpdate`, pkg/apis/networking/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    let (Some(spec), Some(before)) = (object.get("spec"), stored.get("spec")) else { return };
    let plain = Rules::of(version);
    let wild = |rule: &Node| {
        let mut found = Causes::default();
        // The server looks back with the rule of old for the names of Services.
        rule_value(rule, Rules { service: Naming::Label1035, ..plain }, &Path::ROOT, &mut found);
        text(rule, "host").contains('*') && !found.refusals.is_empty()
    };
    let long_name = |backend: &Node| {
        let service = backend.get("service").map(|service| text(service, "name")).unwrap_or_default();
        name::is_dns_label(service) && !Naming::Label1035.check(service).is_empty()
    };
    let paths =
        || list(before, "rules").iter().filter_map(|rule| rule.get("http")).flat_map(|http| list(http, "paths"));
    let backends = || paths().filter_map(|path| path.get("backend")).chain(before.get("defaultBackend"));
    let rules = Rules {
        any_secret: list(before, "tls").iter().any(|tls| !secret_faults(tls).is_empty()),
        any_wildcard: list(before, "rules").iter().any(wild),
        service: if backends().any(long_name) { Naming::Label } else { plain.service },
    };
    judge(spec, rules, causes);
}

/// `ValidateIngressSpec` and `validateIngressRules`, pkg/apis/networking/validation.
fn judge(spec: &Node, rules: Rules, causes: &mut Causes) {
    let backend = some(spec, "defaultBackend");
    if list(spec, "rules").is_empty() && backend.is_none() {
        causes.invalid(&SPEC, "either `defaultBackend` or `rules` must be specified");
    }
    if let Some(backend) = backend {
        backend_rule(Some(backend), rules, &SPEC.child("defaultBackend"), causes);
    }
    let path = SPEC.child("rules");
    for (index, rule) in list(spec, "rules").iter().enumerate() {
        let path = path.index(index);
        let host = text(rule, "host");
        if !host.is_empty() {
            if ip::address(host).is_some() {
                causes.invalid(&path.child("host"), "must be a DNS name, not an IP address");
            }
            host_rule(host, &path.child("host"), causes);
        }
        if !(rules.any_wildcard && host.contains('*')) {
            rule_value(rule, rules, &path, causes);
        }
    }
    tls_rules(list(spec, "tls"), rules, &SPEC.child("tls"), causes);
    if let Some(class) = some(spec, "ingressClassName") {
        causes.each_invalid(&SPEC.child("ingressClassName"), name::dns_subdomain(class.as_str().unwrap_or_default()));
    }
}

/// `validateIngressTLS`, pkg/apis/networking/validation.
fn tls_rules(list_of_tls: &[Node], rules: Rules, path: &Path<'_>, causes: &mut Causes) {
    for (index, tls) in list_of_tls.iter().enumerate() {
        let path = path.index(index);
        let hosts = path.child("hosts");
        for (index, host) in list(tls, "hosts").iter().enumerate() {
            host_rule(host.as_str().unwrap_or_default(), &hosts.index(index), causes);
        }
        if !rules.any_secret {
            causes.each_invalid(&path.child("secretName"), secret_faults(tls));
        }
    }
}

fn secret_faults(tls: &Node) -> name::Faults {
    match text(tls, "secretName") {
        "" => name::Faults::new(),
        secret => name::dns_subdomain(secret),
    }
}

/// `validateIngressRules`, pkg/apis/networking/validation.
fn host_rule(host: &str, path: &Path<'_>, causes: &mut Causes) {
    let faults = if host.contains('*') { name::wildcard_dns_subdomain(host) } else { name::dns_subdomain(host) };
    causes.each_invalid(path, faults);
}

/// `validateHTTPIngressRuleValue`, pkg/apis/networking/validation.
fn rule_value(rule: &Node, rules: Rules, path: &Path<'_>, causes: &mut Causes) {
    let Some(http) = some(rule, "http") else { return };
    let path = path.child("http");
    let path = path.child("paths");
    let paths = list(http, "paths");
    if paths.is_empty() {
        causes.required(&path, "");
    }
    for (index, node) in paths.iter().enumerate() {
        path_rule(node, rules, &path.index(index), causes);
    }
}

/// `validateHTTPIngressPath`, pkg/apis/networking/validation.
fn path_rule(node: &Node, rules: Rules, path: &Path<'_>, causes: &mut Causes) {
    let kind_path = path.child("pathType");
    let Some(kind) = some(node, "pathType") else { return causes.required(&kind_path, "pathType must be specified") };
    let url = text(node, "path");
    let url_path = path.child("path");
    match kind.as_str().unwrap_or_default() {
        "Exact" | "Prefix" => {
            if !url.starts_with('/') {
                causes.invalid(&url_path, "must be an absolute path");
            }
            for wrong in ["//", "/./", "/../", "%2f", "%2F"].into_iter().filter(|wrong| url.contains(wrong)) {
                causes.invalid(&url_path, format!("must not contain '{wrong}'"));
            }
            for wrong in ["/..", "/."].into_iter().filter(|wrong| url.ends_with(wrong)) {
                causes.invalid(&url_path, format!("cannot end with '{wrong}'"));
            }
        }
        "ImplementationSpecific" if !url.is_empty() && !url.starts_with('/') => {
            causes.invalid(&url_path, "must be an absolute path");
        }
        "ImplementationSpecific" => {}
        _ => causes.not_supported(&kind_path, &PATH_TYPES),
    }
    backend_rule(node.get("backend"), rules, &path.child("backend"), causes);
}

/// `validateIngressBackend`, pkg/apis/networking/validation.
fn backend_rule(backend: Option<&Node>, rules: Rules, path: &Path<'_>, causes: &mut Causes) {
    let part = |field| backend.and_then(|backend| some(backend, field));
    match (part("resource"), part("service")) {
        (Some(_), Some(_)) => causes.invalid(path, "cannot set both resource and service backends"),
        (Some(resource), None) => resource_rule(resource, &path.child("resource"), causes),
        (None, Some(service)) => service_rule(service, rules, path, causes),
        (None, None) => causes.invalid(path, "resource or service backend is required"),
    }
}

/// `validateIngressTypedLocalObjectReference`, pkg/apis/networking/validation.
fn resource_rule(resource: &Node, path: &Path<'_>, causes: &mut Causes) {
    if let Some(group) = some(resource, "apiGroup") {
        causes.each_invalid(&path.child("apiGroup"), name::dns_subdomain(group.as_str().unwrap_or_default()));
    }
    for field in ["kind", "name"] {
        match text(resource, field) {
            "" => causes.required(&path.child(field), ""),
            value => causes.each_invalid(&path.child(field), name::path_segment(value)),
        }
    }
}

/// `validateIngressBackend`, pkg/apis/networking/validation.
fn service_rule(service: &Node, rules: Rules, path: &Path<'_>, causes: &mut Causes) {
    let service_path = path.child("service");
    match text(service, "name") {
        "" => causes.required(&service_path.child("name"), ""),
        service => causes.each_invalid(&service_path.child("name"), rules.service.check(service)),
    }
    let port_path = service_path.child("port");
    let port = service.get("port");
    let port_name = port.map(|port| text(port, "name")).unwrap_or_default();
    let port_number = port.map(|port| number(port, "number")).unwrap_or_default();
    match (port_name, port_number) {
        ("", 0) => causes.required(path, "port name or number is required"),
        ("", port) => causes.each_invalid(&port_path.child("number"), name::port_number(port)),
        (port, 0) => causes.each_invalid(&port_path.child("name"), name::port_name(port)),
        _ => causes.invalid(path, "cannot set both port name & port number"),
    }
}
