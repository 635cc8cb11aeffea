//! A rollout that waits for a pod which will never be ready: under OrderedReady the controller replaces no pod before
//! the broken one is well, and the broken one only gets well by being replaced.

use super::claims;
use super::command::{Command, await_set, delete, get, named, rollout, wait, word};
use super::step::{AllReady, Form, OfPod, OfSet, Purpose};
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
    let mut plan = Plan::new(Purpose::Unblock(new.0.id.clone(), broken.to_owned()));
    plan.apply(matter.with_companions(new), OfSet::WaitsForPod, shown(new));
    replace_broken(&mut plan, old, Form::New);
    plan.run(await_set(new), AllReady::RolloutGoesOn, None);
    plan
}

/// The new form is what breaks.
fn back(old: Set<'_>, new: Set<'_>, broken: &str) -> Plan {
    let mut plan = Plan::new(Purpose::Undo(new.0.id.clone(), broken.to_owned()));
    let set = format!("statefulset/{}", word(new.name()));
    plan.run(rollout(&new.0.id.namespace, "undo", &set), OfSet::RolledBack, shown(new));
    replace_broken(&mut plan, new, Form::Old);
    plan.run(await_set(old), AllReady::AsBefore, None);
    plan
}

fn shown(set: Set<'_>) -> Command {
    get(&set.0.id.namespace, &named("statefulset", set.name()))
}

fn replace_broken(plan: &mut Plan, set: Set<'_>, form: Form) {
    let namespace = &set.0.id.namespace;
    for ordinal in claims::ordinals(set).rev() {
        let pod = claims::pod(set, ordinal);
        let named = named("pod", &pod);
        let ready = wait(namespace, "condition=Ready", &word(&format!("pod/{pod}")), "1s");
        let deleted = delete(namespace, &named).with("--ignore-not-found --wait=false");
        plan.run(
            Command::line(format!("{ready} || {deleted}")),
            OfPod::ReadyOrDeleted(form),
            get(namespace, &named).with("--ignore-not-found"),
        );
    }
}
