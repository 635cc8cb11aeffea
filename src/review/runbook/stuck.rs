//! A rollout that waits for a pod which will never be ready: under OrderedReady the controller replaces no pod before
//! the broken one is well, and the broken one only gets well by being replaced.

use super::claims;
use super::command::{await_set, kubectl, named, word};
use super::{Matter, Plan};
use crate::k8s::object::ObjectName;
use crate::review::change::Change;
use crate::review::set::Set;
use std::collections::BTreeSet;

/// The steps, if pods are not ready before or after a change of their template.
pub(super) fn plan(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, change: &Change) -> Option<Plan> {
    let touches_pods = change.touches("spec.template");
    let is_ordered = !new.says().is_parallel() && !new.says().is_on_delete();
    if !touches_pods || !is_ordered {
        return None;
    }
    let home = matter.setting.namespace;
    if let Some(pod) = broken(&matter.lookup.broken[0], old, home) {
        return Some(forward(matter, old, new, &pod));
    }
    broken(&matter.lookup.broken[1], new, home).map(|pod| back(old, new, &pod))
}

/// The first pod of a set that is not ready, for a reason that is known.
fn broken(pods: &BTreeSet<&ObjectName>, set: Set<'_>, home: &str) -> Option<String> {
    let id = set.0.id.object(home);
    claims::ordinals(set).map(|ordinal| claims::pod(set, ordinal)).find(|pod| pods.contains(&id.sibling(pod.as_str())))
}

/// The new form is the way out.
fn forward(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, broken: &str) -> Plan {
    let kubectl = kubectl(&new.0.id.namespace);
    let mut plan = Plan::new(format!(
        "get the rollout of {} going again, if it hangs: {broken} cannot become ready as it was",
        new.0.id
    ));
    plan.apply(
        matter.with_companions(new),
        "`configured`. Where a pod of the earlier form is not ready, nothing else happens: the controller waits for \
            it, and does not \
         replace it",
        format!("{kubectl} get {}", named("statefulset", new.name())),
    );
    replace_broken(&mut plan, old, "it comes back in its new form, with its claims");
    plan.run(await_set(new), "all pods ready: the rollout goes on, from the last to the first", "");
    plan
}

/// The new form is what breaks.
fn back(old: Set<'_>, new: Set<'_>, broken: &str) -> Plan {
    let (kubectl, name) = (kubectl(&new.0.id.namespace), word(new.name()));
    let mut plan = Plan::new(format!(
        "take {} back, if this is applied as it stands and hangs: {broken} cannot become ready",
        new.0.id
    ));
    plan.run(
        format!("{kubectl} rollout undo statefulset/{name}"),
        "`rolled back`: the pods are to be as they were. Take the change back in the manifests, too. Nothing else \
            happens yet: the \
         controller waits for the broken pod, and does not replace it",
        format!("{kubectl} get {}", named("statefulset", new.name())),
    );
    replace_broken(&mut plan, new, "it comes back as it was, with its claims");
    plan.run(await_set(old), "all pods ready, as they were", "");
    plan
}

fn replace_broken(plan: &mut Plan, set: Set<'_>, fate: &str) {
    let kubectl = kubectl(&set.0.id.namespace);
    for ordinal in claims::ordinals(set).rev() {
        let pod = claims::pod(set, ordinal);
        let (waited, named) = (word(&format!("pod/{pod}")), named("pod", &pod));
        plan.run(
            format!(
                "{kubectl} wait --for=condition=Ready {waited} --timeout=1s || {kubectl} delete {named} \
                    --ignore-not-found --wait=false"
            ),
            format!("`condition met` where it is ready. `deleted` where it is not: {fate}"),
            format!("{kubectl} get {named} --ignore-not-found"),
        );
    }
}
