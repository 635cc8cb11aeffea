//! More or fewer replicas of a set that keeps data: which volumes must be there before, in which order replicas leave,
//! and what is left of them.

use super::claims::{self, Origin};
use super::command::{self, all, await_replicas, await_set, get, named, wait, word};
use super::step::{AllReady, Before, OfClaim, OfObject, OfPod, OfSet, OfVolume, Purpose};
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
    let mut plan = Plan::new(Purpose::ScaleUp(new.0.id.clone(), old.replicas(), new.replicas()));
    let shared = matter.setting.files.is_shared(&first.id);
    let (there, missing): (Vec<&Resource>, Vec<&Resource>) =
        volumes.iter().partition(|volume| matter.committed.get(&volume.id).is_some());
    for volume in there {
        released::free(&mut plan, volume);
    }
    let mut own = matter.with_companions(new);
    if !missing.is_empty() && !shared {
        let names: Vec<String> = missing.iter().map(|volume| volume.id.name.to_string()).collect();
        plan.apply(
            missing.iter().map(|volume| volume.id.clone()).collect(),
            OfVolume::ForReplicas,
            get("", &all("pv", &names)),
        );
        let made: BTreeSet<&ResourceId> = missing.iter().map(|volume| &volume.id).collect();
        own.retain(|id| !made.contains(id));
    }
    plan.apply(own, OfSet::NewReplicas { at_once: is_parallel(new) }, None);
    let made: Vec<String> =
        added.iter().flat_map(|ordinal| new.templates().map(|(template, _)| new.claim(template, *ordinal))).collect();
    plan.run(await_set(new), AllReady::NewMembers, get(namespace, &all("pvc", &made)));
    Some(plan)
}

fn down(matter: Matter<'_>, old: Set<'_>, new: Set<'_>) -> Plan {
    let namespace = &new.0.id.namespace;
    let mut plan = Plan::new(Purpose::ScaleDown(new.0.id.clone(), old.replicas(), new.replicas()));
    leave(&mut plan, old, new);
    plan.apply(matter.with_companions(new), OfObject::Configured, None);
    let leaving = leaving(old, new);
    let claims: Vec<String> =
        leaving.iter().flat_map(|ordinal| old.templates().map(|(template, _)| old.claim(template, *ordinal))).collect();
    let left = OfClaim::LeftOfReplicas { deleted_from_now: new.says().deletes_claims(When::Scaled) };
    plan.run(get(namespace, &all("pvc", &claims)), left, None);
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
    let command = command::scale(&set.0.id.namespace, &named("statefulset", set.name()), 0);
    plan.run(command, OfPod::EndInOrder { at_once: is_parallel(set) }, None);
}

/// Replicas leave one at a time, the last first, each after the app has let go of it.
pub(super) fn leave(plan: &mut Plan, old: Set<'_>, new: Set<'_>) {
    let leaving = leaving(old, new);
    if leaving.is_empty() || new.templates().next().is_none() {
        return;
    }
    let (namespace, name) = (&old.0.id.namespace, named("statefulset", old.name()));
    swap::retain_claims(plan, old);
    plan.run(await_set(old), AllReady::BeforeScaleDown, None);
    for ordinal in leaving.iter().rev() {
        let (pod, left) = (claims::pod(old, *ordinal), ordinal - old.start());
        plan.run_after(Before::Drain(pod.clone()), command::scale(namespace, &name, left), OfPod::Ends(pod.clone()));
        plan.run(wait(namespace, "delete", &format!("pod/{}", word(&pod)), "30m"), OfPod::Ended, None);
        if left > 0 {
            plan.run(await_replicas(old, left), OfPod::RemainingReady, None);
        }
    }
}
