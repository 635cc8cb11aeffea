//! Pods on their nodes: a pod that has a place runs and is ready, unless its annotations say that it shall not. Knows
//! no image and no probe.

use super::attach;
use crate::cluster::store::{Key, annotation, is_ending, put, text, uid};
use crate::cluster::world::{Unplaced, World, is_over, is_ready, node_name};
use crate::source::At;
use crate::value::{Data, Map, Node};

/// Runs, but never becomes ready.
const NOT_READY: &str = "lab/not-ready";
/// Never starts.
const PENDING: &str = "lab/pending";
/// Fails.
const FAIL: &str = "lab/fail";
/// Does not end when it is deleted.
pub(crate) const TERMINATING: &str = "lab/terminating";

/// Whether a pod's annotation tells it to misbehave: `"true"`, or a list of pod names that holds its own.
#[must_use]
pub(crate) fn is_told(pod: &Node, how: &str) -> bool {
    let name = text(pod, &["metadata", "name"]);
    annotation(pod, how).is_some_and(|value| value == "true" || value.split(',').any(|one| one.trim() == name))
}

/// Runs what has been placed.
pub(crate) fn run(world: &mut World) {
    world.call_on_changes();
    let mut last = None;
    while let Some(key) = world.agenda.pods.next(last.as_ref()) {
        world.spend(1);
        tend(world, &key);
        world.call_on_changes();
        world.agenda.pods.done(&key);
        last = Some(key);
    }
}

fn tend(world: &mut World, key: &Key) {
    let Some(pod) = world.store.get(key).filter(|pod| !node_name(pod).is_empty() && !is_ending(pod) && !is_over(pod))
    else {
        return;
    };
    // Nobody runs a pod that names a node which is not there.
    if world.nodes.as_ref().is_some_and(|nodes| !nodes.iter().any(|node| node.name == node_name(pod))) {
        return;
    }
    if world.is_silent(node_name(pod)) {
        // `processPod`, pkg/controller/nodelifecycle: a pod that comes to a node that is not ready is not ready either.
        return;
    }
    let is_held = || text(pod, &["status", "phase"]) == "Pending" && !attach::is_ready(world, key, pod);
    let (phase, ready) = if is_told(pod, PENDING) || is_held() {
        ("Pending", false)
    } else if is_told(pod, FAIL) {
        ("Failed", false)
    } else {
        ("Running", !is_told(pod, NOT_READY))
    };
    if text(pod, &["status", "phase"]) != phase || is_ready(pod) != ready || has_no_ready(pod) {
        let at = pod.at;
        // The scheduler has no word in a pod whose manifest names its node.
        let placed = has_place(pod).then(|| condition("PodScheduled", true, None, at));
        let conditions: Vec<Node> = placed.into_iter().chain([condition("Ready", ready, None, at)]).collect();
        set_status(world, key, phase, &conditions);
    }
}

fn has_place(pod: &Node) -> bool {
    crate::cluster::world::condition(pod, "PodScheduled").is_some_and(|placed| text(placed, &["status"]) == "True")
}

fn has_no_ready(pod: &Node) -> bool {
    crate::cluster::world::condition(pod, "Ready").is_none()
}

/// Writes that a pod has found a place.
pub(crate) fn set_placed(world: &mut World, key: &Key) {
    if let Some(at) = world.store.get(key).map(|pod| pod.at) {
        set_status(world, key, "Pending", &[condition("PodScheduled", true, None, at)]);
    }
}

/// Writes that a pod has found no place, and why.
pub(crate) fn set_unplaced(world: &mut World, key: &Key, why: &str, unplaced: Unplaced) {
    if let Some((at, uid)) = world.store.get(key).map(|pod| (pod.at, uid(pod))) {
        world.journal.unplaced.insert(uid, unplaced);
        set_status(world, key, "Pending", &[condition("PodScheduled", false, Some(("Unschedulable", why)), at)]);
    }
}

/// Writes that a pod is held back by its gates.
pub(crate) fn set_gated(world: &mut World, key: &Key) {
    const WHY: (&str, &str) = ("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
    if let Some(at) = world.store.get(key).map(|pod| pod.at) {
        set_status(world, key, "Pending", &[condition("PodScheduled", false, Some(WHY), at)]);
    }
}

/// Writes that a pod is not ready any more: nobody hears of its node.
/// `MarkPodsNotReady`, pkg/controller/util/node.
pub(super) fn set_unready(world: &mut World, key: &Key) {
    if let Some(at) = world.store.get(key).map(|pod| pod.at) {
        put_condition(world, key, &condition("Ready", false, None, at));
    }
}

/// Writes that a pod goes for a reason that is none of its own.
/// `UpdatePodCondition`, pkg/api/v1/pod.
pub(crate) fn set_disrupted(world: &mut World, key: &Key, reason: &str) {
    if let Some(at) = world.store.get(key).map(|pod| pod.at) {
        put_condition(world, key, &condition(DISRUPTED, true, Some((reason, "")), at));
    }
}

/// The condition of a pod that goes for a reason that is none of its own.
pub(crate) const DISRUPTED: &str = "DisruptionTarget";

/// Puts a condition in the place of the one of its type.
fn put_condition(world: &mut World, key: &Key, condition: &Node) {
    let kind = text(condition, &["type"]);
    let others = world.store.get(key).and_then(|pod| pod.find(&["status", "conditions"]));
    let others = others.into_iter().flat_map(Node::items).filter(|other| text(other, &["type"]) != kind).cloned();
    let all = others.chain([condition.clone()]).collect();
    world.store.set(key, &["status", "conditions"], Some(Data::List(all)));
}

fn set_status(world: &mut World, key: &Key, phase: &str, conditions: &[Node]) {
    let kept = world.store.get(key).and_then(|pod| crate::cluster::world::condition(pod, DISRUPTED)).cloned();
    let conditions = conditions.iter().cloned().chain(kept).collect();
    world.store.set_text(key, &["status", "phase"], phase);
    world.store.set(key, &["status", "conditions"], Some(Data::List(conditions)));
}

fn condition(kind: &str, holds: bool, why: Option<(&str, &str)>, at: At) -> Node {
    let mut condition = Node::map(Map::new(), at);
    put(&mut condition, &["type"], Node::text(kind, at));
    put(&mut condition, &["status"], Node::text(if holds { "True" } else { "False" }, at));
    if let Some((reason, message)) = why {
        put(&mut condition, &["reason"], Node::text(reason, at));
        put(&mut condition, &["message"], Node::text(message, at));
    }
    condition
}
