//! An autoscaler whose target is not there.

use super::Rule;
use super::context::{Context, MOST_NEAR, text};
use crate::diagnostic::{Code, Diagnostics, Level, listing_of, nearest};
use std::collections::BTreeMap;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0444",
        name: "autoscaler-of-nothing",
        level: Level::Warning,
        page: include_str!("autoscaler_of_nothing.md"),
    },
    judge,
};

/// What an autoscaler can scale, of Kubernetes' own kinds.
const SCALABLE: [&str; 4] = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    if context.autoscalers().next().is_none() {
        return;
    }
    // By folder and namespace: each target's kind and name.
    let mut targets: BTreeMap<u32, Vec<(&str, &str)>> = BTreeMap::new();
    for (place, resource) in context.by_place().filter(|(_, resource)| SCALABLE.contains(&&*resource.id.kind)) {
        targets.entry(place).or_default().push((&resource.id.kind, &resource.id.name));
    }
    targets.values_mut().for_each(|known| known.sort_unstable());
    for (place, autoscaler) in context.autoscalers() {
        // Without any workload beside it, all of them are elsewhere.
        let (Some(known), Some(target)) = (targets.get(&place), autoscaler.node.find(&["spec", "scaleTargetRef"]))
        else {
            continue;
        };
        let (Some(kind), Some(name)) = (text(target, "kind"), text(target, "name")) else { continue };
        let is_here = known.binary_search(&(kind, name)).is_ok() || context.scaled_by(autoscaler).is_some();
        if !SCALABLE.contains(&kind) || is_here {
            continue;
        }
        let names = || known.iter().map(|(_, name)| *name);
        let elsewhere =
            SCALABLE.iter().find_map(|other| known.binary_search(&(other, name)).ok()).map(|position| known[position]);
        let help = match elsewhere {
            Some((other, _)) => format!("`{name}` is a {other} here"),
            None => nearest(name, names().take(MOST_NEAR)).map_or_else(
                || format!("here are {}", listing_of(names(), known.len(), 4)),
                |near| format!("did you mean `{near}`?"),
            ),
        };
        RULE.code
            .report(format!("the autoscaler `{}` scales nothing: no {kind} `{name}` is here", autoscaler.id.name))
            .help(help)
            .about(autoscaler.subject())
            .at(autoscaler.node.place_of("spec.scaleTargetRef.name"), found);
    }
}
