//! Pods that nobody else takes away: on nodes that are out of service, and on nodes that are not there.
//!
//! Follows `pkg/controller/podgc/gc_controller.go: gcTerminating, gcOrphaned, gcUnscheduledTerminating`.

use super::kubelet;
use crate::cluster::fleet::{Fleet, Moment, OUT_OF_SERVICE};
use crate::cluster::mark::Mark;
use crate::cluster::store::{Key, is_ending};
use crate::cluster::world::{World, node_name};
use crate::value::Text;
use std::collections::BTreeSet;

/// `gcCheckPeriod`, pkg/controller/podgc.
const PERIOD: u64 = 20_000;
/// `quarantineTime`, pkg/controller/podgc.
const QUARANTINE: u64 = 40_000;

/// When pods are next collected, if there are any to collect.
pub(super) fn due(world: &World, fleet: &Fleet) -> Option<Moment> {
    let waits = !out_of_service(world, fleet).is_empty() || !homeless(world, fleet).is_empty();
    waits.then(|| if fleet.collect_at > fleet.now { fleet.collect_at } else { next(fleet.now) })
}

fn next(now: Moment) -> Moment {
    (now / PERIOD + 1) * PERIOD
}

/// Collects, where it is time.
pub(super) fn run(world: &mut World) {
    let Some(fleet) = &world.fleet else { return };
    let now = fleet.now;
    if fleet.collect_at > now || now % PERIOD != 0 {
        return;
    }
    let mut doomed: Vec<(Key, Option<&'static str>)> =
        out_of_service(world, fleet).into_iter().map(|key| (key, None)).collect();
    let homeless = homeless(world, fleet);
    if let Some(fleet) = &mut world.fleet {
        fleet.collect_at = next(now);
        let nodes: BTreeSet<&Text> = homeless.iter().map(|(_, node)| node).collect();
        fleet.orphaned.retain(|node, _| nodes.contains(node));
        for (key, node) in &homeless {
            if *fleet.orphaned.entry(node.clone()).or_insert(now) + QUARANTINE <= now {
                doomed.push((key.clone(), Some("DeletionByPodGC")));
            }
        }
    }
    for (key, reason) in doomed {
        // `markFailedAndDeletePodWithCondition`, pkg/controller/podgc: without any grace.
        if let Some(reason) = reason {
            kubelet::set_disrupted(world, &key, reason);
        }
        world.remove(&key);
    }
}

/// `gcTerminating`, pkg/controller/podgc.
fn out_of_service(world: &World, fleet: &Fleet) -> Vec<Key> {
    let nodes = world.nodes.iter().flatten();
    nodes
        .filter(|machine| !fleet.is_ready(&machine.name) && machine.has_taint(OUT_OF_SERVICE))
        .flat_map(|machine| world.store.marked(Mark::On(machine.name.clone()), "Pod"))
        .filter(|(_, pod)| is_ending(pod))
        .map(|(key, _)| key.clone())
        .collect()
}

/// Pods on nodes that have no Node object, and which.
/// `gcOrphaned`, pkg/controller/podgc.
fn homeless(world: &World, fleet: &Fleet) -> Vec<(Key, Text)> {
    let is_lost = |node: &str| !node.is_empty() && !fleet.rigs.contains_key(node);
    let pods = world.store.of_kind("Pod").filter(|(_, pod)| is_lost(node_name(pod)));
    pods.map(|(key, pod)| (key.clone(), node_name(pod).into())).collect()
}
