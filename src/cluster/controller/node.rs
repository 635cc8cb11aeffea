//! What the control plane makes of nodes that fall silent: conditions, taints, pods that are not ready any more; and
//! when it holds still because too much is down. Evicts nobody.
//!
//! Follows `pkg/controller/nodelifecycle/node_lifecycle_controller.go: monitorNodeHealth, handleDisruption,
//! doNoExecuteTaintingPass`.

use super::kubelet;
use crate::cluster::fleet::{
    Condition, Fleet, Moment, NO_EXECUTE, NO_SCHEDULE, NOT_READY, UNREACHABLE, UNSCHEDULABLE, Zone,
};
use crate::cluster::mark::Mark;
use crate::cluster::store::Key;
use crate::cluster::world::{Machine, World, is_ready};
use crate::k8s::object::ObjectName;
use crate::value::Text;
use std::collections::BTreeMap;

/// `--node-eviction-rate`: one node in ten seconds.
const PACE: u64 = 10_000;
/// `--secondary-node-eviction-rate`: one node in a hundred seconds.
const SLOW_PACE: u64 = 100_000;
/// `--large-cluster-size-threshold`.
const LARGE_ZONE: usize = 50;
/// `--unhealthy-zone-threshold`, in hundredths.
const UNHEALTHY: usize = 55;
/// Nodes that have this label count for no zone.
const EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";

/// When there is next something to do.
pub(super) fn due(fleet: &Fleet) -> Option<Moment> {
    let silent = fleet.rigs.values().filter(|rig| !rig.is_unknown).filter_map(|rig| rig.silent_since);
    let given_up = silent.map(|since| since + fleet.patience.grace * 1000);
    let waiting = fleet.zones.values().filter(|zone| !zone.queue.is_empty() && zone.pace.is_some());
    given_up.chain(waiting.map(|zone| zone.free_at)).chain(fleet.look_at).min()
}

/// Looks at all nodes. What the pods on them suffer by it is another controller's.
/// `monitorNodeHealth`, pkg/controller/nodelifecycle.
pub(super) fn run(world: &mut World) {
    let Some(fleet) = &mut world.fleet else { return };
    if due(fleet).is_none_or(|due| due > fleet.now) {
        return;
    }
    if fleet.look_at.is_some_and(|at| at <= fleet.now) {
        fleet.look_at = None;
    }
    let silence = fleet.patience.grace * 1000;
    let lost: Vec<Text> = fleet
        .rigs
        .iter()
        .filter(|(_, rig)| !rig.is_unknown && rig.silent_since.is_some_and(|since| since + silence <= fleet.now))
        .map(|(name, _)| name.clone())
        .collect();
    for name in lost {
        lose(world, &name);
    }
    let known: Vec<(Text, Text)> =
        machines(world).iter().map(|machine| (machine.name.clone(), machine.zone_key())).collect();
    for (name, zone) in &known {
        if world.fleet.as_ref().is_some_and(|fleet| fleet.is_ready(name)) {
            clear(world, name, zone);
        } else {
            queue(world, name, zone);
        }
    }
    weigh_zones(world);
    taint(world);
}

/// A node that was silent for too long.
/// `tryUpdateNodeHealth`, pkg/controller/nodelifecycle; `MarkPodsNotReady`, pkg/controller/util/node.
fn lose(world: &mut World, name: &Text) {
    let Some(fleet) = &mut world.fleet else { return };
    if let Some(rig) = fleet.rigs.get_mut(name) {
        rig.is_unknown = true;
    }
    fleet.say("Node", node(name), "NodeNotReady", format!("Node {name} status is now: NodeNotReady"));
    with(world, name, |machine| machine.taint(UNREACHABLE, "", NO_SCHEDULE));
    let pods = world.store.marked(Mark::On(name.clone()), "Pod").filter(|(_, pod)| is_ready(pod));
    let pods: Vec<Key> = pods.map(|(key, _)| key.clone()).collect();
    for key in pods {
        kubelet::set_unready(world, &key);
        if let Some(fleet) = &mut world.fleet {
            fleet.say("Pod", key.object(), "NodeNotReady", "Node is not ready".to_owned());
        }
    }
}

/// A node that is well again has no taint of one that is not.
/// `markNodeAsReachable`, pkg/controller/nodelifecycle.
fn clear(world: &mut World, name: &Text, zone: &Text) {
    with(world, name, |machine| {
        let unreachable = machine.untaint(UNREACHABLE, Some(NO_EXECUTE));
        machine.untaint(NOT_READY, Some(NO_EXECUTE)) || unreachable
    });
    if let Some(zone) = world.fleet.as_mut().and_then(|fleet| fleet.zones.get_mut(zone)) {
        zone.queue.retain(|other| other != name);
    }
}

/// `markNodeForTainting`, pkg/controller/nodelifecycle.
fn queue(world: &mut World, name: &Text, zone: &Text) {
    let is_tainted = machines(world).iter().any(|machine| {
        machine.name == *name && machine.taints().any(|(key, _, of)| key == UNREACHABLE && of == NO_EXECUTE)
    });
    let Some(fleet) = &mut world.fleet else { return };
    let queue = &mut zone_of(fleet, zone).queue;
    if !is_tainted && !queue.contains(name) {
        queue.push(name.clone());
    }
}

fn zone_of<'f>(fleet: &'f mut Fleet, zone: &Text) -> &'f mut Zone {
    let fresh = || Zone { condition: Condition::Initial, pace: Some(PACE), free_at: 0, queue: Vec::new() };
    fleet.zones.entry(zone.clone()).or_insert_with(fresh)
}

/// Where a whole cluster seems to be gone, it is more likely that the control plane cannot see it: then nobody is
/// evicted.
/// `handleDisruption`, pkg/controller/nodelifecycle.
fn weigh_zones(world: &mut World) {
    let mut sizes: BTreeMap<Text, (usize, usize)> = BTreeMap::new();
    for machine in machines(world).iter().filter(|machine| machine.labels.get(EXCLUDED).is_none()) {
        let (all, lost) = sizes.entry(machine.zone_key()).or_default();
        *all += 1;
        *lost += usize::from(!world.fleet.as_ref().is_some_and(|fleet| fleet.is_ready(&machine.name)));
    }
    let Some(fleet) = &mut world.fleet else { return };
    let states: BTreeMap<Text, (Condition, usize)> =
        sizes.into_iter().map(|(zone, (all, lost))| (zone, (condition(all, lost), all))).collect();
    let all_are = states.values().all(|(condition, _)| *condition == Condition::Full);
    for zone in states.keys() {
        zone_of(fleet, zone);
    }
    fleet.zones.retain(|zone, _| states.contains_key(zone));
    let all_were = fleet.zones.values().all(|zone| zone.condition == Condition::Full);
    if all_are && all_were {
        return;
    }
    let now = fleet.now;
    for (name, zone) in &mut fleet.zones {
        let (state, size) = states.get(name).copied().unwrap_or_default();
        if all_are {
            (zone.condition, zone.pace) = (Condition::Full, None);
        } else if all_were || zone.condition != state {
            let pace = match state {
                Condition::Partial if size > LARGE_ZONE => Some(SLOW_PACE),
                Condition::Partial => None,
                _ => Some(PACE),
            };
            swap_pace(zone, pace, now);
            zone.condition = state;
        }
    }
    if all_are {
        let names: Vec<(Text, Text)> =
            machines(world).iter().map(|machine| (machine.name.clone(), machine.zone_key())).collect();
        for (name, zone) in names {
            clear(world, &name, &zone);
        }
    }
}

/// One that had to wait has to wait anew.
/// `SwapLimiter`, pkg/controller/nodelifecycle/scheduler.
fn swap_pace(zone: &mut Zone, pace: Option<u64>, now: Moment) {
    if zone.pace == pace {
        return;
    }
    let has_waited = zone.pace.is_none() || zone.free_at > now;
    zone.free_at = match pace {
        Some(pace) if has_waited => now + pace,
        _ => 0,
    };
    zone.pace = pace;
}

/// `ComputeZoneState`, pkg/controller/nodelifecycle.
fn condition(all: usize, lost: usize) -> Condition {
    if lost == all {
        Condition::Full
    } else if lost > 2 && lost * 100 >= all * UNHEALTHY {
        Condition::Partial
    } else {
        Condition::Normal
    }
}

/// `doNoExecuteTaintingPass`, pkg/controller/nodelifecycle.
fn taint(world: &mut World) {
    let Some(fleet) = &mut world.fleet else { return };
    let now = fleet.now;
    let mut chosen = Vec::new();
    for zone in fleet.zones.values_mut() {
        while let Some(pace) = zone.pace
            && zone.free_at <= now
            && !zone.queue.is_empty()
        {
            zone.free_at = now + pace;
            chosen.push(zone.queue.remove(0));
        }
    }
    for name in chosen {
        with(world, &name, |machine| machine.taint(UNREACHABLE, "", NO_EXECUTE));
    }
}

/// What a node's own state says at once, without any wait: that it is cordoned, and that it is back.
/// `doNoScheduleTaintingPass`, pkg/controller/nodelifecycle.
pub(crate) fn note(world: &mut World, name: &Text) {
    let is_ready = world.fleet.as_ref().is_some_and(|fleet| fleet.is_ready(name));
    with(world, name, |machine| {
        let cordoned = if machine.closed {
            machine.taint(UNSCHEDULABLE, "", NO_SCHEDULE)
        } else {
            machine.untaint(UNSCHEDULABLE, Some(NO_SCHEDULE))
        };
        is_ready && machine.untaint(UNREACHABLE, Some(NO_SCHEDULE)) || cordoned
    });
    if let Some(fleet) = &mut world.fleet {
        // The nodes' health is looked at every five seconds, and here more often.
        fleet.look_at = Some(fleet.now + 500);
    }
}

fn machines(world: &World) -> &[Machine] {
    world.nodes.as_deref().unwrap_or_default()
}

/// Changes a node; what depends on it is looked at anew.
fn with(world: &mut World, name: &str, change: impl FnOnce(&mut Machine) -> bool) {
    let machine = world.nodes.iter_mut().flatten().find(|machine| machine.name == name);
    if machine.is_some_and(change) {
        world.wake();
    }
}

/// A node as events name it.
pub(crate) fn node(name: &Text) -> ObjectName {
    ObjectName { namespace: Text::default(), name: name.clone() }
}
