//! One claim for several replicas.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0422", name: "claim-shared-by-replicas", level: Level::Warning, page: include_str!("claim_shared_by_replicas.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for set in context.stateful_sets().filter(|set| set.replicas() > 1) {
        for volume in set.volumes() {
            let Some(claim) = volume.find(&["persistentVolumeClaim", "claimName"]) else { continue };
            let is_read = volume.find(&["persistentVolumeClaim", "readOnly"]).and_then(Node::as_bool) == Some(true);
            let is_shared = context.claims.iter().any(|known| {
                Some(known.resource.id.name.as_str()) == claim.as_str()
                    && known
                        .resource
                        .node
                        .find(&["spec", "accessModes"])
                        .into_iter()
                        .flat_map(Node::items)
                        .any(|mode| mode.as_str() != Some("ReadWriteOnce"))
            });
            let is_replaced = set.claim_templates().any(|template| template.find(&["metadata", "name"]) == volume.get("name"));
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
