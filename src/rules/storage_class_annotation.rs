//! A storage class that stands in an annotation.

use super::Rule;
use super::context::Context;
use crate::bundle::Resource;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0416",
        name: "storage-class-annotation",
        level: Level::Warning,
        page: include_str!("storage_class_annotation.md"),
    },
    judge,
};

const ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for set in context.stateful_sets() {
        set.claim_templates().for_each(|claim| object(claim, set.resource, found));
    }
    for placed in context.claims.iter().chain(&context.volumes) {
        object(&placed.resource.node, placed.resource, found);
    }
}

fn object(node: &Node, resource: &Resource, found: &mut Diagnostics) {
    let annotations = node.find(&["metadata", "annotations"]).and_then(Node::as_map);
    let Some((key, class)) = annotations.and_then(|annotations| annotations.entry(ANNOTATION)) else { return };
    RULE.code
        .report("the storage class is set by the beta annotation, which overrides the field")
        .help(format!("write `storageClassName: {}` into the spec instead", class.as_str().unwrap_or_default()))
        .about(resource.subject())
        .at(key.at, found);
}
