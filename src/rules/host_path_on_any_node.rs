//! A directory of a node, without the node.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0413",
        name: "host-path-on-any-node",
        level: Level::Warning,
        page: include_str!("host_path_on_any_node.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    if context.facts.nodes.as_ref().is_some_and(|nodes| nodes.len() < 2) {
        return;
    }
    for volume in &context.volumes {
        let Some(spec) = volume.resource.node.get("spec").filter(|spec| spec.get("nodeAffinity").is_none()) else {
            continue;
        };
        let Some((key, _)) = spec.as_map().and_then(|spec| spec.entry("hostPath")) else { continue };
        RULE.code
            .report(format!(
                "`{}` is a directory of whatever node the pod happens to run on: on another one the data is not there",
                volume.resource.id.name
            ))
            .help(
                "add `nodeAffinity` with the node's `kubernetes.io/hostname`, or use a `local` volume, which asks \
                for it",
            )
            .about(volume.resource.subject())
            .at(key.at, found);
    }
}
