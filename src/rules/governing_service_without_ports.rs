//! A governing Service that names no port.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0406",
        name: "governing-service-without-ports",
        level: Level::Note,
        page: include_str!("governing_service_without_ports.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for set in context.stateful_sets().filter(|_| !context.compiled) {
        let Some(name) = set.resource.node.find(&["spec", "serviceName"]).and_then(Node::as_str) else { continue };
        let mut services = context.services_named(name, &set.resource.id.namespace).peekable();
        let Some(first) = services.peek().map(|service| service.resource) else { continue };
        if services.any(|service| service.resource.node.find(&["spec", "ports"]).is_some_and(|ports| ports.items().next().is_some())) {
            continue;
        }
        RULE.code
            .report(format!("the governing Service `{name}` has no ports, so `{}` has no SRV records", set.resource.id.name))
            .help("list the ports of the pods, each with a name: peers can then be found by looking up `_name._tcp`")
            .about(first.subject())
            .at(first.node.place_of("spec"), found);
    }
}
