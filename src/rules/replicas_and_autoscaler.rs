//! A number of replicas beside an autoscaler.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::k8s::way::Way;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0446",
        name: "replicas-and-autoscaler",
        level: Level::Warning,
        page: include_str!("replicas_and_autoscaler.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for autoscaler in context.referring.of_kind("HorizontalPodAutoscaler") {
        let Some(workload) = context.scaled_by(autoscaler.resource).filter(|workload| !context.is_kustomized(workload))
        else {
            continue;
        };
        let Some(replicas) = workload.resource.node.find(&["spec", "replicas"]).filter(|replicas| !replicas.is_null())
        else {
            continue;
        };
        // A set of none is switched off, and its autoscaler with it.
        if replicas.as_int() == Some(0) {
            continue;
        }
        let (own, other) = (&workload.resource.id, &autoscaler.resource.id);
        let (name, count) = (&own.name, workload.replicas());
        let said = if context.facts.way() == Way::Server {
            format!(
                "once the HorizontalPodAutoscaler `{}` has scaled `{name}`, a server-side apply of its {count} replicas \
                 is refused: the field conflicts with \"kube-controller-manager\"",
                other.name
            )
        } else {
            format!(
                "each apply sets the replicas of `{name}` back to {count}, though the HorizontalPodAutoscaler `{}` \
                 scales it",
                other.name
            )
        };
        RULE.code
            .report(said)
            .help("leave `replicas` out, and put the number into `minReplicas`")
            .see(autoscaler.resource.node.place_of("spec.scaleTargetRef"), "this autoscaler")
            .about(workload.resource.subject())
            .at(workload.resource.node.place_of("spec.replicas"), found);
    }
}
