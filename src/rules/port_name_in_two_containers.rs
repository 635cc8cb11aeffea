//! One port name in two containers of a pod.

use super::Rule;
use super::context::{Context, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::source::At;
use crate::value::Node;
use std::collections::BTreeMap;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0408",
        name: "port-name-in-two-containers",
        level: Level::Warning,
        page: include_str!("port_name_in_two_containers.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in &context.workloads {
        let mut seen: BTreeMap<&str, (usize, At)> = BTreeMap::new();
        for (index, container) in workload.containers().enumerate() {
            for port in container.get("ports").into_iter().flat_map(Node::items) {
                let Some((name, at)) = text(port, "name").zip(port.get("name").map(|name| name.at)) else { continue };
                match seen.get(name).filter(|(container, _)| *container != index) {
                    Some((_, first)) => RULE
                        .code
                        .report(format!(
                            "two containers of `{}` call a port `{name}`; Services take the first",
                            workload.resource.id.name
                        ))
                        .see(*first, "the first is here")
                        .help("give each port of a pod a name of its own")
                        .about(workload.resource.subject())
                        .at(at, found),
                    None => drop(seen.entry(name).or_insert((index, at))),
                }
            }
        }
    }
}
