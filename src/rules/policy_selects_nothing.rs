//! A NetworkPolicy for pods, or for a port of theirs, that are not there.

use super::Rule;
use super::context::{Context, Placed, Workload, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::{Map, Node};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0442",
        name: "policy-selects-nothing",
        level: Level::Note,
        page: include_str!("policy_selects_nothing.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    let policies =
        context.referring.of_kind("NetworkPolicy").iter().filter(|policy| context.stands_among_workloads(policy));
    for policy in policies {
        let Some(pods) = policy.resource.node.find(&["spec", "podSelector"]) else { continue };
        let namespace = &policy.resource.id.namespace;
        let all: Vec<&Workload<'_>> = context.meant(pods, namespace).collect();
        if !all.is_empty() {
            judge_ports(policy, &all, found);
        } else if pods.as_map().is_some_and(|map| !Map::is_empty(map)) && !context.is_exhausted() {
            let others = context.workloads_beside(policy);
            RULE.code
                .report(format!(
                    "NetworkPolicy `{}` selects no pods here: it protects nothing of what stands beside it",
                    policy.resource.id.name
                ))
                .help(format!("use the labels of the pods that are meant; here are those of {others}"))
                .about(policy.resource.subject())
                .at(policy.resource.node.place_of("spec.podSelector"), found);
        }
    }
}

/// A port by name opens nothing where no container has it.
fn judge_ports(policy: &Placed<'_>, pods: &[&Workload<'_>], found: &mut Diagnostics) {
    let rules = policy.resource.node.find(&["spec", "ingress"]).into_iter().flat_map(Node::items);
    for port in rules.filter_map(|rule| rule.get("ports")).flat_map(Node::items).filter_map(|port| port.get("port")) {
        let Some(name) = port.as_str() else { continue };
        let mut containers = pods.iter().flat_map(|pod| pod.all_containers());
        let has = |container: &Node| {
            container.get("ports").into_iter().flat_map(Node::items).any(|known| text(known, "name") == Some(name))
        };
        if !containers.any(has) {
            RULE.code
                .report(format!(
                    "NetworkPolicy `{}` lets traffic in to port `{name}`, which no container of these pods has",
                    policy.resource.id.name
                ))
                .level(Level::Warning)
                .help("name a port of the containers, or write its number")
                .about(policy.resource.subject())
                .at(port.at, found);
        }
    }
}
