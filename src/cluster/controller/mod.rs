//! The controllers: all that happens in a cluster by itself after something has changed, until nothing changes any
//! more.

pub(crate) mod attach;
pub(crate) mod deployment;
pub(crate) mod disruption;
mod ephemeral;
pub(crate) mod garbage;
pub(crate) mod kubelet;
pub(crate) mod load;
pub(crate) mod node;
mod pod_gc;
mod preemption;
mod revision;
mod scheduler;
pub(crate) mod statefulset;
mod taint;
mod topology;
pub(crate) mod unplayed;

use super::binder;
use super::world::World;

/// So many rounds and no more: what has not come to rest by then never will.
const MOST_ROUNDS: usize = 20_000;

/// Lets the controllers work until nothing changes any more, or patience ends. Says whether that moment came.
pub(crate) fn settle(world: &mut World) -> bool {
    for _ in 0..MOST_ROUNDS {
        let before = world.store.writes();
        react(world);
        deployment::run(world);
        world.call_on_changes();
        let mut last = None;
        while let Some(set) = world.agenda.sets.next(last.as_ref()) {
            let seen = world.store.writes();
            if world.patience == 0 {
                return false;
            }
            world.agenda.sets.done(&set);
            statefulset::sync(world, &set);
            world.call_on_changes();
            if world.store.writes() != seen {
                world.agenda.sets.add(set.clone());
            }
            last = Some(set);
        }
        if world.store.writes() != before {
            continue;
        }
        // Sets look at once when a pod is gone; a claim that was deleted goes a moment later, and what a pod has left
        // behind later still.
        garbage::finish(world, binder::CLAIM);
        if world.store.writes() == before {
            garbage::collect(world);
        }
        if world.store.writes() == before {
            return true;
        }
    }
    false
}

/// Lets so many milliseconds pass, and the controllers work whenever it is time for something. Says whether they came
/// to rest.
pub(crate) fn pass(world: &mut World, length: u64) -> bool {
    let mut settled = settle(world);
    let Some(end) = world.fleet.as_ref().map(|fleet| fleet.now + length) else { return settled };
    while let Some(due) = due(world).filter(|due| *due <= end) {
        if world.patience == 0 {
            return false;
        }
        if let Some(fleet) = &mut world.fleet {
            fleet.now = fleet.now.max(due);
        }
        world.spend(1);
        node::run(world);
        pod_gc::run(world);
        world.wake();
        settled &= settle(world);
    }
    if let Some(fleet) = &mut world.fleet {
        fleet.now = end;
    }
    settled
}

/// When there is next something to do that is a matter of time.
fn due(world: &World) -> Option<u64> {
    let fleet = world.fleet.as_ref()?;
    [node::due(fleet), taint::due(fleet), attach::due(fleet), pod_gc::due(world, fleet)].into_iter().flatten().min()
}

/// All that is quick beside a StatefulSet's steps: garbage, claims and volumes, places for pods, pods on their nodes.
fn react(world: &mut World) {
    for _ in 0..MOST_ROUNDS {
        let before = world.store.writes();
        if world.at_rest == before || world.patience == 0 {
            return;
        }
        world.call_on_changes();
        garbage::finish(world, "Pod");
        garbage::finish(world, binder::VOLUME);
        ephemeral::run(world);
        binder::run(world);
        scheduler::run(world);
        taint::run(world);
        attach::run(world);
        kubelet::run(world);
        if world.store.writes() == before {
            world.at_rest = before;
        }
    }
}

/// Whether controllers look at objects of a kind.
#[must_use]
pub(crate) fn heeds(kind: &str) -> bool {
    const HEEDED: [&str; 15] = [
        "StatefulSet",
        "Pod",
        "StorageClass",
        "ServiceAccount",
        "PriorityClass",
        "RuntimeClass",
        "ResourceQuota",
        "LimitRange",
        "Namespace",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        binder::CLAIM,
        binder::VOLUME,
    ];
    HEEDED.contains(&kind)
}
