//! More or fewer replicas of a set that keeps data: which volumes must be there before, in which order replicas leave,
//! and what is left of them.

use super::claims::{self, Origin};
use super::command::{all, await_replicas, await_set, kubectl, named, word};
use super::{Matter, Plan, released, swap};
use crate::bundle::{Resource, ResourceId};
use crate::review::set::{Set, When};
use std::collections::BTreeSet;

/// The steps, if there is more to it than to apply the manifest.
pub(super) fn plan(matter: Matter<'_>, old: Set<'_>, new: Set<'_>) -> Option<Plan> {
    if old.start() != new.start() || new.templates().next().is_none() {
        return None;
    }
    match new.replicas() - old.replicas() {
        0 => None,
        more if more > 0 => up(matter, old, new),
        _ => Some(down(matter, old, new)),
    }
}

/// New replicas need their volumes first: a claim that comes earlier waits, or gets an empty volume from a provisioner.
fn up(matter: Matter<'_>, old: Set<'_>, new: Set<'_>) -> Option<Plan> {
    let namespace = &new.0.id.namespace;
    let added: Vec<i64> = claims::ordinals(new).filter(|ordinal| *ordinal >= claims::ordinals(old).end).collect();
    let mut volumes: Vec<&Resource> = Vec::new();
    for ordinal in &added {
        for (template, node) in new.templates() {
            let claim = new.claim(template, *ordinal);
            if claims::origin(matter, namespace, &claim, node) == Origin::Static {
                volumes.extend(matter.volume(matter.fresh, namespace, &claim));
            }
        }
    }
    let first = volumes.first()?;
    let mut plan =
        Plan::new(format!("scale {} from {} to {}: its volumes first", new.0.id, old.replicas(), new.replicas()));
    let shared = matter.setting.files.is_shared(&first.id);
    let (there, missing): (Vec<&Resource>, Vec<&Resource>) =
        volumes.iter().partition(|volume| matter.committed.get(&volume.id).is_some());
    for volume in there {
        released::free(&mut plan, volume);
    }
    let mut own = matter.with_companions(new);
    if !missing.is_empty() && !shared {
        let names: Vec<String> = missing.iter().map(|volume| volume.id.name.clone()).collect();
        plan.apply(
            missing.iter().map(|volume| volume.id.clone()).collect(),
            "`created`: each is reserved for the claim of a replica to come",
            format!("kubectl get {}", all("pv", &names)),
        );
        let made: BTreeSet<&ResourceId> = missing.iter().map(|volume| &volume.id).collect();
        own.retain(|id| !made.contains(id));
    }
    let how = if is_parallel(new) { "all at once" } else { "in order, each once the one before is ready" };
    plan.apply(own, format!("`configured`; the new replicas come {how}"), "");
    let made: Vec<String> =
        added.iter().flat_map(|ordinal| new.templates().map(|(template, _)| new.claim(template, *ordinal))).collect();
    plan.run(
        await_set(new),
        "all pods ready. Have the app take in the new members, if it does not do so itself",
        format!("{} get {}", kubectl(namespace), all("pvc", &made)),
    );
    Some(plan)
}

fn down(matter: Matter<'_>, old: Set<'_>, new: Set<'_>) -> Plan {
    let namespace = &new.0.id.namespace;
    let mut plan =
        Plan::new(format!("scale {} from {} to {}, one replica at a time", new.0.id, old.replicas(), new.replicas()));
    leave(&mut plan, old, new);
    plan.apply(matter.with_companions(new), "`configured`", "");
    let leaving = leaving(old, new);
    let claims: Vec<String> =
        leaving.iter().flat_map(|ordinal| old.templates().map(|(template, _)| old.claim(template, *ordinal))).collect();
    let expect = if new.says().deletes_claims(When::Scaled) {
        "Bound still: they were kept on purpose. Delete them when nobody needs their data any more; from now on they \
            go with their pods"
    } else {
        "Bound still: a replica that comes back takes them up. Delete them, and then their volumes, only when nobody \
            needs their data"
    };
    plan.run(format!("{} get {}", kubectl(namespace), all("pvc", &claims)), expect, "");
    plan
}

fn leaving(old: Set<'_>, new: Set<'_>) -> Vec<i64> {
    if old.start() != new.start() || new.0.node.find(&["spec", "replicas"]).is_none() {
        return Vec::new();
    }
    claims::ordinals(old).filter(|ordinal| *ordinal >= claims::ordinals(new).end).collect()
}

/// Whether the controller makes and ends pods without waiting for each other.
fn is_parallel(set: Set<'_>) -> bool {
    set.says().is_parallel()
}

/// Ends all pods of a set; its claims stay.
pub(super) fn to_nothing(plan: &mut Plan, set: Set<'_>) {
    let order = if is_parallel(set) { "all at once" } else { "the last first, each once the one before has ended" };
    let (kubectl, name) = (kubectl(&set.0.id.namespace), named("statefulset", set.name()));
    plan.run(format!("{kubectl} scale {name} --replicas=0"), format!("its pods end, {order}"), "");
}

/// Replicas leave one at a time, the last first, each after the app has let go of it.
pub(super) fn leave(plan: &mut Plan, old: Set<'_>, new: Set<'_>) {
    let leaving = leaving(old, new);
    if leaving.is_empty() || new.templates().next().is_none() {
        return;
    }
    let (kubectl, name) = (kubectl(&old.0.id.namespace), named("statefulset", old.name()));
    swap::retain_claims(plan, old);
    plan.run(await_set(old), "all pods ready: wait until all pods are Ready, or quorum may be lost", "");
    for ordinal in leaving.iter().rev() {
        let pod = claims::pod(old, *ordinal);
        plan.run_after(
            format!("have the app move what {pod} holds, and take it out of its members"),
            format!("{kubectl} scale {name} --replicas={}", ordinal - old.start()),
            format!("{pod} ends; its claims stay"),
        );
        plan.run(format!("{kubectl} wait --for=delete pod/{} --timeout=30m", word(&pod)), "`condition met`", "");
        if *ordinal > old.start() {
            let expect = "the remaining pods are ready, and the app says that it is whole, before the next one goes";
            plan.run(await_replicas(old, ordinal - old.start()), expect, "");
        }
    }
}
