//! How objects go: at once, or when nothing uses them any more; and with their owners. Knows no workload.
//!
//! Follows `pkg/controller/garbagecollector/garbagecollector.go: attemptToDeleteItem, attemptToOrphanWorker`, and
//! `pkg/controller/volume/pvcprotection/pvc_protection_controller.go: processPVC`.

use crate::cluster::mark::Mark;
use crate::cluster::object::{CLAIM, VOLUME};
use crate::cluster::store::{Key, is_ending, owner_references, owners, uid};
use crate::cluster::world::{World, is_over, node_name, phase};
use crate::value::Text;

/// What becomes of the things that an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cascade {
    /// They go after it.
    Background,
    /// They stay, without an owner.
    Orphan,
}

/// Deletes an object as a person or a tool does. Says whether there was one.
/// `Delete`, k8s.io/apiserver/pkg/registry/generic/registry.
pub(crate) fn delete_with(world: &mut World, key: &Key, cascade: Cascade) -> bool {
    let Some(id) = world.store.get(key).map(uid) else { return false };
    if cascade == Cascade::Orphan {
        disown(world, &id);
    }
    delete(world, key);
    true
}

/// Deletes an object: it goes at once unless something still holds it.
pub(crate) fn delete(world: &mut World, key: &Key) {
    if is_held(world, key) {
        world.store.set_text(key, &["metadata", "deletionTimestamp"], "2000-01-01T00:00:00Z");
    } else {
        world.remove(key);
    }
}

/// Takes away what was deleted of a kind and is held no longer.
pub(crate) fn finish(world: &mut World, kind: &str) {
    let ending: Vec<Key> = world.store.marked(Mark::Ending, kind).map(|(key, _)| key.clone()).collect();
    for key in ending {
        if !is_held(world, &key) {
            world.remove(&key);
        }
    }
}

/// Deletes what has lost all its owners, and forgets owners that are gone.
/// `attemptToDeleteItem`, pkg/controller/garbagecollector.
pub(crate) fn collect(world: &mut World) {
    let population = world.store.population();
    if std::mem::replace(&mut world.collected, population) == population {
        return;
    }
    let orphans = std::mem::take(&mut world.agenda.orphans);
    for kind in ["ControllerRevision", CLAIM, "Pod"] {
        for key in orphans.iter().rev().filter(|key| key.kind == kind) {
            let Some(node) = world.store.get(key) else { continue };
            let all = owners(node);
            let left: Vec<_> = all.iter().filter(|owner| world.store.is_live(&owner.uid)).cloned().collect();
            if left.len() == all.len() || is_ending(node) {
                continue;
            }
            let at = node.at;
            if left.is_empty() {
                delete(world, key);
            } else {
                world.store.set(key, &["metadata", "ownerReferences"], owner_references(&left, at));
            }
        }
    }
}

/// `orphanDependents`, pkg/controller/garbagecollector.
fn disown(world: &mut World, owner: &Text) {
    let orphans: Vec<Key> = world.store.marked_with(Mark::OwnedBy(owner.clone())).map(|(key, _)| key.clone()).collect();
    for key in orphans {
        let Some(node) = world.store.get(&key) else { continue };
        let left: Vec<_> = owners(node).into_iter().filter(|one| one.uid != *owner).collect();
        let value = owner_references(&left, node.at);
        world.store.set(&key, &["metadata", "ownerReferences"], value);
    }
}

/// Whether something keeps a deleted object from going: a claim is used by a pod on a node, a volume is bound, a pod
/// does not end, or its node does not say that it has.
/// `askInformer`, pkg/controller/volume/pvcprotection; `CheckGracefulDelete`, pkg/registry/core/pod.
fn is_held(world: &World, key: &Key) -> bool {
    let Some(node) = world.store.get(key) else { return false };
    match key.kind.as_str() {
        CLAIM => world.users(key).any(|(_, pod)| !node_name(pod).is_empty()),
        VOLUME => phase(node) == "Bound",
        "Pod" => {
            !node_name(node).is_empty()
                && (super::kubelet::is_told(node, super::kubelet::TERMINATING)
                    || !is_over(node) && world.is_silent(node_name(node)))
        }
        _ => false,
    }
}
