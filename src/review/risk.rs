//! What in a change can cost data. Each has a name bound to exactly that change: what an acknowledgement must say.

use super::danger::{Danger, Loss, Mounted};
use super::disk::{node_of, source};
use super::known::Known;
use super::mounts::{Fate, Kept, displaced};
use super::names::Names;
use super::set::{Set, When};
use crate::block::scalar_text;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::object::stated_request;
use crate::cluster::rehearse::Outcome;
use crate::cluster::state::{ClaimPhase, ClaimState, VolumePhase};
use crate::k8s::object::ObjectName;
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// A change that can cost data.
#[derive(Clone, Debug)]
pub struct Risk {
    /// What happens.
    pub danger: Danger,
    /// What an acknowledgement of it says: `scale-down StatefulSet/kubia 5 to 3`.
    pub change: String,
    /// The object that it is said of, as it was called.
    pub of: ResourceId,
    /// The object whose change it is, as it is called now; as it was called, if it is gone.
    pub about: ResourceId,
    /// The field that it is about; empty for all of the object.
    pub field: &'static str,
    /// Whether the user has acknowledged it.
    pub acknowledged: bool,
}

/// Two bundles, and what the rehearsal of one after the other showed.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsed<'a> {
    /// What was committed.
    pub committed: &'a Bundle,
    /// What comes.
    pub fresh: &'a Bundle,
    /// The cluster after the first.
    pub before: &'a Outcome,
    /// The cluster after the second.
    pub after: &'a Outcome,
    /// What is looked up in them.
    pub known: &'a Known<'a>,
    /// The namespace of objects that name none.
    pub home: &'a str,
}

/// So many claims of one set are told of, at most.
const MOST_TOLD: usize = 5_000;

/// What runs pods, and can be changed.
const MOUNTING: [&str; 4] = ["StatefulSet", "Deployment", "DaemonSet", "ReplicaSet"];

/// What can cost data in a step, by what the manifests say and by what the rehearsal showed.
#[must_use]
pub fn risks(step: Rehearsed<'_>) -> Vec<Risk> {
    let mut risks = Risks { list: Vec::new(), told: BTreeSet::new(), home: step.home };
    let held = held(step);
    for set in step.committed.of_kind("StatefulSet") {
        match step.fresh.get(&set.id) {
            Some(later) => risks.changed_set(Set(set), Set(later)),
            None => risks.removed_set(Set(set), step),
        }
    }
    for kind in MOUNTING {
        for workload in step.committed.of_kind(kind) {
            let later = step.fresh.get(&workload.id).or_else(|| step.fresh.get(successor(&workload.id, step)?));
            if let Some(later) = later {
                risks.displaced_mounts(workload, later, step);
            }
        }
    }
    for volume in step.committed.of_kind("PersistentVolume") {
        match step.fresh.get(&volume.id) {
            Some(later) => risks.changed_volume(volume, later),
            None => risks.removed_volume(volume, &held, step),
        }
    }
    for claim in step.committed.of_kind("PersistentVolumeClaim") {
        match step.fresh.get(&claim.id) {
            Some(later) => risks.shrunk(&claim.id, None, (&claim.node, &later.node), "spec.resources"),
            None => risks.removed_claim(claim, step),
        }
    }
    for service in step.committed.of_kind("Service").filter(|service| step.fresh.get(&service.id).is_none()) {
        risks.removed_service(service, step);
    }
    for home in ["Namespace", "CustomResourceDefinition"].into_iter().flat_map(|kind| step.committed.of_kind(kind)) {
        if step.fresh.get(&home.id).is_none() {
            risks.removed_home(home, step);
        }
    }
    risks.one_disk(step);
    risks.rehearsed(step);
    risks.list
}

struct Risks<'s> {
    list: Vec<Risk>,
    /// The claims whose end is told already.
    told: BTreeSet<ObjectName>,
    home: &'s str,
}

impl Risks<'_> {
    /// Notes that nothing more needs to be said of a set's claims.
    fn tell(&mut self, id: &ResourceId, claims: &[String]) {
        // No rehearsal has more claims of one set to show.
        for claim in claims.iter().take(MOST_TOLD) {
            self.told.insert(id.object(self.home).sibling(claim.as_str()));
        }
    }

    fn add(&mut self, of: &ResourceId, field: &'static str, danger: Danger) {
        self.add_about(of, of, field, danger);
    }

    /// Notes what happens to an object that is called otherwise now.
    fn add_about(&mut self, about: &ResourceId, of: &ResourceId, field: &'static str, danger: Danger) {
        let change = danger.name(of, self.home);
        self.list.push(Risk { danger, change, of: of.clone(), about: about.clone(), field, acknowledged: false });
    }

    /// Notes that an object is gone, or has another name.
    fn gone(&mut self, id: &ResourceId, loss: Loss, step: Rehearsed<'_>) {
        match successor(id, step) {
            Some(next) => self.add_about(next, id, "metadata", Danger::Rename { to: next.clone(), loss }),
            None => self.add(id, "", Danger::Remove(loss)),
        }
    }

    fn changed_set(&mut self, set: Set<'_>, later: Set<'_>) {
        let id = &set.0.id;
        if set.templates().next().is_some() {
            self.fewer_replicas(set, later);
            self.other_ordinals(set, later);
            if set.0.node.find(SELECTOR) != later.0.node.find(SELECTOR) {
                self.add(id, "spec.selector", Danger::Selector);
            }
        }
        for when in [When::Deleted, When::Scaled] {
            if !set.says().deletes_claims(when) && later.says().deletes_claims(when) {
                self.add(id, "spec.persistentVolumeClaimRetentionPolicy", Danger::Retention(when));
            }
        }
        for (name, template) in set.templates() {
            match later.template(name) {
                Some(other) => self.changed_template(set, name, template, other),
                None => self.removed_template(set, later, name, template),
            }
        }
    }

    fn fewer_replicas(&mut self, set: Set<'_>, later: Set<'_>) {
        let (id, old, new) = (&set.0.id, set.replicas(), later.replicas());
        if new >= old {
            return;
        }
        let claims = set.claims(set.start().saturating_add(new.max(0))..set.ordinals().end);
        let deleted = later.says().deletes_claims(When::Scaled);
        if deleted {
            self.tell(id, &claims);
        }
        let unsaid = later.0.node.find(&["spec", "replicas"]).is_none();
        let danger = Danger::ScaleDown { old, new, unsaid, claims: claims.iter().collect(), deleted };
        self.add(id, "spec.replicas", danger);
    }

    fn other_ordinals(&mut self, set: Set<'_>, later: Set<'_>) {
        let (old, new) = (set.start(), later.start());
        if old != new {
            self.add(&set.0.id, "spec.ordinals", Danger::Ordinals { old, new });
        }
    }

    /// A claim template that is there before and after.
    fn changed_template(&mut self, set: Set<'_>, name: &str, old: &Node, new: &Node) {
        let id = &set.0.id;
        self.shrunk(id, Some(name), (old, new), "spec.volumeClaimTemplates");
        let class = |template: &Node| template.find(&["spec", "storageClassName"]).and_then(scalar_text);
        let (from, to) = (class(old), class(new));
        if from != to {
            self.add(id, "spec.volumeClaimTemplates", Danger::Class { template: name.into(), from, to });
        }
    }

    fn shrunk(&mut self, id: &ResourceId, template: Option<&str>, (old, new): (&Node, &Node), field: &'static str) {
        let (Some(from), Some(to)) = (stated_request(old), stated_request(new)) else { return };
        if to.amount < from.amount {
            self.add(id, field, Danger::Shrink { template: template.map(Text::from), from, to });
        }
    }

    fn removed_template(&mut self, set: Set<'_>, later: Set<'_>, name: &str, template: &Node) {
        const FIELD: &str = "spec.volumeClaimTemplates";
        let id = &set.0.id;
        let is_new = |other: &str| set.template(other).is_none();
        let mut templates = later.templates();
        let successor = templates.find(|(other, node)| is_new(other) && node.get("spec") == template.get("spec"));
        let claims = |set: Set<'_>, name| set.ordinals().map(|ordinal| set.claim(name, ordinal)).collect::<Names>();
        let left = claims(set, name);
        if let Some((next, _)) = successor {
            let empty = claims(later, next);
            self.add(id, FIELD, Danger::RenameTemplate { from: name.into(), to: next.into(), empty, left });
        } else if !left.is_empty() {
            self.add(id, FIELD, Danger::DropTemplate { template: name.into(), left });
        }
    }

    /// What the app finds at a path is not what was there.
    fn displaced_mounts(&mut self, old: &Resource, new: &Resource, step: Rehearsed<'_>) {
        let stays = |kept: Kept<&str>| match kept {
            Kept::Template(name) => Set(new).template(name).is_some(),
            Kept::Claim(name) => {
                let id = claim_id(&old.id.namespace, name);
                successor(&id, step).is_none() && (step.committed.get(&id).is_none() || step.fresh.get(&id).is_some())
            }
        };
        let mut told = BTreeSet::new();
        for mount in displaced(old, new, stays) {
            let fate = match mount.fate {
                Fate::Elsewhere(other) => Mounted::At(other.into()),
                Fate::Directory(from, to) => Mounted::Directory(from.into(), to.into()),
                Fate::Replaced(other) => Mounted::Other(other.owned()),
                Fate::Gone => Mounted::Nowhere,
            };
            let (container, path) = (mount.container.into(), mount.path.into());
            let danger = Danger::Mount { container, kept: mount.kept.owned(), path, fate };
            if told.insert(danger.name(&new.id, self.home)) {
                self.add(&new.id, "spec.template.spec.containers", danger);
            }
        }
    }

    fn removed_set(&mut self, set: Set<'_>, step: Rehearsed<'_>) {
        let id = &set.0.id;
        let claims = set.claims(set.ordinals());
        if claims.is_empty() {
            return;
        }
        let deleted = set.says().deletes_claims(When::Deleted);
        if deleted {
            self.tell(id, &claims);
        }
        self.gone(id, Loss::Set { claims: claims.iter().collect(), deleted }, step);
    }

    fn changed_volume(&mut self, volume: &Resource, later: &Resource) {
        let id = &volume.id;
        let policy = |resource| word(resource, &["spec", "persistentVolumeReclaimPolicy"], "Retain");
        if policy(volume) == "Retain" && policy(later) != "Retain" {
            self.add(id, "spec.persistentVolumeReclaimPolicy", Danger::Reclaim(policy(later).into()));
        }
        let (old, new) = (claim_of(volume), claim_of(later));
        if let (Some(old), Some(new)) = (&old, &new)
            && old != new
        {
            self.told.insert(old.clone());
            self.add(id, "spec.claimRef", Danger::Claim { from: old.clone(), to: new.clone() });
        }
        let tied = node_of(volume).is_some() && node_of(later).is_some();
        let disk = |resource| {
            Some(format!(
                "{}{}",
                source(resource)?,
                node_of(resource).filter(|_| tied).map(|node| format!(" on {node}")).unwrap_or_default()
            ))
        };
        if let (Some(from), Some(to)) = (disk(volume), disk(later))
            && from != to
            && old.is_some()
        {
            self.add(id, "spec", Danger::Disk { from, to });
        }
    }

    fn removed_volume(&mut self, volume: &Resource, held: &BTreeMap<&str, &ClaimState>, step: Rehearsed<'_>) {
        let id = &volume.id;
        let Some(claim) = held.get(&*id.name) else { return };
        self.gone(id, Loss::Volume(claim.name.clone()), step);
    }

    fn removed_claim(&mut self, claim: &Resource, step: Rehearsed<'_>) {
        let id = &claim.id;
        self.tell(id, &[id.name.to_string()]);
        self.gone(id, Loss::Claim, step);
    }

    /// The Service that gives pods their names goes, and the set still counts on it.
    fn removed_service(&mut self, service: &Resource, step: Rehearsed<'_>) {
        let id = &service.id;
        let Some(set) = step.known.governed.get(&(id.namespace.as_str(), id.name.as_str())) else { return };
        let about = successor(id, step).unwrap_or(id);
        self.add_about(about, id, "metadata", Danger::Governing { set: set.id.clone() });
    }

    /// What lives in a namespace, or is of a custom kind, goes with it, whether a manifest names it or not.
    fn removed_home(&mut self, home: &Resource, step: Rehearsed<'_>) {
        let id = &home.id;
        let loss = if id.kind == "Namespace" {
            Loss::Namespace(step.known.claims_in.get(&*id.name).copied().unwrap_or_default())
        } else {
            Loss::Definition
        };
        let about = successor(id, step).unwrap_or(id);
        self.add_about(about, id, "", Danger::Remove(loss));
    }

    /// Two volumes on one disk, where there were none before.
    fn one_disk(&mut self, step: Rehearsed<'_>) {
        let shared = |bundle: &Bundle| -> BTreeMap<String, Vec<ResourceId>> {
            let mut disks: BTreeMap<String, Vec<ResourceId>> = BTreeMap::new();
            for volume in bundle.of_kind("PersistentVolume") {
                let Some(mut disk) = source(volume).filter(|_| !is_for_many(volume)) else { continue };
                let is_path = volume.node.find(&["spec", "hostPath"]).is_some();
                match node_of(volume) {
                    Some(node) => disk = format!("{disk} on {node}"),
                    // Without a node nobody knows whether it is the same path on the same machine.
                    None if is_path => continue,
                    None => {}
                }
                disks.entry(disk).or_default().push(volume.id.clone());
            }
            disks.retain(|_, volumes| volumes.len() > 1);
            disks
        };
        let known = shared(step.committed);
        for (disk, volumes) in shared(step.fresh).into_iter().filter(|(disk, _)| !known.contains_key(disk)) {
            let newest = volumes.iter().find(|id| step.committed.get(id).is_none()).unwrap_or(&volumes[0]);
            let names = volumes.iter().map(|id| &id.name).collect();
            self.add(newest, "spec", Danger::Share { disk, volumes: names });
        }
    }

    /// What the rehearsal showed beyond what the manifests say.
    fn rehearsed(&mut self, step: Rehearsed<'_>) {
        let state = &step.after.state;
        // An object of the namespace that goes without saying is called as its manifest calls it: without it.
        let about = |claim: &ObjectName| {
            claim_id(if claim.namespace == step.home { "" } else { &claim.namespace }, &claim.name)
        };
        // What a pod has for itself alone is meant to go with it.
        let pods = step.before.state.pods.iter();
        let own: BTreeSet<ObjectName> =
            pods.flat_map(|pod| pod.own_claims.iter().map(|claim| pod.name.sibling(claim.clone()))).collect();
        let changes = &state.changes.claims;
        let removed = changes.removed.iter().filter(|claim| !self.told.contains(*claim) && !own.contains(*claim));
        for claim in removed.cloned().collect::<Vec<_>>() {
            self.add(&about(&claim), "", Danger::DeleteClaim(claim));
        }
        for claim in changes.replaced.iter().filter(|claim| !own.contains(*claim)) {
            self.add(&about(claim), "", Danger::ReplaceClaim(claim.clone()));
        }
        for claim in state.claims.iter().filter(|claim| claim.phase == ClaimPhase::Lost) {
            let before = step.known.claims_before.get(&claim.name);
            let was_fine = before.is_some_and(|old| old.phase != ClaimPhase::Lost);
            if was_fine && !self.told.contains(&claim.name) {
                self.add(&about(&claim.name), "", Danger::LoseClaim(claim.name.clone()));
            }
        }
    }
}

/// The claims that hold a volume before and afterwards, by the volume.
fn held(step: Rehearsed<'_>) -> BTreeMap<&str, &ClaimState> {
    let bound = step.before.state.volumes.iter().filter(|volume| volume.phase == VolumePhase::Bound);
    let bound: BTreeSet<&str> = bound.map(|volume| volume.name.as_str()).collect();
    let claims = step.after.state.claims.iter().filter_map(|claim| Some((claim.volume.as_deref()?, claim)));
    claims.filter(|(volume, _)| bound.contains(volume)).collect()
}

const SELECTOR: &[&str] = &["spec", "selector"];

fn word<'r>(resource: &'r Resource, path: &[&str], otherwise: &'r str) -> &'r str {
    resource.node.find(path).and_then(Node::as_str).unwrap_or(otherwise)
}

/// What an object is called now.
fn successor<'m>(id: &ResourceId, step: Rehearsed<'m>) -> Option<&'m ResourceId> {
    step.known.successors.get(id).copied()
}

/// The claim that a volume is kept for.
fn claim_of(volume: &Resource) -> Option<ObjectName> {
    let part = |field| volume.node.find(&["spec", "claimRef", field]).and_then(Node::as_str);
    part("name").map(|name| ObjectName::new(part("namespace").unwrap_or("default"), name))
}

/// Whether more than one node may use a volume at once: sharing it is then the point.
fn is_for_many(volume: &Resource) -> bool {
    let modes = volume.node.find(&["spec", "accessModes"]).and_then(Node::as_list).unwrap_or_default();
    modes.iter().any(|mode| matches!(mode.as_str(), Some("ReadWriteMany" | "ReadOnlyMany")))
}

fn claim_id(namespace: &str, name: &str) -> ResourceId {
    ResourceId {
        group: Text::default(),
        kind: "PersistentVolumeClaim".into(),
        namespace: namespace.into(),
        name: name.into(),
    }
}
