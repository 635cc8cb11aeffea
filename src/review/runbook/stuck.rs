//! A rollout that waits for a pod which will never be ready: under OrderedReady the controller replaces no pod before the broken one
//! is well, and the broken one only gets well by being replaced.

use super::claims;
use super::command::{await_set, kubectl, word};
use super::{Matter, Plan};
use crate::review::Change;
use crate::review::set::Set;

/// The steps, if pods were not ready before a change of their template.
pub(super) fn plan(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, change: &Change) -> Option<Plan> {
    let touches_pods = change.fields.iter().any(|field| field.path.starts_with("spec.template"));
    let is_ordered = new.word(&["spec", "podManagementPolicy"]) != Some("Parallel") && !new.is_on_delete();
    let namespace = &new.0.id.namespace;
    let is_broken = |ordinal: i64| {
        let pod = claims::pod(old, ordinal);
        let is_it = |name: &str| name == pod || name.split_once('/') == Some((namespace.as_str(), pod.as_str()));
        matter.before.state.pods.iter().any(|pod| is_it(&pod.name) && !pod.ready)
    };
    let broken = claims::ordinals(old).find(|ordinal| is_broken(*ordinal))?;
    if !touches_pods || !is_ordered {
        return None;
    }
    let kubectl = kubectl(namespace);
    let broken = claims::pod(old, broken);
    let mut plan = Plan::new(format!("get the rollout of {} going again, if it hangs: {broken} cannot become ready as it was", new.0.id));
    plan.apply(
        matter.with_companions(new),
        "`configured`. Where a pod of the earlier form is not ready, nothing else happens: the controller waits for it, and does not \
         replace it",
        format!("{kubectl} get statefulset {}", word(new.name())),
    );
    for ordinal in claims::ordinals(old).rev() {
        let pod = word(&claims::pod(old, ordinal));
        plan.run(
            format!(
                "{kubectl} wait --for=condition=Ready pod/{pod} --timeout=1s || {kubectl} delete pod {pod} --ignore-not-found --wait=false"
            ),
            "`condition met` where it is ready. `deleted` where it is not: it comes back in its new form, with its claims",
            format!("{kubectl} get pod {pod} --ignore-not-found"),
        );
    }
    plan.run(await_set(new), "all pods ready: the rollout goes on, from the last to the first", "");
    Some(plan)
}
