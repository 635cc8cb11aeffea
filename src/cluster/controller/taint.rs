//! Pods that a node's taints send away: at once, after the time for which they tolerate them, or never.
//!
//! Follows `pkg/controller/tainteviction/taint_eviction.go: handleNodeUpdate, processPodOnNode`.

use super::{garbage, kubelet};
use crate::cluster::fleet::{Fleet, Moment, NO_EXECUTE, Taint, Timer, Weighed};
use crate::cluster::mark::Mark;
use crate::cluster::store::{Key, uid};
use crate::cluster::toleration::{Stay, stay};
use crate::cluster::world::World;
use crate::value::Text;
use std::collections::{BTreeMap, BTreeSet};

/// When the next pod is to go.
pub(super) fn due(fleet: &Fleet) -> Option<Moment> {
    fleet.timers.values().filter(|timer| !timer.is_done).map(|timer| timer.at).min()
}

/// Looks at the pods of nodes with taints, and evicts those whose time has come.
pub(super) fn run(world: &mut World) {
    let Some(fleet) = &world.fleet else { return };
    let now = fleet.now;
    let tainted: BTreeMap<Text, Vec<Taint>> = world
        .nodes
        .iter()
        .flatten()
        .map(|machine| {
            let taints = machine.taints().filter(|(.., effect)| *effect == NO_EXECUTE);
            (
                machine.name.clone(),
                taints.map(|(key, value, _)| Taint { key: key.into(), value: value.into() }).collect(),
            )
        })
        .filter(|(_, taints): &(Text, Vec<Taint>)| !taints.is_empty())
        .collect();
    forget_gone(world);
    let names: BTreeSet<Text> =
        world.fleet.iter().flat_map(|fleet| fleet.weighed.keys()).chain(tainted.keys()).cloned().collect();
    for name in names {
        weigh(world, &name, tainted.get(&name).map_or(&[], Vec::as_slice), now);
    }
    let ready = |timer: &Timer| !timer.is_done && timer.at <= now;
    let ripe: Vec<Key> = world
        .fleet
        .iter()
        .flat_map(|fleet| &fleet.timers)
        .filter(|(_, timer)| ready(timer))
        .map(|(key, _)| key.clone())
        .collect();
    for key in ripe {
        evict(world, &key);
    }
}

/// Pods that have gone by themselves are evicted no more.
/// `handlePodUpdate`, pkg/controller/tainteviction.
fn forget_gone(world: &mut World) {
    let Some(fleet) = &world.fleet else { return };
    let gone: Vec<Key> = fleet
        .timers
        .keys()
        .filter(|key| {
            let now = world.store.get(key).map(uid);
            let then =
                fleet.weighed.values().flat_map(|node| &node.pods).find(|(pod, _)| pod == *key).map(|(_, uid)| uid);
            now.is_none() || then.is_some() && now.as_ref() != then
        })
        .cloned()
        .collect();
    for key in gone {
        cancel(world, &key);
    }
}

/// Looks at the pods of a node: at all of them where its taints are others than before, else at the new ones.
fn weigh(world: &mut World, name: &Text, taints: &[Taint], now: Moment) {
    let pods: BTreeSet<(Key, Text)> =
        world.store.marked(Mark::On(name.clone()), "Pod").map(|(key, pod)| (key.clone(), uid(pod))).collect();
    let Some(fleet) = &mut world.fleet else { return };
    let before = fleet.weighed.remove(name).unwrap_or_default();
    if !taints.is_empty() {
        fleet.weighed.insert(name.clone(), Weighed { taints: taints.to_vec(), pods: pods.clone() });
    }
    let all = before.taints != taints;
    for (key, id) in pods {
        if !all && before.pods.contains(&(key.clone(), id)) {
            continue;
        }
        if taints.is_empty() {
            cancel(world, &key);
            continue;
        }
        process(world, &key, taints, now);
    }
}

/// `processPodOnNode`, pkg/controller/tainteviction.
fn process(world: &mut World, key: &Key, taints: &[Taint], now: Moment) {
    let default = world.fleet.as_ref().map_or(0, |fleet| fleet.patience.tolerate);
    let Some(pod) = world.store.get(key) else { return };
    let stay = stay(pod, taints, default);
    let at = match stay {
        Stay::Never => {
            cancel(world, key);
            now
        }
        Stay::Ever => return cancel(world, key),
        Stay::For(seconds) => {
            let timer = world.fleet.as_ref().and_then(|fleet| fleet.timers.get(key));
            if timer.is_some_and(|timer| !timer.is_done && timer.created < now) {
                return;
            }
            if timer.is_some_and(|timer| !timer.is_done) {
                cancel(world, key);
            }
            now + seconds * 1000
        }
    };
    if let Some(fleet) = &mut world.fleet {
        fleet.timers.entry(key.clone()).or_insert(Timer { created: now, at, is_done: false });
    }
}

/// `cancelWorkWithEvent`, pkg/controller/tainteviction.
fn cancel(world: &mut World, key: &Key) {
    let Some(fleet) = &mut world.fleet else { return };
    if fleet.timers.remove(key).is_some_and(|timer| !timer.is_done) {
        let message = format!("Cancelling deletion of Pod {}/{}", key.namespace, key.name);
        fleet.say("Pod", key.object(), "TaintManagerEviction", message);
    }
}

/// `addConditionAndDeletePod`, pkg/controller/tainteviction.
fn evict(world: &mut World, key: &Key) {
    if let Some(fleet) = &mut world.fleet {
        if let Some(timer) = fleet.timers.get_mut(key) {
            timer.is_done = true;
        }
        let message = format!("Marking for deletion Pod {}/{}", key.namespace, key.name);
        fleet.say("Pod", key.object(), "TaintManagerEviction", message);
    }
    kubelet::set_disrupted(world, key, "DeletionByTaintManager");
    garbage::delete(world, key);
}
