//! A namespace on an object that has none.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::k8s::shape;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0418",
        name: "cluster-object-in-namespace",
        level: Level::Note,
        page: include_str!("cluster_object_in_namespace.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for resource in context.bundle.resources.iter().filter(|resource| !resource.id.namespace.is_empty()) {
        if shape::find(&resource.api_version, &resource.id.kind).is_none_or(|kind| kind.namespaced) {
            continue;
        }
        RULE.code
            .report(format!("a {} belongs to the whole cluster: its `namespace` is ignored", resource.id.kind))
            .help("remove it, and choose a name that no other namespace's object has")
            .about(resource.subject())
            .at(resource.node.place_of("metadata.namespace"), found);
    }
}
