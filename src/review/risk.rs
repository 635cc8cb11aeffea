//! What in a change can cost data. Each has a name bound to exactly that change: what an acknowledgement must say.

use super::disk::{node_of, source};
use super::known::Known;
use super::mounts::{Fate, Kept, displaced};
use super::set::Set;
use crate::block::scalar_text;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::rehearse::Outcome;
use crate::cluster::state::{ClaimPhase, ClaimState, VolumePhase};
use crate::diagnostic::bare_listing;
use crate::k8s::object::ObjectName;
use crate::k8s::quantity::Quantity;
use crate::value::Node;
use std::collections::{BTreeMap, BTreeSet};

/// A change that can cost data.
#[derive(Clone, Debug)]
pub struct Risk {
    /// What an acknowledgement says: `scale-down StatefulSet/kubia 5 to 3`.
    pub change: String,
    /// What happens, in a sentence.
    pub what: String,
    /// The object whose change it is, as it is called now; as it was called, if it is gone.
    pub about: ResourceId,
    /// The field that it is about; empty for all of the object.
    pub field: &'static str,
    /// Whether the user has acknowledged it.
    pub acknowledged: bool,
}

/// Two bundles, and what the rehearsal of one after the other showed.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
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

/// So many names are said of one risk.
const NAMED: usize = 6;

/// What runs pods, and can be changed.
const MOUNTING: [&str; 4] = ["StatefulSet", "Deployment", "DaemonSet", "ReplicaSet"];

/// What can cost data in a step, by what the manifests say and by what the rehearsal showed.
#[must_use]
pub fn risks(step: Step<'_>) -> Vec<Risk> {
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
            Some(later) => risks.shrunk(&claim.id, &claim.id.to_string(), (&claim.node, &later.node), "spec.resources"),
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

    fn add(&mut self, about: &ResourceId, field: &'static str, change: String, what: String) {
        self.list.push(Risk { change, what, about: about.clone(), field, acknowledged: false });
    }

    fn changed_set(&mut self, set: Set<'_>, later: Set<'_>) {
        let id = &set.0.id;
        if set.templates().next().is_some() {
            self.fewer_replicas(set, later);
            self.other_ordinals(set, later);
            if set.0.node.find(SELECTOR) != later.0.node.find(SELECTOR) {
                self.add(
                    id,
                    "spec.selector",
                    format!("selector {id}"),
                    format!(
                        "the selector of {id} changes: the set must be deleted with all its pods and recreated, \
                         and its claims are taken up again by name only"
                    ),
                );
            }
        }
        for (field, when) in [("whenDeleted", "the StatefulSet is deleted"), ("whenScaled", "an ordinal is scaled away")] {
            if !set.deletes_claims(field) && later.deletes_claims(field) {
                self.add(
                    id,
                    "spec.persistentVolumeClaimRetentionPolicy",
                    format!("retention {id} {field} Delete"),
                    format!("from now on claims of {id} are deleted when {when}"),
                );
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
        let names = named(&claims);
        let fate = if later.deletes_claims("whenScaled") {
            self.tell(id, &claims);
            format!("{names} {} deleted", are(&claims))
        } else {
            format!("{names} {} orphaned, with {} data", are(&claims), if claims.len() == 1 { "its" } else { "their" })
        };
        let unsaid = later.0.node.find(&["spec", "replicas"]).is_none();
        let why = if unsaid { ", for `replicas` is no longer said and means one" } else { "" };
        self.add(
            id,
            "spec.replicas",
            format!("scale-down {id} {old} to {new}"),
            format!("{id} loses {} of {old} replicas{why}; {fate}", old.saturating_sub(new)),
        );
    }

    fn other_ordinals(&mut self, set: Set<'_>, later: Set<'_>) {
        let (id, old, new) = (&set.0.id, set.start(), later.start());
        if old != new {
            self.add(
                id,
                "spec.ordinals",
                format!("ordinals {id} {old} to {new}"),
                format!("ordinals of {id} begin at {new} instead of {old}: replicas outside go, new ones begin with empty claims"),
            );
        }
    }

    /// A claim template that is there before and after.
    fn changed_template(&mut self, set: Set<'_>, name: &str, old: &Node, new: &Node) {
        let id = &set.0.id;
        self.shrunk(id, &format!("claim template {name} of {id}"), (old, new), "spec.volumeClaimTemplates");
        let class = |template: &Node| template.find(&["spec", "storageClassName"]).and_then(scalar_text);
        if class(old) != class(new) {
            let said = |class: Option<crate::value::Text>| class.map_or("the default class".to_owned(), |class| format!("`{class}`"));
            self.add(
                id,
                "spec.volumeClaimTemplates",
                format!("class {id} {name}"),
                format!(
                    "claim template {name} of {id} moves from {} to {}: claims that exist keep their volumes, only new ordinals get the \
                     other class, and data must be copied replica by replica",
                    said(class(old)),
                    said(class(new))
                ),
            );
        }
    }

    fn shrunk(&mut self, id: &ResourceId, what: &str, (old, new): (&Node, &Node), field: &'static str) {
        let size = |claim: &Node| claim.find(&["spec", "resources", "requests", "storage"]).and_then(scalar_text);
        let (Some(from), Some(to)) = (size(old), size(new)) else { return };
        let quantity = |text: &str| text.parse::<Quantity>().ok();
        if quantity(&from).zip(quantity(&to)).is_some_and(|(from, to)| to < from) {
            self.add(
                id,
                field,
                format!("shrink {what} {from} to {to}"),
                format!("{what} shrinks from {from} to {to}: no volume can, so data must be copied to a smaller one"),
            );
        }
    }

    fn removed_template(&mut self, set: Set<'_>, later: Set<'_>, name: &str, template: &Node) {
        let id = &set.0.id;
        let successor = later.templates().find(|(other, node)| set.template(other).is_none() && node.get("spec") == template.get("spec"));
        let claims = |set: Set<'_>, name| set.ordinals().map(|ordinal| set.claim(name, ordinal)).collect::<Vec<_>>();
        let Some((next, _)) = successor else {
            let left = claims(set, name);
            if !left.is_empty() {
                self.add(
                    id,
                    "spec.volumeClaimTemplates",
                    format!("drop claim template of {id} {name}"),
                    format!("claim template {name} of {id} goes: {} {} with data that no pod mounts", named(&left), stay(&left)),
                );
            }
            return;
        };
        self.add(
            id,
            "spec.volumeClaimTemplates",
            format!("rename claim template of {id} {name} to {next}"),
            format!(
                "claim template {name} of {id} is renamed to {next}: each replica begins with an empty claim ({}); {} {} unused",
                named(&claims(later, next)),
                named(&claims(set, name)),
                stay(&claims(set, name))
            ),
        );
    }

    /// What the app finds at a path is not what was there.
    fn displaced_mounts(&mut self, old: &Resource, new: &Resource, step: Step<'_>) {
        let stays = |kept: Kept<'_>| match kept {
            Kept::Template(name) => Set(new).template(name).is_some(),
            Kept::Claim(name) => {
                let id = claim_id(&old.id.namespace, name);
                successor(&id, step).is_none() && (step.committed.get(&id).is_none() || step.fresh.get(&id).is_some())
            }
        };
        let id = &new.id;
        let mut told = BTreeSet::new();
        for mount in displaced(old, new, stays) {
            let (container, kept, path) = (mount.container, mount.kept, mount.path);
            let whole = |directory: &str| if directory.is_empty() { "/".to_owned() } else { directory.to_owned() };
            let (change, what) = match mount.fate {
                Fate::Elsewhere(other) => (
                    format!("mount {kept} of {id} {path} to {other}"),
                    format!(
                        "container {container} of {id} has {kept} at {other} instead of {path}: an app that still looks at {path} starts \
                         without its data, and what it writes there ends with the pod"
                    ),
                ),
                Fate::Directory(from, to) => (
                    format!("subPath of {kept} of {id} {} to {}", whole(from), whole(to)),
                    format!(
                        "container {container} of {id} has at {path} the directory `{}` of {kept} instead of `{}`: the app starts on what \
                         is there, which is nothing until somebody moves the data",
                        whole(to),
                        whole(from)
                    ),
                ),
                Fate::Replaced(other) => (
                    format!("mount {other} of {id} at {path} instead of {kept}"),
                    format!("container {container} of {id} has {other} at {path}, where {kept} was: the app starts on other data"),
                ),
                Fate::Gone => (
                    format!("unmount {kept} of {id}"),
                    format!(
                        "no container of {id} mounts {kept} any more: its data stays where no pod reads it, and what is written to {path} \
                         ends with the pod"
                    ),
                ),
            };
            if told.insert(change.clone()) {
                self.add(id, "spec.template.spec.containers", change, what);
            }
        }
    }

    fn removed_set(&mut self, set: Set<'_>, step: Step<'_>) {
        let id = &set.0.id;
        let claims = set.claims(set.ordinals());
        if claims.is_empty() {
            return;
        }
        let fate = if set.deletes_claims("whenDeleted") {
            self.tell(id, &claims);
            format!("its claims {} are deleted with it", named(&claims))
        } else {
            format!("its claims {} stay without a pod", named(&claims))
        };
        match successor(id, step) {
            Some(next) => self.add(
                next,
                "metadata",
                format!("rename {id} to {next}"),
                format!("{id} is renamed to {next}: all its pods end at once, {fate}, and {next} begins with empty claims"),
            ),
            None => self.add(id, "", format!("remove {id}"), format!("{id} goes: all its pods end at once, {fate}")),
        }
    }

    fn changed_volume(&mut self, volume: &Resource, later: &Resource) {
        let id = &volume.id;
        let policy = |resource| word(resource, &["spec", "persistentVolumeReclaimPolicy"], "Retain");
        if policy(volume) == "Retain" && policy(later) != "Retain" {
            self.add(
                id,
                "spec.persistentVolumeReclaimPolicy",
                format!("reclaim {id} {}", policy(later)),
                format!("{id} is no longer kept: once its claim is gone, its disk is {}", fate_of(policy(later))),
            );
        }
        let (old, new) = (claim_of(volume), claim_of(later));
        if let (Some(old), Some(new)) = (&old, &new)
            && old != new
        {
            self.told.insert(old.clone());
            self.add(
                id,
                "spec.claimRef",
                format!("claim of {id} {} to {}", full(old), full(new)),
                format!("{id} is to belong to {}: the claim {} that it is bound to loses it and is Lost", full(new), full(old)),
            );
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
            self.add(
                id,
                "spec",
                format!("disk of {id} {from} to {to}"),
                format!("{id} is to name {to} instead of {from}: what is on the old disk is not moved"),
            );
        }
    }

    fn removed_volume(&mut self, volume: &Resource, held: &BTreeMap<&str, &ClaimState>, step: Step<'_>) {
        let id = &volume.id;
        let Some(claim) = held.get(&*id.name) else { return };
        match successor(id, step) {
            Some(next) => self.add(
                next,
                "metadata",
                format!("rename {id} to {next}"),
                format!(
                    "{id} is renamed to {next}: the old one is deleted as soon as the claim {} goes, and {next} stays unused meanwhile",
                    claim.name.seen_from(self.home)
                ),
            ),
            None => self.add(
                id,
                "",
                format!("remove {id}"),
                format!(
                    "{id} is deleted while the claim {} uses it: it ends with the claim, and the disk is left unmanaged",
                    claim.name.seen_from(self.home)
                ),
            ),
        }
    }

    fn removed_claim(&mut self, claim: &Resource, step: Step<'_>) {
        let id = &claim.id;
        let fate = "and its volume with it unless it is retained";
        self.tell(id, std::slice::from_ref(&id.name));
        match successor(id, step) {
            Some(next) => self.add(
                next,
                "metadata",
                format!("rename {id} to {next}"),
                format!("{id} is renamed to {next}: the old claim is deleted, {fate}, and the new one is empty"),
            ),
            None => self.add(id, "", format!("remove {id}"), format!("the claim {} is deleted, {fate}", id.name)),
        }
    }

    /// The Service that gives pods their names goes, and the set still counts on it.
    fn removed_service(&mut self, service: &Resource, step: Step<'_>) {
        let id = &service.id;
        let Some(set) = step.known.governed.get(&(id.namespace.as_str(), id.name.as_str())) else { return };
        let about = successor(id, step).unwrap_or(id);
        self.add(
            about,
            "metadata",
            format!("remove governing {id}"),
            format!("{id} goes, which gives the pods of {} their DNS names: replicas that find each other by name lose each other", set.id),
        );
    }

    /// What lives in a namespace, or is of a custom kind, goes with it, whether a manifest names it or not.
    fn removed_home(&mut self, home: &Resource, step: Step<'_>) {
        let id = &home.id;
        let what = if id.kind == "Namespace" {
            let claims = step.known.claims_in.get(&*id.name).copied().unwrap_or_default();
            let known = if claims > 0 { format!(", {claims} known claims among it") } else { String::new() };
            format!("{id} goes, and everything in it is deleted{known}")
        } else {
            format!("{id} goes, and every object of that kind is deleted, in all namespaces")
        };
        let about = successor(id, step).unwrap_or(id);
        self.add(about, "", format!("remove {id}"), what);
    }

    /// Two volumes on one disk, where there were none before.
    fn one_disk(&mut self, step: Step<'_>) {
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
            let names: Vec<String> = volumes.iter().map(|id| id.name.clone()).collect();
            self.add(
                newest,
                "spec",
                format!("share {disk}"),
                format!(
                    "{} are {} {disk}: replicas write over each other's data",
                    named(&names),
                    if names.len() == 2 { "both" } else { "all" }
                ),
            );
        }
    }

    /// What the rehearsal showed beyond what the manifests say.
    fn rehearsed(&mut self, step: Step<'_>) {
        let state = &step.after.state;
        // An object of the namespace that goes without saying is called as its manifest calls it: without it.
        let about = |claim: &ObjectName| claim_id(if claim.namespace == step.home { "" } else { &claim.namespace }, &claim.name);
        // What a pod has for itself alone is meant to go with it.
        let pods = step.before.state.pods.iter();
        let own: BTreeSet<ObjectName> = pods.flat_map(|pod| pod.own_claims.iter().map(|claim| pod.name.sibling(claim.clone()))).collect();
        for claim in &state.changes.claims.removed {
            if !self.told.contains(claim) && !own.contains(claim) {
                let name = claim.seen_from(step.home);
                self.add(&about(claim), "", format!("delete claim {name}"), format!("the claim {name} is deleted"));
            }
        }
        for claim in state.changes.claims.replaced.iter().filter(|claim| !own.contains(*claim)) {
            let name = claim.seen_from(step.home);
            let what = format!("the claim {name} is deleted and recreated, empty");
            self.add(&about(claim), "", format!("replace claim {name}"), what);
        }
        for claim in state.claims.iter().filter(|claim| claim.phase == ClaimPhase::Lost) {
            let before = step.known.claims_before.get(&claim.name);
            let was_fine = before.is_some_and(|old| old.phase != ClaimPhase::Lost);
            if was_fine && !self.told.contains(&claim.name) {
                let name = claim.name.seen_from(step.home);
                let what = format!("the claim {name} loses its volume");
                self.add(&about(&claim.name), "", format!("lose claim {name}"), what);
            }
        }
    }
}

/// The claims that hold a volume before and afterwards, by the volume.
fn held(step: Step<'_>) -> BTreeMap<&str, &ClaimState> {
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
fn successor<'m>(id: &ResourceId, step: Step<'m>) -> Option<&'m ResourceId> {
    step.known.successors.get(id).copied()
}

/// The claim that a volume is kept for.
fn claim_of(volume: &Resource) -> Option<ObjectName> {
    let part = |field| volume.node.find(&["spec", "claimRef", field]).and_then(Node::as_str);
    part("name").map(|name| ObjectName::new(part("namespace").unwrap_or("default"), name))
}

/// `pets/data-kubia-0`, wherever it is seen from.
fn full(claim: &ObjectName) -> String {
    claim.seen_from("").to_string()
}

/// Whether more than one node may use a volume at once: sharing it is then the point.
fn is_for_many(volume: &Resource) -> bool {
    let modes = volume.node.find(&["spec", "accessModes"]).and_then(Node::as_list).unwrap_or_default();
    modes.iter().any(|mode| matches!(mode.as_str(), Some("ReadWriteMany" | "ReadOnlyMany")))
}

fn fate_of(policy: &str) -> String {
    match policy {
        "Delete" => "deleted".into(),
        "Recycle" => "wiped".into(),
        other => other.to_owned(),
    }
}

fn named(names: &[String]) -> String {
    bare_listing(names.iter().cloned(), NAMED)
}

fn are(names: &[String]) -> &'static str {
    if names.len() == 1 { "is" } else { "are" }
}

fn stay(names: &[String]) -> &'static str {
    if names.len() == 1 { "stays" } else { "stay" }
}

fn claim_id(namespace: &str, name: &str) -> ResourceId {
    ResourceId { group: String::new(), kind: "PersistentVolumeClaim".into(), namespace: namespace.to_owned(), name: name.to_owned() }
}
