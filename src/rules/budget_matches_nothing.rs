//! A disruption budget for no pods.

use super::Rule;
use super::context::Context;
use crate::cluster::selector;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0431",
        name: "budget-matches-nothing",
        level: Level::Warning,
        page: include_str!("budget_matches_nothing.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for budget in &context.budgets {
        let Some((key, selector)) = budget.resource.node.get("spec").and_then(|spec| spec.as_map()?.entry("selector"))
        else {
            continue;
        };
        if context.meant(selector, &budget.resource.id.namespace).next().is_some() {
            continue;
        }
        let labels = selector.get("matchLabels").filter(|labels| labels.as_map().is_some_and(|map| !map.is_empty()));
        let elsewhere = labels.and_then(|labels| context.selected_elsewhere(labels, budget));
        if let Some(workload) = elsewhere.filter(|workload| selector::matches(Some(selector), workload.labels)) {
            let (own, other) = (&budget.resource.id, &workload.resource.id);
            RULE.code
                .report(format!(
                    "the disruption budget `{}` protects nothing: it is in namespace `{}`, and the pods with its \
                        labels are in `{}`",
                    own.name, own.namespace, other.namespace
                ))
                .help("a budget protects pods of its own namespace only: put both into one")
                .see(
                    workload.resource.node.place_of("metadata"),
                    format!("{} `{}` makes these pods", other.kind, other.name),
                )
                .about(budget.resource.subject())
                .at(budget.resource.node.place_of("metadata.namespace"), found);
            continue;
        }
        if !context.stands_among_workloads(budget) || context.is_exhausted() {
            continue;
        }
        let others = context.workloads_beside(budget);
        RULE.code
            .report(format!(
                "the disruption budget `{}` protects nothing: no pods here have these labels",
                budget.resource.id.name
            ))
            .help(format!("use the labels of the pods that are meant; here are those of {others}"))
            .about(budget.resource.subject())
            .at(key.at, found);
    }
}
