//! A claim template and a volume of one name.

use super::Rule;
use super::context::{Context, text};
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0419",
        name: "claim-template-shadows-volume",
        level: Level::Warning,
        page: include_str!("claim_template_shadows_volume.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for set in context.stateful_sets() {
        for claim in set.claim_templates() {
            let Some(name) = claim.find(&["metadata", "name"]) else { continue };
            let Some(volume) =
                set.volumes().find(|volume| text(volume, "name").is_some() && text(volume, "name") == name.as_str())
            else {
                continue;
            };
            RULE.code
                .report(format!(
                    "the volume `{}` of the pods is never used: the claim template of that name takes its place",
                    name.as_str().unwrap_or_default()
                ))
                .see(name.at, "this claim template takes its place")
                .help("remove one of the two, or rename it")
                .about(set.resource.subject())
                .at(volume.place_of("name"), found);
        }
    }
}
