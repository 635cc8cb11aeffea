//! One claim for several replicas.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;
use std::collections::BTreeSet;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0422",
        name: "claim-shared-by-replicas",
        level: Level::Warning,
        page: include_str!("claim_shared_by_replicas.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    // Claims that more than one pod may use.
    let mut for_many: BTreeSet<&str> = BTreeSet::new();
    for known in &context.claims {
        let mut modes = known.resource.node.find(&["spec", "accessModes"]).into_iter().flat_map(Node::items);
        if modes.any(|mode| mode.as_str() != Some("ReadWriteOnce")) {
            for_many.insert(&known.resource.id.name);
        }
    }
    for set in context.stateful_sets().filter(|set| set.replicas() > 1) {
        let templates = set.template_names();
        for volume in set.volumes() {
            let Some(claim) = volume.find(&["persistentVolumeClaim", "claimName"]) else { continue };
            let is_read = volume.find(&["persistentVolumeClaim", "readOnly"]).and_then(Node::as_bool) == Some(true);
            let is_shared = claim.as_str().is_some_and(|claim| for_many.contains(claim));
            let is_replaced = volume.get("name").and_then(Node::as_str).is_some_and(|name| templates.contains(name));
            if is_read || is_shared || is_replaced {
                continue;
            }
            RULE.code
                .report(format!(
                    "all {} replicas of `{}` share the claim `{}`",
                    set.replicas(),
                    set.resource.id.name,
                    claim.as_str().unwrap_or_default()
                ))
                .help("use a claim template, which gives each replica a disk of its own")
                .about(set.resource.subject())
                .at(claim.at, found);
        }
    }
}
