//! A node port that the manifest chooses.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0409", name: "fixed-node-port", level: Level::Note, page: include_str!("fixed_node_port.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for service in &context.services {
        for port in service.resource.node.find(&["spec", "ports"]).into_iter().flat_map(Node::items) {
            let Some(number) = port.get("nodePort").filter(|number| number.as_int().is_some_and(|number| number != 0))
            else {
                continue;
            };
            RULE.code
                .report(format!("Service `{}` asks for one particular port of every node", service.resource.id.name))
                .help(
                    "leave `nodePort` out: the cluster then chooses one that is free; or make sure that nobody \
                    else takes it",
                )
                .about(service.resource.subject())
                .at(number.at, found);
        }
    }
}
