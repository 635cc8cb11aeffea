//! A rolling update that waits for nobody.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0425",
        name: "update-without-readiness",
        level: Level::Warning,
        page: include_str!("update_without_readiness.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for set in context.stateful_sets().filter(|set| set.replicas() > 1) {
        let strategy = set.resource.node.find(&["spec", "updateStrategy", "type"]).and_then(Node::as_str);
        let waits = set
            .resource
            .node
            .find(&["spec", "minReadySeconds"])
            .and_then(Node::as_int)
            .is_some_and(|seconds| seconds > 0);
        let is_probed = set
            .all_containers()
            .any(|container| container.get("readinessProbe").is_some() || container.get("startupProbe").is_some());
        if strategy == Some("OnDelete") || waits || is_probed {
            continue;
        }
        let at = set.containers().next().map_or(set.pod.at, |container| container.place_of("name"));
        RULE.code
            .report(format!(
                "an update restarts all replicas of `{}` within moments: no readiness probe says when one is back",
                set.resource.id.name
            ))
            .help("add a readiness probe to the main container, or at least `minReadySeconds`")
            .about(set.resource.subject())
            .at(at, found);
    }
}
