//! A disruption budget that never lets a pod go.

use super::Rule;
use super::context::{Context, Workload};
use crate::cluster::selector;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::{Data, Node};

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0432", name: "budget-blocks-eviction", level: Level::Warning, page: include_str!("budget_blocks_eviction.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for budget in &context.budgets {
        let Some(spec) = budget.resource.node.get("spec") else { continue };
        let fault = match (spec.get("maxUnavailable"), spec.get("minAvailable")) {
            (Some(most), _) if is(most, 0, "0%") => Some((most, "none may be away".to_owned())),
            (_, Some(least)) if is(least, -1, "100%") => Some((least, "all must be there".to_owned())),
            (_, Some(least)) => least.as_int().and_then(|number| {
                let mut replicas = context.neighbours(budget).filter(|workload| {
                    workload.resource.id.kind != "DaemonSet" && selector::matches(spec.get("selector"), workload.labels)
                });
                let workload = replicas.next().filter(|_| replicas.next().is_none()).filter(|workload| runs_all(workload, number))?;
                Some((least, format!("`{}` has {} replicas and must keep {number}", workload.resource.id.name, workload.replicas())))
            }),
            (Some(_), None) => None,
            (None, None) => Some((spec, "it has neither `maxUnavailable` nor `minAvailable`, which allows no eviction at all".to_owned())),
        };
        if let Some((node, why)) = fault {
            RULE.code
                .report(format!("no node that runs these pods can ever be drained: {why}"))
                .help("write `maxUnavailable: 1`")
                .about(budget.resource.subject())
                .at(if std::ptr::eq(node, spec) { budget.resource.node.place_of("spec") } else { node.at }, found);
        }
    }
}

fn is(node: &Node, number: i64, percent: &str) -> bool {
    match &node.data {
        Data::Int(value) => *value == number,
        Data::Text(text) => text == percent,
        _ => false,
    }
}

/// Whether a workload has so many replicas and no more. None at all is somebody's wish.
fn runs_all(workload: &Workload<'_>, least: i64) -> bool {
    (1..=least).contains(&workload.replicas())
}
