//! A disruption budget for no pods.

use super::Rule;
use super::context::{Context, Workload};
use crate::cluster::selector;
use crate::diagnostic::{Code, Diagnostics, Level, listing};

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0431", name: "budget-matches-nothing", level: Level::Warning, page: include_str!("budget_matches_nothing.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for budget in context.budgets.iter().filter(|budget| context.stands_among_workloads(budget)) {
        let Some((key, selector)) = budget.resource.node.get("spec").and_then(|spec| spec.as_map()?.entry("selector")) else { continue };
        let namespace = &budget.resource.id.namespace;
        let means = |workload: &Workload<'_>| workload.is_in(namespace) && selector::matches(Some(selector), workload.labels);
        if context.neighbours(budget).any(means) || context.workloads.iter().any(means) {
            continue;
        }
        let others = listing(context.neighbours(budget).map(|workload| workload.resource.id.name.as_str()), 3);
        RULE.code
            .report(format!("the disruption budget `{}` protects nothing: no pods here have these labels", budget.resource.id.name))
            .help(format!("use the labels of the pods that are meant; here are those of {others}"))
            .about(budget.resource.subject())
            .at(key.at, found);
    }
}
