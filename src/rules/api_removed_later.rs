//! An apiVersion that newer Kubernetes does not have.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::k8s::retired::{self, Leaving};
use crate::k8s::version::Version;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0435",
        name: "api-removed-later",
        level: Level::Warning,
        page: include_str!("api_removed_later.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for resource in &context.bundle.resources {
        let Some(Leaving { since, instead }) =
            retired::leaves(&resource.api_version, &resource.id.kind, context.version)
        else {
            continue;
        };
        let instead = instead
            .map_or_else(|| "nothing took its place".to_owned(), |instead| format!("write `apiVersion: {instead}`"));
        let (no_longer, off) = if since > Version::NEWEST {
            ("will no longer have", ", and it is off by default until then")
        } else {
            ("no longer has", "")
        };
        let off = if retired::is_served(&resource.api_version) { "" } else { off };
        RULE.code
            .report(format!("Kubernetes {since} {no_longer} {} of {}{off}", resource.id.kind, resource.api_version))
            .help(instead)
            .about(resource.subject())
            .at(resource.node.place_of("apiVersion"), found);
    }
}
