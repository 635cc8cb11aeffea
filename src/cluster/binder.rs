//! Claims meet volumes: the persistent volume controller, with the deleters and recyclers of volumes and the external
//! provisioners it waits for. Knows nothing of pods but who uses a claim.
//!
//! Follows `pkg/controller/volume/persistentvolume/pv_controller.go: syncClaim, syncVolume, syncUnboundClaim,
//! syncBoundClaim, reclaimVolume`.

use super::mark::{ClassAndModes, Mark};
pub(crate) use super::object::{
    CLAIM, VOLUME, access_modes, capacity, claim_ref, class_of, requested, stated_class, volume_mode,
};
use super::selector;
use super::store::{Key, annotation, is_ending, put, text, uid};
use super::world::{Cause, Gap, World, node_name, phase};
use crate::k8s::quantity::Quantity;
use crate::source::At;
use crate::value::{Map, Node, Text};
use std::collections::BTreeSet;

const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// The annotation that says who made a volume.
pub(crate) const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
/// Where the scheduler writes the node for which a claim's volume is to be made.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// The provisioner of classes whose volumes people make.
pub(crate) const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
/// Provisioners that were once built in, and the CSI drivers that took their place.
const MIGRATED: [(&str, &str); 7] = [
    ("kubernetes.io/aws-ebs", "ebs.csi.aws.com"),
    ("kubernetes.io/azure-disk", "disk.csi.azure.com"),
    ("kubernetes.io/azure-file", "file.csi.azure.com"),
    ("kubernetes.io/cinder", "cinder.csi.openstack.org"),
    ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io"),
    ("kubernetes.io/portworx-volume", "pxd.portworx.com"),
    ("kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"),
];

/// Does all that the binder would do just now.
pub(crate) fn run(world: &mut World) {
    world.call_on_changes();
    let mut last = None;
    while let Some(key) = world.agenda.claims.next(last.as_ref()) {
        world.spend(1);
        sync_claim(world, &key);
        provision(world, &key);
        world.call_on_changes();
        if world.store.get(&key).is_none() || is_settled(world, &key) {
            world.agenda.claims.done(&key);
        }
        last = Some(key);
    }
    let mut last = None;
    while let Some(key) = world.agenda.volumes.next(last.as_ref()) {
        world.spend(1);
        sync_volume(world, &key);
        world.call_on_changes();
        if world.store.get(&key).is_none_or(|volume| is_idle(volume) || is_held(world, &key, volume)) {
            world.agenda.volumes.done(&key);
        }
        last = Some(key);
    }
}

// ---- what objects say

fn attributes_class(object: &Node) -> &str {
    text(object, &["spec", "volumeAttributesClassName"])
}

/// Whether a volume is meant for this claim or bound to it.
#[must_use]
pub(crate) fn is_for(volume: &Node, key: &Key, claim: &Node) -> bool {
    claim_ref(volume).is_some_and(|reference| {
        let bound = text(reference, &["uid"]);
        text(reference, &["name"]) == key.name
            && text(reference, &["namespace"]) == key.namespace
            && (bound.is_empty() || bound == uid(claim))
    })
}

/// Whether a claim has its volume for good.
/// `syncBoundClaim`, pkg/controller/volume/persistentvolume.
#[must_use]
pub(crate) fn is_bound(claim: &Node) -> bool {
    annotation(claim, BIND_COMPLETED).is_some() && !text(claim, &["spec", "volumeName"]).is_empty()
}

/// Whether a claim's volume waits for the pod that uses it.
#[must_use]
pub(crate) fn is_delayed(world: &World, claim: &Node) -> bool {
    world.class(class_of(claim)).is_some_and(|class| text(class, &["volumeBindingMode"]) == "WaitForFirstConsumer")
}

// ---- which volume

/// Where a claim's volume must be usable: the node the scheduler is trying.
pub(crate) struct Place<'a> {
    /// The node's name.
    pub node: &'a str,
    /// The node's labels; `None` where they are not known and any volume is taken to be in reach.
    pub labels: Option<&'a Node>,
}

/// What a claim asks of a volume that is not meant for it, and how far one that is may differ.
struct Wish<'a> {
    key: &'a Key,
    claim: &'a Node,
    size: Quantity,
    taken: &'a BTreeSet<Text>,
}

impl Wish<'_> {
    fn may_be(&self, name: &Key, volume: &Node) -> bool {
        !self.taken.contains(&name.name)
            && capacity(volume) >= self.size
            && volume_mode(volume) == volume_mode(self.claim)
            && attributes_class(volume) == attributes_class(self.claim)
            && !is_ending(volume)
    }

    /// The volumes that are meant for the claim, by name.
    fn reserved<'w>(&self, world: &'w World) -> impl Iterator<Item = (&'w Key, &'w Node)> {
        let mark = Mark::Reserved(self.key.namespace.clone(), self.key.name.clone());
        let meant: Vec<_> = world
            .store
            .marked(mark, VOLUME)
            .filter(|(name, volume)| is_for(volume, self.key, self.claim) && self.may_be(name, volume))
            .collect();
        meant.into_iter()
    }

    /// The smallest of the free volumes on a shelf that fits, the first by name of several.
    /// `findBestMatchForClaim`, pkg/controller/volume/persistentvolume.
    fn smallest<'w>(
        &self,
        world: &'w World,
        shelf: &ClassAndModes,
        reach: impl Fn(&Node) -> bool,
    ) -> Option<(&'w Key, Quantity)> {
        let labels = self.claim.find(&["spec", "selector"]).filter(|selector| !selector.is_null());
        let first = (Mark::Free(Box::new((shelf.clone(), self.size.clone()))), Key::default());
        let on_shelf = world.store.marks_from(first).map_while(|(mark, name)| match mark {
            Mark::Free(free) if free.0 == *shelf => Some((name, &free.1)),
            _ => None,
        });
        let fits = |volume: &Node, name: &Key| {
            phase(volume) == "Available"
                && self.may_be(name, volume)
                && labels.is_none_or(|selector| selector::matches(Some(selector), volume.find(&["metadata", "labels"])))
                && reach(volume)
        };
        let mut fitting = on_shelf.filter(|(name, _)| world.store.get(name).is_some_and(|volume| fits(volume, name)));
        fitting.next().map(|(name, size)| (name, size.clone()))
    }

    /// The shelves of the claim's class whose volumes may be mounted in all the ways that it asks for.
    fn shelves(&self, world: &World) -> Vec<ClassAndModes> {
        let wanted = access_modes(self.claim);
        let mut shelves: Vec<ClassAndModes> = Vec::new();
        let mut next = ClassAndModes { class: class_of(self.claim).into(), modes: Vec::new() };
        loop {
            let first = (Mark::Free(Box::new((next, Quantity::ZERO))), Key::default());
            let Some((Mark::Free(free), _)) = world.store.marks_from(first).next() else { break };
            if free.0.class != class_of(self.claim) {
                break;
            }
            let modes: BTreeSet<&str> = free.0.modes.iter().map(Text::as_str).collect();
            if wanted.is_subset(&modes) {
                shelves.push(free.0.clone());
            }
            next = free.0.clone();
            // Nothing comes between a shelf and the same one with an empty mode more.
            next.modes.push(Text::default());
        }
        shelves
    }
}

/// The volume that a claim gets in a place: one that is meant for it, or else the smallest free one that fits.
#[must_use]
pub(crate) fn best_in<'w>(
    world: &'w World,
    (key, claim): (&Key, &Node),
    place: &Place<'_>,
    taken: &BTreeSet<Text>,
) -> Option<&'w Key> {
    let wish = Wish { key, claim, size: requested(claim), taken };
    if let Some((name, volume)) = wish.reserved(world).find(|(_, volume)| class_of(volume) == class_of(claim)) {
        return is_reachable(volume, place).then_some(name);
    }
    let shelves = wish.shelves(world);
    let found = shelves.iter().filter_map(|shelf| wish.smallest(world, shelf, |volume| is_reachable(volume, place)));
    found.min_by(|(a, one), (b, other)| one.cmp(other).then_with(|| a.cmp(b))).map(|(name, _)| name)
}

/// Whether a volume can be used on a node.
#[must_use]
pub(crate) fn is_reachable(volume: &Node, place: &Place<'_>) -> bool {
    let Some(labels) = place.labels else { return true };
    let affinity = volume.find(&["spec", "nodeAffinity", "required"]);
    let stated =
        affinity.is_none_or(|required| selector::node_matches(required.get("nodeSelectorTerms"), place.node, labels));
    stated && is_in_zone_of_disk(volume, labels)
}

/// Disks whose old in-tree source says no zone are held to their zone labels.
fn is_in_zone_of_disk(volume: &Node, node: &Node) -> bool {
    let labels = volume.find(&["metadata", "labels"]);
    if volume.find(&["spec", "gcePersistentDisk"]).is_none()
        || volume.find(&["spec", "nodeAffinity"]).is_some_and(|affinity| !affinity.is_null())
    {
        return true;
    }
    let zones = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"]
        .iter()
        .find_map(|key| labels?.get(key)?.as_str());
    let here = ["topology.gke.io/zone", "topology.kubernetes.io/zone"].iter().find_map(|key| node.get(key)?.as_str());
    zones.is_none_or(|zones| here.is_some_and(|here| zones.split("__").any(|zone| zone == here)))
}

/// The volume for a claim, as the binder looks for it: by the ways in which volumes may be mounted, those first that
/// can least; the first of them with any fitting volume win. A claim that waits for its pod gets only a volume meant
/// for it.
fn best_of_all<'w>(world: &'w World, key: &Key, claim: &Node, delayed: bool) -> Option<&'w Key> {
    let taken = BTreeSet::new();
    let wish = Wish { key, claim, size: requested(claim), taken: &taken };
    let wanted = access_modes(claim);
    let mut ways: Vec<(Vec<Text>, Result<&Key, ClassAndModes>)> = Vec::new();
    for (name, volume) in wish.reserved(world) {
        let modes = access_modes(volume);
        if wanted.is_subset(&modes) {
            ways.push((modes.into_iter().map(Text::from).collect(), Ok(name)));
        }
    }
    if !delayed {
        ways.extend(wish.shelves(world).into_iter().map(|shelf| (shelf.modes.clone(), Err(shelf))));
    }
    ways.sort_by(|(one, _), (other, _)| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
    ways.into_iter().find_map(|(_, way)| match way {
        Ok(meant) => Some(meant),
        Err(shelf) => wish.smallest(world, &shelf, |_| true).map(|(name, _)| name),
    })
}

/// Why a volume that a claim names cannot be its own.
/// `checkVolumeSatisfyClaim`, pkg/controller/volume/persistentvolume.
fn misfit(volume: &Node, claim: &Node) -> Option<String> {
    if is_ending(volume) {
        return Some(format!("the volume is marked for deletion \"{}\"", text(volume, &["metadata", "name"])));
    }
    let reason = if capacity(volume) < requested(claim) {
        "requested PV is too small"
    } else if class_of(volume) != class_of(claim) {
        "storageClassName does not match"
    } else if attributes_class(volume) != attributes_class(claim) {
        "volumeAttributesClassName does not match"
    } else if volume_mode(volume) != volume_mode(claim) {
        "incompatible volumeMode"
    } else if !access_modes(claim).is_subset(&access_modes(volume)) {
        "incompatible accessMode"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

// ---- claims
/// `syncClaim`, pkg/controller/volume/persistentvolume.
fn sync_claim(world: &mut World, key: &Key) {
    if is_settled(world, key) {
        return;
    }
    let Some(claim) = world.store.get(key).cloned() else { return };
    if annotation(&claim, BIND_COMPLETED).is_some() {
        sync_bound(world, key, &claim);
    } else {
        sync_unbound(world, key, &claim);
    }
}

/// Whether a claim and its volume are tied to each other in every respect, as most are at most times.
fn is_settled(world: &World, key: &Key) -> bool {
    let Some(claim) = world.store.get(key).filter(|claim| is_bound(claim) && phase(claim) == "Bound") else {
        return false;
    };
    let volume = world.store.get(&Key::new(VOLUME, "", text(claim, &["spec", "volumeName"])));
    volume.is_some_and(|volume| {
        phase(volume) == "Bound"
            && is_for(volume, key, claim)
            && claim_ref(volume).is_some_and(|reference| text(reference, &["uid"]) == uid(claim))
            && volume.find(&["spec", "accessModes"]) == claim.find(&["status", "accessModes"])
    })
}

/// `syncUnboundClaim`, pkg/controller/volume/persistentvolume.
fn sync_unbound(world: &mut World, key: &Key, claim: &Node) {
    let wanted = text(claim, &["spec", "volumeName"]);
    if !wanted.is_empty() {
        return sync_named(world, key, claim, &Key::new(VOLUME, "", wanted));
    }
    let delayed = is_delayed(world, claim);
    if let Some(volume) = best_of_all(world, key, claim, delayed).cloned() {
        return bind(world, &volume, key);
    }
    if stated_class(claim).is_none()
        && let Some(default) = world.default_class()
    {
        world.store.set_text(key, &["spec", "storageClassName"], default);
        return;
    }
    set_claim_phase(world, key, "Pending", None);
    if delayed && annotation(claim, SELECTED_NODE).is_none() {
        say_waiting(world, key);
    } else if stated_class(claim).is_none() && !world.knows_classes {
        world.note_gap(key, Gap::DefaultClass);
    } else if class_of(claim).is_empty() {
        world.say(
            key,
            false,
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
        );
    } else {
        ask_for_volume(world, key, claim);
    }
}

fn say_waiting(world: &mut World, key: &Key) {
    let waiting = |(_, pod): &(&Key, &Node)| node_name(pod).is_empty() && !super::world::is_over(pod);
    let pods: Vec<&str> = world.users(key).filter(waiting).map(|(key, _)| key.name.as_str()).collect();
    let (reason, message) = match pods.as_slice() {
        [] => ("WaitForFirstConsumer", "waiting for first consumer to be created before binding".to_owned()),
        [pod] => ("WaitForPodScheduled", format!("waiting for pod {pod} to be scheduled")),
        pods => ("WaitForPodScheduled", format!("waiting for pods {} to be scheduled", pods.join(","))),
    };
    world.say(key, false, reason, message);
}

/// Leaves the making of a volume to the class's provisioner.
/// `provisionClaimOperationExternal`, pkg/controller/volume/persistentvolume.
fn ask_for_volume(world: &mut World, key: &Key, claim: &Node) {
    let class = class_of(claim);
    if world.class(class).is_none() && !world.knows_classes {
        return world.note_gap(key, Gap::Class(class.into()));
    }
    let Some(provisioner) = world.class(class).map(|class| text(class, &["provisioner"]).to_owned()) else {
        let message = format!("storageclass.storage.k8s.io \"{class}\" not found");
        return world.say_because(Cause::NoClass, key, true, "ProvisioningFailed", message);
    };
    let successor = MIGRATED.iter().find(|(old, _)| *old == provisioner).map(|(_, new)| (*new).to_owned());
    if provisioner.starts_with("kubernetes.io/") && successor.is_none() {
        let message = match provisioner.as_str() {
            "kubernetes.io/host-path" => {
                "Failed to create provisioner: provisioning in volume plugin \"kubernetes.io/host-path\" is disabled"
                    .to_owned()
            }
            "kubernetes.io/nfs" => "no provisionable volume plugin matched".to_owned(),
            _ => format!("no volume plugin matched name: {provisioner}"),
        };
        return world.say(key, true, "ProvisioningFailed", message);
    }
    let provisioner = successor.unwrap_or(provisioner);
    world.store.set_text(key, &["metadata", "annotations", PROVISIONER], provisioner.as_str());
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the \
            system administrator. If \
         volume creation is delayed, please verify that the provisioner is running and correctly registered."
    );
    world.say(key, false, "ExternalProvisioning", message);
}

/// A claim that says which volume it wants.
fn sync_named(world: &mut World, key: &Key, claim: &Node, name: &Key) {
    let Some(volume) = world.store.get(name).cloned() else { return set_claim_phase(world, key, "Pending", None) };
    if is_for(&volume, key, claim) {
        return bind(world, name, key);
    }
    let trouble = if claim_ref(&volume).is_some() {
        Some(("FailedBinding", format!("volume \"{}\" already bound to a different claim.", name.name)))
    } else {
        misfit(&volume, claim)
            .map(|why| ("VolumeMismatch", format!("Cannot bind to requested volume \"{}\": {why}", name.name)))
    };
    match trouble {
        None => bind(world, name, key),
        Some((reason, message)) => {
            world.say(key, true, reason, message);
            set_claim_phase(world, key, "Pending", None);
        }
    }
}

/// `syncBoundClaim`, pkg/controller/volume/persistentvolume.
fn sync_bound(world: &mut World, key: &Key, claim: &Node) {
    let name = Key::new(VOLUME, "", text(claim, &["spec", "volumeName"]));
    let lost = match world.store.get(&name) {
        _ if name.name.is_empty() => {
            ("ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!")
        }
        None => ("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!"),
        Some(volume) if claim_ref(volume).is_none_or(|reference| text(reference, &["uid"]) == uid(claim)) => {
            return bind(world, &name, key);
        }
        Some(_) => ("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly"),
    };
    if phase(claim) != "Lost" {
        set_claim_phase(world, key, "Lost", None);
        world.say(key, true, lost.0, lost.1);
    }
}

fn set_claim_phase(world: &mut World, key: &Key, to: &str, volume: Option<&Node>) {
    let changes = world.store.get(key).map(phase) != Some(to);
    match volume {
        None => {
            world.store.set(key, &["status", "accessModes"], None);
            world.store.set(key, &["status", "capacity"], None);
        }
        Some(volume) => {
            world.store.set(
                key,
                &["status", "accessModes"],
                volume.find(&["spec", "accessModes"]).map(|modes| modes.data.clone()),
            );
            if changes {
                world.store.set(
                    key,
                    &["status", "capacity"],
                    volume.find(&["spec", "capacity"]).map(|capacity| capacity.data.clone()),
                );
            }
        }
    }
    world.store.set_text(key, &["status", "phase"], to);
}

/// Ties a volume and a claim to each other.
/// `bind`, pkg/controller/volume/persistentvolume.
fn bind(world: &mut World, volume: &Key, claim: &Key) {
    point_at_claim(world, volume, claim);
    world.store.set_text(volume, &["status", "phase"], "Bound");
    if world.store.get(claim).is_some_and(|claim| text(claim, &["spec", "volumeName"]) != volume.name) {
        world.store.set_text(claim, &["spec", "volumeName"], volume.name.clone());
        world.store.set_text(claim, &["metadata", "annotations", BOUND_BY_CONTROLLER], "yes");
    }
    world.store.set_text(claim, &["metadata", "annotations", BIND_COMPLETED], "yes");
    let bound = world.store.get(volume).cloned();
    set_claim_phase(world, claim, "Bound", bound.as_ref());
}

/// Writes a claim into a volume's `claimRef`: the binder does so, and the scheduler for the volume it has chosen.
/// `bindVolumeToClaim`, pkg/controller/volume/persistentvolume.
pub(crate) fn point_at_claim(world: &mut World, volume: &Key, claim: &Key) {
    let (Some(old), Some(node)) = (world.store.get(volume), world.store.get(claim)) else { return };
    let id = uid(node);
    let reserved = is_for(old, claim, node);
    if !reserved || claim_ref(old).is_none_or(|reference| text(reference, &["uid"]) != id) {
        for (field, value) in [
            ("kind", CLAIM),
            ("apiVersion", "v1"),
            ("namespace", &claim.namespace),
            ("name", &claim.name),
            ("uid", &id),
        ] {
            world.store.set_text(volume, &["spec", "claimRef", field], value);
        }
    }
    if !reserved {
        world.store.set_text(volume, &["metadata", "annotations", BOUND_BY_CONTROLLER], "yes");
    }
}

// ---- volumes
/// `syncVolume`, pkg/controller/volume/persistentvolume.
fn sync_volume(world: &mut World, key: &Key) {
    let Some(volume) = world.store.get(key).filter(|volume| !is_held(world, key, volume)).cloned() else { return };
    let Some(reference) = claim_ref(&volume).filter(|reference| !text(reference, &["uid"]).is_empty()) else {
        return world.store.set_text(key, &["status", "phase"], "Available");
    };
    let name = Key::new(CLAIM, text(reference, &["namespace"]), text(reference, &["name"]));
    let claim = world.store.get(&name).filter(|claim| uid(claim) == text(reference, &["uid"])).cloned();
    let Some(claim) = claim else { return release(world, key) };
    match text(&claim, &["spec", "volumeName"]) {
        "" if volume_mode(&claim) != volume_mode(&volume) => {
            if phase(&volume).is_empty() {
                world.store.set_text(key, &["status", "phase"], "Pending");
            }
            let message = format!(
                "Cannot bind PersistentVolume to requested PersistentVolumeClaim \"{}\" due to incompatible \
                    volumeMode.",
                name.name
            );
            world.say(key, true, "VolumeMismatch", message);
            let message = format!(
                "Cannot bind PersistentVolume \"{}\" to requested PersistentVolumeClaim due to incompatible \
                    volumeMode.",
                key.name
            );
            world.say(&name, true, "VolumeMismatch", message);
        }
        "" => {}
        bound if bound == key.name => world.store.set_text(key, &["status", "phase"], "Bound"),
        _ if annotation(&volume, PROVISIONED_BY).is_some()
            && text(&volume, &["spec", "persistentVolumeReclaimPolicy"]) == "Delete" =>
        {
            release(world, key);
        }
        _ => unbind(world, key),
    }
}

/// Whether a volume waits for a claim.
fn is_idle(volume: &Node) -> bool {
    phase(volume) == "Available" && claim_ref(volume).is_none_or(|reference| text(reference, &["uid"]).is_empty())
}

/// Whether a volume is in the hands of the claim that it names.
fn is_held(world: &World, key: &Key, volume: &Node) -> bool {
    let Some(reference) = claim_ref(volume).filter(|_| phase(volume) == "Bound") else { return false };
    let claim = world.store.get(&Key::new(CLAIM, text(reference, &["namespace"]), text(reference, &["name"])));
    claim.is_some_and(|claim| {
        uid(claim) == text(reference, &["uid"]) && text(claim, &["spec", "volumeName"]) == key.name
    })
}

/// `unbindVolume`, pkg/controller/volume/persistentvolume.
fn unbind(world: &mut World, key: &Key) {
    let by_controller = world.store.get(key).is_some_and(|volume| annotation(volume, BOUND_BY_CONTROLLER).is_some());
    if by_controller {
        world.store.set(key, &["spec", "claimRef"], None);
        world.store.set(key, &["metadata", "annotations", BOUND_BY_CONTROLLER], None);
    } else {
        world.store.set(key, &["spec", "claimRef", "uid"], None);
    }
    world.store.set_text(key, &["status", "phase"], "Available");
}

/// A volume whose claim is gone: its reclaim policy says what becomes of it.
/// `reclaimVolume`, pkg/controller/volume/persistentvolume.
fn release(world: &mut World, key: &Key) {
    let Some(volume) = world.store.get(key).cloned() else { return };
    if !matches!(phase(&volume), "Released" | "Failed") {
        world.store.set_text(key, &["status", "phase"], "Released");
    }
    let has = |source: &str| volume.find(&["spec", source]).is_some_and(|source| !source.is_null());
    match text(&volume, &["spec", "persistentVolumeReclaimPolicy"]) {
        "Recycle" if has("hostPath") || has("nfs") => {
            world.say(key, false, "VolumeRecycled", "Volume recycled");
            unbind(world, key);
        }
        "Recycle" => fail(world, key, "VolumeFailedRecycle", "No recycler plugin found for the volume!".to_owned()),
        "Delete" => match deletion(world, key, &volume, has) {
            Deletion::Done => super::controller::garbage::delete(world, key),
            Deletion::LeftToDriver => {}
            Deletion::Failed(why) => fail(world, key, "VolumeFailedDelete", why),
        },
        _ => {}
    }
}

enum Deletion {
    Done,
    LeftToDriver,
    Failed(String),
}

/// `deleteVolumeOperation`, pkg/controller/volume/persistentvolume.
fn deletion(world: &World, key: &Key, volume: &Node, has: impl Fn(&str) -> bool) -> Deletion {
    if let Some(provisioner) = annotation(volume, PROVISIONED_BY).filter(|provisioner| !provisioner.is_empty()) {
        return match provisioner {
            name if world.provisioners.has(name) => Deletion::Done,
            "kubernetes.io/host-path" => Deletion::Failed(format!("no volume plugin matched name: {provisioner}")),
            _ => Deletion::LeftToDriver,
        };
    }
    if has("csi") {
        return Deletion::LeftToDriver;
    }
    let none =
        |why: &str| Deletion::Failed(format!("error getting deleter volume plugin for volume \"{}\": {why}", key.name));
    if has("hostPath") {
        let path = text(volume, &["spec", "hostPath", "path"]);
        let scratch = path.strip_prefix("/tmp/").is_some_and(|rest| !rest.is_empty());
        let refused =
            || Deletion::Failed(format!("host_path deleter only supports /tmp/.+ but received provided {path}"));
        return if scratch { Deletion::Done } else { refused() };
    }
    none(if has("nfs") { "no deletable volume plugin matched" } else { "no volume plugin matched" })
}

fn fail(world: &mut World, key: &Key, reason: &str, why: String) {
    if world.store.get(key).map(phase) != Some("Failed") {
        world.store.set_text(key, &["status", "phase"], "Failed");
        world.say(key, true, reason, why);
    }
}

// ---- provisioners

/// What an external provisioner does for a claim: makes its volume, or gives it the size it now asks for.
fn provision(world: &mut World, key: &Key) {
    let Some(claim) = world.store.get(key).filter(|claim| annotation(claim, PROVISIONER).is_some()).cloned() else {
        return;
    };
    let Some(class) = world.class(class_of(&claim)).cloned() else { return };
    if !annotation(&claim, PROVISIONER).is_some_and(|name| world.provisioners.has(name)) {
        return;
    }
    if !text(&claim, &["spec", "volumeName"]).is_empty() {
        return grow(world, key, &claim);
    }
    let node = annotation(&claim, SELECTED_NODE);
    if text(&class, &["volumeBindingMode"]) == "WaitForFirstConsumer" && node.is_none() {
        return;
    }
    let name = Key::new(VOLUME, "", world.made_volume(&claim));
    if world.store.get(&name).is_none() {
        let zone = node.and_then(|node| zone_of(world, node));
        let volume = made_for(key, &claim, &class, &name.name, zone.as_deref());
        world.create(&name, volume);
    }
}

fn zone_of(world: &World, node: &str) -> Option<String> {
    let machine = world.nodes.as_ref()?.iter().find(|machine| machine.name == node)?;
    machine.labels.get(ZONE)?.as_str().map(str::to_owned)
}

const ZONE: &str = "topology.kubernetes.io/zone";

fn made_for(key: &Key, claim: &Node, class: &Node, name: &str, zone: Option<&str>) -> Node {
    let at = claim.at;
    let mut volume = Node::map(Map::new(), at);
    let mut write = |path: &[&str], value: &str| put(&mut volume, path, Node::text(value, at));
    write(&["apiVersion"], "v1");
    write(&["kind"], VOLUME);
    write(&["metadata", "name"], name);
    write(&["metadata", "annotations", PROVISIONED_BY], text(class, &["provisioner"]));
    write(&["spec", "capacity", "storage"], &requested(claim).to_string());
    write(&["spec", "storageClassName"], text(class, &["metadata", "name"]));
    let policy = text(class, &["reclaimPolicy"]);
    write(&["spec", "persistentVolumeReclaimPolicy"], if policy.is_empty() { "Delete" } else { policy });
    write(&["spec", "volumeMode"], volume_mode(claim));
    write(&["spec", "csi", "driver"], text(class, &["provisioner"]));
    write(&["spec", "csi", "volumeHandle"], name);
    write(&["spec", "claimRef", "namespace"], &key.namespace);
    write(&["spec", "claimRef", "name"], &key.name);
    write(&["spec", "claimRef", "uid"], &uid(claim));
    if let Some(modes) = claim.find(&["spec", "accessModes"]) {
        put(&mut volume, &["spec", "accessModes"], modes.clone());
    }
    if let Some(zone) = zone {
        put(&mut volume, &["spec", "nodeAffinity", "required", "nodeSelectorTerms"], zone_terms(zone, at));
    }
    volume
}

fn zone_terms(zone: &str, at: At) -> Node {
    let mut expression = Node::map(Map::new(), at);
    put(&mut expression, &["key"], Node::text(ZONE, at));
    put(&mut expression, &["operator"], Node::text("In", at));
    put(&mut expression, &["values"], Node::list(vec![Node::text(zone, at)], at));
    let mut term = Node::map(Map::new(), at);
    put(&mut term, &["matchExpressions"], Node::list(vec![expression], at));
    Node::list(vec![term], at)
}

fn grow(world: &mut World, key: &Key, claim: &Node) {
    let want = requested(claim);
    if phase(claim) == "Bound" && Quantity::stored(claim.find(&["status", "capacity", "storage"])) < want {
        let volume = Key::new(VOLUME, "", text(claim, &["spec", "volumeName"]));
        world.store.set_text(&volume, &["spec", "capacity", "storage"], want.to_string());
        world.store.set_text(key, &["status", "capacity", "storage"], want.to_string());
    }
}

/// Gives a new claim that states no class the default one, as the server does on creation.
/// `Admit`, plugin/pkg/admission/storage/storageclass/setdefault.
pub(crate) fn fill(world: &World, claim: &mut Node) {
    let at = claim.at;
    if stated_class(claim).is_none()
        && let Some(default) = world.default_class()
    {
        put(claim, &["spec", "storageClassName"], Node::text(default, at));
    }
    if text(claim, &["spec", "volumeMode"]).is_empty() {
        put(claim, &["spec", "volumeMode"], Node::text("Filesystem", at));
    }
}
