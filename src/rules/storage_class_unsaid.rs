//! Storage whose class the cluster chooses.

use super::Rule;
use super::context::{Context, text};
use crate::bundle::Resource;
use crate::diagnostic::{Code, Diagnostics, Level, Report};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0415",
        name: "storage-class-unsaid",
        level: Level::Note,
        page: include_str!("storage_class_unsaid.md"),
    },
    judge,
};

const ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    if context.compiled {
        return;
    }
    for set in context.stateful_sets() {
        for claim in set.claim_templates().filter(|claim| leaves_it_open(claim)) {
            let name = claim.get("metadata").and_then(|metadata| text(metadata, "name")).unwrap_or_default();
            report(&format!("the claim template `{name}` of `{}`", set.resource.id.name), set.resource)
                .at(claim.place_of("spec"), found);
        }
    }
    for claim in context.claims.iter().map(|claim| claim.resource) {
        if leaves_it_open(&claim.node) && claim.node.find(&["spec", "volumeName"]).is_none() {
            report(&format!("the claim `{}`", claim.id.name), claim).at(claim.node.place_of("spec"), found);
        }
    }
    for volume in context.volumes.iter().map(|volume| volume.resource) {
        if leaves_it_open(&volume.node) && volume.node.find(&["spec", "claimRef"]).is_none() {
            RULE.code
                .report(format!(
                    "`{}` names no storage class, so claims that take the default class never bind to it",
                    volume.id.name
                ))
                .help("write a `storageClassName` of your own into the volume and its claims; `\"\"` in both works too")
                .about(volume.subject())
                .at(volume.node.place_of("spec"), found);
        }
    }
}

fn leaves_it_open(object: &Node) -> bool {
    let Some(spec) = object.get("spec").filter(|spec| spec.as_map().is_some()) else { return false };
    spec.get("storageClassName").is_none_or(Node::is_null)
        && object.find(&["metadata", "annotations", ANNOTATION]).is_none()
}

fn report(what: &str, resource: &Resource) -> Report {
    RULE.code
        .report(format!(
            "{what} leaves the storage class to the cluster: disks differ from one cluster to the next, \
            and where there is no default nothing binds"
        ))
        .help("write `storageClassName`; `\"\"` for volumes that are made by hand")
        .about(resource.subject())
}
