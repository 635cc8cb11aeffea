//! Endpoints and EndpointSlices: where the traffic of a Service goes.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateEndpoints`, and
//! `pkg/apis/discovery/validation/validation.go: ValidateEndpointSlice`.

use super::cause::{Causes, Path, list, number, some, text};
use super::meta::{self, Naming};
use super::names::Names;
use super::port::PROTOCOLS;
use super::same::FieldRules;
use super::{Kind, selector, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::k8s::{ip, name};
use crate::value::Node;

/// Endpoints.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "Endpoints",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::service::endpoints,
    prepare: unchanged,
    create: |object, version, causes| endpoints(object, None, version, causes),
    update: |object, stored, version, causes| {
        meta::names_again(object, Naming::Subdomain, causes);
        endpoints(object, Some(stored), version, causes);
    },
};

/// An EndpointSlice.
pub(crate) static SLICE: Kind = Kind {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    counts_generations: true,
    default: defaults::service::endpoint_slice,
    prepare,
    create: |object, version, causes| slice(object, None, version, causes),
    update,
    ..KIND
};

/// Addresses must be written as they should since this version.
const STRICT: Version = Version::minor(36);
/// Endpoints that do not change are not looked at again since this version.
const UNCHANGED: Version = Version::minor(33);
/// Hints may name nodes since this version.
const NODE_HINTS: Version = Version::minor(34);
const FIELD_RULES: FieldRules =
    FieldRules { optional: &["nodeName", "hostname", "ready", "zone"], free: &["deprecatedTopology"], amounts: &[] };

/// What a server drops in silence.
/// `PrepareForCreate`, pkg/registry/discovery/endpointslice.
fn prepare(object: &mut Node, stored: Option<&Node>, version: Version, _: &mut Causes) {
    let same = stored.is_some_and(|stored| FIELD_RULES.same(object.get("endpoints"), stored.get("endpoints")));
    for endpoint in object.get_mut("endpoints").into_iter().flat_map(Node::items_mut) {
        if version < NODE_HINTS
            && let Some(hints) = endpoint.get_mut("hints").and_then(Node::as_map_mut)
        {
            hints.remove("forNodes");
        }
        if let Some(map) = endpoint.as_map_mut().filter(|_| !same) {
            map.remove("deprecatedTopology");
        }
    }
}

/// `ValidateEndpoints`, pkg/apis/core/validation.
fn endpoints(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";
    if let Some(time) = object.find(&["metadata", "annotations", TRIGGER]).and_then(Node::as_str)
        && !super::decode::is_time(time, false)
    {
        let annotations = Path::new("annotations");
        causes.invalid(&annotations.key(TRIGGER), "must be a valid RFC3339 time");
    }
    let mut found = Causes::default();
    subsets(list(object, "subsets"), version, &mut found);
    let same = |stored: &Node| FIELD_RULES.same(object.get("subsets"), stored.get("subsets"));
    if version < UNCHANGED || !stored.is_some_and(same) {
        causes.refusals.append(&mut found.refusals);
    }
    if version >= DEPRECATED && causes.refusals.is_empty() {
        causes.warn("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
    }
    causes.warnings.append(&mut found.warnings);
}

/// Endpoints are deprecated since this version.
const DEPRECATED: Version = Version::minor(33);

/// `validateEndpointSubsets`, pkg/apis/core/validation.
fn subsets(subsets: &[Node], version: Version, causes: &mut Causes) {
    let path = Path::new("subsets");
    for (index, subset) in subsets.iter().enumerate() {
        let path = path.index(index);
        if ["addresses", "notReadyAddresses"].iter().all(|field| list(subset, field).is_empty()) {
            causes.required(&path, "must specify `addresses` or `notReadyAddresses`");
        }
        for field in ["addresses", "notReadyAddresses"] {
            let path = path.child(field);
            for (index, address) in list(subset, field).iter().enumerate() {
                address_rule(address, version, &path.index(index), causes);
            }
        }
        let (path, ports) = (path.child("ports"), list(subset, "ports"));
        for (index, port) in ports.iter().enumerate() {
            port_rule(port, ports.len() > 1, &path.index(index), causes);
        }
    }
}

/// `validateEndpointAddress`, pkg/apis/core/validation.
fn address_rule(address: &Node, version: Version, path: &Path<'_>, causes: &mut Causes) {
    let ip = text(address, "ip");
    let ip_path = path.child("ip");
    if let Some(fault) = ip::address_fault(ip, version >= STRICT) {
        causes.invalid(&ip_path, fault);
    }
    if let Some(words) = ip::address_warning(ip) {
        causes.warn_at(ip_path, words);
    }
    let hostname = text(address, "hostname");
    if !hostname.is_empty() {
        causes.each_invalid(&path.child("hostname"), name::dns_label(hostname));
    }
    node_name(address, path, causes);
    causes.each_invalid(&ip_path, ip::endpoint_faults(ip));
}

fn node_name(endpoint: &Node, path: &Path<'_>, causes: &mut Causes) {
    if let Some(node) = some(endpoint, "nodeName") {
        causes.each_invalid(&path.child("nodeName"), name::dns_subdomain(node.as_str().unwrap_or_default()));
    }
}

/// `validateEndpointPort`, pkg/apis/core/validation.
fn port_rule(port: &Node, named: bool, path: &Path<'_>, causes: &mut Causes) {
    match text(port, "name") {
        "" if named => causes.required(&path.child("name"), ""),
        "" => {}
        given => causes.each_invalid(&path.child("name"), name::dns_label(given)),
    }
    causes.each_invalid(&path.child("port"), name::port_number(number(port, "port")));
    causes.required_one_of(text(port, "protocol"), &PROTOCOLS, &path.child("protocol"));
    app_protocol(port, path, causes);
}

fn app_protocol(port: &Node, path: &Path<'_>, causes: &mut Causes) {
    if let Some(protocol) = some(port, "appProtocol") {
        causes.each_invalid(&path.child("appProtocol"), name::label_key(protocol.as_str().unwrap_or_default()));
    }
}

/// `ValidateEndpointSliceUpdate`, pkg/apis/discovery/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, Naming::Subdomain, causes);
    slice(object, Some(stored), version, causes);
    if text(object, "addressType") != text(stored, "addressType") {
        causes.invalid(&Path::new("addressType"), "field is immutable");
    }
}

/// `ValidateEndpointSlice`, pkg/apis/discovery/validation.
fn slice(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let kind = text(object, "addressType");
    causes.required_one_of(kind, &["FQDN", "IPv4", "IPv6"], &Path::new("addressType"));
    slice_ports(list(object, "ports"), &Path::new("ports"), causes);
    let mut found = Causes::default();
    slice_endpoints(list(object, "endpoints"), kind, version, &Path::new("endpoints"), &mut found);
    let same = |stored: &Node| FIELD_RULES.same(object.get("endpoints"), stored.get("endpoints"));
    if version < UNCHANGED || !stored.is_some_and(same) {
        causes.refusals.append(&mut found.refusals);
    }
    if stored.is_none() && kind == "FQDN" {
        causes.warn_at("spec.addressType", "FQDN endpoints are deprecated");
    }
    causes.warnings.append(&mut found.warnings);
}

/// `validatePorts`, pkg/apis/discovery/validation.
fn slice_ports(ports: &[Node], path: &Path<'_>, causes: &mut Causes) {
    const MOST: usize = 20_000;
    if ports.len() > MOST {
        return causes.too_many(path, MOST);
    }
    let mut seen = Names::default();
    for (index, port) in ports.iter().enumerate() {
        let path = path.index(index);
        let given = text(port, "name");
        if !given.is_empty() {
            causes.each_invalid(&path.child("name"), name::dns_label(given));
        }
        if !seen.add(given) {
            causes.duplicate(&path.child("name"));
        }
        match some(port, "protocol") {
            None => causes.required(&path.child("protocol"), ""),
            Some(protocol) => causes.one_of(protocol.as_str().unwrap_or_default(), &PROTOCOLS, &path.child("protocol")),
        }
        app_protocol(port, &path, causes);
    }
}

/// `validateEndpoints`, pkg/apis/discovery/validation.
fn slice_endpoints(endpoints: &[Node], kind: &str, version: Version, path: &Path<'_>, causes: &mut Causes) {
    const MOST: usize = 1000;
    const MOST_ADDRESSES: usize = 100;
    if endpoints.len() > MOST {
        return causes.too_many(path, MOST);
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        let path = path.index(index);
        let (addresses, addresses_path) = (list(endpoint, "addresses"), path.child("addresses"));
        if addresses.is_empty() {
            causes.required(&addresses_path, "must contain at least 1 address");
        } else if addresses.len() > MOST_ADDRESSES {
            causes.too_many(&addresses_path, MOST_ADDRESSES);
        }
        for (index, address) in addresses.iter().enumerate() {
            slice_address(
                address.as_str().unwrap_or_default(),
                kind,
                version,
                [&addresses_path, &addresses_path.index(index)],
                causes,
            );
        }
        node_name(endpoint, &path, causes);
        selector::labels(endpoint.get("deprecatedTopology"), &path.child("deprecatedTopology"), causes);
        if let Some(hostname) = some(endpoint, "hostname") {
            causes.each_invalid(&path.child("hostname"), name::dns_label(hostname.as_str().unwrap_or_default()));
        }
        if let Some(hints) = some(endpoint, "hints") {
            hint_rules(hints, &path.child("hints"), causes);
        }
    }
}

/// One address, and the list it stands in.
fn slice_address(address: &str, kind: &str, version: Version, [whole, path]: [&Path<'_>; 2], causes: &mut Causes) {
    let six = match kind {
        "IPv4" => false,
        "IPv6" => true,
        "FQDN" => return domain_name(address, path, causes),
        _ => return,
    };
    let fault = if six && version >= UNCHANGED {
        ip::canonical_fault(address)
    } else {
        ip::address_fault(address, version >= STRICT).map(str::to_owned)
    };
    if let Some(fault) = fault {
        return causes.invalid(path, fault);
    }
    if ip::is_ipv6(address) != six {
        let family = if six { "an IPv6" } else { "an IPv4" };
        causes.invalid(if version >= UNCHANGED { whole } else { path }, format!("must be {family} address"));
    }
    causes.each_invalid(path, ip::endpoint_faults(address));
    if let Some(words) = ip::address_warning(address) {
        causes.warn_at(path, words);
    }
}

/// `IsFullyQualifiedDomainName`, k8s.io/apimachinery/pkg/util/validation.
fn domain_name(text: &str, path: &Path<'_>, causes: &mut Causes) {
    if text.is_empty() {
        return causes.required(path, "");
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    let faults = name::dns_subdomain(text);
    if !faults.is_empty() {
        causes.invalid(path, faults.join(","));
    } else if !text.contains('.') {
        causes.invalid(path, "should be a domain with at least two segments separated by dots");
    } else if let Some(faults) = text.split('.').map(name::dns_label).find(|faults| !faults.is_empty()) {
        causes.invalid(path, faults.join(","));
    }
}

/// `validateHints`, pkg/apis/discovery/validation.
fn hint_rules(hints: &Node, path: &Path<'_>, causes: &mut Causes) {
    const MOST: usize = 8;
    for (field, rule) in
        [("forZones", name::label_value as fn(&str) -> name::Faults), ("forNodes", name::dns_subdomain)]
    {
        let (path, hints) = (path.child(field), list(hints, field));
        if hints.len() > MOST {
            return causes.too_many(&path, MOST);
        }
        let mut seen = Names::default();
        for (index, hint) in hints.iter().enumerate() {
            let (path, given) = (path.index(index), text(hint, "name"));
            if !seen.add(given) {
                causes.duplicate(&path.child("name"));
            }
            causes.each_invalid(&path.child("name"), rule(given));
        }
    }
}
