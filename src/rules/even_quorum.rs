//! An even number of voters.

use super::Rule;
use super::context::{Context, Workload, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0426", name: "even-quorum", level: Level::Warning, page: include_str!("even_quorum.md") },
    judge,
};

/// Software in which a majority of the replicas decides, by the last step of its image's name.
const VOTERS: [&str; 12] = [
    "etcd",
    "zookeeper",
    "kubernetes-zookeeper",
    "clickhouse-keeper",
    "consul",
    "vault",
    "nats",
    "mongo",
    "mongodb",
    "rabbitmq",
    "mariadb-galera",
    "rqlite",
];

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for set in context.stateful_sets() {
        let replicas = set.replicas();
        let Some(voter) = (replicas > 1 && replicas % 2 == 0).then(|| voter(set)).flatten() else { continue };
        RULE.code
            .report(format!(
                "{replicas} replicas of {voter} survive no more failures than {}: a majority of them decides",
                replicas - 1
            ))
            .help(format!("run {} or {} replicas", replicas - 1, replicas + 1))
            .about(set.resource.subject())
            .at(set.resource.node.place_of("spec.replicas"), found);
    }
}

/// What it is in its pods that votes.
fn voter<'a>(set: &Workload<'a>) -> Option<&'a str> {
    set.containers().find_map(|container| {
        let image = text(container, "image")?;
        let name = image.rsplit('/').next()?.split([':', '@']).next()?;
        let is_controller = || {
            let env = || container.get("env").into_iter().flat_map(Node::items);
            name.contains("kafka")
                && env().any(|item| {
                    text(item, "name").is_some_and(|name| name.ends_with("PROCESS_ROLES"))
                        && text(item, "value").is_some_and(|roles| roles.contains("controller"))
                })
        };
        (VOTERS.contains(&name) || is_controller()).then_some(name)
    })
}
