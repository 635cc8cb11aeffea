//! What a StatefulSet and its governing Service are called: names that are too long for pods, and Services that are not
//! there, not headless, or lead elsewhere.

use super::home::namespace;
use crate::bundle::{Bundle, Resource};
use crate::cluster::dns;
use crate::cluster::selector;
use crate::cluster::store::text;
use crate::diagnostic::{Code, Diagnostics, Level, nearest};
use crate::value::Node;
use std::collections::BTreeMap;

/// A StatefulSet whose pods cannot be made.
static SET_NAME: Code = Code {
    id: "SW0302",
    name: "set-name-too-long",
    level: Level::Error,
    page: include_str!("pages/set-name-too-long.md"),
};
/// A `serviceName` that names no Service.
pub(super) static SERVICE_MISSING: Code = Code {
    id: "SW0303",
    name: "governing-service-missing",
    level: Level::Warning,
    page: include_str!("pages/governing-service-missing.md"),
};
/// A governing Service with an address of its own.
static SERVICE_ALLOCATED: Code = Code {
    id: "SW0304",
    name: "governing-service-not-headless",
    level: Level::Warning,
    page: include_str!("pages/governing-service-not-headless.md"),
};
/// A governing Service that does not select its set's pods.
static SERVICE_SELECTOR: Code = Code {
    id: "SW0305",
    name: "governing-service-selects-others",
    level: Level::Warning,
    page: include_str!("pages/governing-service-selects-others.md"),
};
/// A port of a governing Service without a name.
static PORT_NAME: Code = Code {
    id: "SW0306",
    name: "service-port-unnamed",
    level: Level::Note,
    page: include_str!("pages/service-port-unnamed.md"),
};

/// The codes of this file.
pub(crate) static CODES: &[&Code] = &[&SET_NAME, &SERVICE_MISSING, &SERVICE_ALLOCATED, &SERVICE_SELECTOR, &PORT_NAME];

/// The longest name of a set whose pods can always be made: a label holds the name, a hyphen and a hash of up to ten
/// digits.
const LONGEST_SET_NAME: usize = 52;

/// Finds what the names alone say.
pub(super) fn judge(bundle: &Bundle, found: &mut Diagnostics) {
    let services = services_by_name(bundle);
    for set in bundle.of_kind("StatefulSet") {
        judge_name(set, found);
        judge_service(&services, set, found);
    }
}

fn judge_name(set: &Resource, found: &mut Diagnostics) {
    let name = &set.id.name;
    if name.len() <= LONGEST_SET_NAME {
        return;
    }
    SET_NAME
        .report(format!(
            "the name has {} characters, which leaves its pods no room for the revision in their labels",
            name.len()
        ))
        .help(format!(
            "use at most {LONGEST_SET_NAME} characters: a label of each pod holds the name and a hash, 63 \
            characters in all"
        ))
        .about(set.subject())
        .at(set.node.place_of("metadata.name"), found);
}

/// The Services of a bundle, by name.
pub(super) fn services_by_name(bundle: &Bundle) -> BTreeMap<&str, Vec<&Resource>> {
    let mut services: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
    for service in bundle.of_kind("Service") {
        services.entry(&service.id.name).or_default().push(service);
    }
    services
}

fn judge_service(all: &BTreeMap<&str, Vec<&Resource>>, set: &Resource, found: &mut Diagnostics) {
    /// A name is compared with so many others, not with thousands.
    const MOST: usize = 100;

    let name = text(&set.node, &["spec", "serviceName"]);
    if name.is_empty() {
        return;
    }
    let at = set.node.place_of("spec.serviceName");
    let services = || all.get(name).into_iter().flatten();
    let Some(service) = services().find(|service| namespace(service) == namespace(set)) else {
        let report =
            SERVICE_MISSING.report(format!("no Service is named `{name}`, so the pods have no names of their own"));
        let report = match services().next() {
            Some(other) => {
                report.see(other.node.place_of("metadata"), format!("this one is in namespace `{}`", namespace(other)))
            }
            None => report,
        };
        let is_near = |service: &&&Resource| namespace(service) == namespace(set);
        let known = all.values().flatten().filter(is_near).map(|service| service.id.name.as_str()).take(MOST);
        let help = match nearest(name, known) {
            Some(other) => format!("did you mean `{other}`?"),
            None => "add a headless Service of that name".to_owned(),
        };
        return report.help(help).about(set.subject()).at(at, found);
    };
    let spec = &service.node;
    if text(spec, &["spec", "clusterIP"]) != "None" {
        SERVICE_ALLOCATED
            .report(format!("Service `{name}` is not headless, so the pods have no names of their own"))
            .help(
                "set `clusterIP: None`; an existing Service must be deleted first, the address cannot be changed"
                    .to_owned(),
            )
            .see(at, format!("StatefulSet `{}` counts on it", set.id.name))
            .about(service.subject())
            .at(spec.place_of("spec.clusterIP"), found);
        return;
    }
    let labels = set.node.find(&["spec", "template", "metadata", "labels"]);
    if !dns::selects(spec) || !spec.find(&["spec", "selector"]).is_some_and(|wanted| selector::has_all(wanted, labels))
    {
        SERVICE_SELECTOR
            .report(format!(
                "Service `{name}` does not select the pods of StatefulSet `{}`, so they have no names of their own",
                set.id.name
            ))
            .help("make the selector match the labels of the pod template".to_owned())
            .see(set.node.place_of("spec.template.metadata.labels"), "the pods' labels")
            .about(service.subject())
            .at(spec.place_of("spec.selector"), found);
        return;
    }
    judge_ports(service, found);
}

fn judge_ports(service: &Resource, found: &mut Diagnostics) {
    for (index, port) in service.node.find(&["spec", "ports"]).into_iter().flat_map(Node::items).enumerate() {
        if text(port, &["name"]).is_empty() {
            PORT_NAME
                .report(format!(
                    "this port of Service `{}` has no name, so there will be no SRV record for it",
                    service.id.name
                ))
                .help("give it a name if anything looks for peers by SRV".to_owned())
                .about(service.subject())
                .at(service.node.place_of(&format!("spec.ports[{index}]")), found);
        }
    }
}
