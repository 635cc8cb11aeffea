//! A disruption budget that never lets a pod go.

use super::Rule;
use super::context::{Context, Placed, Workload};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::{Data, Node};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0432",
        name: "budget-blocks-eviction",
        level: Level::Warning,
        page: include_str!("budget_blocks_eviction.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for budget in &context.budgets {
        let Some(spec) = budget.resource.node.get("spec") else { continue };
        let never = |why: &str| format!("no node that runs these pods can ever be drained: {why}");
        let fault = match (spec.get("maxUnavailable"), spec.get("minAvailable")) {
            (Some(most), _) if is(most, 0, "0%") => Some((most.at, never("none may be away"))),
            (_, Some(least)) if is(least, -1, "100%") => Some((least.at, never("all must be there"))),
            (_, Some(least)) => least.as_int().and_then(|number| {
                let meant = spec
                    .get("selector")
                    .into_iter()
                    .flat_map(|selector| context.meant(selector, &budget.resource.id.namespace));
                let mut workloads = meant.filter(|workload| {
                    workload.resource.id.kind != "DaemonSet" && Context::stand_together(budget, &workload.placed())
                });
                let workload = workloads.next().filter(|_| workloads.next().is_none())?;
                let most = most_replicas(context, workload);
                let why = || format!("`{}` has {most} replicas and must keep {number}", workload.resource.id.name);
                // None at all is somebody's wish.
                (1..=number).contains(&most).then(|| (least.at, never(&why())))
            }),
            (Some(_), None) => None,
            (None, None) => {
                let why = "this budget has neither `maxUnavailable` nor `minAvailable`, so it allows no eviction: no \
                    node that runs these pods \
                           can ever be drained";
                Some((budget.resource.node.place_of("spec"), why.to_owned()))
            }
        };
        if let Some((at, message)) = fault {
            RULE.code.report(message).help("write `maxUnavailable: 1`").about(budget.resource.subject()).at(at, found);
        }
    }
}

/// How many replicas a workload can come to have: an autoscaler beside it decides.
fn most_replicas(context: &Context<'_>, workload: &Workload<'_>) -> i64 {
    let placed = workload.placed();
    let mut autoscalers = context.beside(&placed, "HorizontalPodAutoscaler");
    let scales = |autoscaler: &Placed<'_>| {
        context.scaled_by(autoscaler.resource).is_some_and(|scaled| scaled.resource.id == workload.resource.id)
    };
    let most = autoscalers.find(scales).and_then(|own| own.resource.node.find(&["spec", "maxReplicas"])?.as_int());
    most.unwrap_or_else(|| workload.replicas())
}

fn is(node: &Node, number: i64, percent: &str) -> bool {
    match &node.data {
        Data::Int(value) => *value == number,
        Data::Text(text) => text == percent,
        _ => false,
    }
}
