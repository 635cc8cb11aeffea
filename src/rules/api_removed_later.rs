//! An apiVersion that newer Kubernetes does not have.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::k8s::retired::{self, Absence};
use crate::k8s::version::Version;

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0435", name: "api-removed-later", level: Level::Warning, page: include_str!("api_removed_later.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    if context.version == Version::NEWEST {
        return;
    }
    for resource in &context.bundle.resources {
        if retired::absence(&resource.api_version, &resource.id.kind, context.version).is_some() {
            continue;
        }
        let Some(Absence::Gone { since, instead }) = retired::absence(&resource.api_version, &resource.id.kind, Version::NEWEST) else {
            continue;
        };
        let instead = instead.map_or_else(|| "nothing took its place".to_owned(), |instead| format!("write `apiVersion: {instead}`"));
        RULE.code
            .report(format!("Kubernetes {since} no longer has {} of {}", resource.id.kind, resource.api_version))
            .help(instead)
            .about(resource.subject())
            .at(resource.node.place_of("apiVersion"), found);
    }
}
