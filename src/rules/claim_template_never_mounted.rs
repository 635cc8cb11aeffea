//! A claim template that no container mounts.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0420",
        name: "claim-template-never-mounted",
        level: Level::Warning,
        page: include_str!("claim_template_never_mounted.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for set in context.stateful_sets() {
        let mounted = set.mounted();
        for name in set.claim_templates().filter_map(|claim| claim.find(&["metadata", "name"])) {
            let Some(written) = name.as_str().filter(|written| !mounted.contains(written)) else { continue };
            RULE.code
                .report(format!(
                    "no container of `{}` mounts `{written}`: each pod gets a disk that it does not use",
                    set.resource.id.name
                ))
                .help("mount it with `volumeMounts`, or remove the claim template")
                .about(set.resource.subject())
                .at(name.at, found);
        }
    }
}
