//! An autoscaler whose target is not there.

use super::Rule;
use super::context::{Context, text};
use crate::diagnostic::{Code, Diagnostics, Level, listing, nearest};

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0444", name: "autoscaler-of-nothing", level: Level::Warning, page: include_str!("autoscaler_of_nothing.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    let autoscalers = context.referring.of_kind("HorizontalPodAutoscaler").iter();
    for autoscaler in autoscalers.filter(|autoscaler| context.stands_among_workloads(autoscaler)) {
        let node = &autoscaler.resource.node;
        let Some(target) = node.find(&["spec", "scaleTargetRef"]) else { continue };
        let (Some(kind), Some(name)) = (text(target, "kind"), text(target, "name")) else { continue };
        let is_workload = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"].contains(&kind);
        if !is_workload || context.scaled_by(autoscaler).is_some() {
            continue;
        }
        let known = || context.neighbours(autoscaler).map(|workload| workload.resource.id.name.as_str());
        let help = match context.neighbours(autoscaler).find(|workload| workload.resource.id.name == name) {
            Some(other) => format!("`{name}` is a {} here", other.resource.id.kind),
            None => {
                nearest(name, known()).map_or_else(|| format!("here are {}", listing(known(), 4)), |near| format!("did you mean `{near}`?"))
            }
        };
        RULE.code
            .report(format!("HorizontalPodAutoscaler `{}` scales nothing: no {kind} `{name}` is here", autoscaler.resource.id.name))
            .help(help)
            .about(autoscaler.resource.subject())
            .at(node.place_of("spec.scaleTargetRef.name"), found);
    }
}
