//! A headless Service that names no port.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0406",
        name: "headless-service-without-ports",
        level: Level::Note,
        page: include_str!("headless_service_without_ports.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    // A spec's app may have no ports at all.
    for service in context.services.iter().filter(|_| !context.compiled) {
        let Some(spec) = service.resource.node.get("spec") else { continue };
        let is_headless =
            spec.get("clusterIP").and_then(Node::as_str) == Some("None") && spec.get("selector").is_some();
        if !is_headless || spec.get("ports").is_some_and(|ports| ports.items().next().is_some()) {
            continue;
        }
        RULE.code
            .report(format!(
                "the headless Service `{}` has no ports, so there are no SRV records",
                service.resource.id.name
            ))
            .help("list the ports of the pods, each with a name: peers can then be found by looking up `_name._tcp`")
            .about(service.resource.subject())
            .at(service.resource.node.place_of("spec"), found);
    }
}
