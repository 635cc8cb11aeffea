//! ServiceCIDRs and IPAddresses: where the addresses of Services come from, and who has which.
//!
//! Follows `pkg/apis/networking/validation/validation.go: ValidateServiceCIDR, ValidateIPAddress`.

use super::cause::{Causes, Path, list, some, text};
use super::meta::Naming;
use super::same::FieldRules;
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::k8s::{ip, name};
use crate::value::Node;

/// A ServiceCIDR.
pub(crate) static RANGE: Kind = Kind {
    group: "networking.k8s.io",
    version: "v1",
    kind: "ServiceCIDR",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::policy::with_spec,
    prepare: unchanged,
    create: |object, _, causes| ranges(object, causes),
    update: change_of_range,
};

/// An IPAddress.
pub(crate) static ADDRESS: Kind = Kind {
    kind: "IPAddress",
    naming: Naming::Address,
    create: |object, _, causes| parent(object, causes),
    update: change_of_address,
    ..RANGE
};

/// `validateServiceCIDRSpec`, pkg/apis/networking/validation.
fn ranges(object: &Node, causes: &mut Causes) {
    let path = Path::new("spec.cidrs");
    let ranges = cidrs(object);
    if ranges.is_empty() {
        return causes.required(&path, "at least one CIDR required");
    }
    if ranges.len() > 2 {
        return causes.invalid(&path, "may only hold up to 2 values");
    }
    for (index, range) in ranges.iter().enumerate() {
        if let Some(fault) = ip::canonical_range_fault(range) {
            causes.invalid(&path.index(index), fault);
        }
    }
    let family = |range: &str| ip::Range::read(range).map(|_| range.contains(':'));
    if let [one, other] = ranges.as_slice()
        && family(one).is_some()
        && family(one) == family(other)
    {
        causes
            .invalid(&path, "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64");
    }
}

fn cidrs(object: &Node) -> Vec<&str> {
    let ranges = object.get("spec").map(|spec| list(spec, "cidrs")).unwrap_or_default();
    ranges.iter().map(|range| range.as_str().unwrap_or_default()).collect()
}

/// `ValidateServiceCIDRUpdate`, pkg/apis/networking/validation.
fn change_of_range(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let path = Path::new("spec.cidrs");
    let (now, before) = (cidrs(object), cidrs(stored));
    let grows = before.len() == 1 && now.len() == 2 && version >= Version::minor(33);
    if now.len() != before.len() && !grows {
        return causes.invalid(&path, "field is immutable");
    }
    for (index, _) in before.iter().zip(&now).enumerate().filter(|(_, (before, now))| before != now) {
        causes.invalid(&path.index(index), "field is immutable");
    }
    if grows {
        ranges(object, causes);
    }
}

/// `validateIPAddressParentReference`, pkg/apis/networking/validation.
fn parent(object: &Node, causes: &mut Causes) {
    let path = Path::new("spec.parentRef");
    let Some(parent) = object.get("spec").and_then(|spec| some(spec, "parentRef")) else {
        return causes.required(&path, "");
    };
    match text(parent, "group") {
        "" => {}
        group => causes.each_invalid(&path.child("group"), name::dns_subdomain(group)),
    }
    for (field, required) in [("resource", true), ("name", true), ("namespace", false)] {
        match text(parent, field) {
            "" if required => causes.required(&path.child(field), ""),
            given => causes.each_invalid(&path.child(field), name::path_segment(given)),
        }
    }
}

/// `ValidateIPAddressUpdate`, pkg/apis/networking/validation.
fn change_of_address(object: &Node, stored: &Node, _: Version, causes: &mut Causes) {
    parent(object, causes);
    let reference = |object: &'_ Node| object.find(&["spec", "parentRef"]).cloned();
    if !FieldRules::default().same(reference(object).as_ref(), reference(stored).as_ref()) {
        causes.invalid(&Path::new("spec.parentRef"), "field is immutable");
    }
}
