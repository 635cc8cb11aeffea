//! Volumes made by hand that do not reach for all replicas.

use super::Rule;
use super::context::{Context, Placed, Workload, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0450",
        name: "fewer-volumes-than-replicas",
        level: Level::Warning,
        page: include_str!("fewer_volumes_than_replicas.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    // A spec makes a volume for each replica, or says why it cannot.
    if context.compiled {
        return;
    }
    for set in context.stateful_sets().filter(|set| !context.is_kustomized(set)) {
        for template in set.claim_templates() {
            let class = class(template);
            // A class that somebody describes makes its own volumes.
            if is_described(context, class) {
                continue;
            }
            let wanted = usize::try_from(set.replicas()).unwrap_or(0);
            let beside = |volume: &&Placed<'_>| context.share_folder(volume, &set.placed());
            let fits =
                context.volumes.iter().filter(beside).filter(|volume| serves(volume, set, template, class)).count();
            if fits == 0 || fits >= wanted {
                continue;
            }
            let name = template.get("metadata").and_then(|metadata| text(metadata, "name")).unwrap_or_default();
            let rest = match class {
                "" => "unless the cluster has a default StorageClass",
                _ => "unless a provisioner serves their class",
            };
            RULE.code
                .report(format!(
                    "{wanted} replicas of `{}` claim `{name}`, and {fits} of the volumes here can serve one: the \
                        other replicas stay Pending {rest}",
                    set.resource.id.name
                ))
                .help("add a PersistentVolume for each replica, or name a StorageClass that provisions them")
                .about(set.resource.subject())
                .at(template.place_of("metadata.name"), found);
        }
    }
}

fn class(object: &Node) -> &str {
    object.find(&["spec", "storageClassName"]).and_then(Node::as_str).unwrap_or_default()
}

fn is_described(context: &Context<'_>, class: &str) -> bool {
    let provisions = |node: &Node| text(node, "provisioner") != Some("kubernetes.io/no-provisioner");
    let known = context.facts.classes.iter().flatten();
    let here = context.classes.iter().map(|class| &class.resource.node);
    here.chain(known)
        .any(|node| node.find(&["metadata", "name"]).and_then(Node::as_str) == Some(class) && provisions(node))
}

/// Whether a volume may become that of a claim of this template: of its class, and reserved for nobody else.
fn serves(volume: &Placed<'_>, set: &Workload<'_>, template: &Node, wanted: &str) -> bool {
    let node = &volume.resource.node;
    let Some(claim) = node.find(&["spec", "claimRef"]).filter(|claim| !claim.is_null()) else {
        return class(node) == wanted;
    };
    let name = template.get("metadata").and_then(|metadata| text(metadata, "name")).unwrap_or_default();
    let ordinal = text(claim, "name").and_then(|claim| {
        claim.strip_prefix(name)?.strip_prefix('-')?.strip_prefix(set.resource.id.name.as_str())?.strip_prefix('-')
    });
    ordinal.is_some_and(|ordinal| ordinal.bytes().all(|byte| byte.is_ascii_digit()))
}
