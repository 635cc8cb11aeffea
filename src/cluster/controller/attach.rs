//! Which volumes are attached to which nodes: to one at a time where they can be on one only, and not taken from a node
//! that may still write to them.
//!
//! Follows `pkg/controller/volume/attachdetach/reconciler/reconciler.go: reconcile, attachDesiredVolumes`.

use crate::cluster::fleet::{Attachment, Fleet, Migrated, Moment, OUT_OF_SERVICE};
use crate::cluster::mark::Mark;
use crate::cluster::object::{CLAIM, VOLUME, access_modes};
use crate::cluster::store::{Key, text};
use crate::cluster::world::{World, claim_names, is_over, node_name};
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// `MaxWaitForUnmountDuration`, pkg/controller/volume/attachdetach.
pub(crate) const FORCED_AFTER: u64 = 360_000;

/// When a volume is next taken from a node that does not answer.
pub(super) fn due(fleet: &Fleet) -> Option<Moment> {
    let of_lost = fleet.attachments.iter().filter(|((_, node), _)| !fleet.is_ready(node));
    of_lost.filter_map(|(_, attachment)| attachment.idle_since).map(|since| since + FORCED_AFTER).min()
}

/// Detaches what no pod needs and what may be detached, and attaches what pods need.
pub(super) fn run(world: &mut World) {
    if world.fleet.is_none() {
        return;
    }
    let wanted = wanted(world);
    report(world, &wanted);
    let freed = detach(world, &wanted);
    let attached = attach(world, &wanted);
    if freed | attached {
        world.wake();
    }
}

/// Volumes that pods need on the nodes that they are on, and those pods.
type Wanted = BTreeMap<(Text, Text), Vec<Key>>;

fn wanted(world: &World) -> Wanted {
    let mut wanted = Wanted::new();
    for (key, pod) in world.store.of_kind("Pod").filter(|(_, pod)| !node_name(pod).is_empty() && !is_over(pod)) {
        for volume in volumes(world, key, pod).filter(|volume| is_attachable(world, volume)) {
            let place = (text(volume, &["metadata", "name"]).into(), node_name(pod).into());
            wanted.entry(place).or_default().push(key.clone());
        }
    }
    wanted
}

/// The volumes that a pod mounts.
fn volumes<'w>(world: &'w World, key: &'w Key, pod: &'w Node) -> impl Iterator<Item = &'w Node> {
    claim_names(pod).filter_map(|claim| {
        let claim = world.store.get(&Key::new(CLAIM, key.namespace.clone(), claim.as_ref()))?;
        world.store.get(&Key::new(VOLUME, "", text(claim, &["spec", "volumeName"])))
    })
}

/// Kinds of volumes that CSI drivers have taken over, and that are attached to nodes.
const MIGRATED: [&str; 5] = ["gcePersistentDisk", "awsElasticBlockStore", "azureDisk", "cinder", "vsphereVolume"];

/// Whether somebody attaches such a volume: hostPath, local and NFS volumes are just there, and some CSI drivers say so
/// of theirs.
/// `CanAttach`, pkg/volume/csi.
pub(crate) fn is_attachable(world: &World, volume: &Node) -> bool {
    if let Some(driver) = volume.find(&["spec", "csi", "driver"]).and_then(Node::as_str) {
        let driver = world.store.get(&Key::new("CSIDriver", "", driver));
        let required = driver.and_then(|driver| driver.find(&["spec", "attachRequired"])).and_then(Node::as_bool);
        return required.unwrap_or(true);
    }
    is_migrated(volume)
}

fn is_migrated(volume: &Node) -> bool {
    MIGRATED.iter().any(|kind| volume.find(&["spec", kind]).is_some_and(|source| !source.is_null()))
}

/// Whether several nodes may have it at once.
/// `IsMultiAttachAllowed`, pkg/volume/util.
pub(crate) fn is_shared(volume: &Node) -> bool {
    let modes = access_modes(volume);
    modes.is_empty() || modes.contains("ReadWriteMany") || modes.contains("ReadOnlyMany")
}

/// Nodes that are well say which volumes they use.
fn report(world: &mut World, wanted: &Wanted) {
    let Some(fleet) = &world.fleet else { return };
    let mut fresh: BTreeMap<Text, BTreeSet<Text>> = BTreeMap::new();
    for node in fleet.rigs.keys().filter(|node| !fleet.is_silent(node)) {
        fresh.insert(node.clone(), BTreeSet::new());
    }
    for (volume, node) in wanted.keys() {
        let is_seen = || {
            fleet.migrated == Migrated::InUse
                || world.store.get(&Key::new(VOLUME, "", volume.clone())).is_some_and(|volume| !is_migrated(volume))
        };
        if let Some(used) = fresh.get_mut(node)
            && is_seen()
        {
            used.insert(volume.clone());
        }
    }
    if let Some(fleet) = &mut world.fleet {
        fleet.in_use.extend(fresh);
    }
}

/// `reconcile`, pkg/controller/volume/attachdetach/reconciler.
fn detach(world: &mut World, wanted: &Wanted) -> bool {
    let out: BTreeSet<Text> = world
        .nodes
        .iter()
        .flatten()
        .filter(|machine| machine.has_taint(OUT_OF_SERVICE))
        .map(|machine| machine.name.clone())
        .collect();
    let Some(fleet) = &mut world.fleet else { return false };
    let now = fleet.now;
    let mut freed = Vec::new();
    for (place, attachment) in &mut fleet.attachments {
        if wanted.contains_key(place) {
            attachment.idle_since = None;
            continue;
        }
        let since = *attachment.idle_since.get_or_insert(now);
        let (volume, node) = place;
        let is_mounted = fleet.in_use.get(node).is_some_and(|used| used.contains(volume));
        let is_ready = fleet.rigs.get(node).is_some_and(|rig| !rig.is_unknown);
        let is_forced = !is_ready && since + FORCED_AFTER <= now;
        if !is_mounted || is_forced || out.contains(node) {
            freed.push(place.clone());
        }
    }
    for place in &freed {
        fleet.attachments.remove(place);
    }
    !freed.is_empty()
}

/// `attachDesiredVolumes`, pkg/controller/volume/attachdetach/reconciler.
fn attach(world: &mut World, wanted: &Wanted) -> bool {
    let mut attached = false;
    for (place, pods) in wanted {
        let (volume, node) = place;
        let is_exclusive =
            world.store.get(&Key::new(VOLUME, "", volume.clone())).is_some_and(|volume| !is_shared(volume));
        let Some(fleet) = &mut world.fleet else { return false };
        if !fleet.rigs.contains_key(node) || fleet.attachments.contains_key(place) {
            continue;
        }
        let elsewhere = fleet
            .attachments
            .range((volume.clone(), Text::default())..)
            .take_while(|((other, _), _)| other == volume)
            .map(|((_, other), _)| other.clone())
            .collect::<Vec<_>>();
        if is_exclusive && !elsewhere.is_empty() {
            if fleet.contested.insert(place.clone()) {
                complain(world, volume, pods, &elsewhere, wanted);
            }
            continue;
        }
        fleet.contested.remove(place);
        fleet.attachments.insert(place.clone(), Attachment::default());
        attached = true;
        for pod in pods {
            world.agenda.pods.add(pod.clone());
        }
    }
    if let Some(fleet) = &mut world.fleet {
        fleet.contested.retain(|place| wanted.contains_key(place));
    }
    attached
}

/// `reportMultiAttachError`, pkg/controller/volume/attachdetach/reconciler.
fn complain(world: &mut World, volume: &Text, pods: &[Key], elsewhere: &[Text], wanted: &Wanted) {
    let others = || elsewhere.iter().filter_map(|node| wanted.get(&(volume.clone(), node.clone()))).flatten();
    for pod in pods {
        let near: Vec<&str> =
            others().filter(|other| other.namespace == pod.namespace).map(|other| other.name.as_str()).collect();
        let far = others().filter(|other| other.namespace != pod.namespace).count();
        let why = match (near.as_slice(), far) {
            ([], 0) => "is already exclusively attached to one node and can't be attached to another".to_owned(),
            ([], far) => format!("is already used by {far} pod(s) in different namespaces"),
            (near, 0) => format!("is already used by pod(s) {}", near.join(", ")),
            (near, far) => {
                format!("is already used by pod(s) {} and {far} pod(s) in different namespaces", near.join(", "))
            }
        };
        if let Some(fleet) = &mut world.fleet {
            let message = format!("Multi-Attach error for volume \"{volume}\" Volume {why}");
            fleet.say("Pod", pod.object(), "FailedAttachVolume", message);
        }
    }
}

/// Whether all is attached that a pod needs before it can start.
pub(super) fn is_ready(world: &World, key: &Key, pod: &Node) -> bool {
    let Some(fleet) = &world.fleet else { return true };
    let is_there = |volume: &Node| {
        let is_waited_for = is_attachable(world, volume) && (fleet.migrated == Migrated::InUse || !is_migrated(volume));
        let place = (Text::from(text(volume, &["metadata", "name"])), Text::from(node_name(pod)));
        !is_waited_for || fleet.attachments.contains_key(&place)
    };
    volumes(world, key, pod).all(is_there)
}

/// Pods that wait on a node.
pub(crate) fn call_waiting(world: &mut World, node: &Text) {
    let pods: Vec<Key> = world.store.marked(Mark::On(node.clone()), "Pod").map(|(key, _)| key.clone()).collect();
    pods.into_iter().for_each(|key| world.agenda.pods.add(key));
}
