//! Two autoscalers that scale one workload.

use super::Rule;
use super::context::{Context, text};
use crate::bundle::Resource;
use crate::diagnostic::{Code, Diagnostics, Level};
use std::collections::BTreeMap;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0445",
        name: "autoscaled-twice",
        level: Level::Warning,
        page: include_str!("autoscaled_twice.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    let mut first: BTreeMap<(u32, &str, &str), &Resource> = BTreeMap::new();
    for (place, autoscaler) in context.autoscalers() {
        let Some(target) = autoscaler.node.find(&["spec", "scaleTargetRef"]) else { continue };
        let (Some(kind), Some(name)) = (text(target, "kind"), text(target, "name")) else { continue };
        let Some(other) = first.get(&(place, kind, name)).filter(|other| other.id != autoscaler.id) else {
            first.insert((place, kind, name), autoscaler);
            continue;
        };
        RULE.code
            .report(format!(
                "{kind} `{name}` is scaled by two autoscalers, which work against each other: `{}` and `{}`",
                other.id.name, autoscaler.id.name
            ))
            .help("keep one; it may have several metrics")
            .see(other.node.place_of("metadata.name"), "this is the other")
            .about(autoscaler.subject())
            .at(autoscaler.node.place_of("spec.scaleTargetRef.name"), found);
    }
}
