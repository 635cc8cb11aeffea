//! Pods that get no time to stop.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0427", name: "zero-grace", level: Level::Warning, page: include_str!("zero_grace.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for set in context.stateful_sets() {
        let Some(grace) = set.pod.get("terminationGracePeriodSeconds").filter(|grace| grace.as_int() == Some(0)) else {
            continue;
        };
        RULE.code
            .report(format!(
                "the pods of `{}` are killed at once, and their names given away before the node has stopped them",
                set.resource.id.name
            ))
            .help("leave it out for 30 seconds, or write how long the app takes to stop")
            .about(set.resource.subject())
            .at(grace.at, found);
    }
}
